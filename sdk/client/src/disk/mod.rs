//! Files that a store or a read makes: for what does not fit in memory, and for what was read.

pub(crate) mod arriving;
mod output;
mod space;
mod spool;

pub use output::Output;
pub use spool::{Spool, SpoolError};
