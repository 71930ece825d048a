//! What transactions cost (devchain spec 2.10): storage to the byte, at least 1000 units, and every way to run out.

use crate::world::toys::Toys;
use crate::world::{ALICE, Body, balance, effects};
use sui_devchain_executor::Outcome;
use sui_devchain_executor::gas::{round_units, stored_bytes};
use sui_sdk_types::*;

const PRICE: u64 = 1000;

fn error(outcome: &Outcome) -> Option<ExecutionError> {
    match outcome.effects.status() {
        ExecutionStatus::Failure { error, .. } => Some(error.clone()),
        ExecutionStatus::Success => None,
    }
}

/// Deposits of what is written and of what was there before are what the summary says.
fn assert_storage_adds_up(outcome: &Outcome) {
    let sizes: u64 = outcome.written.values().map(stored_bytes).sum();
    assert_eq!(outcome.gas.storage_cost, sizes * 7600);
    for object in outcome.written.values() {
        assert_eq!(object.storage_rebate(), stored_bytes(object) * 7600);
    }
    let released: u64 = outcome
        .written
        .keys()
        .chain(&outcome.removed)
        .filter_map(|id| outcome.read.get(id))
        .map(Object::storage_rebate)
        .sum();
    let sender = (released * 9900 + 5000) / 10_000;
    assert_eq!(outcome.gas.storage_rebate, sender);
    assert_eq!(outcome.gas.non_refundable_storage_fee, released - sender);
}

/// BCS bytes of an object's type in its compressed form: none of these is a coin, so a tag byte and the struct tag.
fn bytes_of_toy(toys: &Toys) -> u64 {
    let TypeTag::Struct(tag) = toys.tag("Toy") else {
        panic!()
    };
    let tag = 32 + (1 + tag.module().as_str().len()) + (1 + tag.name().as_str().len()) + 1;
    // Envelope 80, contents: id and u64, compressed type, fixed 9.
    80 + (32 + 8) + (1 + tag as u64) + 9
}

#[test]
fn storage_is_charged_by_the_byte() {
    let mut toys = Toys::publish();
    assert_storage_adds_up(&toys.published);
    let id = toys.toy(5);
    let toy = toys.world.latest(&id);
    assert_eq!(stored_bytes(&toy), bytes_of_toy(&toys));
    assert_eq!(toy.storage_rebate(), bytes_of_toy(&toys) * 7600);
    for outcome in [
        toys.on_toy("set", id, &[12]),
        toys.on_toy("add_field", id, &[1, 2]),
        toys.on_toy("set_field", id, &[1, 3]),
        toys.on_toy("remove_field", id, &[1]),
        toys.on_toy("set", id, &[1]),
        toys.on_toy("destroy", id, &[]),
    ] {
        assert_storage_adds_up(&outcome);
        assert_eq!(
            outcome.gas.computation_cost,
            1000 * PRICE,
            "the least there is"
        );
    }
}

#[test]
fn a_coin_has_130_bytes() {
    let toys = Toys::publish();
    let coin = toys.world.latest(&toys.world.coins(ALICE)[0]);
    assert_eq!(stored_bytes(&coin), 130);
}

#[test]
fn units_are_rounded_by_half_their_digits() {
    // (used, charged): drop = floor(floor(log10 n) / 2) digits, rounded up.
    let table = [
        (0, 1000),
        (999, 1000),
        (1000, 1000),
        (1001, 1010),
        (9_999, 10_000),
        (10_001, 10_100),
        (123_456, 123_500),
        (1_000_001, 1_001_000),
        (4_999_001, 5_000_000),
    ];
    for (used, charged) in table {
        assert_eq!(round_units(used), charged, "{used}");
    }
}

/// Runs `toys::forever` with this budget, paid by two coins.
fn run_out(toys: &mut Toys, budget: u64) -> (Outcome, u64) {
    let coins = toys.world.coins(ALICE);
    let before: u64 = coins[..2]
        .iter()
        .map(|id| balance(&toys.world.latest(id)))
        .sum();
    let mut body = Body::new();
    body.call(toys.package, "toys", "forever", vec![]);
    let transaction = toys.world.paid_by(ALICE, body, &coins[..2], budget);
    (toys.world.commit(&transaction), before)
}

#[test]
fn whoever_runs_out_of_gas_pays_the_budget_and_no_deposit() {
    let mut toys = Toys::publish();
    let first = toys.world.coins(ALICE)[0];
    let deposit = toys.world.latest(&first).storage_rebate();
    let smashed = toys
        .world
        .latest(&toys.world.coins(ALICE)[1])
        .storage_rebate();
    let budget = 5_000_000;
    let (outcome, before) = run_out(&mut toys, budget);
    assert_eq!(
        *outcome.effects.status(),
        ExecutionStatus::Failure {
            error: ExecutionError::InsufficientGas,
            command: Some(0),
        },
        "the command that ran out is told, not what settling found afterwards"
    );
    assert_eq!(
        (outcome.gas.computation_cost, outcome.gas.storage_cost),
        (budget, 0)
    );
    // The surviving coin keeps the deposit it had; only the smashed coin's is released.
    assert_eq!(toys.world.latest(&first).storage_rebate(), deposit);
    assert_eq!(
        outcome.gas.storage_rebate + outcome.gas.non_refundable_storage_fee,
        smashed
    );
    let after = balance(&toys.world.latest(&first));
    assert_eq!(after, before - budget + outcome.gas.storage_rebate);
    assert_eq!(
        effects(&outcome).gas_object_index,
        Some(0)
            .filter(|_| effects(&outcome).changed_objects[0].object_id == first)
            .or(Some(1))
    );
}

