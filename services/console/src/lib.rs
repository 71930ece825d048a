#![doc = include_str!("../README.md")]
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

mod assets;
mod page;
mod service;

pub use page::{Settings, router};
pub use service::Console;
