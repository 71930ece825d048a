//! Ingredients and operations of encoding and decoding: `cargo bench -p walrus-core [-- FILTER]`.
//!
//! Criterion decides how often an operation runs; each of its samples is a round between two measurements of the
//! operation's ingredients. At the end is a table of the operations that ran, as multiples of their bounds in that very run.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod ingredients;
#[path = "../multiples/mod.rs"]
mod multiples;
mod operations;

use std::time::Duration;

use criterion::Criterion;
use walrus_core::{EncodingConfig, Threads};

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(50))
        .nresamples(10_000)
        .without_plots()
        .configure_from_args();
    let threads = Threads::available();
    let configs = [1000, 100, 10].map(|n| EncodingConfig::new(n).unwrap());
    ingredients::bench(&mut criterion, &configs, &threads);
    let table = operations::bench(&mut criterion, &configs, &threads);
    criterion.final_summary();
    print!("{table}");
}
