//! Decoding in memory.

use std::{collections::BTreeSet, hint::black_box, time::Instant};

use walrus_core::{
    Primary, Secondary, Threads,
    decoder::{BlobDecoder, ConsistencyCheck, check_consistency, decode_and_check},
    encoder::EncodedBlob,
};

use crate::{
    ingredients::{Ingredients, decode_seconds, encode_seconds, tree_seconds},
    measure::{Row, best, fastest, size, subset},
};

/// Seconds of all threads for parts of decoding a blob.
struct Parts<'a> {
    ingredients: &'a Ingredients,
    symbol: usize,
    cores: f64,
}

impl Parts<'_> {
    /// Decoding all codewords of an axis from symbols at these positions.
    fn code(&self, positions: &[usize], codewords: usize) -> f64 {
        let n = usize::from(self.ingredients.config.n_shards());
        let originals = positions.len();
        // Short codewords decode best some at a time.
        let batch = (1024 / self.symbol).max(1);
        let one = decode_seconds(originals, n - originals, batch * self.symbol, positions);
        one * codewords as f64 / batch as f64 / self.cores
    }

    /// Hashing so many rows.
    fn check(&self, rows: usize) -> f64 {
        let config = &self.ingredients.config;
        let n = usize::from(config.n_shards());
        let ns = usize::from(config.secondary_source_symbols());
        let row = encode_seconds(ns, n - ns, self.symbol) + tree_seconds(n, self.symbol);
        row * rows as f64 / self.cores
    }
}

pub(crate) fn measure(
    ingredients: &Ingredients,
    encoded: &EncodedBlob,
    blob: &[u8],
    threads: &Threads,
) {
    let parts = Parts {
        ingredients,
        symbol: usize::from(encoded.metadata.symbol_size().get()),
        cores: threads.count() as f64,
    };
    let print = |what: &str, seconds, bound, asked| {
        Row {
            shards: ingredients.config.n_shards(),
            what: format!("decode {} from {what}", size(blob.len())),
            bytes: blob.len(),
            seconds,
            bound: Some(bound),
            asked,
        }
        .print();
    };
    let asked = match ingredients.config.n_shards() {
        1000 => "≤ 150 ms",
        _ => "",
    };
    let (seconds, bound) = random_rows(&parts, encoded, blob, threads);
    print(
        "random primary slivers, default check",
        seconds,
        bound,
        asked,
    );
    let (seconds, bound) = random_columns(&parts, encoded, blob, threads);
    print(
        "random secondary slivers, default check",
        seconds,
        bound,
        asked,
    );
    let (seconds, bound) = systematic(&parts, encoded, blob, threads);
    print("systematic slivers", seconds, bound, "≥ 1000 MB/s");
}

fn random_rows(
    parts: &Parts<'_>,
    encoded: &EncodedBlob,
    blob: &[u8],
    threads: &Threads,
) -> (f64, f64) {
    let config = &parts.ingredients.config;
    let np = usize::from(config.primary_source_symbols());
    let ns = usize::from(config.secondary_source_symbols());
    let picked = subset(encoded.pairs.len(), np);
    let present = picked.iter().filter(|index| **index < np).count();
    let rows: Vec<_> = picked
        .iter()
        .map(|index| encoded.pairs[*index].primary.clone())
        .collect();
    let seconds = fastest(9, || {
        let rows = rows.clone();
        let start = Instant::now();
        let check = ConsistencyCheck::Default;
        let decoded =
            decode_and_check::<Primary>(&encoded.metadata, rows, check, threads.clone()).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        assert!(decoded == blob);
        seconds
    });
    let fresh = parts.ingredients.fresh(blob.len());
    let bound = fresh + parts.code(&picked, ns) + parts.check(np - present);
    (seconds, bound)
}

fn random_columns(
    parts: &Parts<'_>,
    encoded: &EncodedBlob,
    blob: &[u8],
    threads: &Threads,
) -> (f64, f64) {
    let (n, config) = (encoded.pairs.len(), parts.ingredients.config);
    let np = usize::from(config.primary_source_symbols());
    let picked = subset(n, usize::from(config.secondary_source_symbols()));
    let mut decoder = BlobDecoder::<Secondary>::new(config, blob.len() as u64).unwrap();
    decoder = decoder.with_threads(threads.clone());
    for index in &picked {
        decoder.add(encoded.pairs[n - 1 - index].secondary.clone());
    }
    let seconds = best(9, || {
        let decoded = decoder.decode().unwrap();
        let (check, verified) = (ConsistencyCheck::Default, BTreeSet::new());
        check_consistency(
            &encoded.metadata,
            &decoded,
            check,
            &verified,
            threads.clone(),
        )
        .unwrap();
    });
    let fresh = parts.ingredients.fresh(blob.len());
    let bound = fresh + parts.code(&picked, np) + parts.check(np);
    (seconds, bound)
}

fn systematic(
    parts: &Parts<'_>,
    encoded: &EncodedBlob,
    blob: &[u8],
    threads: &Threads,
) -> (f64, f64) {
    let config = parts.ingredients.config;
    let mut decoder = BlobDecoder::<Primary>::new(config, blob.len() as u64).unwrap();
    decoder = decoder.with_threads(threads.clone());
    for pair in &encoded.pairs[..usize::from(config.primary_source_symbols())] {
        decoder.add(pair.primary.clone());
    }
    let seconds = best(9, || {
        black_box(decoder.decode().unwrap());
    });
    (seconds, parts.ingredients.fresh(blob.len()))
}
