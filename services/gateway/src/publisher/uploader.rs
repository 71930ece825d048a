//! What a publisher stores with. The wallets are one ([`Wallets`](super::Wallets)); tests have others.

use futures::future::BoxFuture;
use walrus_sdk::{Address, BlobData, BlobStoreResult, PatchToStore, StoredPatch};

/// Stores blobs.
pub trait Uploader: Send + Sync + 'static {
    /// Stores a blob.
    ///
    /// # Errors
    /// [`UploadError`].
    fn store(
        &self,
        data: BlobData,
        options: UploadOptions,
    ) -> BoxFuture<'_, Result<BlobStoreResult, UploadError>>;

    /// Stores patches as one quilt.
    ///
    /// # Errors
    /// [`UploadError`], [`UploadError::Quilt`] before anything is paid.
    fn store_quilt(
        &self,
        patches: Vec<PatchToStore>,
        options: UploadOptions,
    ) -> BoxFuture<'_, Result<StoredQuilt, UploadError>>;
}

/// A quilt that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredQuilt {
    /// How the blob came to be stored.
    pub result: BlobStoreResult,
    /// Its patches, in the order in which they lie in it.
    pub patches: Vec<StoredPatch>,
}

/// How a blob is stored. Client spec 3.5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadOptions {
    /// For how many epochs, counted from the current one.
    pub epochs: u32,
    /// Whether nobody may delete it.
    pub permanent: bool,
    /// Whether it is stored again though it is there.
    pub force: bool,
    /// Whether objects that the wallet owns are used.
    pub reuse_resources: bool,
    /// What becomes of the blob object.
    pub after: AfterStore,
}

/// What becomes of a blob object after the store. Client spec 3.2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AfterStore {
    /// Whatever the publisher does with objects that nobody asks for.
    #[default]
    Default,
    /// It goes to this address.
    SendTo(Address),
    /// It is shared.
    Share,
}

/// Why a blob is not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The network does not sell storage for so long.
    #[error("{0}")]
    Epochs(String),
    /// The network cannot encode a blob of this size.
    #[error("the blob has {size} bytes; the network takes at most {max}")]
    TooLarge {
        /// Its bytes.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// The patches make no quilt.
    #[error("{0}")]
    Quilt(String),
    /// Too few nodes confirmed that they have it.
    #[error("{0}")]
    Confirmations(Box<dyn std::error::Error + Send + Sync>),
    /// The nodes do not take it.
    #[error("the blob is blocked by the storage nodes")]
    Blocked,
    /// The wallet has too little.
    #[error("the publisher's wallet has too little to pay for the blob")]
    Funds(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something else failed.
    #[error(transparent)]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}
