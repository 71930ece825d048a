//! Runs simulations, one seed after the other.

use std::process::{Command, ExitCode};

use clap::Parser;
use walrus_simulation::{Plan, simulate};

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

/// Runs each seed in a process of its own: what a simulation does depends on how many runtimes its process has had.
fn each_alone(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut failed = 0_u64;
    for seed in (arguments.seed..).take(usize::try_from(arguments.seeds)?) {
        let mut alone = Command::new(std::env::current_exe()?);
        alone.args(["--seed", &seed.to_string()]);
        alone.args(["--nodes", &arguments.nodes.to_string()]);
        alone.args(["--epochs", &arguments.epochs.to_string()]);
        alone.args(["--stores", &arguments.stores.to_string()]);
        alone.args(["--faults", &arguments.faults.to_string()]);
        if arguments.verbose {
            alone.arg("--verbose");
        }
        if !alone.status()?.success() {
            failed += 1;
        }
    }
    println!("{} seeds, {failed} failed", arguments.seeds);
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .without_time()
        .init();
    if arguments.seeds > 1 {
        return each_alone(&arguments);
    }
    let (seed, begun) = (arguments.seed, std::time::Instant::now());
    let report = simulate(arguments.plan(seed), arguments.verbose)?;
    let (digest, took) = (report.digest(), begun.elapsed().as_secs_f64());
    let digest = digest.get(..16).unwrap_or_default();
    let Some(failure) = &report.failure else {
        println!(
            "seed {seed}: {} blobs, {took:.1} s, journal {digest}",
            report.blobs
        );
        return Ok(ExitCode::SUCCESS);
    };
    if !arguments.verbose {
        println!("{}", report.journal);
    }
    println!("seed {seed} FAILED after {took:.1} s: {failure}");
    println!("again: {} --verbose", arguments.command(seed));
    Ok(ExitCode::FAILURE)
}
