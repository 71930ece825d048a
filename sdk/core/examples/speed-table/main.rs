//! Measures operations beside what they are made of, and prints them as multiples of the bound that the ingredients give:
//! `cargo run --release -p walrus-core --example speed-table [-- --shards N] [--rounds N] [--files GIB --directory DIR]`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod arguments;
mod files;
#[path = "../../benches/multiples/mod.rs"]
mod multiples;
mod process;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use arguments::{Arguments, Request};
use files::Workplace;
use multiples::{
    operation::Case,
    paired::Paired,
    table::{self, Ingredients, Row},
};
use walrus_core::{Threads, hashing::HashKernel};

/// Time for an operation in memory, where that is rounds enough and not too many.
const PERIOD: Duration = Duration::from_secs(4);
const FEWEST_ROUNDS: u32 = 5;
const MOST_ROUNDS: u32 = 45;

fn main() -> ExitCode {
    match Request::parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => print!("{}", arguments::HELP),
        Ok(Request::Measure(arguments)) => measure(&arguments),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn measure(arguments: &Arguments) {
    let threads = Threads::available();
    println!(
        "{}; {} threads, {:?} hashing; medians of rounds, each between measurements of its ingredients\n\n{}",
        process::processor(),
        threads.count(),
        HashKernel::detect(),
        table::HEAD
    );
    let mut ingredients = Ingredients::default();
    for config in &arguments.configs {
        if let Some(length) = arguments.files {
            let rounds = arguments.rounds.unwrap_or(1);
            let directory = &arguments.directory;
            Workplace::new(*config, length, directory, &threads, rounds).measure(&mut ingredients);
            continue;
        }
        for case in multiples::cases(*config, &threads) {
            in_memory(case, arguments.rounds, &mut ingredients);
        }
    }
    print!("\nIngredients, all threads together:\n\n{ingredients}");
}

fn in_memory(case: Case, rounds: Option<u32>, ingredients: &mut Ingredients) {
    let mut paired = Paired::new((case.prepare)());
    let start = Instant::now();
    let is_enough = |done: u32| match rounds {
        Some(rounds) => done >= rounds,
        None => done >= MOST_ROUNDS || done >= FEWEST_ROUNDS && start.elapsed() >= PERIOD,
    };
    for done in 0.. {
        if is_enough(done) {
            break;
        }
        paired.round(1);
    }
    let (label, figures) = (case.label, paired.figures());
    println!("{}", Row { label, figures });
    ingredients.add(figures.threads, paired.rates());
}
