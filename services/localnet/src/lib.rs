//! Local Walrus network in one process: an embedded chain, the deployed contracts and storage nodes.
//!
//! The nodes reach the chain through its gRPC address and each other through HTTPS, exactly as on a public network. Used by the
//! command line (`walrus localnet`, `walrus demo`) and by the end-to-end tests. [`LocalChain`] is the chain alone (`walrus
//! devchain`).
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod authority;
mod chain;
mod control;
mod directory;
mod doors;
mod files;
mod hosted;
#[cfg(unix)]
mod leftovers;
mod membership;
mod network;
mod operator;
mod options;
mod ports;
mod state;
mod steps;

pub use chain::{
    DEFAULT_SEED, LocalChain, LocalChainOptions, chain_wallet_path, default_account,
    default_chain_directory, is_chain_running,
};
pub use control::{NodeListing, NodeOrder, Order, OrderAnswer, Orders, give_order};
pub use files::{network_json_path, node_config_path, node_log_path};
pub use network::{FailedNode, Localnet};
pub use options::{LocalnetOptions, STAKE_PER_NODE};
pub use state::{NetworkShape, network_shape};
pub use steps::{Observer, Silent, Step};
