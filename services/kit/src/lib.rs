#![doc = include_str!("../README.md")]
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

pub mod blocklist;
pub mod clock;
pub mod envelope;
pub mod follow;
pub mod memory;
pub mod metrics;
pub mod request;
pub mod server;
pub mod tables;
pub mod tls;
pub mod worker;

pub use walrus_sui::backoff;
