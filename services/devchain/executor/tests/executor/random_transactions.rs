//! Random transactions over the framework and the fixture package: nothing panics, every object stays a value of its
//! type, and no SUI comes from nowhere or gets lost (devchain spec 2.4, 2.6, 2.10).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::random::conservation::total_sui;
use crate::random::{Catalog, body, one_in};
use crate::world::toys::Toys;
use crate::world::{self, ALICE, BOB, Body, World};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use sui_devchain_executor::{Mode, ObjectStore, Outcome};
use sui_sdk_types::*;

/// What the runs came to.
#[derive(Debug, Default)]
struct Tally {
    refused: BTreeMap<String, usize>,
    succeeded: usize,
    failed: BTreeMap<String, usize>,
}

/// Transactions on one chain, before another one starts.
const ROUND: usize = 150;

fn run(count: usize, seed: u64) -> Tally {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    for _ in 0..count / ROUND {
        round(&mut random, &mut tally);
    }
    tally
}

fn round(random: &mut SmallRng, tally: &mut Tally) {
    let mut toys = Toys::publish();
    for value in 0..3 {
        toys.toy(value);
    }
    let mut split = Body::new();
    let coins: Vec<Argument> = (0..12)
        .map(|_| split.split(Argument::Gas, 40_000_000_000))
        .collect();
    split.transfer(coins, ALICE);
    toys.world.succeed(split);
    let favourites = [
        (toys.package, "toys"),
        (Address::TWO, "coin"),
        (Address::TWO, "balance"),
        (Address::TWO, "transfer"),
        (Address::TWO, "pay"),
    ];
    let catalog = Catalog::of(&toys.world, &favourites);
    let sui = TypeTag::from(StructTag::sui());
    let types = vec![
        TypeTag::U64,
        sui.clone(),
        sui,
        StructTag::gas_coin().into(),
        toys.tag("Toy"),
    ];
    let mut before = held(&toys.world, &catalog);
    for turn in 0..ROUND {
        let mut coins = toys.world.coins(ALICE);
        coins.sort_by_key(|id| std::cmp::Reverse(world::balance(&toys.world.latest(id))));
        if coins.len() < 2 {
            // Everything was given away.
            return;
        }
        let body = body(&toys.world, &catalog, random, &types);
        let budget = if one_in(random, 10) {
            2_000_000
        } else {
            100_000_000
        };
        let paying = 1 + usize::from(one_in(random, 5));
        let transaction = toys.world.paid_by(ALICE, body, &coins[..paying], budget);
        let Some(outcome) = execute(&toys.world, &transaction, tally) else {
            continue;
        };
        toys.world.store.apply(&outcome);
        let spent = outcome.gas.computation_cost + outcome.gas.non_refundable_storage_fee;
        let after = held(&toys.world, &catalog);
        assert_eq!(
            after,
            before - u128::from(spent),
            "turn {turn}: {transaction:?}"
        );
        before = after;
    }
}

/// All SUI: in objects, as storage deposits, in address balances.
fn held(world: &World, catalog: &Catalog) -> u128 {
    let owners = [ALICE, BOB, Address::ZERO];
    let balances = owners
        .iter()
        .map(|owner| world.store.address_balance(owner, &StructTag::sui().into()));
    total_sui(&world.store, catalog) + balances.sum::<u128>()
}

/// Runs in all modes; the outcome of the real one.
fn execute(world: &World, transaction: &Transaction, tally: &mut Tally) -> Option<Outcome> {
    let run = |mode| {
        let ran = catch_unwind(AssertUnwindSafe(|| {
            world
                .executor
                .execute(&world.store, &world.params, transaction, mode)
        }));
        ran.unwrap_or_else(|_| panic!("{mode:?} panicked: {transaction:?}"))
    };
    let _ = run(Mode::DevInspect);
    let rehearsed = run(Mode::Simulate);
    match run(Mode::Normal) {
        Ok(outcome) => {
            let rehearsed = rehearsed.expect("what runs can be rehearsed");
            assert_eq!(rehearsed.effects, outcome.effects, "{transaction:?}");
            match outcome.effects.status() {
                ExecutionStatus::Success => tally.succeeded += 1,
                ExecutionStatus::Failure { error, .. } => {
                    let name = format!("{error:?}");
                    let mut name = name
                        .split([' ', '{', '('])
                        .next()
                        .unwrap_or_default()
                        .to_owned();
                    if name.contains("Invariant") {
                        name = outcome.error_message.clone().unwrap_or_default();
                    }
                    *tally.failed.entry(name).or_default() += 1;
                }
            }
            Some(outcome)
        }
        Err(error) => {
            let text: Vec<String> = error
                .to_string()
                .split(' ')
                .filter(|word| !word.contains("0x"))
                .take(3)
                .map(str::to_owned)
                .collect();
            *tally.refused.entry(text.join(" ")).or_default() += 1;
            None
        }
    }
}

#[test]
fn random_transactions_neither_panic_nor_make_money() {
    let tally = run(7500, 0x5eed_0001);
    println!("{tally:#?}");
    assert!(tally.succeeded > 500, "{tally:#?}");
    assert!(tally.failed.len() > 5, "{tally:#?}");
    let impossible =
        |name: &&String| name.contains("invariant") && !name.contains("is not available");
    assert_eq!(tally.failed.keys().find(impossible), None, "{tally:#?}");
}

#[test]
#[ignore = "minutes; TRANSACTIONS and SEED say how many and which"]
fn many_random_transactions_neither_panic_nor_make_money() {
    let number = |name: &str, or: u64| std::env::var(name).map_or(or, |text| text.parse().unwrap());
    println!(
        "{:#?}",
        run(number("TRANSACTIONS", 20_000) as usize, number("SEED", 99))
    );
}
