//! Files that a store or a read makes: for what does not fit in memory, and for what was read.

mod output;
mod scratch;
mod space;

pub use output::Output;
pub use scratch::{Scratch, ScratchError};
