//! Modules that no compiler makes are refused: each test breaks one rule in a module of the framework.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{CompiledModule, ModuleHandle, Token};

fn module(name: &str) -> CompiledModule {
    let packages = walrus_artifacts::framework().unwrap();
    let mut modules = packages.iter().flat_map(|package| &package.modules);
    let (_, bytes) = modules.find(|(found, _)| found.as_str() == name).unwrap();
    CompiledModule::parse(bytes).unwrap()
}

fn refusal(module: &CompiledModule) -> String {
    CompiledModule::parse(&module.to_bytes()).unwrap_err()
}

#[test]
fn the_writer_writes_what_the_reader_read() {
    let coin = module("coin");
    assert_eq!(CompiledModule::parse(&coin.to_bytes()).unwrap(), coin);
}

/// Otherwise `Dup<phantom T> has copy { x: T }` would copy coins.
#[test]
fn a_phantom_parameter_may_not_be_a_field() {
    let mut option = module("option");
    let handle = option.struct_defs[0].handle;
    option.datatype_handles[usize::from(handle)].parameters[0].phantom = true;
    assert_eq!(refusal(&option), "phantom parameter used as a type");
    // Where the datatype around it declares a phantom, it may.
    assert!(module("coin").datatype_handles.iter().any(|handle| {
        handle
            .parameters
            .first()
            .is_some_and(|parameter| parameter.phantom)
    }));
}

/// Otherwise `vector<&T>` would keep references alive.
#[test]
fn a_reference_is_no_type_argument() {
    let mut option = module("option");
    let signature = option.function_instantiations[0].arguments;
    let inner = option.signatures[usize::from(signature)][0].clone();
    let arguments = vec![Token::Reference(Box::new(inner))];
    option.signatures.push(arguments);
    let new = option.signatures.len() as u16 - 1;
    option.function_instantiations[0].arguments = new;
    assert_eq!(refusal(&option), "reference as a type argument");

    let mut vector = module("option");
    let instructions = vector
        .function_defs
        .iter_mut()
        .filter_map(|def| def.code.as_mut());
    let mut operands = instructions.flat_map(|code| &mut code.instructions);
    let packed = operands
        .find(|instruction| instruction.code == 0x44)
        .unwrap();
    packed.operand = super::Operand::Index(vector.signatures.len() as u16);
    vector
        .signatures
        .push(vec![Token::Reference(Box::new(Token::U8))]);
    assert_eq!(refusal(&vector), "reference as a type argument");
}

#[test]
fn a_friend_is_another_module_of_the_package() {
    let mut coin = module("coin");
    let own = coin.module_handles[usize::from(coin.self_handle)].clone();
    coin.friends = vec![own];
    assert!(refusal(&coin).contains("friend"));
    let stranger = coin
        .module_handles
        .iter()
        .find(|handle| handle.address != coin.module_handles[usize::from(coin.self_handle)].address)
        .map(|handle| ModuleHandle {
            address: handle.address,
            name: handle.name,
        })
        .unwrap();
    coin.friends = vec![stranger];
    assert!(refusal(&coin).contains("friend"));
}

#[test]
fn a_constant_is_primitive() {
    let mut coin = module("coin");
    let handle = coin.struct_defs[0].handle;
    coin.constants[0].token = Token::Datatype(handle, vec![Token::U8]);
    assert_eq!(refusal(&coin), "constant of a non-primitive type");
}
