//! Objects through calls, and the effects shapes of devchain spec 2.6.

use crate::world::toys::Toys;
use crate::world::{ALICE, Body, change, effects, written_of};
use sui_devchain_executor::ObjectStore;
use sui_devchain_executor::gas::stored_bytes;
use sui_sdk_types::*;

fn shape(change: &ChangedObject) -> (bool, bool, IdOperation) {
    (
        matches!(change.input_state, ObjectIn::Exist { .. }),
        !matches!(change.output_state, ObjectOut::NotExist),
        change.id_operation,
    )
}

const CREATED: (bool, bool, IdOperation) = (false, true, IdOperation::Created);
const MUTATED: (bool, bool, IdOperation) = (true, true, IdOperation::None);
const DELETED: (bool, bool, IdOperation) = (true, false, IdOperation::Deleted);
const WRAPPED: (bool, bool, IdOperation) = (true, false, IdOperation::None);
const UNWRAPPED: (bool, bool, IdOperation) = (false, true, IdOperation::None);

#[test]
fn publishing_runs_init_and_makes_a_cap() {
    let toys = Toys::publish();
    let outcome = &toys.published;
    assert_eq!(shape(change(outcome, toys.package)), CREATED);
    assert!(matches!(
        change(outcome, toys.package).output_state,
        ObjectOut::PackageWrite { version: 1, .. }
    ));
    let counter = toys.world.latest(&toys.counter);
    assert_eq!(
        *counter.owner(),
        Owner::Shared(effects(outcome).lamport_version)
    );
    let events = &outcome.events.as_ref().unwrap().0;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].package_id, toys.package);
    assert_eq!(events[0].contents, 0u64.to_le_bytes());
    assert_eq!(
        effects(outcome).events_digest,
        Some(outcome.events.as_ref().unwrap().digest())
    );
    let digest = effects(outcome).transaction_digest;
    assert_eq!(toys.package, Address::derive_id(digest, 0));
    assert_eq!(toys.counter, Address::derive_id(digest, 1));
    assert_eq!(toys.cap, Address::derive_id(digest, 2));
}

#[test]
fn storage_costs_follow_the_sizes() {
    let mut toys = Toys::publish();
    let outcomes = [toys.published.clone(), {
        let toy = toys.toy(5);
        toys.on_toy("set", toy, &[10])
    }];
    for outcome in outcomes {
        let cost: u64 = outcome
            .written
            .values()
            .map(|object| stored_bytes(object) * 7600)
            .sum();
        assert_eq!(outcome.gas.storage_cost, cost);
        for object in outcome.written.values() {
            assert_eq!(object.storage_rebate(), stored_bytes(object) * 7600);
        }
        let rebate: u64 = outcome
            .read
            .iter()
            .filter(|(id, _)| outcome.written.contains_key(id) || outcome.removed.contains(id))
            .map(|(_, object)| object.storage_rebate())
            .sum();
        assert_eq!(outcome.gas.storage_rebate, (rebate * 9900 + 5000) / 10_000);
        assert_eq!(
            outcome.gas.storage_rebate + outcome.gas.non_refundable_storage_fee,
            rebate
        );
    }
}

#[test]
fn an_abort_reports_code_and_place_and_drops_all_writes() {
    let mut toys = Toys::publish();
    let toy = toys.toy(5);
    let before = toys.world.latest(&toy);
    let outcome = toys.on_toy("set", toy, &[9]);
    let ExecutionStatus::Failure {
        error: ExecutionError::MoveAbort { location, code },
        command,
    } = outcome.effects.status()
    else {
        panic!("{:?}", outcome.effects.status());
    };
    assert_eq!((*code, *command), (7, Some(0)));
    assert_eq!(location.package, toys.package);
    assert_eq!(location.module.as_str(), "toys");
    assert_eq!(location.function_name.as_ref().unwrap().as_str(), "set");
    assert_eq!(shape(change(&outcome, toy)), MUTATED);
    let after = toys.world.latest(&toy);
    assert_eq!(
        after.as_struct().unwrap().contents(),
        before.as_struct().unwrap().contents()
    );
    assert!(after.version() > before.version());
    assert_eq!(outcome.events, None);
}

