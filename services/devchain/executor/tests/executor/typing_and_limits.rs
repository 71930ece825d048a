//! What a programmable transaction may not do (devchain spec 2.4), and bounded execution.

use crate::world::toys::Toys;
use crate::world::{self, ALICE, Body, World, effects};
use sui_devchain_executor::limits::MAX_GAS_UNITS;
use sui_devchain_executor::resolve::{Passing, Uses, parameters};
use sui_devchain_executor::{Mode, Outcome};
use sui_devchain_vm::Signature;
use sui_sdk_types::*;

fn error(outcome: &Outcome) -> ExecutionError {
    match outcome.effects.status() {
        ExecutionStatus::Failure { error, .. } => error.clone(),
        ExecutionStatus::Success => panic!("the transaction succeeded"),
    }
}

fn argument_error(outcome: &Outcome) -> CommandArgumentError {
    match error(outcome) {
        ExecutionError::CommandArgumentError { kind, .. } => kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn private_functions_are_for_inspection_only() {
    let mut toys = Toys::publish();
    let mut body = Body::new();
    body.call(toys.package, "toys", "secret", vec![]);
    let transaction = toys.world.transaction(world::ALICE, body);
    let inspected = toys.world.inspect(&transaction);
    assert_eq!(inspected.error_message, None);
    assert_eq!(
        inspected.command_outputs[0].return_values[0].bcs,
        42u64.to_le_bytes()
    );
    assert_eq!(
        error(&toys.world.commit(&transaction)),
        ExecutionError::NonEntryFunctionInvoked
    );
}

#[test]
fn references_come_back_from_inspections_only() {
    let mut toys = Toys::publish();
    let toy = toys.toy(77);
    let mut body = Body::new();
    let input = body.object(&toys.world, toy);
    body.call(toys.package, "toys", "borrow_value", vec![input]);
    let transaction = toys.world.transaction(world::ALICE, body);
    let inspected = toys.world.inspect(&transaction);
    assert_eq!(inspected.error_message, None);
    assert_eq!(
        inspected.command_outputs[0].return_values[0].bcs,
        77u64.to_le_bytes()
    );
    assert_eq!(
        error(&toys.world.commit(&transaction)),
        ExecutionError::InvalidPublicFunctionReturnType { index: 0 }
    );
}

#[test]
fn values_are_used_once_and_never_forgotten() {
    let mut toys = Toys::publish();
    let mut body = Body::new();
    let value = body.pure(&1u64);
    body.call(toys.package, "toys", "make", vec![value]);
    assert_eq!(
        error(&toys.world.run(body)),
        ExecutionError::UnusedValueWithoutDrop {
            result: 0,
            subresult: 0
        }
    );

    let mut body = Body::new();
    let value = body.pure(&1u64);
    let toy = body.call(toys.package, "toys", "make", vec![value]);
    body.call(toys.package, "toys", "destroy", vec![toy]);
    body.call(toys.package, "toys", "destroy", vec![toy]);
    assert_eq!(
        argument_error(&toys.world.run(body)),
        CommandArgumentError::ArgumentWithoutValue
    );
}

#[test]
fn pure_values_are_checked_against_their_types() {
    let mut toys = Toys::publish();
    let mut body = Body::new();
    let short = body.pure(&1u32);
    body.call(toys.package, "toys", "make", vec![short]);
    assert_eq!(
        argument_error(&toys.world.run(body)),
        CommandArgumentError::InvalidBcsBytes
    );

    let mut body = Body::new();
    let name = body.pure(&vec![0xffu8]);
    let maybe = body.pure(&Some(1u64));
    body.call(toys.package, "toys", "text", vec![name, maybe]);
    assert_eq!(
        argument_error(&toys.world.run(body)),
        CommandArgumentError::InvalidBcsBytes
    );

    let mut body = Body::new();
    let name = body.pure(&"hello");
    let maybe = body.pure(&Some(1u64));
    body.call(toys.package, "toys", "text", vec![name, maybe]);
    assert!(toys.world.run(body).is_success());

    let mut body = Body::new();
    let forged = body.pure(&(Address::ZERO, 0u64));
    body.call(toys.package, "toys", "destroy", vec![forged]);
    assert_eq!(
        argument_error(&toys.world.run(body)),
        CommandArgumentError::InvalidUsageOfPureArgument
    );

    let mut body = Body::new();
    body.call(toys.package, "toys", "destroy", vec![Argument::Gas]);
    assert_eq!(
        argument_error(&toys.world.run(body)),
        CommandArgumentError::InvalidGasCoinUsage
    );

    let mut body = Body::new();
    body.call(toys.package, "toys", "make", vec![]);
    assert_eq!(error(&toys.world.run(body)), ExecutionError::ArityMismatch);
}

#[test]
fn arithmetic_errors_and_endless_loops_end_the_transaction() {
    let mut toys = Toys::publish();
    let mut body = Body::new();
    let one = body.pure(&1u8);
    body.call(toys.package, "toys", "overflow", vec![one]);
    assert!(matches!(
        error(&toys.world.run(body)),
        ExecutionError::MovePrimitiveRuntimeError { location: Some(_) }
    ));

    let mut body = Body::new();
    body.call(toys.package, "toys", "forever", vec![]);
    let gas = toys.world.coins(world::ALICE)[0];
    let transaction = toys.world.paid_by(world::ALICE, body, &[gas], 20_000_000);
    let outcome = toys.world.commit(&transaction);
    assert_eq!(error(&outcome), ExecutionError::InsufficientGas);
    assert_eq!(outcome.gas.computation_cost, 20_000_000);
}

/// A budget for more units than a transaction may use is not used up.
#[test]
fn a_transaction_uses_so_many_gas_units() {
    let mut toys = Toys::publish();
    let most = MAX_GAS_UNITS * 1000;
    for (budget, cost) in [
        (most - 1_000_000, most - 1_000_000),
        (most, most),
        (most + 1_000_000, most),
    ] {
        let mut body = Body::new();
        body.call(toys.package, "toys", "forever", vec![]);
        let gas = toys.world.coins(ALICE)[0];
        let transaction = toys.world.paid_by(ALICE, body, &[gas], budget);
        let outcome = toys.world.commit(&transaction);
        assert_eq!(error(&outcome), ExecutionError::InsufficientGas);
        assert_eq!(outcome.gas.computation_cost, cost, "{budget}");
    }
}

#[test]
fn natives_that_are_not_there_are_named_before_anything_runs() {
    let mut world = World::boot();
    let mut body = Body::new();
    let cap = body.command(Command::Publish(Publish {
        modules: world::toys::modules(include_str!(
            "../../../vm/tests/move/artifacts/timelock.json"
        )),
        dependencies: world::toys::dependencies(),
    }));
    body.transfer(vec![cap], ALICE);
    let outcome = world.run(body);
    assert_eq!(
        error(&outcome),
        ExecutionError::VmVerificationOrDeserializationError
    );
    let message = outcome.error_message.unwrap();
    assert!(message.contains("::vdf::vdf_verify_internal"), "{message}");

    let mut body = Body::new();
    let message = body.pure(&vec![7u8]);
    body.call(Address::TWO, "vdf", "hash_to_input", vec![message]);
    let outcome = world.run(body);
    assert_eq!(error(&outcome), ExecutionError::FeatureNotYetSupported);
    let message = outcome.error_message.unwrap();
    assert!(
        message.contains("::vdf::hash_to_input_internal"),
        "{message}"
    );
}

#[test]
fn the_resolver_sees_parameter_kinds() {
    let toys = Toys::publish();
    let name = |text| Identifier::new(text).unwrap();
    let executor = &toys.world.executor;
    let found = parameters(
        executor,
        &toys.world.store,
        toys.package,
        &name("toys"),
        &name("increment"),
    )
    .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].passing, Passing::MutableReference);
    assert!(found[0].type_.is_datatype(toys.package, "toys", "Counter"));
    let mut body = Body::new();
    let counter = body.shared(&toys.world, toys.counter, false);
    let toy = body.pure(&0u8);
    let ticket = body.pure(&0u8);
    body.call(toys.package, "toys", "increment", vec![counter]);
    body.call(toys.package, "toys", "receive", vec![toy, ticket]);
    let amount = body.pure(&1u64);
    body.call(toys.package, "toys", "make", vec![amount]);
    body.call(toys.package, "toys", "make", vec![amount]);
    let uses = Uses::of(executor, &toys.world.store, &body.0);
    assert!(uses.of_input(0).unwrap().mutable);
    assert!(uses.of_input(2).unwrap().receiving);
    assert_eq!(uses.of_input(3).unwrap().types, [Signature::U64.into()]);
    assert!(
        parameters(
            executor,
            &toys.world.store,
            toys.package,
            &name("toys"),
            &name("nothing")
        )
        .is_err()
    );
}

