//! The complete transfer of devchain spec, appendix B, and transfers around it.

use crate::world::{self, ALICE, BOB, Body, World, balance, effects};
use sui_devchain_executor::gas::{round_units, stored_bytes};
use sui_devchain_executor::{ChainParams, Executor, Mode};
use sui_sdk_types::*;

const COIN: &str = "0001010500000000000000280000000000000000000000000000000000000000000000000000000000000c0100ca9a3b0000000000000000000000000000000000000000000000000000000000000000000000123420010101010101010101010101010101010101010101010101010101010101010160130f0000000000";
const TRANSACTION: &str = "0000020008e8030000000000000020000000000000000000000000000000000000000000000000000000000000567802020001010000010103000000000101000000000000000000000000000000000000000000000000000000000000001234010000000000000000000000000000000000000000000000000000000000000c01050000000000000020e98574ace84ed3980794db5b232a825674b08a363ab5c3fc85e79eaf5fe0f5580000000000000000000000000000000000000000000000000000000000001234e803000000000000809698000000000000";
const EFFECTS: &str = "0100000000000000000040420f0000000000c0261e0000000000c8ec0e00000000009826000000000000204ab0e487bdaf95361fb1233e4cb64e8675adc989920764d602361899040c46f2010000000000012001010101010101010101010101010101010101010101010101010101010101010600000000000000020000000000000000000000000000000000000000000000000000000000000c0101050000000000000020e98574ace84ed3980794db5b232a825674b08a363ab5c3fc85e79eaf5fe0f558000000000000000000000000000000000000000000000000000000000000001234012039bb0cf338922ef0bc52015aa5c540d2f1560e44a1c1f1f25ec02e623c0d0f650000000000000000000000000000000000000000000000000000000000000012340068ca04b4f22c2ebb316a94e2e0f5d318fa4eacad634b1aed68d5c389eea1e4290001201b68ed4d333338f5b5c403b933309b0aa45fdedce706f1942f09d518210c859d000000000000000000000000000000000000000000000000000000000000005678010000";

#[test]
fn the_published_transfer_is_reproduced_bit_for_bit() {
    let mut world = World::boot();
    let coin: Object = ::bcs::from_bytes(&hex::decode(COIN).unwrap()).unwrap();
    assert_eq!(
        coin.digest().to_string(),
        "Gia2JoGYk5queP4zaXrBQfuzN3gLCZqAMtbzsRN7wzFy"
    );
    assert_eq!(stored_bytes(&coin), 130);
    world.store.insert(coin);
    let transaction: Transaction = ::bcs::from_bytes(&hex::decode(TRANSACTION).unwrap()).unwrap();
    assert_eq!(
        transaction.digest().to_string(),
        "62Zcdwz2z2Ej532Z4ewVEtahDD6RocNZWxxvzosNAGSu"
    );
    let outcome = world.commit(&transaction);
    assert_eq!(outcome.error_message, None);
    assert_eq!(
        outcome.gas,
        GasCostSummary::new(1_000_000, 1_976_000, 978_120, 9_880)
    );
    let gas = world.latest(&Address::from_static("0xc01"));
    assert_eq!(balance(&gas), 998_001_120);
    assert_eq!(
        gas.digest().to_string(),
        "4tMfhfG2UA66XSJtFY9gBxDzjF9BJTMt7PypNRC2e8Yk"
    );
    let new = world.latest(&Address::from_static(
        "0x68ca04b4f22c2ebb316a94e2e0f5d318fa4eacad634b1aed68d5c389eea1e429",
    ));
    assert_eq!(
        new.digest().to_string(),
        "2qzojdDdECfJoX68P6PfZoLgX8ffbRHr8zaYBkVv3dtY"
    );
    assert_eq!(
        hex::encode(::bcs::to_bytes(&outcome.effects).unwrap()),
        EFFECTS
    );
    assert_eq!(
        outcome.effects.digest().to_string(),
        "8hbmWBUnafZMcMTjBzDWErALZkrGzatsixHNE2qycFgW"
    );
    let amounts: Vec<i128> = outcome
        .balance_changes
        .iter()
        .map(|change| change.amount)
        .collect();
    assert_eq!(amounts, [-1_998_880, 1000]);
}

#[test]
fn units_are_rounded_as_published() {
    let table = [
        (0, 1000),
        (999, 1000),
        (1001, 1010),
        (1999, 2000),
        (20_001, 20_100),
        (305_501, 305_600),
        (1_000_001, 1_001_000),
    ];
    for (units, rounded) in table {
        assert_eq!(round_units(units), rounded);
    }
}