#[test]
fn wrap_unwrap_and_delete_have_their_shapes() {
    let mut toys = Toys::publish();
    let toy = toys.toy(5);
    let mut body = Body::new();
    let input = body.object(&toys.world, toy);
    let boxed = body.call(toys.package, "toys", "wrap", vec![input]);
    body.transfer(vec![boxed], ALICE);
    let outcome = toys.world.succeed(body);
    assert_eq!(shape(change(&outcome, toy)), WRAPPED);
    assert!(toys.world.store.latest(&toy).is_none());
    let first_box = written_of(&outcome, "Box")[0];

    let mut body = Body::new();
    let input = body.object(&toys.world, first_box);
    let free = body.call(toys.package, "toys", "unwrap", vec![input]);
    body.transfer(vec![free], ALICE);
    let outcome = toys.world.succeed(body);
    assert_eq!(shape(change(&outcome, toy)), UNWRAPPED);
    assert_eq!(shape(change(&outcome, first_box)), DELETED);

    let outcome = toys.on_toy("destroy", toy, &[]);
    assert_eq!(shape(change(&outcome, toy)), DELETED);
}

#[test]
fn unwrapped_then_deleted_and_made_then_deleted() {
    let mut toys = Toys::publish();
    let mut body = Body::new();
    let value = body.pure(&3u64);
    let toy = body.call(toys.package, "toys", "make", vec![value]);
    let boxed = body.call(toys.package, "toys", "wrap", vec![toy]);
    body.transfer(vec![boxed], ALICE);
    let outcome = toys.world.succeed(body);
    let boxed = written_of(&outcome, "Box")[0];
    let digest = effects(&outcome).transaction_digest;
    let toy = Address::derive_id(digest, 0);
    assert_eq!(
        shape(change(&outcome, toy)),
        (false, false, IdOperation::Created)
    );
    let outcome = toys.on_toy("destroy_box", boxed, &[]);
    assert_eq!(
        shape(change(&outcome, toy)),
        (false, false, IdOperation::Deleted)
    );

    let mut body = Body::new();
    let value = body.pure(&3u64);
    let toy = body.call(toys.package, "toys", "make", vec![value]);
    body.call(toys.package, "toys", "destroy", vec![toy]);
    let outcome = toys.world.succeed(body);
    assert_eq!(
        effects(&outcome).changed_objects.len(),
        1,
        "only the gas coin"
    );
}

#[test]
fn a_shared_object_is_mutated_read_and_consumed_only_by_deletion() {
    let mut toys = Toys::publish();
    let mut body = Body::new();
    let counter = body.shared(&toys.world, toys.counter, true);
    body.call(toys.package, "toys", "increment", vec![counter]);
    let outcome = toys.world.succeed(body);
    assert_eq!(shape(change(&outcome, toys.counter)), MUTATED);
    assert_eq!(
        toys.world
            .latest(&toys.counter)
            .as_struct()
            .unwrap()
            .contents()[32],
        1
    );

    let mut body = Body::new();
    let counter = body.shared(&toys.world, toys.counter, false);
    body.call(toys.package, "toys", "increment", vec![counter]);
    let outcome = toys.world.run(body);
    assert!(matches!(
        outcome.effects.status(),
        ExecutionStatus::Failure {
            error: ExecutionError::CommandArgumentError {
                argument: 0,
                kind: CommandArgumentError::InvalidObjectByMutRef
            },
            command: Some(0)
        }
    ));
    assert_eq!(effects(&outcome).unchanged_consensus_objects.len(), 1);

    let mut body = Body::new();
    let counter = body.shared(&toys.world, toys.counter, true);
    body.call(toys.package, "toys", "freeze_counter", vec![counter]);
    assert!(
        !toys.world.run(body).is_success(),
        "a shared object cannot be frozen"
    );

    let mut body = Body::new();
    let counter = body.shared(&toys.world, toys.counter, true);
    body.call(toys.package, "toys", "delete_counter", vec![counter]);
    let outcome = toys.world.succeed(body);
    assert_eq!(shape(change(&outcome, toys.counter)), DELETED);
}

