#![doc = include_str!("../README.md")]
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

pub mod aggregator;
mod api;
mod blocklist;
mod http;
pub mod limits;
mod limits_page;
pub mod publisher;
mod reason;
pub mod relay;
mod service;
mod spool;
pub mod store;

pub use blocklist::BlocklistFile;
pub use service::{Gateway, Listeners, Services, StartError, openapi};
