//! Event position in the ledger.

use serde::{Deserialize, Serialize};
use sui_sdk_types::Digest;

/// A place in the totally ordered sequence of all events of the chain.
///
/// As a cursor it names the first place that is *not yet* processed: after an event commit
/// [`EventPosition::next`], after a watermark [`EventPosition::after_checkpoint`].
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EventPosition {
    /// Sequence number of the checkpoint.
    pub checkpoint: u64,
    /// Index of the transaction in the checkpoint.
    pub transaction_index: u32,
    /// Index of the event in the transaction.
    pub event_index: u32,
}

impl EventPosition {
    /// The beginning of the ledger.
    pub const GENESIS: Self = Self::at_checkpoint(0);

    /// The beginning of a checkpoint.
    pub const fn at_checkpoint(checkpoint: u64) -> Self {
        Self {
            checkpoint,
            transaction_index: 0,
            event_index: 0,
        }
    }

    /// The beginning of the checkpoint after this one.
    pub const fn after_checkpoint(checkpoint: u64) -> Self {
        Self::at_checkpoint(checkpoint.saturating_add(1))
    }

    /// The place directly after the event at this position.
    pub const fn next(self) -> Self {
        Self {
            event_index: self.event_index.saturating_add(1),
            ..self
        }
    }
}

impl std::fmt::Display for EventPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}.{}.{}",
            self.checkpoint, self.transaction_index, self.event_index
        )
    }
}

/// The name of an event that explorers use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EventId {
    /// Digest of the transaction.
    pub transaction_digest: Digest,
    /// Index of the event in the transaction.
    pub event_index: u32,
}
