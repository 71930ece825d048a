//! The Walrus storage node.
//!
//! A node's state is a fold over chain events ([`events`]) plus the slivers it holds ([`storage`]). It serves a REST API ([`api`])
//! and signs that it stores a blob only when it saw the registration and holds every sliver of its shards.
#![warn(missing_docs)]

pub mod api;
mod arrivals;
pub mod blob_info;
mod blocklist;
pub mod certificate_key;
pub mod committee;
pub mod config;
mod confirmations;
mod epoch;
mod epoch_driver;
pub mod event_name;
pub mod events;
mod health;
mod limits;
pub mod metrics;
mod node;
mod peers;
mod pending;
mod reads;
pub mod recovery;
pub mod refusal;
pub mod server;
pub mod state;
pub mod storage;
mod symbol_trees;
pub mod symbols;
pub mod tls;
mod uploads;

pub use blocklist::{BlocklistError, read_blocklist};
pub use config::NodeConfig;
pub use node::{Listeners, RunningNode, StorageNode};
