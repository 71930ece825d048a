#!/usr/bin/env bash
# Guessed: recovery shard i depends on the data alone, so that an archive can get more parity later, and that a decoder may name any number of
#   recovery shards that is not too small.
# Seen: in reed-solomon-simd 3.1.0 it depends on how many are made, too. For 10 originals, all recovery shards are others when
#   the count grows from 1 to 2, 2 to 3, 4 to 5 and 8 to 9 (the next power of two); at any other step up to 40 the earlier ones stay. A decoder that is
#   told 9 recovery shards restores other bytes from shards of an encoder of 8, and says Ok.
# For users: both counts are part of the format and belong into the header; adding parity beyond a power of two means making all of it again.
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
use reed_solomon_simd::{decode, encode};

fn main() {
    let originals: Vec<Vec<u8>> = (0..10u8).map(|i| vec![i + 1; 64]).collect();
    let recovery = |count| encode(10, count, &originals).expect("valid counts");

    let changed: Vec<usize> = (2..=40)
        .filter(|&count| recovery(count)[..count - 1] != recovery(count - 1)[..])
        .collect();
    println!("earlier recovery shards are others when this many are made: {changed:?}");
    assert_eq!(changed, [2, 3, 5, 9]);

    // Shard 0 is lost; shard 0 of the eight recovery shards replaces it.
    let eight = recovery(8);
    let kept = || originals.iter().enumerate().skip(1);
    for told in [8, 9] {
        let restored = decode(10, told, kept(), [(0, &eight[0])]).expect("enough shards");
        let right = restored[&0] == originals[0];
        println!("a decoder told {told} recovery shards: Ok, bytes right: {right}");
        assert_eq!(right, told == 8);
    }
}
RUST
cargo run --quiet
