//! From chain events to the node's state. Node spec 2.
//!
//! The state is a fold over the events: [`fold()`] writes what one event does to the tables, together with the cursor, in one
//! atomic batch. What an event sets in motion beyond the tables is an [`Effect`]; effects that outlive the process (recovery of a
//! certified blob) are queue records in the same batch.

mod fold;
pub mod garbage;
mod processor;

pub use fold::{Effect, FoldError, PositionedEvent, fold};
pub(crate) use processor::EventProcessor;
