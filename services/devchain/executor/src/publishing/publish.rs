//! Publish: a new package, its `init` functions, its UpgradeCap.

use sui_devchain_vm::linkage::own_linkage;
use sui_devchain_vm::package::{InitShape, Module};
use sui_devchain_vm::{Argument, Value};
use sui_sdk_types::{Address, Publish};

use super::{Identity, NewPackage, check_self_addresses, id_value, identifier};
use crate::failure::Failure;
use crate::ptb::{Ptb, ResultSlot};

impl Ptb<'_> {
    pub(crate) fn publish(&mut self, publish: &Publish) -> Result<Vec<ResultSlot>, Failure> {
        let mut modules = self.parse_modules(&publish.modules)?;
        let storage_id = self.next_package_id(&mut modules)?;
        let linkage = self.link(storage_id, &modules, &publish.dependencies)?;
        let identity = Identity {
            storage_id,
            original_id: storage_id,
            version: 1,
            previous_origins: &[],
        };
        let package = self.make_package(&identity, &modules, &linkage)?;
        self.run_inits(&package, &modules)?;
        self.keep_package(package);
        let cap = self.session.fresh_id()?;
        let value = Value::Struct(vec![
            Value::Struct(vec![id_value(cap)]),
            id_value(storage_id),
            Value::U64(1),
            Value::U8(0),
        ]);
        Ok(vec![ResultSlot::new(
            self.package_type("UpgradeCap")?,
            value,
        )])
    }

    /// The id is taken only after the self addresses were found to be zero.
    fn next_package_id(&mut self, modules: &mut [Module]) -> Result<Address, Failure> {
        check_self_addresses(modules)?;
        let id = self.session.fresh_package_id();
        for module in modules {
            module.set_self_address(id);
        }
        Ok(id)
    }

    /// Runs the `init` functions in the order of the modules in the command.
    fn run_inits(&mut self, package: &NewPackage, modules: &[Module]) -> Result<(), Failure> {
        let linkage = own_linkage(&package.decoded);
        for module in modules {
            let arguments = match module.init() {
                None => continue,
                Some(InitShape::Context) => vec![Argument::TxContext],
                Some(InitShape::Witness) => {
                    vec![Argument::Value(Value::witness()), Argument::TxContext]
                }
            };
            self.session.call(
                &linkage,
                package.object.id,
                module.name(),
                "init",
                &[],
                arguments,
            )?;
            let name = identifier(module.name())?;
            self.collect_events(package.object.id, &name);
        }
        Ok(())
    }
}
