//! The routes of an aggregator, against a store in memory.

#![allow(clippy::unwrap_used)]

mod archive;
mod concat;
mod errors;
mod headers;
mod proofs;
mod quilts;
mod ranges;
mod shares;
mod store;