#[test]
fn an_abort_pays_for_what_was_computed_and_for_the_inputs() {
    let mut toys = Toys::publish();
    let id = toys.toy(1);
    // Less than 10 is refused by the fixture with code 7.
    let outcome = toys.on_toy("set", id, &[3]);
    assert!(matches!(
        error(&outcome),
        Some(ExecutionError::MoveAbort { code: 7, .. })
    ));
    assert_eq!(outcome.gas.computation_cost, 1000 * PRICE);
    assert_storage_adds_up(&outcome);
    assert_eq!(
        outcome.written.len(),
        2,
        "the coin and the toy, both with a new version"
    );
}

#[test]
fn a_budget_that_does_not_cover_storage_pays_for_the_inputs_only() {
    let mut toys = Toys::publish();
    let gas = toys.world.coins(ALICE)[0];
    let mut body = Body::new();
    let value = body.pure(&1u64);
    let made: Vec<Argument> = (0..20)
        .map(|_| body.call(toys.package, "toys", "make", vec![value]))
        .collect();
    body.transfer(made, ALICE);
    // Twenty toys cost about 30 million MIST of storage.
    let transaction = toys.world.paid_by(ALICE, body, &[gas], 10_000_000);
    let outcome = toys.world.commit(&transaction);
    assert_eq!(error(&outcome), Some(ExecutionError::InsufficientGas));
    assert_eq!(outcome.written.keys().copied().collect::<Vec<_>>(), [gas]);
    assert_eq!(outcome.gas.computation_cost, 1000 * PRICE);
    assert_storage_adds_up(&outcome);
}

/// What ended the commands is told even if there is nothing left for the deposits of the inputs then.
#[test]
fn an_abort_stays_an_abort_when_the_budget_is_gone() {
    let mut toys = Toys::publish();
    let id = toys.toy(10);
    // The least budget is the least computation: nothing is left for storage.
    let gas = toys.world.coins(ALICE)[0];
    let mut body = Body::new();
    let toy = body.object(&toys.world, id);
    let value = body.pure(&3u64);
    body.call(toys.package, "toys", "set", vec![toy, value]);
    let transaction = toys.world.paid_by(ALICE, body, &[gas], 1000 * PRICE);
    let outcome = toys.world.commit(&transaction);
    assert!(matches!(
        error(&outcome),
        Some(ExecutionError::MoveAbort { code: 7, .. })
    ));
    assert_eq!(outcome.gas.computation_cost, 1000 * PRICE);
}

/// As many as there may be of new ids: 128 bytes of effects each are far from the limit. Objects that were there before
/// count twice.
#[test]
fn two_thousand_objects_are_made_at_once() {
    let mut toys = Toys::publish();
    let split = |coins: &[u64]| {
        let mut body = Body::new();
        for count in coins {
            let amount = body.pure(&1u64);
            let made = body.command(Command::SplitCoins(SplitCoins {
                coin: Argument::Gas,
                amounts: vec![amount; *count as usize],
            }));
            let Argument::Result(index) = made else {
                panic!()
            };
            let coins = (0..*count).map(|at| Argument::NestedResult(index, at as u16));
            body.transfer(coins.collect(), ALICE);
        }
        body
    };
    let gas = toys.world.coins(ALICE)[0];
    let body = split(&[500, 500, 500, 500]);
    let transaction = toys.world.paid_by(ALICE, body, &[gas], 10_000_000_000);
    let outcome = toys.world.commit(&transaction);
    assert_eq!(error(&outcome), None);
    assert_eq!(outcome.written.len(), 2001);
}

/// A loop of four instructions is charged within the model: one unit each and what it pushes, by tiers.
#[test]
fn computation_follows_the_tiers() {
    let mut toys = Toys::publish();
    let mut spent = Vec::new();
    for budget in [2_000_000u64, 20_000_000, 200_000_000] {
        let (outcome, _) = run_out(&mut toys, budget);
        assert_eq!(error(&outcome), Some(ExecutionError::InsufficientGas));
        spent.push(outcome.gas.computation_cost);
        // One payment coin is gone after every run.
        if toys.world.coins(ALICE).len() < 2 {
            break;
        }
    }
    assert_eq!(spent[0], 2_000_000);
    assert!(spent.windows(2).all(|pair| pair[0] < pair[1]));
}
