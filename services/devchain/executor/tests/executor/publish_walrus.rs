//! The committed contract packages publish on a booted chain.

use crate::world::{ALICE, Body, World};
use sui_sdk_types::*;
use walrus_artifacts::{Package, WAL_PLACEHOLDER};

fn publish(world: &mut World, package: &Package) -> Address {
    let mut body = Body::new();
    let cap = body.command(Command::Publish(Publish {
        modules: package.bytecode(),
        dependencies: package.dependencies.clone(),
    }));
    body.transfer(vec![cap], ALICE);
    let outcome = world.succeed(body);
    outcome.packages().next().expect("a package").object_id()
}

#[test]
fn wal_and_walrus_publish() {
    let mut world = World::boot();
    let wal = publish(&mut world, &Package::wal().unwrap());
    let mut package = Package::walrus().unwrap();
    package.link(WAL_PLACEHOLDER, wal).unwrap();
    let walrus = publish(&mut world, &package);
    assert_ne!(wal, walrus);
}
