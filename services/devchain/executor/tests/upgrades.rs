//! Upgrading a package (devchain spec 2.5).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use sui_devchain_executor::Outcome;
use sui_devchain_vm::package::digest;
use sui_sdk_types::*;
use world::toys::{BROKEN, Toys, UPGRADED, dependencies, modules};
use world::{ALICE, Body, written_of};

fn upgrade(toys: &mut Toys, modules: Vec<Vec<u8>>, promised: [u8; 32]) -> Outcome {
    let mut body = Body::new();
    let cap = body.object(&toys.world, toys.cap);
    let policy = body.pure(&0u8);
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
        package: toys.package,
        ticket,
    }));
    body.call(
        Address::TWO,
        "package",
        "commit_upgrade",
        vec![cap, receipt],
    );
    toys.world.run(body)
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
