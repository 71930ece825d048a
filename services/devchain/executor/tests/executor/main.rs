//! Tests of transactions on a booted chain in memory, one module for each behaviour.
//!
//! All modules are one program: linking takes long, and once is enough.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod address_balances;
mod admission_rules;
mod gas_rules;
mod genesis_boots;
mod mixing_values;
mod objects_and_effects;
mod publish_walrus;
mod random;
mod random_transactions;
mod transfer_vector;
mod typing_and_limits;
mod upgrades;
mod world;
