//! Modules made by hand, for tests of what no compiler makes: built from tables, verified and run.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sui_sdk_types::{Address, Digest, TypeTag};

use crate::error::VmResult;
use crate::format::{
    Code, CompiledModule, FunctionDef, FunctionHandle, Instruction, ModuleHandle, Operand, Token,
};
use crate::linkage::own_linkage;
use crate::package::Module;
use crate::store::{NoObjects, Package, PackageStore};
use crate::types::Type;
use crate::value::Value;
use crate::{Argument, Session, SessionConfig, TxContext, Vm};

/// The module `0x0::m` and the handle of another one, with the signatures `[]` and `[u8]`.
pub(crate) fn skeleton() -> CompiledModule {
    CompiledModule {
        version: 0x0500_0007,
        identifiers: vec!["m".into(), "other".into()],
        addresses: vec![Address::ZERO],
        module_handles: (0..2)
            .map(|name| ModuleHandle { address: 0, name })
            .collect(),
        signatures: vec![vec![], vec![Token::U8]],
        ..CompiledModule::default()
    }
}

/// The module in bytes, with the tables that have entries.
pub(crate) fn bytes(module: &CompiledModule) -> Vec<u8> {
    let lengths = [
        (0x1, module.module_handles.len()),
        (0x2, module.datatype_handles.len()),
        (0x3, module.function_handles.len()),
        (0x4, module.function_instantiations.len()),
        (0x5, module.signatures.len()),
        (0x6, module.constants.len()),
        (0x7, module.identifiers.len()),
        (0x8, module.addresses.len()),
        (0xA, module.struct_defs.len()),
        (0xB, module.struct_instantiations.len()),
        (0xC, module.function_defs.len()),
        (0xD, module.field_handles.len()),
        (0xE, module.field_instantiations.len()),
        (0xF, module.friends.len()),
        (0x11, module.enum_defs.len()),
        (0x12, module.enum_instantiations.len()),
        (0x13, module.variant_handles.len()),
        (0x14, module.variant_instantiations.len()),
    ];
    let mut module = module.clone();
    let filled = lengths.into_iter().filter(|(_, length)| *length > 0);
    module.table_order = filled.map(|(kind, _)| kind).collect();
    module.to_bytes()
}

pub(crate) fn name(module: &mut CompiledModule, text: String) -> u16 {
    module.identifiers.push(text);
    u16::try_from(module.identifiers.len() - 1).unwrap()
}

/// Index of the newest entry.
pub(crate) fn last<T>(list: &[T]) -> u16 {
    u16::try_from(list.len() - 1).unwrap()
}

pub(crate) fn function_handle(module: &mut CompiledModule, of: u16, text: String) -> u16 {
    let name = name(module, text);
    module.function_handles.push(FunctionHandle {
        module: of,
        name,
        parameters: 0,
        returns: 0,
        type_parameters: vec![],
    });
    last(&module.function_handles)
}

pub(crate) fn signature(module: &mut CompiledModule, tokens: Vec<Token>) -> u16 {
    module.signatures.push(tokens);
    last(&module.signatures)
}

/// An instruction with an operand.
pub(crate) fn with(code: u8, operand: Operand) -> Instruction {
    Instruction { code, operand }
}

/// An instruction without one.
pub(crate) fn op(code: u8) -> Instruction {
    with(code, Operand::None)
}

/// A private function of these instructions.
pub(crate) fn function(module: &mut CompiledModule, text: &str, instructions: Vec<Instruction>) {
    let handle = function_handle(module, 0, text.into());
    module.function_defs.push(FunctionDef {
        handle,
        visibility: 0,
        flags: 0,
        acquires: vec![],
        code: Some(Code {
            locals: 0,
            instructions,
            jump_tables: vec![],
        }),
    });
}

pub(crate) fn ret() -> Instruction {
    op(0x02)
}

/// The address of packages made of one module.
pub(crate) const PACKAGE: Address = Address::from_static("0xaa");

struct Store(BTreeMap<Address, Arc<Package>>);

impl PackageStore for Store {
    fn package(&self, storage_id: Address) -> VmResult<Option<Arc<Package>>> {
        Ok(self.0.get(&storage_id).cloned())
    }
}

fn published(module: &CompiledModule) -> Arc<Package> {
    let mut module = Module::parse(&bytes(module)).unwrap();
    module.set_self_address(PACKAGE);
    Arc::new(Package::first_version(PACKAGE, &[module], []))
}

fn session<T>(package: &Arc<Package>, with: impl FnOnce(&mut Session<'_>) -> T) -> T {
    let vm = Vm::default();
    let store = Store(BTreeMap::from([(PACKAGE, package.clone())]));
    let context = TxContext {
        sender: Address::ZERO,
        digest: Digest::ZERO,
        epoch: 0,
        epoch_timestamp_ms: 0,
        reference_gas_price: 1000,
        gas_price: 1000,
        gas_budget: 1_000_000_000,
        sponsor: None,
    };
    let config = SessionConfig {
        gas_limit: Some(5_000_000_000),
        system: false,
        features: BTreeSet::new(),
    };
    with(&mut Session::new(&vm, &store, &NoObjects, context, config))
}

/// Loads a type by its name.
pub(crate) fn load_type(module: &CompiledModule, tag: &TypeTag) -> VmResult<Type> {
    let package = published(module);
    session(&package, |session| session.load_type(tag))
}

/// Verifies a module as a package.
pub(crate) fn verify(module: &CompiledModule) -> VmResult<()> {
    let package = published(module);
    session(&package, |session| session.verify_package(&package))
}

/// Calls a function of a module.
pub(crate) fn call(
    module: &CompiledModule,
    function: &str,
    arguments: Vec<Argument>,
) -> VmResult<Vec<Value>> {
    let package = published(module);
    session(&package, |session| {
        session.call(
            &own_linkage(&package),
            PACKAGE,
            "m",
            function,
            &[],
            arguments,
        )
    })
}
