//! Upgrade: a new version of a package, authorised by a ticket.

use sui_devchain_vm::Value;
use sui_devchain_vm::package::{Module, digest};
use sui_devchain_vm::upgrade::{self, UpgradePolicy, changed_datatype};
use sui_sdk_types::{Address, Digest, ExecutionError, PackageUpgradeError, Upgrade};

use super::linkage::missing;
use super::{Identity, check_self_addresses, id_of, id_value, sized_package};
use crate::failure::Failure;
use crate::ptb::{Operand, Ptb, ResultSlot, Uses};

/// `0x2::package::UpgradeTicket{cap, package, policy, digest}`.
struct Ticket {
    cap: Address,
    package: Address,
    policy: u8,
    digest: Vec<u8>,
}

impl Ticket {
    fn policy(&self) -> Result<UpgradePolicy, Failure> {
        let policy = self.policy;
        UpgradePolicy::from_byte(policy).ok_or_else(|| {
            refused(
                PackageUpgradeError::UnknownUpgradePolicy { policy },
                "unknown upgrade policy",
            )
        })
    }
}

impl Ptb<'_> {
    pub(crate) fn upgrade(&mut self, upgrade: &Upgrade) -> Result<Vec<ResultSlot>, Failure> {
        let ticket = self.ticket(upgrade)?;
        if ticket.package != upgrade.package {
            return Err(refused(
                PackageUpgradeError::PackageIdDoesNotMatch {
                    package_id: upgrade.package,
                    ticket_id: ticket.package,
                },
                "the ticket is for another package",
            ));
        }
        let mut modules = self.parse_modules(&upgrade.modules)?;
        check_digest(upgrade, &ticket)?;
        let current = self
            .package(upgrade.package)?
            .ok_or_else(|| missing(format!("package {} does not exist", upgrade.package)))?;
        check_self_addresses(&modules)?;
        for module in &mut modules {
            module.set_self_address(current.original_id);
        }
        let storage_id = self.session.fresh_package_id();
        let linkage = self.link(current.original_id, &modules, &upgrade.dependencies)?;
        let identity = Identity {
            storage_id,
            original_id: current.original_id,
            version: current.version.saturating_add(1),
            previous_origins: &current.type_origins,
        };
        let package = sized_package(&identity, &modules, &linkage)?;
        let old = current
            .modules
            .values()
            .map(|bytes| Module::parse(bytes))
            .collect::<Result<Vec<_>, _>>()?;
        // Types keep the definition of the version that introduced them, and code for another one cannot be typed against
        // it. Such code is verified on its own: what is wrong with it comes before what is wrong with the upgrade.
        if let Some(change) = changed_datatype(&old, &modules) {
            self.session.verify_redefined(&package.decoded)?;
            ticket.policy()?;
            return Err(incompatible(&change));
        }
        self.verify(&package)?;
        check_compatible(ticket.policy()?, &old, &modules)?;
        self.keep_package(package);
        let receipt = Value::Struct(vec![id_value(ticket.cap), id_value(storage_id)]);
        let type_ = self.package_type("UpgradeReceipt")?;
        Ok(vec![ResultSlot::new(type_, receipt)])
    }

    fn ticket(&mut self, upgrade: &Upgrade) -> Result<Ticket, Failure> {
        let type_ = self.package_type("UpgradeTicket")?;
        let mut uses = Uses::default();
        let mut operand = Operand {
            argument: upgrade.ticket,
            index: 0,
            uses: &mut uses,
        };
        let value = self.by_value(&mut operand, &type_, false)?;
        ticket_fields(&value).ok_or_else(|| Failure::invariant("a ticket has another layout"))
    }
}

fn ticket_fields(value: &Value) -> Option<Ticket> {
    let Value::Struct(fields) = value else {
        return None;
    };
    match fields.as_slice() {
        [cap, package, Value::U8(policy), Value::Bytes(digest)] => Some(Ticket {
            cap: id_of(cap)?,
            package: id_of(package)?,
            policy: *policy,
            digest: digest.clone(),
        }),
        _ => None,
    }
}

fn check_digest(upgrade: &Upgrade, ticket: &Ticket) -> Result<(), Failure> {
    let computed = digest(&upgrade.modules, &upgrade.dependencies);
    if ticket.digest == computed {
        return Ok(());
    }
    let digest = Digest::new(computed);
    Err(refused(
        PackageUpgradeError::DigestDoesNotMatch { digest },
        "the ticket is for other modules or dependencies",
    ))
}

fn check_compatible(policy: UpgradePolicy, old: &[Module], new: &[Module]) -> Result<(), Failure> {
    upgrade::check(policy, old, new).map_err(|reason| incompatible(&reason))?;
    let is_new = |module: &Module| old.iter().all(|old| old.name() != module.name());
    let added_init = new
        .iter()
        .any(|module| module.init().is_some() && is_new(module));
    if added_init {
        return Err(Failure::new(
            ExecutionError::FeatureNotYetSupported,
            "a module that is new in an upgrade has an init function",
        ));
    }
    Ok(())
}

fn incompatible(reason: &str) -> Failure {
    refused(PackageUpgradeError::IncompatibleUpgrade, reason)
}

fn refused(kind: PackageUpgradeError, message: &str) -> Failure {
    Failure::new(ExecutionError::PackageUpgradeError { kind }, message)
}
