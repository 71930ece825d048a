//! What modules declare is readable by name (devchain spec 1.4).

use crate::support::{framework_modules, id, modules};
use sui_devchain_vm::{
    AbilitySet, Visibility,
    declarations::{Declarations, DeclaredBody, Signature},
    package::Module,
};

fn declarations(package: u64, module: &str) -> Declarations {
    let (_, _, bytes) = framework_modules()
        .into_iter()
        .find(|(address, name, _)| *address == id(package) && name == module)
        .unwrap();
    Module::parse(&bytes).unwrap().declarations()
}

fn coin_of(argument: Signature) -> Signature {
    Signature::Datatype {
        package: id(2),
        module: "coin".into(),
        name: "Coin".into(),
        arguments: vec![argument],
    }
}

#[test]
fn a_struct_has_abilities_parameters_and_fields() {
    let module = declarations(2, "coin");
    let coin = module.datatype("Coin").unwrap();
    assert_eq!(coin.abilities, AbilitySet::KEY.union(AbilitySet::STORE));
    assert_eq!(coin.type_parameters.len(), 1);
    assert!(coin.type_parameters[0].phantom);
    let DeclaredBody::Struct(fields) = &coin.body else {
        panic!("a struct expected");
    };
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["id", "balance"]);
    let Signature::Datatype {
        package, arguments, ..
    } = &fields[1].signature
    else {
        panic!("a balance expected");
    };
    assert_eq!(
        (*package, arguments.as_slice()),
        (id(2), &[Signature::Parameter(0)][..])
    );
}

#[test]
fn a_function_has_visibility_and_types() {
    let module = declarations(2, "coin");
    assert_eq!((module.address, module.name.as_str()), (id(2), "coin"));
    let split = module.function("split").unwrap();
    assert_eq!(
        (split.visibility, split.is_entry),
        (Visibility::Public, false)
    );
    assert_eq!(split.type_parameters, [AbilitySet::EMPTY]);
    assert_eq!(split.parameters.len(), 3);
    let coin = Box::new(coin_of(Signature::Parameter(0)));
    assert_eq!(split.parameters[0], Signature::MutableReference(coin));
    assert_eq!(split.parameters[1], Signature::U64);
    assert_eq!(split.returns, [coin_of(Signature::Parameter(0))]);
    assert!(module.function("no_such_function").is_none());

    let transfer = declarations(2, "transfer");
    let native = transfer.function("transfer_impl").unwrap();
    assert!(native.is_native);
    assert_eq!(native.visibility, Visibility::Friend);
}

#[test]
fn every_committed_module_declares_what_it_defines() {
    let mut packages = walrus_artifacts::framework().unwrap();
    packages.push(walrus_artifacts::Package::walrus().unwrap());
    packages.push(walrus_artifacts::Package::wal_exchange().unwrap());
    let mut functions = 0;
    for (_, name, bytes) in modules(packages) {
        let module = Module::parse(&bytes).unwrap();
        let declared = module.declarations();
        assert_eq!(declared.name, name);
        let names: Vec<_> = declared
            .datatypes
            .iter()
            .map(|datatype| datatype.name.clone())
            .collect();
        assert_eq!(names, module.datatypes());
        functions += declared.functions.len();
    }
    assert!(functions > 1000, "{functions}");
}

#[test]
fn constants_are_readable_by_index() {
    let (_, _, bytes) = framework_modules()
        .into_iter()
        .find(|(address, name, _)| *address == id(2) && name == "balance")
        .unwrap();
    let module = Module::parse(&bytes).unwrap();
    let constants: Vec<_> = (0..u16::MAX)
        .map_while(|index| module.constant(index))
        .collect();
    assert!(!constants.is_empty());
    assert!(
        constants
            .iter()
            .any(|constant| constant.signature == Signature::U64 && constant.bytes.len() == 8)
    );
}
