//! Seeds of whole networks: a fixed sample, and those that once found a bug.
//!
//! Each is a process of its own, as the command that repeats it: tokio counts the runtimes of a process, and draws the order in which
//! `select!` looks at its branches from that count as well.
#![allow(clippy::expect_used)]

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use walrus_simulation::remembered;

/// A network that a test may run beside others.
const SMALL: [&str; 8] = [
    "--nodes", "5", "--epochs", "1", "--stores", "6", "--faults", "2",
];

/// Where the network is kept that the simulations of a test start from.
struct Prepared(TempDir);

impl Prepared {
    fn network(more: &[&str]) -> Self {
        let this = Self(tempfile::tempdir().expect("a directory"));
        let status = this.command(0, more).arg("--prepare-only").status();
        assert!(status.expect("the program of the simulation").success());
        this
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("prepared")
    }

    fn command(&self, seed: u64, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_walrus-simulation"));
        command.args(["--verbose", "--seed", &seed.to_string()]);
        command.arg("--prepared").arg(self.path()).args(more);
        command
    }
}

fn start(prepared: &Prepared, seed: u64, more: &[&str]) -> Child {
    prepared
        .command(seed, more)
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
    let network = Prepared::network(&SMALL);
    let first = journal(start(&network, 1, &SMALL));
    let second = journal(start(&network, 1, &SMALL));
    for (one, other) in first.iter().zip(&second) {
        assert_eq!(one, other);
    }
    assert!(first.len() > 10, "{first:?}");
    assert_eq!(first.len(), second.len());
    assert_ne!(first, journal(start(&network, 2, &SMALL)));
}

#[test]
fn a_sample_of_seeds_holds() {
    let network = Prepared::network(&[]);
    let running = [1, 2].map(|seed| start(&network, seed, &[]));
    for simulation in running {
        journal(simulation);
    }
}

#[test]
fn seeds_that_found_a_bug_hold() {
    let remembered: Vec<_> = remembered().collect();
    assert!(!remembered.is_empty(), "seeds.txt names none");
    let network = Prepared::network(&[]);
    // Two at once: a runner has two cores.
    for seeds in remembered.chunks(2) {
        let running: Vec<_> = seeds
            .iter()
            .map(|seed| (seed, start(&network, seed.seed, &[])))
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
