//! Elements: what an event blob is a sequence of.

use super::{MAX_ELEMENT_BYTES, wire};
use crate::events::ContractEvent;

/// The name of an event, the same at all nodes: its transaction, and its number among the contract's events of that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct EventName {
    /// Digest of the transaction.
    pub tx_digest: [u8; 32],
    /// Its number, from 0.
    pub sequence: u64,
}

/// An element of the stream that all nodes read, and its place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// What it is.
    pub content: Content,
    /// Sequence number of its checkpoint.
    pub checkpoint: u64,
    /// Its number in the checkpoint, from 0; the end of the checkpoint has one as well.
    pub counter: u64,
    /// Its number in the stream, from 0.
    pub index: u64,
}

/// What an element is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum Content {
    /// An event of the contract.
    Event {
        /// Its name.
        name: EventName,
        /// The event.
        event: ContractEvent,
    },
    /// The end of the checkpoint.
    Boundary,
}

/// What is no element.
#[derive(Debug, thiserror::Error)]
pub enum ElementError {
    /// An event that this version does not know has no bytes.
    #[error("upgrade required: the event {event_type} has no form that is known")]
    Unknown {
        /// Its type.
        event_type: String,
    },
    /// Longer than any.
    #[error("an element of {bytes} bytes, of at most {MAX_ELEMENT_BYTES}")]
    TooLong {
        /// How long.
        bytes: usize,
    },
    /// Not the BCS of one.
    #[error("no element: {0}")]
    Malformed(#[from] bcs::Error),
}

impl Element {
    /// Its BCS.
    ///
    /// # Errors
    /// [`ElementError::Unknown`], [`ElementError::TooLong`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, ElementError> {
        let bytes = bcs::to_bytes(&wire::Indexed::try_from(self)?)?;
        bounded(&bytes)?;
        Ok(bytes)
    }

    /// The element of exactly these bytes.
    ///
    /// # Errors
    /// [`ElementError::TooLong`], [`ElementError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ElementError> {
        bounded(bytes)?;
        Ok(bcs::from_bytes::<wire::Indexed>(bytes)?.into())
    }

    /// Whether it ends a checkpoint.
    pub fn is_boundary(&self) -> bool {
        matches!(self.content, Content::Boundary)
    }
}

fn bounded(bytes: &[u8]) -> Result<(), ElementError> {
    let bytes = bytes.len();
    if bytes > MAX_ELEMENT_BYTES {
        return Err(ElementError::TooLong { bytes });
    }
    Ok(())
}
