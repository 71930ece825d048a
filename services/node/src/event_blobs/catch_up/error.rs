//! Why a node cannot catch up by event blobs.

use std::{io, path::PathBuf};

use walrus_core::{BlobId, Epoch};
use walrus_sdk::ClientError;
use walrus_sui::{chain::ChainError, event_blobs::EventBlobError};

use crate::{limits::MAX_EVENT_BLOB_CHAIN, storage::StorageError, work::WorkError};

/// Why a node cannot catch up, yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum CatchUpError {
    /// The chain cannot be read.
    #[error("the chain cannot be read: {0}")]
    Chain(#[from] ChainError),
    /// Nobody has certified an event blob.
    #[error(
        "the events from checkpoint {from} on are needed; the server has those from {lowest} on, and the network has certified no event blob"
    )]
    None {
        /// The first checkpoint that is needed.
        from: u64,
        /// The oldest that the server has.
        lowest: u64,
    },
    /// The newest event blob ends too early.
    #[error(
        "the events from checkpoint {from} on are needed; the server has those from {lowest} on, and the newest event blob, {blob_id}, \
         ends with {last}"
    )]
    TooOld {
        /// The first checkpoint that is needed.
        from: u64,
        /// The oldest that the server has.
        lowest: u64,
        /// The newest event blob.
        blob_id: BlobId,
        /// Its last checkpoint.
        last: u64,
    },
    /// An event blob cannot be read from the network.
    #[error("event blob {blob_id} cannot be read: {source}")]
    Unreadable {
        /// The event blob.
        blob_id: BlobId,
        /// Why.
        source: Box<ClientError>,
    },
    /// An event blob is none.
    #[error("event blob {blob_id} is malformed: {source}")]
    Malformed {
        /// The event blob.
        blob_id: BlobId,
        /// Why.
        source: EventBlobError,
    },
    /// Event blobs do not follow each other.
    #[error("event blob {blob_id} begins with element {found}, and not with {expected}")]
    Gap {
        /// The event blob.
        blob_id: BlobId,
        /// Its first element.
        found: u64,
        /// The element that comes next.
        expected: u64,
    },
    /// Older event blobs have expired, and the node has a part of the history already.
    #[error(
        "the events from element {needed} on are needed, and event blobs are left from {available} on; start with empty storage: \
         what the node stores is recovered from other nodes"
    )]
    Expired {
        /// The first element that is needed.
        needed: u64,
        /// The first one of the oldest event blob.
        available: u64,
    },
    /// Even a node that does without the beginning needs more.
    #[error(
        "event blobs are left from epoch {available} on; blobs registered before epoch {needed} may still be stored, and nobody knows \
         which"
    )]
    TooShort {
        /// The epoch of the oldest event blob.
        available: Epoch,
        /// The epoch before which it should have begun.
        needed: Epoch,
    },
    /// So many event blobs are not followed.
    #[error("more than {MAX_EVENT_BLOB_CHAIN} event blobs follow each other")]
    TooMany,
    /// Files of event blobs failed.
    #[error("cannot keep event blobs in {}: {source}", directory.display())]
    Io {
        /// Where they are kept.
        directory: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}
