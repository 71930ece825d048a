//! Seeds of whole networks: a fixed sample, and those that once found a bug.
//!
//! Each is a process of its own, as the command that repeats it: tokio counts the runtimes of a process, and draws the order in which
//! `select!` looks at its branches from that count as well.
#![allow(clippy::expect_used)]

use std::process::{Child, Command, Stdio};

use walrus_simulation::remembered;

/// A network that a test may run beside others.
const SMALL: [&str; 8] = [
    "--nodes", "5", "--epochs", "1", "--stores", "6", "--faults", "2",
];

fn start(seed: u64, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_walrus-simulation"))
        .args(["--verbose", "--seed", &seed.to_string()])
        .args(more)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program of the simulation")
}

/// The journal of a seed that holds.
fn journal(simulation: Child) -> Vec<String> {
    let output = simulation.wait_with_output().expect("its output");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    // The last lines tell how long it took.
    let lines = text.lines().filter(|line| !line.contains("seed"));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_seed_does_the_same_again() {
    let first = journal(start(1, &SMALL));
    let second = journal(start(1, &SMALL));
    for (one, other) in first.iter().zip(&second) {
        assert_eq!(one, other);
    }
    assert!(first.len() > 10, "{first:?}");
    assert_eq!(first.len(), second.len());
    assert_ne!(first, journal(start(2, &SMALL)));
}

#[test]
fn a_sample_of_seeds_holds() {
    let running = [1, 2].map(|seed| start(seed, &[]));
    for simulation in running {
        journal(simulation);
    }
}

#[test]
fn seeds_that_found_a_bug_hold() {
    let remembered: Vec<_> = remembered().collect();
    assert!(!remembered.is_empty(), "seeds.txt names none");
    // Two at once: a runner has two cores.
    for seeds in remembered.chunks(2) {
        let running: Vec<_> = seeds
            .iter()
            .map(|seed| (seed, start(seed.seed, &[])))
            .collect();
        for (seed, simulation) in running {
            let journal = journal(simulation);
            assert!(
                journal
                    .iter()
                    .any(|line| line.ends_with("everything is healed")),
                "{seed:?}"
            );
        }
    }
}
