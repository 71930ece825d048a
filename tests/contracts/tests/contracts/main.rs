//! Contract tests: the Move packages on the embedded chain, in one thread.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod gas_table;
mod network_runs;
mod transaction_limits;
mod upgrades;
