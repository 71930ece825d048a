//! Chain: from its events to the node's state, and the transactions that the node sends. Node spec 2 and 5.4.
//!
//! The state is a fold over the events: [`fold()`] writes what one event does to the tables, together with the cursor, in one
//! atomic batch. What an event sets in motion beyond the tables is an [`Effect`]; effects that outlive the process (recovery of a
//! certified blob) are queue records in the same batch.
//!
//! * `EventProcessor` follows the event stream.
//! * `EpochChanges` carries out what the beginning of an epoch asks for.
//! * `EpochDriver` sends the transactions that keep epochs going.

mod epoch_change;
mod epoch_driver;
mod fold;
mod incomplete;
mod lag;
mod pace;
mod processor;
mod tip;

#[cfg(test)]
pub(crate) use self::epoch_driver::tests::staking;
pub(crate) use self::{
    epoch_change::EpochChanges, epoch_driver::EpochDriver, lag::LagCheck, pace::Pace,
    processor::EventProcessor,
};
pub use self::{
    fold::{Effect, FoldError, fold},
    tip::ChainTip,
};
