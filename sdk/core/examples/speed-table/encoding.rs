//! Blob IDs and encoding in memory.

use std::hint::black_box;

use walrus_core::{Threads, encoder::BlobEncoder};

use crate::{
    MIB,
    ingredients::Ingredients,
    measure::{Row, best, random, size},
};

pub(crate) fn blob_id(ingredients: &Ingredients, length: usize, threads: &Threads) {
    let blob = random(length);
    let encoder = BlobEncoder::new(ingredients.config, &blob).unwrap();
    let encoder = encoder.with_threads(threads.clone());
    let runs = if length > MIB { 7 } else { 25 };
    let seconds = best(runs, || {
        black_box(encoder.compute_blob_id().unwrap());
    });
    Row {
        shards: ingredients.config.n_shards(),
        what: format!("blob ID of {}", size(length)),
        bytes: length,
        seconds,
        bound: Some(ingredients.blob_id(length)),
        asked: if length > MIB { "" } else { "≤ 1.4" },
    }
    .print();
}

pub(crate) fn encode(ingredients: &Ingredients, length: usize, threads: &Threads) {
    let blob = random(length);
    let encoder = BlobEncoder::new(ingredients.config, &blob).unwrap();
    let encoder = encoder.with_threads(threads.clone());
    let runs = match length {
        _ if length > 32 * MIB => 3,
        _ if length > MIB => 9,
        _ => 25,
    };
    let seconds = best(runs, || {
        black_box(encoder.encode().unwrap());
    });
    Row {
        shards: ingredients.config.n_shards(),
        what: format!("encode {} with metadata", size(length)),
        bytes: length,
        seconds,
        bound: Some(ingredients.encoding(length)),
        asked: if length > 32 * MIB {
            "≤ 1.6"
        } else {
            "≤ 1.5"
        },
    }
    .print();
}
