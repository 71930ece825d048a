#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod backoff;
pub mod clock;
pub mod envelope;
pub mod follow;
pub mod metrics;
pub mod request;
pub mod server;
pub mod tables;
pub mod tls;
pub mod worker;