#[test]
fn payment_coins_are_smashed_into_the_first_also_on_failure() {
    for fails in [false, true] {
        let mut world = World::boot();
        let coins = world.coins(ALICE);
        let total: u64 = coins[..3]
            .iter()
            .map(|id| balance(&world.latest(id)))
            .fold(0, u64::saturating_add);
        let mut body = Body::new();
        let amount = if fails { u64::MAX } else { 1 };
        let split = body.split(Argument::Gas, amount);
        body.transfer(vec![split], BOB);
        let transaction = world.paid_by(ALICE, body, &coins[..3], world::BUDGET);
        let outcome = world.commit(&transaction);
        assert_eq!(outcome.is_success(), !fails);
        for id in &coins[1..3] {
            assert_eq!(
                world::change(&outcome, *id).id_operation,
                IdOperation::Deleted
            );
            assert!(outcome.removed.contains(id));
        }
        let spent = u64::try_from(outcome.gas.net_gas_usage()).unwrap();
        let given = if fails { 0 } else { 1 };
        assert_eq!(balance(&world.latest(&coins[0])), total - spent - given);
    }
}

#[test]
fn the_gas_coin_can_be_given_away_whole() {
    let mut world = World::boot();
    let gas = world.coins(ALICE)[0];
    let before = balance(&world.latest(&gas));
    let mut body = Body::new();
    body.transfer(vec![Argument::Gas], BOB);
    let outcome = world.succeed(body);
    let coin = world.latest(&gas);
    assert_eq!(*coin.owner(), Owner::Address(BOB));
    let spent = u64::try_from(outcome.gas.net_gas_usage()).unwrap();
    assert_eq!(balance(&coin), before - spent);
}

#[test]
fn coins_merge_and_disappear() {
    let mut world = World::boot();
    let coins = world.coins(ALICE);
    let mut body = Body::new();
    let target = body.object(&world, coins[1]);
    let source = body.object(&world, coins[2]);
    body.command(Command::MergeCoins(MergeCoins {
        coin: target,
        coins_to_merge: vec![source],
    }));
    let sum = balance(&world.latest(&coins[1])) + balance(&world.latest(&coins[2]));
    let outcome = world.succeed(body);
    assert_eq!(balance(&world.latest(&coins[1])), sum);
    assert_eq!(
        world::change(&outcome, coins[2]).output_state,
        ObjectOut::NotExist
    );
}

#[test]
fn a_budget_too_small_for_storage_is_insufficient_gas() {
    let mut world = World::boot();
    let gas = world.coins(ALICE)[0];
    let mut body = Body::new();
    let pieces: Vec<Argument> = (0..4).map(|_| body.split(Argument::Gas, 1)).collect();
    body.transfer(pieces, BOB);
    let transaction = world.paid_by(ALICE, body, &[gas], 3_000_000);
    let outcome = world.commit(&transaction);
    assert_eq!(
        *outcome.effects.status(),
        ExecutionStatus::Failure {
            error: ExecutionError::InsufficientGas,
            command: None
        }
    );
    assert_eq!(outcome.written.len(), 1);
    assert_eq!(outcome.gas.storage_cost, 988_000);
}

#[test]
fn a_stale_or_foreign_object_is_refused() {
    let world = World::boot();
    let coins = world.coins(ALICE);
    let mut body = Body::new();
    let stale = ObjectReference::new(coins[1], 77, Digest::ZERO);
    let coin = body.input(Input::ImmutableOrOwned(stale));
    body.transfer(vec![coin], BOB);
    let transaction = world.transaction(ALICE, body);
    let executor = Executor::new();
    assert!(
        executor
            .execute(&world.store, &world.params, &transaction, Mode::Normal)
            .is_err()
    );
    let mut body = Body::new();
    let coin = body.object(&world, coins[1]);
    body.transfer(vec![coin], ALICE);
    let mut transaction = world.paid_by(ALICE, body, &[coins[0]], world::BUDGET);
    transaction.sender = BOB;
    assert!(
        executor
            .execute(&world.store, &world.params, &transaction, Mode::Normal)
            .is_err()
    );
    let params = ChainParams {
        reference_gas_price: 1001,
        ..world.params
    };
    let transaction = world.transaction(ALICE, Body::new());
    assert!(
        executor
            .execute(&world.store, &params, &transaction, Mode::Normal)
            .is_err()
    );
}

#[test]
fn a_simulation_without_payment_is_paid_by_a_mock_coin() {
    let world = World::boot();
    let mut body = Body::new();
    let split = body.split(Argument::Gas, 5);
    body.transfer(vec![split], BOB);
    let transaction = world.paid_by(ALICE, body, &[], world::BUDGET);
    let outcome = Executor::new()
        .execute(&world.store, &world.params, &transaction, Mode::Simulate)
        .unwrap();
    assert!(outcome.is_success());
    assert_eq!(outcome.transaction.gas_payment.objects.len(), 1);
    assert_eq!(outcome.command_outputs.len(), 2);
    assert_eq!(outcome.command_outputs[0].return_values.len(), 1);
    assert_eq!(effects(&outcome).gas_object_index, Some(1));
}
