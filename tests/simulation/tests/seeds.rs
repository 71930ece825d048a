//! Seeds of whole networks: a fixed sample, and those that once found a bug.
#![allow(clippy::expect_used)]

use walrus_simulation::{Plan, Report, remembered, simulate};

fn holds(plan: Plan) -> Report {
    let report = simulate(plan, false).expect("a simulation");
    if let Some(failure) = &report.failure {
        panic!(
            "{}\n{failure}\nagain: cargo run -p walrus-simulation -- --verbose --seed {} --nodes {} --epochs {} --stores {} --faults {}",
            report.journal, plan.seed, plan.nodes, plan.epochs, plan.stores, plan.faults
        );
    }
    report
}

#[test]
fn a_seed_does_the_same_again() {
    let (first, second) = (holds(Plan::small(1)), holds(Plan::small(1)));
    let lines = first.journal.lines().zip(second.journal.lines());
    for (one, other) in lines {
        assert_eq!(one, other);
    }
    assert_eq!(first.digest(), second.digest());
    assert_ne!(first.digest(), holds(Plan::small(2)).digest());
}

#[test]
fn a_sample_of_seeds_holds() {
    std::thread::scope(|scope| {
        for seed in [1, 2] {
            scope.spawn(move || holds(Plan::of_seed(seed)));
        }
    });
}

#[test]
fn seeds_that_found_a_bug_hold() {
    for seed in remembered() {
        holds(Plan::of_seed(seed.seed));
    }
}
