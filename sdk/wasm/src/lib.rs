#![doc = include_str!("../README.md")]
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::cast_possible_truncation, clippy::indexing_slicing)
)]

mod blob_id;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub mod exports;
mod range;

pub use blob_id::{MEMORY, blob_id};
pub use range::{Body, RangeError, verify_range};
