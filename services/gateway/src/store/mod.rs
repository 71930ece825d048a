//! What a gateway reads from: blobs by their ID, and blob objects. The network is one ([`Network`]); tests have others.

mod cache;
mod ends;
mod network;
mod shares;

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{future::BoxFuture, stream::BoxStream};
use walrus_sdk::{Address, BlobId, BodyProof, Epoch, QuiltPatch, QuiltPatchId};
use walrus_service::server::Caller;

pub use network::{CacheBounds, Network};

/// Bytes of a blob in order. An error ends them.
pub type ByteStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// Patches in order. An error ends them.
pub type PatchStream = BoxStream<'static, Result<StoredPatch, StoreError>>;

/// Where blobs are.
pub trait Store: Send + Sync + 'static {
    /// Opens a blob that is certified; of a manifest, the body that it stands for.
    ///
    /// # Errors
    /// [`StoreError`].
    fn open(&self, blob_id: BlobId) -> BoxFuture<'_, Result<Arc<dyn StoredBlob>, StoreError>>;

    /// The same, with the blob's own bytes also if it is a manifest.
    ///
    /// # Errors
    /// [`StoreError`].
    fn open_raw(&self, blob_id: BlobId) -> BoxFuture<'_, Result<Arc<dyn StoredBlob>, StoreError>>;

    /// The patches of a quilt, in the order of its index.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::NoPatch`] if the blob is no quilt.
    fn quilt(&self, quilt_id: BlobId) -> BoxFuture<'_, Result<Arc<[QuiltPatch]>, StoreError>>;

    /// Begins to read a patch of a quilt.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::NoPatch`] if the quilt has none of this ID.
    fn patch(&self, id: QuiltPatchId) -> BoxFuture<'_, Result<StoredPatch, StoreError>>;

    /// A blob was certified a moment ago, and is stored until an epoch begins, as whoever shares this store knows first: the nodes hear
    /// of it later.
    fn certified(&self, blob_id: BlobId, end_epoch: Epoch) {
        let _ = (blob_id, end_epoch);
    }

    /// All patches of a quilt, each begun when the one before it is read.
    ///
    /// # Errors
    /// As for [`Self::quilt`].
    fn all_patches(&self, quilt_id: BlobId) -> BoxFuture<'_, Result<PatchStream, StoreError>>;

    /// The same blobs for one of those who read them, with a share of what reads hold together; `None` if there are no shares.
    fn for_caller(&self, _caller: Caller) -> Option<Arc<dyn Store>> {
        None
    }

    /// Bytes that are held, by what they are; for metrics.
    fn bytes_in_memory(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// A blob object, owned or shared, as the chain has it.
    ///
    /// # Errors
    /// [`StoreError::NoObject`], [`StoreError::Failed`].
    fn object(&self, object_id: Address) -> BoxFuture<'_, Result<ObjectOfBlob, StoreError>>;
}

/// A blob that can be read.
pub trait StoredBlob: Send + Sync {
    /// Its ID.
    fn blob_id(&self) -> BlobId;

    /// Its bytes.
    fn size(&self) -> u64;

    /// A range of it. Nothing is fetched before the stream is polled.
    fn read(&self, range: Range<u64>) -> ByteStream;

    /// All of it, once it is all there and encodes to its ID.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] if it does not, and all others.
    fn read_strictly(&self) -> BoxFuture<'_, Result<ByteStream, StoreError>>;

    /// The blobs that it is made of, beside the one that it was opened by.
    fn parts(&self) -> Vec<BlobId> {
        Vec::new()
    }

    /// SHA-256 of all of it, where it is known without reading.
    fn digest(&self) -> Option<[u8; 32]> {
        None
    }

    /// A proof of a range, at least one byte, against the blob ID; `None` of what has no blob ID of its own.
    fn prove(&self, range: Range<u64>) -> Option<BoxFuture<'_, Result<BodyProof, StoreError>>> {
        let _ = range;
        None
    }
}

/// A blob object, as far as it matters for reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectOfBlob {
    /// The blob.
    pub blob_id: BlobId,
    /// Attributes, in the order in which they are stored.
    pub attributes: Vec<(String, String)>,
}

/// A patch whose head was read.
pub struct StoredPatch {
    /// Its name.
    pub identifier: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Its bytes.
    pub length: u64,
    /// These, from the first one on.
    pub bytes: ByteStream,
}

/// Why a blob cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The nodes do not know it.
    #[error(
        "the network does not have blob {0}: it was never stored, or what was paid for is long over"
    )]
    NeverStored(BlobId),
    /// It is registered; nothing says that its bytes are there.
    #[error("blob {0} is registered, but not certified yet")]
    Registered(BlobId),
    /// What was paid for is over.
    #[error("blob {blob_id} has expired: it was stored until epoch {end_epoch}")]
    Expired {
        /// The blob.
        blob_id: BlobId,
        /// First epoch without it.
        end_epoch: Epoch,
    },
    /// It is certified, but cannot be read now.
    #[error("blob {blob_id} cannot be read now: {source}")]
    Unavailable {
        /// The blob.
        blob_id: BlobId,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The nodes do not serve it.
    #[error("blob {0} is blocked by the storage nodes")]
    Blocked(BlobId),
    /// This server does not serve it.
    #[error("blob {0} is blocked by this server")]
    OnBlocklist(BlobId),
    /// It was encoded wrongly, and has no content.
    #[error("blob {0} is inconsistently encoded and has no content")]
    Inconsistent(BlobId),
    /// What the manifest says of its parts is not so.
    #[error("the body of manifest {blob_id} cannot be put together: {source}")]
    WrongManifest {
        /// The manifest.
        blob_id: BlobId,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The quilt has no such patch, or the blob is no quilt.
    #[error("{0}")]
    NoPatch(Box<dyn std::error::Error + Send + Sync>),
    /// There is no such blob object.
    #[error("there is no blob object {0}")]
    NoObject(Address),
    /// Something else failed.
    #[error(transparent)]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}
