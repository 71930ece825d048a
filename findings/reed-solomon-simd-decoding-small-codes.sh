#!/usr/bin/env bash
# Guessed: restoring one lost shard of a small code takes about as long as making the parity, and a multiple less than in a large code.
# Seen: in reed-solomon-simd 3.1.0 each call to decode looks for the error locator with a transform of 65 536 points, whatever the counts: for 4 originals
#   and 6 recovery shards of 64 bytes decoding takes a thousand times as long as encoding, and nearly as long as for 334 and 666.
# For users: with short shards decode many codewords as one (longer shards of the same places cost nothing more), or look at the positions once oneself.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "shown"
version = "0.0.0"
edition = "2021"

[dependencies]
reed-solomon-simd = "=3.1.0"
TOML
cat >src/main.rs <<'RUST'
use std::time::{Duration, Instant};

use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

const BYTES: usize = 64;

/// The shortest of many runs.
fn shortest(mut work: impl FnMut()) -> Duration {
    let run = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..300).map(run).min().expect("some runs")
}

/// How long one codeword takes, with all work areas there already: to encode, and to restore its first shard.
fn times(originals: usize, recoveries: usize) -> (Duration, Duration) {
    let shards: Vec<Vec<u8>> = (0..originals).map(|i| vec![i as u8 + 1; BYTES]).collect();
    let mut encoder = ReedSolomonEncoder::new(originals, recoveries, BYTES).expect("valid counts");
    let mut first_recovery = Vec::new();
    let encoding = shortest(|| {
        shards.iter().for_each(|shard| encoder.add_original_shard(shard).expect("a shard"));
        first_recovery = encoder.encode().expect("all shards").recovery(0).expect("made").to_vec();
    });
    let mut decoder = ReedSolomonDecoder::new(originals, recoveries, BYTES).expect("valid counts");
    let decoding = shortest(|| {
        for (index, shard) in shards.iter().enumerate().skip(1) {
            decoder.add_original_shard(index, shard).expect("a shard");
        }
        decoder.add_recovery_shard(0, &first_recovery).expect("a shard");
        let restored = decoder.decode().expect("enough shards");
        assert_eq!(restored.restored_original(0), Some(&shards[0][..]));
    });
    (encoding, decoding)
}

fn main() {
    let (encode_small, decode_small) = times(4, 6);
    let (encode_large, decode_large) = times(334, 666);
    println!("4 + 6 shards: encode {encode_small:?}, restore one {decode_small:?}");
    println!("334 + 666 shards: encode {encode_large:?}, restore one {decode_large:?}");
    assert!(decode_small > encode_small * 50, "the locator is no longer what decoding a small code takes");
    assert!(decode_small * 10 > decode_large, "decoding a small code is no longer as slow as a large one");
}
RUST
cargo run --quiet --release
