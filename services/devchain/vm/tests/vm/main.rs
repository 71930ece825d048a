//! Tests of the Move machine, one module for each behaviour: verifier, interpreter, natives, gas table.
//!
//! All modules are one program: linking takes long, and once is enough.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crypto_natives;
mod crypto_second_opinion;
mod declarations;
mod framework_fields;
mod framework_objects;
mod framework_runs;
mod gas_table;
mod mutated_modules;
mod probe;
#[cfg(feature = "proof-natives")]
mod proof_natives;
mod support;
mod verification;
