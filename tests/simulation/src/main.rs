//! Runs simulations, one seed after the other.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::ensure;
use clap::Parser;
use walrus_simulation::{Plan, prepare, simulate};

/// Runs a whole network in one thread and in virtual time: nodes, chain and clients with seeded faults.
///
/// A seed that fails is told with its journal and the command that repeats it.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  cargo run -p walrus-simulation -- --seed 7                 one seed
  cargo run -p walrus-simulation -- --seed 7 --verbose       the same, its journal printed as it goes
  cargo run -p walrus-simulation -- --seed 100 --seeds 50    the seeds 100 to 149")]
struct Arguments {
    /// The first seed.
    #[arg(long)]
    seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Nodes of the first committee; a fifth as many may join.
    #[arg(long, default_value_t = Plan::of_seed(0).nodes)]
    nodes: u16,
    /// Epochs with load and faults.
    #[arg(long, default_value_t = Plan::of_seed(0).epochs)]
    epochs: u32,
    /// Blobs that are stored.
    #[arg(long, default_value_t = Plan::of_seed(0).stores)]
    stores: u32,
    /// Faults that happen.
    #[arg(long, default_value_t = Plan::of_seed(0).faults)]
    faults: u32,
    /// Prints the journal as it is written. What nodes log is up to RUST_LOG.
    #[arg(long, short)]
    verbose: bool,
    /// The directory of a network to start from, which is made if it is not there: networks of a size are alike until a seed begins. It
    /// is of no use to another version of this program.
    #[arg(long, value_name = "DIRECTORY")]
    prepared: Option<PathBuf>,
    /// Prepares the network, and ends.
    #[arg(long, requires = "prepared")]
    prepare_only: bool,
}

impl Arguments {
    fn plan(&self, seed: u64) -> Plan {
        Plan {
            seed,
            nodes: self.nodes,
            epochs: self.epochs,
            stores: self.stores,
            faults: self.faults,
        }
    }

    fn command(&self, seed: u64) -> String {
        format!(
            "cargo run -p walrus-simulation -- --seed {seed} --nodes {} --epochs {} --stores {} --faults {}",
            self.nodes, self.epochs, self.stores, self.faults
        )
    }
}

impl Arguments {
    /// The same program for one seed.
    fn alone(&self, seed: u64, prepared: &Path) -> anyhow::Result<Command> {
        let mut alone = Command::new(std::env::current_exe()?);
        alone.args(["--seed", &seed.to_string()]);
        alone.args(["--nodes", &self.nodes.to_string()]);
        alone.args(["--epochs", &self.epochs.to_string()]);
        alone.args(["--stores", &self.stores.to_string()]);
        alone.args(["--faults", &self.faults.to_string()]);
        alone.arg("--prepared").arg(prepared);
        if self.verbose {
            alone.arg("--verbose");
        }
        Ok(alone)
    }

    /// Has the network prepared by another process: what a simulation does depends on how many runtimes its own has had.
    fn have_prepared(&self, prepared: &Path) -> anyhow::Result<()> {
        if !prepared.is_dir() {
            let mut preparing = self.alone(self.seed, prepared)?;
            let done = preparing.arg("--prepare-only").status()?;
            ensure!(done.success(), "the network cannot be prepared");
        }
        Ok(())
    }

    /// Runs each seed in a process of its own.
    fn each_alone(&self, prepared: &Path) -> anyhow::Result<ExitCode> {
        let mut failed = 0_u64;
        for seed in (self.seed..).take(usize::try_from(self.seeds)?) {
            if !self.alone(seed, prepared)?.status()?.success() {
                failed += 1;
            }
        }
        println!("{} seeds, {failed} failed", self.seeds);
        Ok(if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// Runs the one seed in this process.
    fn here(&self, prepared: &Path) -> anyhow::Result<ExitCode> {
        let (seed, begun) = (self.seed, std::time::Instant::now());
        let report = simulate(self.plan(seed), prepared, self.verbose)?;
        let (digest, took) = (report.digest(), begun.elapsed().as_secs_f64());
        let digest = digest.get(..16).unwrap_or_default();
        let Some(failure) = &report.failure else {
            println!(
                "seed {seed}: {} blobs, {took:.1} s, journal {digest}",
                report.blobs
            );
            return Ok(ExitCode::SUCCESS);
        };
        if !self.verbose {
            println!("{}", report.journal);
        }
        println!("seed {seed} FAILED after {took:.1} s: {failure}");
        println!("again: {} --verbose", self.command(seed));
        Ok(ExitCode::FAILURE)
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .without_time()
        .init();
    let temporary = tempfile::tempdir()?;
    let prepared = match &arguments.prepared {
        Some(prepared) => prepared.clone(),
        None => temporary.path().join("prepared"),
    };
    if arguments.prepare_only {
        prepare(&arguments.plan(arguments.seed), &prepared)?;
        return Ok(ExitCode::SUCCESS);
    }
    arguments.have_prepared(&prepared)?;
    match arguments.seeds {
        1 => arguments.here(&prepared),
        _ => arguments.each_alone(&prepared),
    }
}
