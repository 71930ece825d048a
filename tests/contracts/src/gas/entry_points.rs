//! Entry points: the functions with which a transaction can change something.

use std::collections::BTreeSet;

use sui_devchain_vm::declarations::{FunctionDeclaration, Signature};
use sui_devchain_vm::package::Module;
use sui_devchain_vm::{AbilitySet, Visibility};
use walrus_artifacts::Package;

/// Functions that [`entry_points`] finds and that cost nothing worth a row, with the reason.
pub const EXEMPT: [(&str, &str, &str, &str); 9] = [
    ("walrus", "init", "migrate", "always aborts"),
    (
        "walrus",
        "init",
        "initialize_walrus",
        "its successor with a threshold of zero",
    ),
    (
        "walrus",
        "staking",
        "initiate_epoch_change",
        "always aborts",
    ),
    ("walrus", "extended_field", "new", NOBODY_HAS_ONE),
    ("walrus", "extended_field", "borrow_mut", NOBODY_HAS_ONE),
    ("walrus", "extended_field", "destroy", NOBODY_HAS_ONE),
    ("walrus", "extended_field", "swap", NOBODY_HAS_ONE),
    (
        "walrus",
        "storage_node",
        "last_event_blob_attestation",
        "only reads",
    ),
    (
        "walrus_subsidies",
        "walrus_subsidies",
        "migrate",
        "aborts until there is a later version",
    ),
];

const NOBODY_HAS_ONE: &str =
    "extended fields are parts of objects that only the package takes apart";

/// Package, module and name of every public or entry function that can change an object: it takes one mutably or by
/// value, or it can create one, because it takes the transaction context.
#[must_use]
pub fn entry_points() -> BTreeSet<(String, String, String)> {
    let packages = [
        Package::wal(),
        Package::walrus(),
        Package::wal_exchange(),
        Package::walrus_subsidies(),
        Package::blob_bucket(),
    ]
    .map(|package| package.expect("artifact"));
    let modules: Vec<_> = packages
        .iter()
        .flat_map(|package| {
            package.modules.iter().map(|(name, bytecode)| {
                let module = Module::parse(bytecode).expect("a module");
                (
                    package.name.clone(),
                    name.to_string(),
                    module.declarations(),
                )
            })
        })
        .collect();
    let mut objects: BTreeSet<(String, String)> = modules
        .iter()
        .flat_map(|(_, name, module)| {
            let keyed = module.datatypes.iter();
            keyed
                .filter(|datatype| datatype.abilities.has(AbilitySet::KEY))
                .map(|datatype| (name.clone(), datatype.name.clone()))
        })
        .collect();
    for framework in [("coin", "Coin"), ("package", "UpgradeCap")] {
        objects.insert((framework.0.to_owned(), framework.1.to_owned()));
    }
    modules
        .iter()
        .flat_map(|(package, name, module)| {
            let functions = module.functions.iter();
            functions
                .filter(|function| is_callable(function) && changes(function, &objects))
                .map(|function| (package.clone(), name.clone(), function.name.clone()))
        })
        .collect()
}

fn is_callable(function: &FunctionDeclaration) -> bool {
    function.visibility == Visibility::Public || function.is_entry
}

fn changes(function: &FunctionDeclaration, objects: &BTreeSet<(String, String)>) -> bool {
    function.parameters.iter().any(|parameter| match parameter {
        Signature::MutableReference(inner) => is_object(inner, objects) || is_context(inner),
        by_value => is_object(by_value, objects),
    })
}

fn is_object(signature: &Signature, objects: &BTreeSet<(String, String)>) -> bool {
    match signature {
        Signature::Datatype { module, name, .. } => {
            objects.contains(&(module.clone(), name.clone()))
        }
        _ => false,
    }
}

fn is_context(signature: &Signature) -> bool {
    matches!(signature, Signature::Datatype { name, .. } if name == "TxContext")
}
