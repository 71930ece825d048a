//! Tests of the storage node, one module for each behaviour: a node without a chain, whose events are folded in directly.
//!
//! All modules are one program: linking takes long, and once is enough.
#![allow(clippy::unwrap_used)]

mod blob_info;
mod checks;
mod config;
mod formats;
mod golden_vectors;
mod incomplete_history;
mod invalid_blobs;
mod measured;
mod moving;
mod operator;
mod pieces;
mod rest;
mod segments;
mod shards;
mod shutdown;
mod snapshots;
mod support;
mod symbol_trees;
mod tls;
