//! The verifier accepts what the compiler makes and refuses, without panicking, what is broken.

use std::sync::Arc;

use crate::support::{World, framework, framework_modules, id, publish, session};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use sui_devchain_vm::{
    Package, Vm, VmError,
    package::Module,
    upgrade::{self, UpgradePolicy},
};
use walrus_artifacts::{Package as Artifact, WAL_PLACEHOLDER};

fn verify(world: &World, package: &Arc<Package>) -> Result<(), VmError> {
    let vm = Vm::default();
    session(&vm, world, None).verify_package(package)
}

#[test]
fn the_framework_verifies() {
    let world = framework();
    for package in world.packages.values() {
        verify(&world, package).unwrap();
    }
}

#[test]
fn our_packages_verify() {
    let mut world = framework();
    let wal = publish(&mut world, &Artifact::wal().unwrap(), id(0xaaaa));
    verify(&world, &wal).unwrap();
    let mut walrus = Artifact::walrus().unwrap();
    walrus.link(WAL_PLACEHOLDER, id(0xaaaa)).unwrap();
    let walrus = publish(&mut world, &walrus, id(0xbbbb));
    verify(&world, &walrus).unwrap();
    let inits: Vec<_> = walrus
        .modules
        .values()
        .filter(|bytes| Module::parse(bytes).unwrap().init().is_some())
        .collect();
    assert!(!inits.is_empty());
}

#[test]
fn a_missing_dependency_is_refused() {
    let mut world = framework();
    let mut wal = Artifact::wal().unwrap();
    wal.dependencies.retain(|dependency| *dependency == id(1));
    let wal = publish(&mut world, &wal, id(0xaaaa));
    assert!(matches!(
        verify(&world, &wal),
        Err(VmError::Verification(_))
    ));
}

#[test]
fn code_that_needs_a_missing_native_is_refused_by_its_name() {
    let mut world = framework();
    let timelock =
        walrus_artifacts::parse(include_str!("../move/artifacts/timelock.json")).unwrap();
    let timelock = publish(&mut world, &timelock[0], id(0xcccc));
    let Err(VmError::Verification(message)) = verify(&world, &timelock) else {
        panic!("a package that calls vdf was accepted");
    };
    let expected = format!("the native function {}::vdf::vdf_verify_internal", id(2));
    assert!(
        message.contains("module timelock calls vdf::vdf_verify"),
        "{message}"
    );
    assert!(message.contains(&expected), "{message}");
}

#[test]
fn truncated_and_mutated_modules_never_panic() {
    let world = framework();
    let mut random = SmallRng::seed_from_u64(0x5eed);
    let (mut refused_by_parser, mut refused_by_verifier) = (0, 0);
    for (_, name, bytes) in framework_modules()
        .into_iter()
        .filter(|(address, ..)| *address == id(2))
    {
        for _ in 0..20 {
            assert!(Module::parse(&bytes[..random.random_range(..bytes.len())]).is_err());
            let mut mutated = bytes.clone();
            for _ in 0..random.random_range(1..=4) {
                let at = random.random_range(..mutated.len());
                mutated[at] = random.random();
            }
            if Module::parse(&mutated).is_err() {
                refused_by_parser += 1;
                continue;
            }
            let mut package = (*world.packages[&id(2)]).clone();
            package.modules.insert(name.clone(), mutated);
            let mut broken = World {
                packages: world.packages.clone(),
                ..World::default()
            };
            broken.packages.insert(id(2), Arc::new(package.clone()));
            refused_by_verifier += usize::from(verify(&broken, &Arc::new(package)).is_err());
        }
    }
    assert!(
        refused_by_parser > 1000 && refused_by_verifier > 50,
        "{refused_by_parser} {refused_by_verifier}"
    );
}

#[test]
fn upgrades_are_compared_with_the_version_before() {
    let modules: Vec<Module> = Artifact::walrus()
        .unwrap()
        .modules
        .iter()
        .map(|(_, bytes)| Module::parse(bytes).unwrap())
        .collect();
    let mut moved = modules.clone();
    moved
        .iter_mut()
        .for_each(|module| module.set_self_address(id(0xbbbb)));
    for policy in [
        UpgradePolicy::Compatible,
        UpgradePolicy::Additive,
        UpgradePolicy::DependencyOnly,
    ] {
        upgrade::check(policy, &moved, &modules).unwrap();
        assert!(upgrade::check(policy, &moved, &modules[1..]).is_err());
    }
    assert!(upgrade::check(UpgradePolicy::Additive, &modules[1..], &modules).is_ok());
    assert!(upgrade::check(UpgradePolicy::DependencyOnly, &modules[1..], &modules).is_err());
}
