//! Upgrading a package (devchain spec 2.5).

use crate::world::toys::{BROKEN, Toys, UPGRADED, dependencies, modules};
use crate::world::{self, ALICE, Body, World, written_of};
use sui_devchain_executor::Outcome;
use sui_devchain_vm::package::digest;
use sui_sdk_types::*;

fn upgrade(toys: &mut Toys, modules: Vec<Vec<u8>>, promised: [u8; 32]) -> Outcome {
    let (cap, package) = (toys.cap, toys.package);
    upgrade_under(0, &mut toys.world, cap, package, modules, promised)
}

fn upgrade_under(
    policy: u8,
    world: &mut World,
    cap: Address,
    package: Address,
    modules: Vec<Vec<u8>>,
    promised: [u8; 32],
) -> Outcome {
    let mut body = Body::new();
    let cap = body.object(world, cap);
    let policy = body.pure(&policy);
    let digest = body.pure(&promised.to_vec());
    let ticket = body.call(
        Address::TWO,
        "package",
        "authorize_upgrade",
        vec![cap, policy, digest],
    );
    let receipt = body.command(Command::Upgrade(Upgrade {
        modules,
        dependencies: dependencies(),
        package,
        ticket,
    }));
    body.call(
        Address::TWO,
        "package",
        "commit_upgrade",
        vec![cap, receipt],
    );
    world.run(body)
}

fn refusal(outcome: &Outcome) -> PackageUpgradeError {
    match outcome.effects.status() {
        ExecutionStatus::Failure {
            error: ExecutionError::PackageUpgradeError { kind },
            command: Some(1),
        } => kind.clone(),
        other => panic!("{other:?}: {:?}", outcome.error_message),
    }
}

#[test]
fn a_compatible_upgrade_runs_new_code_on_old_objects() {
    let mut toys = Toys::publish();
    let toy = toys.toy(5);
    let new = modules(UPGRADED);
    let promised = digest(&new, &dependencies());
    let outcome = upgrade(&mut toys, new, promised);
    assert_eq!(outcome.error_message, None);
    let package = outcome.packages().next().unwrap();
    assert_eq!(package.version(), 2);
    let ObjectData::Package(package) = package.data() else {
        panic!("package")
    };
    let origin = |name: &str| {
        package
            .type_origin_table
            .iter()
            .find(|origin| origin.struct_name.as_str() == name)
            .unwrap()
            .package
    };
    assert_eq!(origin("Toy"), toys.package);
    assert_eq!(origin("Later"), package.id);

    let upgraded = package.id;
    let mut body = Body::new();
    let input = body.object(&toys.world, toy);
    body.call(upgraded, "toys", "value", vec![input]);
    let later = body.call(upgraded, "toys", "later", vec![]);
    body.transfer(vec![later], ALICE);
    let outcome = toys.world.succeed(body);
    let later = toys.world.latest(&written_of(&outcome, "Later")[0]);
    assert_eq!(
        *later.as_struct().unwrap().object_type().address(),
        upgraded
    );
}

#[test]
fn a_vanished_public_function_is_refused() {
    let mut toys = Toys::publish();
    let new = modules(BROKEN);
    let promised = digest(&new, &dependencies());
    assert_eq!(
        refusal(&upgrade(&mut toys, new, promised)),
        PackageUpgradeError::IncompatibleUpgrade
    );
}

const SHAPES: &str = include_str!("../fixtures/move/artifacts/shapes.json");
const FIELD: &str = include_str!("../fixtures/move/artifacts/shapes_field.json");
const PARAMETER: &str = include_str!("../fixtures/move/artifacts/shapes_parameter.json");
const ABILITY: &str = include_str!("../fixtures/move/artifacts/shapes_ability.json");
const VARIANT: &str = include_str!("../fixtures/move/artifacts/shapes_variant.json");

/// The new code is right in itself; it is the old definition that it does not fit.
#[test]
fn a_changed_datatype_is_an_incompatible_upgrade_under_every_policy() {
    let mut world = World::boot();
    let mut body = Body::new();
    let cap = body.command(Command::Publish(Publish {
        modules: modules(SHAPES),
        dependencies: dependencies(),
    }));
    body.transfer(vec![cap], ALICE);
    let published = world.succeed(body);
    let package = published.packages().next().unwrap().object_id();
    let cap = written_of(&published, "UpgradeCap")[0];
    for (what, json) in [
        ("D", FIELD),
        ("Held", PARAMETER),
        ("D", ABILITY),
        ("Shape", VARIANT),
    ] {
        for policy in [0, 128, 192] {
            let new = modules(json);
            let promised = digest(&new, &dependencies());
            let outcome = upgrade_under(policy, &mut world, cap, package, new, promised);
            assert_eq!(refusal(&outcome), PackageUpgradeError::IncompatibleUpgrade);
            let reason = outcome.error_message.unwrap();
            assert!(
                reason.contains(&format!("module shapes: datatype {what} changed")),
                "{reason}"
            );
        }
    }
    // And the same code again is none.
    let new = modules(SHAPES);
    let promised = digest(&new, &dependencies());
    let outcome = upgrade_under(192, &mut world, cap, package, new, promised);
    assert_eq!(outcome.error_message, None);
}

#[test]
fn other_bytes_than_promised_are_refused() {
    let mut toys = Toys::publish();
    let new = modules(UPGRADED);
    let promised = digest(&modules(BROKEN), &dependencies());
    let expected = Digest::new(digest(&new, &dependencies()));
    assert_eq!(
        refusal(&upgrade(&mut toys, new, promised)),
        PackageUpgradeError::DigestDoesNotMatch { digest: expected }
    );
}

#[test]
fn a_missing_dependency_is_refused_at_publish() {
    let mut toys = Toys::publish();
    let mut body = Body::new();
    let cap = body.command(Command::Publish(Publish {
        modules: modules(world::toys::TOYS),
        dependencies: vec![Address::from_static("0x1")],
    }));
    body.transfer(vec![cap], ALICE);
    let outcome = toys.world.run(body);
    assert_eq!(
        *outcome.effects.status(),
        ExecutionStatus::Failure {
            error: ExecutionError::PublishUpgradeMissingDependency,
            command: Some(0)
        }
    );
}

#[test]
fn garbage_is_refused_at_publish() {
    let mut toys = Toys::publish();
    let mut body = Body::new();
    let cap = body.command(Command::Publish(Publish {
        modules: vec![vec![1, 2, 3]],
        dependencies: dependencies(),
    }));
    body.transfer(vec![cap], ALICE);
    let outcome = toys.world.run(body);
    assert!(matches!(
        outcome.effects.status(),
        ExecutionStatus::Failure {
            error: ExecutionError::VmVerificationOrDeserializationError,
            command: Some(0)
        }
    ));
}
