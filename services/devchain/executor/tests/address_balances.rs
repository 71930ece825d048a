//! Value sent to address balances is kept and can be withdrawn (devchain spec 2.6).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod world;

use sui_devchain_executor::{ObjectStore, accumulator_id};
use sui_sdk_types::*;
use world::{ALICE, Body, World, balance, change, written_of};

fn sui() -> TypeTag {
    StructTag::sui().into()
}

#[test]
fn sent_funds_are_in_the_table_and_come_back_as_a_coin() {
    let mut world = World::boot();
    let mut body = Body::new();
    let coin = body.split(Argument::Gas, 5_000);
    let to = body.pure(&ALICE);
    body.generic(
        Address::TWO,
        "coin",
        "send_funds",
        vec![sui()],
        vec![coin, to],
    );
    let outcome = world.succeed(body);
    assert_eq!(world.store.address_balance(&ALICE, &sui()), 5_000);
    let write = change(&outcome, accumulator_id(ALICE, &sui()));
    let ObjectOut::AccumulatorWrite(write) = &write.output_state else {
        panic!("{write:?}");
    };
    assert_eq!(write.operation(), AccumulatorOperation::Merge);
    assert_eq!(*write.value(), AccumulatorValue::Integer(5_000));
    let net: i128 = outcome
        .balance_changes
        .iter()
        .map(|change| change.amount)
        .sum();
    assert_eq!(net, -i128::from(outcome.gas.net_gas_usage()));

    let mut body = Body::new();
    let funds = body.input(Input::FundsWithdrawal(FundsWithdrawal::new(
        3_000,
        sui(),
        WithdrawFrom::Sender,
    )));
    let coin = body.generic(
        Address::TWO,
        "coin",
        "redeem_funds",
        vec![sui()],
        vec![funds],
    );
    body.transfer(vec![coin], world::BOB);
    let outcome = world.succeed(body);
    assert_eq!(world.store.address_balance(&ALICE, &sui()), 2_000);
    let coins = written_of(&outcome, "Coin");
    assert!(coins.iter().any(|id| balance(&world.latest(id)) == 3_000));

    let mut body = Body::new();
    body.input(Input::FundsWithdrawal(FundsWithdrawal::new(
        2_001,
        sui(),
        WithdrawFrom::Sender,
    )));
    let outcome = world.run(body);
    assert_eq!(
        *outcome.effects.status(),
        ExecutionStatus::Failure {
            error: ExecutionError::InsufficientFundsForWithdraw,
            command: None
        }
    );
}

#[test]
fn an_address_balance_pays_for_gas() {
    let mut world = World::boot();
    let mut body = Body::new();
    let coin = body.split(Argument::Gas, 2_000_000_000);
    let to = body.pure(&ALICE);
    body.generic(
        Address::TWO,
        "coin",
        "send_funds",
        vec![sui()],
        vec![coin, to],
    );
    world.succeed(body);
    let mut body = Body::new();
    let coin = body.object(&world, world.coins(ALICE)[0]);
    body.transfer(vec![coin], world::BOB);
    let transaction = world.paid_by(ALICE, body, &[], world::BUDGET);
    let outcome = world.commit(&transaction);
    assert_eq!(outcome.error_message, None);
    assert_eq!(world::effects(&outcome).gas_object_index, None);
    let left = 2_000_000_000 - i128::from(outcome.gas.net_gas_usage());
    assert_eq!(
        i128::try_from(world.store.address_balance(&ALICE, &sui())).unwrap(),
        left
    );
}
