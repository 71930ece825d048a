//! Value sent to address balances is kept and can be withdrawn (devchain spec 2.6).

use crate::world::{self, ALICE, Body, World, balance, change, written_of};
use sui_devchain_executor::{ObjectStore, accumulator_id};
use sui_sdk_types::*;

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
    let reason = outcome.error_message.unwrap();
    for part in [
        "2001 of 0x0000000000000000000000000000000000000000000000000000000000000002::sui::SUI",
        &ALICE.to_string(),
        "2000 are available",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
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

fn send_all(world: &mut World, coin: Address, to: Address) -> sui_devchain_executor::Outcome {
    let mut body = Body::new();
    let to = body.pure(&to);
    let arguments = vec![Argument::Gas, to];
    body.generic(Address::TWO, "coin", "send_funds", vec![sui()], arguments);
    let transaction = world.paid_by(ALICE, body, &[coin], world::BUDGET);
    world.commit(&transaction)
}

/// A payment entry for an amount of Alice's address balance.
fn reservation(world: &World, amount: u64) -> ObjectReference {
    let chain = world.params.chain_id;
    ObjectReference::coin_reservation(&StructTag::sui(), amount, world.params.epoch, chain, ALICE)
}

#[test]
fn the_whole_gas_coin_can_be_sent_to_an_address_balance() {
    let mut world = World::boot();
    let coin = world.coins(ALICE)[0];
    let before = balance(&world.latest(&coin));
    let outcome = send_all(&mut world, coin, world::BOB);
    assert_eq!(outcome.error_message, None);
    assert!(outcome.removed.contains(&coin));
    assert_eq!(
        i128::try_from(world.store.address_balance(&world::BOB, &sui())).unwrap(),
        i128::from(before) - i128::from(outcome.gas.net_gas_usage()),
        "what is left of the budget follows the coin"
    );
    let sum: i128 = outcome.balance_changes.iter().map(|one| one.amount).sum();
    assert_eq!(sum, -i128::from(outcome.gas.net_gas_usage()));
}

#[test]
fn a_reservation_pays_together_with_coins_and_receives_the_rest() {
    let mut world = World::boot();
    let coins = world.coins(ALICE);
    assert_eq!(send_all(&mut world, coins[0], ALICE).error_message, None);
    for fails in [false, true] {
        let coin = world.coins(ALICE)[0];
        let held = world.store.address_balance(&ALICE, &sui());
        let value = balance(&world.latest(&coin));
        let mut body = Body::new();
        let amount = if fails { u64::MAX } else { 1_000 };
        let part = body.split(Argument::Gas, amount);
        body.transfer(vec![part], world::BOB);
        let mut transaction = world.paid_by(ALICE, body, &[coin], world::BUDGET);
        let reserved = reservation(&world, 1_000_000);
        transaction.gas_payment.objects.insert(0, reserved);
        let outcome = world.commit(&transaction);
        assert_eq!(outcome.error_message.is_some(), fails);
        assert!(outcome.removed.contains(&coin), "smashed into the balance");
        assert_eq!(world::effects(&outcome).gas_object_index, None);
        let spent = if fails { 0 } else { 1_000 };
        assert_eq!(
            i128::try_from(world.store.address_balance(&ALICE, &sui())).unwrap(),
            i128::try_from(held).unwrap() + i128::from(value)
                - spent
                - i128::from(outcome.gas.net_gas_usage())
        );
        let sum: i128 = outcome.balance_changes.iter().map(|one| one.amount).sum();
        assert_eq!(sum, -i128::from(outcome.gas.net_gas_usage()));
    }
}

#[test]
fn a_reservation_alone_becomes_a_coin_when_it_is_sent_away() {
    let mut world = World::boot();
    let coin = world.coins(ALICE)[0];
    assert_eq!(send_all(&mut world, coin, ALICE).error_message, None);
    let held = world.store.address_balance(&ALICE, &sui());
    let mut body = Body::new();
    body.transfer(vec![Argument::Gas], world::BOB);
    let mut transaction = world.paid_by(ALICE, body, &[], 100_000_000);
    transaction.gas_payment.objects = vec![reservation(&world, 1_000_000_000)];
    let before = world.coins(world::BOB);
    let outcome = world.commit(&transaction);
    assert_eq!(outcome.error_message, None);
    let new: Vec<_> = world.coins(world::BOB);
    let new = new.iter().find(|id| !before.contains(id)).unwrap();
    assert_eq!(
        i128::from(balance(&world.latest(new))),
        1_000_000_000 - i128::from(outcome.gas.net_gas_usage())
    );
    assert_eq!(
        world.store.address_balance(&ALICE, &sui()),
        held - 1_000_000_000
    );
}

#[test]
fn reservations_of_others_and_beyond_the_balance_are_refused() {
    let mut world = World::boot();
    let coin = world.coins(ALICE)[0];
    let mut body = Body::new();
    let part = body.split(Argument::Gas, 1);
    body.transfer(vec![part], world::BOB);
    let mut transaction = world.paid_by(ALICE, body, &[coin], world::BUDGET);
    transaction
        .gas_payment
        .objects
        .push(reservation(&world, 1_000));
    let outcome = world.commit(&transaction);
    assert_eq!(
        *outcome.effects.status(),
        ExecutionStatus::Failure {
            error: ExecutionError::InsufficientFundsForWithdraw,
            command: None
        },
        "there is no such balance"
    );
    let foreign = ObjectReference::coin_reservation(
        &StructTag::sui(),
        1_000,
        0,
        Digest::new([77; 32]),
        ALICE,
    );
    let coin = world.reference(&coin);
    transaction.gas_payment.objects = vec![coin, foreign];
    let refused = world.executor.execute(
        &world.store,
        &world.params,
        &transaction,
        sui_devchain_executor::Mode::Normal,
    );
    assert!(refused.is_err(), "made for another chain");
}

/// The budget is reserved before anything is withdrawn: both together may not exceed the balance, or gas would be paid
/// with money that is not there.
#[test]
fn what_pays_for_gas_cannot_be_withdrawn() {
    let mut world = World::boot();
    let coin = world.coins(ALICE)[0];
    send_all(&mut world, coin, ALICE);
    let balance = u64::try_from(world.store.address_balance(&ALICE, &sui())).unwrap();
    let withdraw = |world: &World, amount: u64| {
        let mut body = Body::new();
        let withdrawal = body.input(Input::FundsWithdrawal(FundsWithdrawal::new(
            amount,
            sui(),
            WithdrawFrom::Sender,
        )));
        let coin = body.generic(
            Address::TWO,
            "coin",
            "redeem_funds",
            vec![sui()],
            vec![withdrawal],
        );
        let owned = body.object(world, world.coins(ALICE)[0]);
        body.transfer(vec![coin, owned], world::BOB);
        world.paid_by(ALICE, body, &[], world::BUDGET)
    };
    let outcome = world.commit(&withdraw(&world, balance));
    assert_eq!(
        *outcome.effects.status(),
        ExecutionStatus::Failure {
            error: ExecutionError::InsufficientFundsForWithdraw,
            command: None
        }
    );
    assert_eq!(outcome.gas, GasCostSummary::default());
    assert_eq!(
        world.store.address_balance(&ALICE, &sui()),
        u128::from(balance)
    );
    let outcome = world.commit(&withdraw(&world, balance - world::BUDGET));
    assert_eq!(outcome.error_message, None);
}
