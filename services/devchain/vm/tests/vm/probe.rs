//! A small compiled package (source in `tests/move/probe`): bounds of every run, enums, init, sharing, events.

use std::{collections::BTreeMap, sync::Arc};

use crate::support::{World, artifact_modules, framework, id, linkage, package, session};
use sui_devchain_vm::{
    Argument, LinkageEntry, Session, Slot, Value, Vm, VmError,
    object_runtime::{InputOwner, NewOwner},
    package::{InitShape, Module},
};
use sui_sdk_types::Address;

const GAS: Option<u64> = Some(5_000_000_000);

fn world() -> World {
    let mut world = framework();
    let at = probe();
    let modules: Vec<Vec<u8>> = artifact_modules(include_str!("../move/artifacts/probe.json"))
        .into_iter()
        .map(|(_, _, bytes)| {
            let mut module = Module::parse(&bytes).unwrap();
            module.set_self_address(at);
            assert_eq!(module.init(), Some(InitShape::Witness));
            module.to_bytes()
        })
        .collect();
    let linked: BTreeMap<_, _> = [1, 2]
        .map(|number| {
            (
                id(number),
                LinkageEntry {
                    storage_id: id(number),
                    version: 1,
                },
            )
        })
        .into();
    world
        .packages
        .insert(at, Arc::new(package(at, &modules, linked)));
    world
}

fn probe() -> Address {
    id(0x9999)
}

fn call(
    session: &mut Session<'_>,
    world: &World,
    name: &str,
    arguments: Vec<Argument>,
) -> Result<Vec<Value>, VmError> {
    session.call(&linkage(world), probe(), "probe", name, &[], arguments)
}

fn once(name: &str, arguments: Vec<Value>) -> Result<Vec<Value>, VmError> {
    let (vm, world) = (Vm::default(), world());
    let mut session = session(&vm, &world, GAS);
    call(
        &mut session,
        &world,
        name,
        arguments.into_iter().map(Argument::Value).collect(),
    )
}

#[test]
fn the_probe_verifies() {
    let (vm, world) = (Vm::default(), world());
    session(&vm, &world, GAS)
        .verify_package(&world.packages[&probe()])
        .unwrap();
}

#[test]
fn an_infinite_loop_runs_out_of_gas() {
    let (vm, world) = (Vm::default(), world());
    let mut session = session(&vm, &world, GAS);
    assert_eq!(
        call(&mut session, &world, "forever", vec![]).unwrap_err(),
        VmError::OutOfGas
    );
    assert_eq!(Some(session.gas_used()), GAS);
    assert!(matches!(
        once("grow", vec![]),
        Err(VmError::OutOfGas | VmError::Primitive { .. })
    ));
}

#[test]
fn recursion_is_bounded() {
    assert!(matches!(
        &once("down", vec![Value::U64(500)]).unwrap()[..],
        [Value::U64(500)]
    ));
    let error = once("down", vec![Value::U64(5000)]).unwrap_err();
    let VmError::Primitive {
        location: Some(location),
        ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(
        (location.package, location.function_name.as_str()),
        (probe(), "down")
    );
}

#[test]
fn aborts_name_the_storage_id_function_and_instruction() {
    let error = once("fail", vec![Value::U64(77)]).unwrap_err();
    let VmError::Abort { location, code } = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (location.package, location.module.as_str(), code),
        (probe(), "probe", 77)
    );
    assert_eq!(
        (location.function_name.as_str(), location.instruction),
        ("fail", 1)
    );
}

#[test]
fn arguments_are_counted_and_unknown_functions_are_reported() {
    assert!(matches!(
        once("fail", vec![]),
        Err(VmError::Arity {
            expected: 1,
            actual: 0
        })
    ));
    assert!(matches!(
        once("nothing", vec![]),
        Err(VmError::FunctionNotFound { .. })
    ));
    // A value of a wrong kind is noticed at its use.
    assert!(matches!(
        once("fail", vec![Value::Bool(true)]),
        Err(VmError::Invariant(_))
    ));
}

