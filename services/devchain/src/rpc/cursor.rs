//! Cursors: positions in the ledger, as opaque bytes for list streams and subscriptions.

use prost::bytes::Bytes;
use sui_rpc::proto::sui::rpc::v2::Watermark;
use tonic::Status;

use super::error::invalid;

/// A place in canonical ledger order. Checkpoint items stand at the end of their checkpoint,
/// transaction items at the end of their transaction. On the wire: version 1, then checkpoint (8
/// bytes), transaction (8) and event (4), big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    pub(crate) checkpoint: u64,
    pub(crate) transaction: u64,
    pub(crate) event: u32,
}

const VERSION: u8 = 1;

impl Cursor {
    /// Before everything in a checkpoint.
    pub(crate) fn start_of(checkpoint: u64) -> Self {
        Self {
            checkpoint,
            transaction: 0,
            event: 0,
        }
    }

    /// After everything in a checkpoint; also the position of the checkpoint itself.
    pub(crate) fn end_of(checkpoint: u64) -> Self {
        Self {
            checkpoint,
            transaction: u64::MAX,
            event: u32::MAX,
        }
    }

    /// The position of a transaction.
    pub(crate) fn transaction(checkpoint: u64, transaction: u64) -> Self {
        Self {
            checkpoint,
            transaction,
            event: u32::MAX,
        }
    }

    pub(crate) fn encode(self) -> Bytes {
        let mut bytes = Vec::with_capacity(21);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.checkpoint.to_be_bytes());
        bytes.extend_from_slice(&self.transaction.to_be_bytes());
        bytes.extend_from_slice(&self.event.to_be_bytes());
        bytes.into()
    }

    pub(crate) fn decode(field: &str, bytes: &[u8]) -> Result<Self, Status> {
        let refuse = || invalid(field, "not a cursor of this chain");
        let (version, rest) = bytes.split_first().ok_or_else(refuse)?;
        let (checkpoint, rest) = rest.split_first_chunk().ok_or_else(refuse)?;
        let (transaction, rest) = rest.split_first_chunk().ok_or_else(refuse)?;
        let (event, rest) = rest.split_first_chunk().ok_or_else(refuse)?;
        if *version != VERSION || !rest.is_empty() {
            return Err(refuse());
        }
        Ok(Self {
            checkpoint: u64::from_be_bytes(*checkpoint),
            transaction: u64::from_be_bytes(*transaction),
            event: u32::from_be_bytes(*event),
        })
    }

    /// A watermark at this position.
    pub(crate) fn watermark(self, covered: Option<u64>) -> Watermark {
        let mut watermark = Watermark::default();
        watermark.cursor = Some(self.encode());
        watermark.checkpoint = covered;
        watermark
    }
}
