//! Contract harness: the Move packages on the embedded chain, in one thread and without a network: what a validator would run, as
//! a library that tests drive.
//!
//! * [`Chain`] is a ledger in memory: accounts, signed transactions, gas, events, objects, and a clock that moves
//!   only when it is told to.
//! * [`Ptb`] builds programmable transactions from object IDs.
//! * [`Deployment`] publishes `wal` and `walrus` and the packages beside them (contracts spec 12.1).
//! * [`gas`] measures what every entry point costs.
//! * [`Network`] is a deployment with storage nodes: registration, stake, epochs, certificates.
//!
//! Everything is deterministic: keys follow from names, IDs from transactions, time from the test. The harness
//! panics where a test could not go on; what a test may want to see fail is a value.
// A broken assumption of the harness ends the test that made it.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod account;
mod blobs;
mod bytecode;
mod chain;
mod deployment;
mod executed;
pub mod gas;
mod network;
mod node;
mod ptb;
mod replacement;
mod state;
mod subsidies;
mod upgrade;

pub use account::Account;
pub use blobs::BlobSpec;
pub use chain::Chain;
pub use deployment::{Deployment, DeploymentOptions};
pub use executed::{Abort, Executed};
pub use network::{Network, NetworkOptions};
pub use node::{Node, NodeOptions};
pub use ptb::Ptb;
pub use state::PoolOverview;
pub use upgrade::{COMPILED_VERSION, NewPackage};

/// FROST in one WAL.
pub const WAL: u64 = 1_000_000_000;
