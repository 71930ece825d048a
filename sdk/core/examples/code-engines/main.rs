//! Times operations with each Reed-Solomon engine by turns, and prints how they compare:
//! `cargo run --release -p walrus-core --example code-engines [-- --rounds N] [--only TEXT] [--engine NAME]`.
//!
//! The engines of a round follow each other at once, since a virtual machine's speed can change by a factor of two within seconds;
//! ratios are medians of those of the rounds, of the fastest engine to the first one. That of processor time is of use where other
//! programs run as well. A line ends with the most that the process has grown by during the operation; with
//! `MALLOC_MMAP_THRESHOLD_=131072` in the environment glibc keeps nothing large back that it could grow into.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod operations;
#[path = "../speed-table/process.rs"]
mod process;

use std::{process::ExitCode, time::Instant};

use operations::Operation;
use walrus_core::reed_solomon::CodeEngine;

const HELP: &str = "\
Times operations of walrus-core with each Reed-Solomon engine that this CPU has, by turns, and prints a table.

Usage: cargo run --release -p walrus-core --example code-engines [-- OPTIONS]

  --rounds N     Rounds of each operation [default: 5]
  --only TEXT    Operations whose names contain this
  --engine NAME  Library, Gfni or GfniAvx512 alone, each time on a line of its own: to be compared with another build
  --help         Print this
";

struct Arguments {
    rounds: usize,
    only: String,
    engine: Option<String>,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => measure(&arguments),
        Ok(None) => print!("{HELP}"),
        Err(error) => {
            eprintln!("{error}; --help tells what there is");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn parse(mut given: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut arguments = Arguments {
        rounds: 5,
        only: String::new(),
        engine: None,
    };
    while let Some(name) = given.next() {
        if name == "--help" {
            return Ok(None);
        }
        let value = given.next().ok_or(format!("{name} needs a value"))?;
        match name.as_str() {
            "--rounds" => {
                let rounds = value.parse().ok().filter(|rounds| *rounds > 0);
                arguments.rounds = rounds.ok_or(format!("--rounds takes a number, not {value}"))?;
            }
            "--only" => arguments.only = value,
            "--engine" => arguments.engine = Some(value),
            _ => return Err(format!("there is no argument {name}")),
        }
    }
    Ok(Some(arguments))
}

fn measure(arguments: &Arguments) {
    let engines: Vec<_> = CodeEngine::available()
        .filter(|engine| {
            let name = format!("{engine:?}");
            arguments.engine.as_ref().is_none_or(|only| *only == name)
        })
        .collect();
    if arguments.engine.is_none() {
        println!(
            "{}; medians of {} rounds",
            process::processor(),
            arguments.rounds
        );
        let names = engines.iter().map(|engine| format!(" {engine:?} |"));
        println!(
            "\n| shards | operation | threads |{} ratio | of processor time | grown by |",
            names.collect::<String>()
        );
        println!("|---|---|---|{}---|---|---|", "---|".repeat(engines.len()));
    }
    for operation in operations::all(&arguments.only) {
        compare(operation, &engines, arguments);
    }
}

/// What an engine has taken, round by round.
#[derive(Default, Clone)]
struct Taken {
    /// Seconds of an operation.
    times: Vec<f64>,
    /// Seconds of all processors together.
    processor_times: Vec<f64>,
}

/// Rounds of one operation, each with every engine.
fn compare(mut operation: Operation, engines: &[CodeEngine], arguments: &Arguments) {
    let mut taken = vec![Taken::default(); engines.len()];
    let mut grown = 0;
    for round in 0..=arguments.rounds {
        for (engine, taken) in engines.iter().zip(&mut taken) {
            engine.force();
            let run = (operation.prepare)();
            process::forget_peak_memory();
            let (before, processor) = (process::peak_memory(), process::processor_time());
            let start = Instant::now();
            let result = run();
            let time = start.elapsed().as_secs_f64() / operation.calls;
            let processor = process::processor_time().zip(processor);
            // The first round makes tables and work areas.
            if round > 0 {
                taken.times.push(time);
                let worked = processor.map_or(0.0, |(after, before)| after - before);
                taken.processor_times.push(worked / operation.calls);
                grown = grown.max(process::peak_memory().saturating_sub(before));
            }
            drop(result);
        }
    }
    let Operation {
        shards,
        name,
        threads,
        ..
    } = operation;
    let Some((first, last)) = taken.first().zip(taken.last()) else {
        return;
    };
    if arguments.engine.is_some() {
        let (time, worked) = (median(&last.times), median(&last.processor_times));
        println!("{shards}\t{name}\t{threads}\t{time:.9}\t{worked:.9}\t{grown}");
        return;
    }
    let times = taken
        .iter()
        .map(|taken| format!(" {} |", readable(median(&taken.times))));
    println!(
        "| {shards} | {name} | {threads} |{} {:.2} | {:.2} | {grown} MiB |",
        times.collect::<String>(),
        ratio(&last.times, &first.times),
        ratio(&last.processor_times, &first.processor_times),
    );
}

/// The median of the ratios of the rounds.
fn ratio(last: &[f64], first: &[f64]) -> f64 {
    let ratios = last.iter().zip(first).map(|(last, first)| last / first);
    median(&ratios.collect::<Vec<_>>())
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn readable(seconds: f64) -> String {
    match seconds {
        0.0..1e-3 => format!("{:.2} µs", seconds * 1e6),
        _ => format!("{:.2} ms", seconds * 1e3),
    }
}