#[test]
fn dynamic_fields_are_children_with_derived_ids() {
    let mut toys = Toys::publish();
    let toy = toys.toy(5);
    let field = toy.derive_dynamic_child_id(&TypeTag::U64, &2u64.to_le_bytes());
    let outcome = toys.on_toy("add_field", toy, &[2, 40]);
    assert_eq!(shape(change(&outcome, field)), CREATED);
    assert_eq!(*toys.world.latest(&field).owner(), Owner::Object(toy));

    let outcome = toys.on_toy("get_field", toy, &[2]);
    assert!(outcome.is_success());
    assert!(
        effects(&outcome)
            .changed_objects
            .iter()
            .all(|change| change.object_id != field)
    );

    let outcome = toys.on_toy("set_field", toy, &[2, 41]);
    assert_eq!(shape(change(&outcome, field)), MUTATED);
    let outcome = toys.on_toy("set_field", toy, &[2, 41]);
    assert!(outcome.is_success());
    assert!(
        effects(&outcome)
            .changed_objects
            .iter()
            .all(|change| change.object_id != field),
        "same value"
    );

    let outcome = toys.on_toy("add_field", toy, &[2, 1]);
    assert!(matches!(
        outcome.effects.status(),
        ExecutionStatus::Failure {
            error: ExecutionError::MoveAbort { code: 0, .. },
            ..
        }
    ));
    let outcome = toys.on_toy("remove_field", toy, &[2]);
    assert_eq!(shape(change(&outcome, field)), DELETED);
    let outcome = toys.on_toy("get_field", toy, &[2]);
    assert!(matches!(
        outcome.effects.status(),
        ExecutionStatus::Failure {
            error: ExecutionError::MoveAbort { code: 1, .. },
            ..
        }
    ));
}

#[test]
fn dynamic_object_fields_keep_their_objects() {
    let mut toys = Toys::publish();
    let (parent, child) = (toys.toy(5), toys.toy(6));
    let mut body = Body::new();
    let toy = body.object(&toys.world, parent);
    let key = body.pure(&1u64);
    let value = body.object(&toys.world, child);
    body.call(toys.package, "toys", "add_child", vec![toy, key, value]);
    let outcome = toys.world.succeed(body);
    assert_eq!(shape(change(&outcome, child)), MUTATED);
    let Owner::Object(field) = *toys.world.latest(&child).owner() else {
        panic!("owner")
    };
    assert_eq!(*toys.world.latest(&field).owner(), Owner::Object(parent));

    let mut body = Body::new();
    let toy = body.object(&toys.world, parent);
    let key = body.pure(&1u64);
    let removed = body.call(toys.package, "toys", "remove_child", vec![toy, key]);
    body.transfer(vec![removed], ALICE);
    let outcome = toys.world.succeed(body);
    assert_eq!(shape(change(&outcome, child)), MUTATED);
    assert_eq!(shape(change(&outcome, field)), DELETED);
    assert_eq!(*toys.world.latest(&child).owner(), Owner::Address(ALICE));
}

#[test]
fn an_object_sent_to_an_object_is_received() {
    let mut toys = Toys::publish();
    let (parent, sent) = (toys.toy(5), toys.toy(6));
    let mut body = Body::new();
    let toy = body.object(&toys.world, sent);
    body.transfer(vec![toy], parent);
    let transfer = effects(&toys.world.succeed(body)).transaction_digest;
    let mut body = Body::new();
    let toy = body.object(&toys.world, parent);
    let ticket = body.input(Input::Receiving(toys.world.reference(&sent)));
    let received = body.call(toys.package, "toys", "receive", vec![toy, ticket]);
    body.transfer(vec![received], ALICE);
    let outcome = toys.world.succeed(body);
    assert_eq!(shape(change(&outcome, sent)), MUTATED);
    assert!(effects(&outcome).dependencies.contains(&transfer));
    assert_eq!(*toys.world.latest(&sent).owner(), Owner::Address(ALICE));
}
