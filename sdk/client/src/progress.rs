//! Progress events: what a store or a read tells while it runs.

use std::time::{Duration, Instant, SystemTime};

use walrus_core::BlobId;
use walrus_sui::{Address, Digest};

use crate::journal::UploadStage;

/// A step of a store or a read. Ordered as they follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Blobs become slivers.
    Encode,
    /// The network is asked what it already has.
    CheckStatus,
    /// Storage is paid for and blobs are registered on chain.
    Register,
    /// Slivers go to the nodes.
    Upload,
    /// Storage confirmations are collected.
    Confirm,
    /// The certificate goes on chain.
    Certify,
    /// The metadata of a blob is fetched.
    FetchMetadata,
    /// Slivers are fetched.
    FetchSlivers,
    /// Slivers become the blob, and the blob is checked.
    Decode,
}

impl Phase {
    /// A word or two for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Encode => "encode",
            Self::CheckStatus => "check status",
            Self::Register => "register",
            Self::Upload => "upload",
            Self::Confirm => "confirm",
            Self::Certify => "certify",
            Self::FetchMetadata => "fetch metadata",
            Self::FetchSlivers => "fetch slivers",
            Self::Decode => "decode",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ProgressEvent {
    /// A phase began.
    Started(Phase),
    /// A phase ended.
    Finished(Phase, Duration),
    /// Blobs are being encoded. Comes between `Started` and `Finished` of [`Phase::Encode`].
    Encoding {
        /// Bytes of all blobs of the store that are done; grows to `total`.
        done: u64,
        /// Bytes of all blobs.
        total: u64,
    },
    /// A blob was encoded.
    Encoded {
        /// Its ID.
        blob_id: BlobId,
        /// Its size in storage, metadata included, in bytes.
        encoded_size: u64,
    },
    /// An earlier store began the upload of a blob and was cut off: this one goes on with it, and what it paid counts.
    Resumed {
        /// The blob.
        blob_id: BlobId,
        /// When it was begun.
        begun: SystemTime,
        /// How far it had come.
        stage: UploadStage,
    },
    /// A transaction that pays for storage is about to be sent.
    Paying {
        /// For how many blobs.
        blobs: usize,
        /// How much, in FROST.
        cost: u64,
    },
    /// Blobs were registered by one transaction.
    Registered {
        /// The transaction.
        digest: Digest,
        /// The blob objects.
        objects: Vec<Address>,
    },
    /// A node took a sliver of a blob; of several blobs each is named once before, with nothing done.
    Sent {
        /// The blob.
        blob_id: BlobId,
        /// Bytes of slivers that nodes have, those that had them before included; grows towards `total`. Enough nodes may
        /// have theirs before.
        done: u64,
        /// Bytes of all slivers.
        total: u64,
    },
    /// Nodes of this many shards hold their slivers of a blob.
    Uploaded {
        /// The blob.
        blob_id: BlobId,
        /// Shards of the nodes that are done.
        weight: u16,
        /// Shards needed to go on.
        needed: u16,
        /// All shards.
        total: u16,
    },
    /// Nodes of this many shards confirmed.
    Confirmed {
        /// The blob.
        blob_id: BlobId,
        /// Shards of the nodes that confirmed.
        weight: u16,
        /// Shards needed to certify.
        needed: u16,
    },
    /// Blobs were certified by one transaction.
    Certified {
        /// The transaction.
        digest: Digest,
    },
    /// Parts of a body that is too large for one blob are stored. Comes before each batch of them, and after the last.
    Parts {
        /// Parts that are stored.
        stored: u64,
        /// All parts.
        total: u64,
    },
    /// Bytes of slivers of a blob arrived.
    Received {
        /// Bytes so far, of whatever use they are; grows to `total` and no further.
        done: u64,
        /// Bytes of the slivers that are needed. More arrive when a node is slow or sends wrong ones.
        total: u64,
    },
    /// Slivers of a blob arrived and were verified.
    SliversRead {
        /// How many.
        got: u16,
        /// How many are needed to decode.
        needed: u16,
    },
    /// A blob is being decoded and checked. Does not come for blobs that are decoded in memory.
    Decoding {
        /// Bytes done; grows to `total`.
        done: u64,
        /// Bytes that go through the code and the check.
        total: u64,
    },
}

/// Receives [`ProgressEvent`]s. Called from several tasks; must not block.
pub trait Progress: Send + Sync {
    /// Something happened.
    fn on_event(&self, event: ProgressEvent);
}

/// Ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn on_event(&self, _event: ProgressEvent) {}
}

/// Measures a phase and tells when it begins and ends.
pub(crate) struct Timer<'a> {
    phase: Phase,
    started: Instant,
    progress: &'a dyn Progress,
}

impl<'a> Timer<'a> {
    /// The phase begins now.
    pub(crate) fn start(phase: Phase, progress: &'a dyn Progress) -> Self {
        progress.on_event(ProgressEvent::Started(phase));
        Self {
            phase,
            started: Instant::now(),
            progress,
        }
    }

    /// The phase ends now.
    pub(crate) fn finish(self) -> Duration {
        let duration = self.started.elapsed();
        self.progress
            .on_event(ProgressEvent::Finished(self.phase, duration));
        duration
    }
}
