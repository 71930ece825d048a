//! Embedded Sui-compatible chain: ledger, checkpoints, gRPC and faucet.
//!
//! One process, one writer, one validator. Every accepted transaction is executed, written to the
//! log and sealed in a signed checkpoint before it is answered. The gRPC surface is that of a Sui
//! full node (`sui.rpc.v2`), so unmodified clients work against it; see the devchain spec.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! let chain = sui_devchain::Devchain::builder().seed("demo").start().await?;
//! println!("{} {}", chain.rpc_url(), chain.faucet_url());
//! chain.shutdown().await;
//! # Ok(())
//! # }
//! ```
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod abi;
mod account;
mod builder;
mod checkpoint;
mod clock;
mod controls;
mod error;
mod faucet;
mod history;
mod indexes;
mod keeper;
mod ledger;
pub mod limits;
#[cfg(test)]
#[path = "../tests/reading/mod.rs"]
mod read_tests;
mod record;
mod render;
mod rpc;
mod running;
mod simulate;
mod store;

pub use account::Account;
pub use builder::DevchainBuilder;
pub use clock::ClockMode;
pub use error::{LedgerError, StartError, StoreError};
pub use faucet::{Grant, GrantedCoin};
pub use running::RunningChain;
pub use store::SyncPolicy;

/// Entry point: [`Devchain::builder`].
#[derive(Debug)]
pub struct Devchain;

impl Devchain {
    /// A configuration with defaults: in memory, any free ports of 127.0.0.1, random seed.
    #[must_use]
    pub fn builder() -> DevchainBuilder {
        DevchainBuilder::default()
    }
}
