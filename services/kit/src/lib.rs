#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod backoff;
pub mod clock;
pub mod metrics;
pub mod tables;
pub mod worker;
