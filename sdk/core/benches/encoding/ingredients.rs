//! Ingredients by themselves.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use walrus_core::{EncodingConfig, Threads};

use crate::multiples::{
    ingredient::{Codewords, Ingredient},
    inputs::MIB,
};

/// How long Criterion measures an ingredient.
const PERIOD: Duration = Duration::from_millis(500);
/// For how long it is measured for each iteration.
const STRETCH: Duration = Duration::from_millis(5);
/// Hashes of an iteration.
const HASHES: u32 = 1000;

/// Of codes and of hashing, an iteration is a MiB or a thousand hashes of all threads together.
pub(crate) fn bench(criterion: &mut Criterion, configs: &[EncodingConfig], threads: &Threads) {
    let mut group = criterion.benchmark_group(format!("ingredients, {} threads", threads.count()));
    group.measurement_time(PERIOD);
    for ingredient in all(configs) {
        let (units, throughput) = match ingredient {
            Ingredient::Leaf(_) | Ingredient::Node => {
                (f64::from(HASHES), Throughput::Elements(HASHES.into()))
            }
            _ => (MIB as f64, Throughput::Bytes(MIB as u64)),
        };
        group.throughput(throughput);
        group.bench_function(ingredient.to_string(), |bench| {
            bench.iter_custom(|iterations| {
                let stretch = STRETCH.saturating_mul(iterations.try_into().unwrap_or(u32::MAX));
                let rate = ingredient.rate(threads.count(), stretch);
                Duration::from_secs_f64(iterations as f64 * units / rate)
            });
        });
    }
    group.finish();
}

/// Codes over so many shards, hashes of symbols of any size, memory.
fn all(configs: &[EncodingConfig]) -> Vec<Ingredient> {
    let codes = configs.iter().flat_map(|config| {
        let axes = [
            config.secondary_source_symbols(),
            config.primary_source_symbols(),
        ];
        let axes = axes.map(|originals| Codewords::of_best_size(config, originals));
        let encode = axes.map(Ingredient::Encode);
        encode.into_iter().chain(axes.map(Ingredient::Decode))
    });
    let leaves = [2, 152, 1206, 16 << 10].map(Ingredient::Leaf);
    codes
        .chain(leaves)
        .chain([
            Ingredient::Node,
            Ingredient::FreshMemory,
            Ingredient::OldMemory,
        ])
        .collect()
}
