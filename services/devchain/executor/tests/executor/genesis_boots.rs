//! Genesis: system objects, supply, determinism, system transactions (devchain spec 6.2, 2.12).

use crate::world::{self, ALICE, Body, World, balance, effects};
use sui_devchain_executor::genesis::{self, Allocation, GenesisOptions};
use sui_devchain_executor::{ChainParams, Executor, MemoryStore, Mode, ObjectStore, system};
use sui_sdk_types::{Address, Digest, GasCostSummary, IdOperation, Owner, StructTag, Transaction};

const SYSTEM_STATE: Address = Address::from_static("0x5");
const SYSTEM_PACKAGE: Address = Address::from_static("0x3");

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
    for id in ["0x5", "0x6", "0x8", "0xacc", "0x403", "0xc"] {
        let object = world.latest(&Address::from_static(id));
        assert_eq!(*object.owner(), Owner::Shared(1), "{id}");
        assert_eq!(object.version(), 1, "{id}");
        assert_eq!(object.storage_rebate(), 0, "{id}");
    }
    for id in ["0x1", "0x2", "0x3"] {
        assert!(
            world.store.latest(&Address::from_static(id)).is_some(),
            "{id}"
        );
    }
}

#[test]
fn the_whole_supply_is_in_coins_and_every_id_is_created() {
    let packages = walrus_artifacts::framework().unwrap();
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
    let packages = walrus_artifacts::framework().unwrap();
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

fn end_of_epoch(next: u64) -> Transaction {
    system::end_of_epoch_transaction(next, 110, &GasCostSummary::default(), 99_000)
}

/// What `0x3::sui_system::function(&SuiSystemState)` returns.
fn asked(world: &World, function: &str) -> u64 {
    let mut body = Body::new();
    let state = body.shared(world, SYSTEM_STATE, false);
    body.call(SYSTEM_PACKAGE, "sui_system", function, vec![state]);
    let transaction = world.transaction(ALICE, body);
    let outcome = world
        .executor
        .execute(&world.store, &world.params, &transaction, Mode::Simulate)
        .unwrap();
    let bytes = &outcome.command_outputs[0].return_values[0].bcs;
    bcs::from_bytes(bytes).unwrap()
}

#[test]
fn the_system_state_follows_the_epochs() {
    let mut world = World::boot();
    assert_eq!(asked(&world, "epoch"), 0);
    assert_eq!(asked(&world, "reference_gas_price"), 1000);
    assert_eq!(
        asked(&world, "epoch_start_timestamp_ms"),
        world.params.epoch_start_ms
    );
    let outcome = world.system(&end_of_epoch(1));
    assert_eq!(outcome.error_message, None);
    assert_eq!(asked(&world, "epoch"), 1);
    assert_eq!(asked(&world, "protocol_version"), 110);
    assert_eq!(asked(&world, "epoch_start_timestamp_ms"), 99_000);
    let skipped = world.system(&end_of_epoch(3));
    assert!(!skipped.is_success(), "an epoch cannot be left out");
}

#[test]
fn users_do_not_end_epochs() {
    let mut world = World::boot();
    let mut body = Body::new();
    let mut arguments = vec![body.shared(&world, SYSTEM_STATE, true)];
    arguments.extend([1u64, 110, 5].iter().map(|number| body.pure(number)));
    body.call(SYSTEM_PACKAGE, "sui_system", "advance_epoch", arguments);
    assert!(!world.run(body).is_success());
}

/// Alice pays for the storage of the system state by naming it as a mutable input; the next end of an epoch does not lose
/// the deposit.
#[test]
fn deposits_that_the_engine_releases_go_to_the_system_state() {
    let mut world = World::boot();
    let deposit = |world: &World| world.latest(&SYSTEM_STATE).storage_rebate();
    let mut body = Body::new();
    body.shared(&world, SYSTEM_STATE, true);
    world.succeed(body);
    let paid = deposit(&world);
    assert!(paid > 0);
    for next in 1..3 {
        assert!(world.system(&end_of_epoch(next)).is_success());
        assert_eq!(deposit(&world), paid);
    }
}

#[test]
fn stake_has_a_type_and_nobody_has_any() {
    let world = World::boot();
    let stake = StructTag::staked_sui();
    assert_eq!(*stake.address(), SYSTEM_PACKAGE);
    let mut body = Body::new();
    body.generic(
        Address::from_static("0x1"),
        "option",
        "none",
        vec![stake.into()],
        vec![],
    );
    let transaction = world.transaction(ALICE, body);
    let outcome = world
        .executor
        .execute(&world.store, &world.params, &transaction, Mode::Simulate)
        .unwrap();
    // The option of a type without drop is left over; the type itself was found.
    assert!(
        outcome
            .error_message
            .unwrap()
            .contains("is not used and has no drop")
    );
}

/// Chains that began before there was a package 0x3 go on without it.
#[test]
fn a_chain_without_a_system_state_ends_epochs_too() {
    let packages: Vec<_> = walrus_artifacts::framework().unwrap().drain(..2).collect();
    let genesis = genesis::build(&packages, &options()).unwrap();
    let mut store = MemoryStore::new();
    store.apply(&genesis.outcome);
    assert!(store.latest(&SYSTEM_STATE).is_none());
    let params = ChainParams {
        chain_id: Digest::new([9; 32]),
        epoch: 0,
        epoch_start_ms: 1,
        reference_gas_price: 1000,
    };
    let outcome = Executor::new()
        .execute(&store, &params, &end_of_epoch(1), Mode::System)
        .unwrap();
    assert!(outcome.is_success());
    assert!(effects(&outcome).changed_objects.is_empty());
}
