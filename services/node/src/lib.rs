//! The Walrus storage node.
//!
//! A node's state is a fold over chain events ([`chain`]) plus the slivers it holds ([`storage`]). It serves a REST API ([`api`])
//! and signs that it stores a blob only when it saw the registration and holds every sliver of its shards.
//!
//! | module | what lives there | stands on |
//! |---|---|---|
//! | [`storage`] | tables and segments, behind verbs | |
//! | [`committee`] | who is responsible for which shards | |
//! | [`blobs`] | uploads, reads, confirmations, symbols: a deed each | `storage`, `committee` |
//! | [`shards`] | the life of a shard: assign, fill, lock, attest | `storage`, `committee` |
//! | [`healing`] | recovery of what is missing, deletion of what has ended | `blobs`, `shards` |
//! | [`chain`] | event fold, epoch changes, epoch driver | `healing` and all below |
//! | `event_blobs` | events as blobs: written with the others, read to catch up | `blobs`, `storage` |
//! | [`health`], [`api`] | how the node is; routes, and errors as HTTP | `blobs`, `chain` |
//! | [`parts`], `node` | composition, start and shutdown | everything |
//!
//! Where new things go: a route in [`api`], beside the others, and what it is about in a deed of its own, which [`parts`] makes and
//! [`api::Deeds`] hands out; a background job is a [`Worker`](walrus_service::worker::Worker) in the folder of its subject, which
//! `node` starts; a record is a table in [`storage`] with verbs around it.
//!
//! A background job that fails stops the others and ends the process ([`RunningNode::failed`]); until then the health document and
//! the log tell which it was. What goes wrong with a single blob is tried again.
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod api;
pub mod blobs;
pub mod chain;
pub mod checks;
pub mod committee;
pub mod config;
mod event_blobs;
pub mod healing;
pub mod health;
mod limits;
pub mod metrics;
pub mod monitoring;
mod node;
pub mod operator;
pub mod parts;
pub mod prices;
pub mod shards;
pub mod signal;
pub mod snapshots;
pub mod storage;
pub mod tls;
pub mod upkeep;
mod view;
mod work;

pub use blobs::{BlocklistError, read_blocklist};
pub use config::NodeConfig;
pub use node::{CaughtUp, Listeners, PreparedNode, RunningNode, Surroundings};
pub use view::NodeView;
pub use work::WorkPlace;