/// Copies cost nothing in Move terms when built-in commands make them, so they have to cost gas: four commands would
/// otherwise hold hundreds of terabytes.
#[test]
fn vectors_of_vectors_do_not_exhaust_memory() {
    let mut world = World::boot();
    let mut body = Body::new();
    let mut tag = TypeTag::Vector(Box::new(TypeTag::U8));
    let mut element = body.pure(&vec![7u8; 16_000]);
    for _ in 0..4 {
        element = body.command(Command::MakeMoveVector(MakeMoveVector {
            type_: Some(tag.clone()),
            elements: vec![element; 511],
        }));
        tag = TypeTag::Vector(Box::new(tag));
    }
    let gas = world.coins(ALICE)[0];
    let transaction = world.paid_by(ALICE, body, &[gas], 50_000_000_000);
    let outcome = world.commit(&transaction);
    assert!(!outcome.is_success());
    let status = format!("{:?}", effects(&outcome).status);
    assert!(
        status.contains("InsufficientGas") || status.contains("MovePrimitiveRuntimeError"),
        "{status}"
    );
}

#[test]
fn an_interrupted_run_has_no_outcome() {
    use sui_devchain_executor::{AdmissionError, Interrupt};
    let toys = Toys::publish();
    let world = &toys.world;
    let mut body = Body::new();
    body.call(toys.package, "toys", "forever", vec![]);
    let transaction = world.transaction(ALICE, body);
    let interrupt = Interrupt::default();
    interrupt.raise();
    let ended = world.executor.execute_until(
        &world.store,
        &world.params,
        &transaction,
        Mode::Simulate,
        &interrupt,
    );
    assert_eq!(ended, Err(AdmissionError::Interrupted));
}
