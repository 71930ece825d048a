//! Measures what encoding is made of and every operation in the same run, and prints operations as multiples of the
//! bound that the ingredients give:
//! `cargo run --release -p walrus-core --example speed-table [-- --shards N] [--files GIB --directory DIR]`.
//!
//! With `--files`, blobs of that size go from files to files in `DIR`, which needs room for seven of them.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod decoding;
mod encoding;
mod files;
mod ingredients;
mod measure;
mod slivers;

use std::path::PathBuf;

use ingredients::Ingredients;
use walrus_core::{EncodingConfig, Threads, encoder::BlobEncoder, hashing::HashKernel};

const MIB: usize = 1 << 20;

struct Arguments {
    shards: Vec<u16>,
    files: u64,
    directory: PathBuf,
}

impl Arguments {
    fn parse() -> Self {
        let mut parsed = Self {
            shards: vec![1000, 100, 10],
            files: 0,
            directory: std::env::temp_dir(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next();
            let value = || {
                value
                    .clone()
                    .unwrap_or_else(|| panic!("{name} needs a value"))
            };
            match name.as_str() {
                "--shards" => parsed.shards = vec![value().parse().unwrap()],
                "--files" => parsed.files = value().parse().unwrap(),
                "--directory" => parsed.directory = value().into(),
                _ => panic!("unknown argument {name}"),
            }
        }
        parsed
    }
}

fn main() {
    let arguments = Arguments::parse();
    let threads = Threads::available();
    println!(
        "{}; {} threads, {:?} hashing; elapsed time, best of several runs\n",
        measure::processor(),
        threads.count(),
        HashKernel::detect()
    );
    println!("Ingredients, all threads:\n");
    Ingredients::print_head();
    let measured: Vec<_> = arguments
        .shards
        .iter()
        .map(|n| {
            let config = EncodingConfig::new(*n).unwrap();
            let ingredients = Ingredients::measure(config, &threads);
            ingredients.print();
            ingredients
        })
        .collect();
    println!();
    measure::print_head();
    for ingredients in &measured {
        match arguments.files {
            0 => in_memory(ingredients, &threads),
            gib => files::measure(ingredients, gib << 30, &arguments.directory, &threads),
        }
    }
}

/// The operations with everything in memory.
fn in_memory(ingredients: &Ingredients, threads: &Threads) {
    let config = ingredients.config;
    let (ids, encoded): (&[usize], &[usize]) = match config.n_shards() {
        0..50 => (&[1, MIB], &[MIB]),
        50..500 => (&[1, MIB, 32 * MIB], &[32 * MIB, 128 * MIB]),
        _ => (&[1, MIB, 32 * MIB], &[32 * MIB, 256 * MIB]),
    };
    for length in ids {
        encoding::blob_id(ingredients, *length, threads);
    }
    for length in encoded {
        encoding::encode(ingredients, *length, threads);
    }
    let blob = measure::random(encoded[0]);
    let encoder = BlobEncoder::new(config, &blob).unwrap();
    let encoded = encoder.with_threads(threads.clone()).encode().unwrap();
    decoding::measure(ingredients, &encoded, &blob, threads);
    slivers::measure(ingredients, &encoded);
}
