//! The committed contract packages publish on a booted chain.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use sui_devchain_executor::framework::{self, FrameworkPackage};
use sui_sdk_types::*;
use world::{ALICE, Body, World};

const WAL: &str = include_str!("../../../../move/artifacts/wal.json");
const WALRUS: &str = include_str!("../../../../move/artifacts/walrus.json");
/// Stands for the package `wal` until it has an id.
const PLACEHOLDER: Address = Address::from_static("0x57414c");

fn only_package(json: &str) -> FrameworkPackage {
    framework::parse(json).expect("artifact").remove(0)
}

/// Replaces an address wherever it occurs; the placeholder occurs only in address tables.
fn retarget(bytes: &[u8], from: Address, to: Address) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = bytes
        .windows(32)
        .enumerate()
        .filter(|(_, window)| *window == from.as_bytes())
        .map(|(place, _)| place)
        .collect();
    for place in places {
        bytes[place..place + 32].copy_from_slice(to.as_bytes());
    }
    bytes
}

fn publish(world: &mut World, package: &FrameworkPackage, wal: Address) -> Address {
    let mut body = Body::new();
    let cap = body.command(Command::Publish(Publish {
        modules: package
            .modules
            .iter()
            .map(|(_, bytes)| retarget(bytes, PLACEHOLDER, wal))
            .collect(),
        dependencies: package
            .dependencies
            .iter()
            .map(|id| if *id == PLACEHOLDER { wal } else { *id })
            .collect(),
    }));
    body.transfer(vec![cap], ALICE);
    let outcome = world.succeed(body);
    outcome.packages().next().expect("a package").object_id()
}

#[test]
fn wal_and_walrus_publish() {
    let mut world = World::boot();
    let wal = publish(&mut world, &only_package(WAL), Address::ZERO);
    let walrus = publish(&mut world, &only_package(WALRUS), wal);
    assert_ne!(wal, walrus);
}