#[test]
fn enums_are_packed_matched_and_changed() {
    let (vm, world) = (Vm::default(), world());
    let mut session = session(&vm, &world, GAS);
    let area = |session: &mut Session<'_>, shape: Value| {
        let result = call(session, &world, "area", vec![Argument::Value(shape)]).unwrap();
        let Value::U64(area) = result[0] else {
            panic!()
        };
        area
    };
    let circle = call(
        &mut session,
        &world,
        "circle",
        vec![Argument::Value(Value::U64(5))],
    )
    .unwrap()
    .remove(0);
    assert_eq!(area(&mut session, circle), 75);
    let sides = vec![
        Argument::Value(Value::U64(2)),
        Argument::Value(Value::U64(3)),
    ];
    let shape = Slot::new(call(&mut session, &world, "box", sides).unwrap().remove(0));
    call(
        &mut session,
        &world,
        "widen",
        vec![Argument::Borrow(shape.clone())],
    )
    .unwrap();
    let ty = session
        .load_type(&format!("{}::probe::Shape", probe()).parse().unwrap())
        .unwrap();
    let bytes = session.serialize(&ty, &shape.get()).unwrap();
    assert_eq!(
        bytes,
        [&[2][..], &3u64.to_le_bytes(), &3u64.to_le_bytes()].concat()
    );
    assert!(session.deserialize(&ty, &[3]).is_err(), "unknown variant");
    assert!(session.deserialize(&ty, &[0, 0]).is_err(), "trailing byte");
    let back = session.deserialize(&ty, &bytes).unwrap();
    assert_eq!(area(&mut session, back), 9);
}

#[test]
fn init_shares_an_object_that_only_a_shared_input_may_share_again() {
    let (vm, world) = (Vm::default(), world());
    let mut first = session(&vm, &world, GAS);
    call(
        &mut first,
        &world,
        "init",
        vec![Argument::Value(Value::witness()), Argument::TxContext],
    )
    .unwrap();
    let changes = first.finish().unwrap();
    let (object, written) = changes.written.first_key_value().unwrap();
    assert_eq!(
        (written.owner, written.has_public_transfer),
        (NewOwner::Shared, false)
    );
    assert_eq!(changes.new_ids.len(), 1);
    let tag = written.object_type.clone().into();

    let mut second = session(&vm, &world, GAS);
    let ty = second.load_type(&tag).unwrap();
    let counter = Slot::new(second.deserialize(&ty, &written.contents).unwrap());
    for _ in 0..2 {
        call(
            &mut second,
            &world,
            "hit",
            vec![Argument::Borrow(counter.clone()), Argument::TxContext],
        )
        .unwrap();
    }
    let events = second.take_events();
    assert_eq!(events.len(), 2);
    assert_eq!(
        events[1].contents,
        [id(0xabc).as_bytes(), &2u64.to_le_bytes()].concat()
    );
    assert_eq!(
        events[1].event_type.to_string(),
        format!("{}::probe::Hit", probe())
    );
    let error = call(
        &mut second,
        &world,
        "share_again",
        vec![Argument::Value(counter.get())],
    )
    .unwrap_err();
    assert!(matches!(error, VmError::Abort { code: 0, location } if location.module == "transfer"));
    second.declare_input(*object, InputOwner::Shared);
    call(
        &mut second,
        &world,
        "share_again",
        vec![Argument::Value(counter.get())],
    )
    .unwrap();

    let mut third = session(&vm, &world, GAS);
    call(
        &mut third,
        &world,
        "delete",
        vec![Argument::Value(counter.take())],
    )
    .unwrap();
    assert!(third.finish().unwrap().deleted_ids.contains(object));
}

#[test]
fn many_simple_calls_run_in_a_second() {
    let (vm, world) = (Vm::default(), world());
    let start = std::time::Instant::now();
    let link = linkage(&world);
    for _ in 0..2000 {
        let mut session = session(&vm, &world, GAS);
        let numbers = Argument::Value(Value::Vector((0..50).map(Value::U64).collect()));
        let result = session
            .call(&link, probe(), "probe", "sum", &[], vec![numbers])
            .unwrap();
        assert!(matches!(result[..], [Value::U64(1225)]));
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    eprintln!("2000 calls in {:?}", start.elapsed());
}
