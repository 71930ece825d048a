//! Genesis: system objects, supply, determinism, system transactions (devchain spec 6.2, 2.12).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use sui_devchain_executor::genesis::{self, Allocation, GenesisOptions};
use sui_devchain_executor::{ObjectStore, framework, system};
use sui_sdk_types::{Address, Digest, IdOperation, Owner};
use world::{World, balance, effects};

fn options() -> GenesisOptions {
    GenesisOptions {
        chain_start_ms: 1,
        allocations: vec![Allocation {
            address: world::ALICE,
            coins: 600,
            amount_per_coin: 5,
        }],
        seed: Digest::new([3; 32]),
    }
}

#[test]
fn system_objects_are_shared_at_version_one() {
    let world = World::boot();
    for id in ["0x6", "0x8", "0xacc", "0x403", "0xc"] {
        let object = world.latest(&Address::from_static(id));
        assert_eq!(*object.owner(), Owner::Shared(1), "{id}");
        assert_eq!(object.version(), 1, "{id}");
        assert_eq!(object.storage_rebate(), 0, "{id}");
    }
    assert!(world.store.latest(&Address::TWO).is_some());
}

#[test]
fn the_whole_supply_is_in_coins_and_every_id_is_created() {
    let packages = framework::packages().unwrap();
    let genesis = genesis::build(&packages, &options()).unwrap();
    let coins: Vec<u64> = genesis
        .outcome
        .written
        .values()
        .filter(|object| *object.owner() == Owner::Address(world::ALICE))
        .map(balance)
        .collect();
    assert_eq!(coins.len(), 601);
    let total: u128 = coins.iter().map(|value| u128::from(*value)).sum();
    assert_eq!(total, 10_000_000_000_000_000_000);
    let effects = effects(&genesis.outcome);
    assert!(
        effects
            .changed_objects
            .iter()
            .all(|change| change.id_operation == IdOperation::Created)
    );
    assert_eq!(effects.changed_objects.len(), genesis.objects.len());
    assert_eq!(effects.transaction_digest, genesis.transaction.digest());
    assert_eq!(effects.lamport_version, 1);
}

#[test]
fn the_seed_decides_the_digest() {
    let packages = framework::packages().unwrap();
    let digest = |options: &GenesisOptions| {
        genesis::build(&packages, options)
            .unwrap()
            .transaction
            .digest()
    };
    let mut other = options();
    other.seed = Digest::new([4; 32]);
    assert_eq!(digest(&options()), digest(&options()));
    assert_ne!(digest(&options()), digest(&other));
}

#[test]
fn the_clock_and_randomness_move() {
    let mut world = World::boot();
    let outcome = world.system(&system::consensus_commit_prologue(0, 1, 1234));
    assert_eq!(outcome.error_message, None);
    let clock = world.latest(&Address::from_static("0x6"));
    assert_eq!(
        clock.as_struct().unwrap().contents()[32..40],
        1234u64.to_le_bytes()
    );
    assert_eq!(effects(&outcome).gas_object_index, None);
    assert_eq!(effects(&outcome).lamport_version, 2);
    for round in [0, 1, 2] {
        let outcome = world.system(&system::randomness_update(0, round, vec![5; 48]));
        assert_eq!(outcome.error_message, None, "round {round}");
    }
    let outcome = world.system(&system::randomness_update(0, 2, vec![5; 48]));
    assert!(!outcome.is_success(), "a repeated round aborts");
}
