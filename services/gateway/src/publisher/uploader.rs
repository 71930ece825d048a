//! What a publisher stores with. The wallets are one ([`Wallets`](super::Wallets)); tests have others.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use walrus_sdk::{
    Address, BlobData, BlobObject, BlobStoreResult, ClientError, PatchColumns, PatchToStore,
    Progress,
};

use super::Holdings;

/// Stores blobs.
pub trait Uploader: Send + Sync + 'static {
    /// What storing a blob of `bytes` bytes costs at the most, in FROST.
    ///
    /// # Errors
    /// [`UploadError`], if it cannot be stored.
    fn price(&self, bytes: u64, options: &UploadOptions)
    -> BoxFuture<'_, Result<u64, UploadError>>;

    /// Stores a blob. A task that was begun before, by this process or one before it, is gone on with: nothing is paid twice.
    ///
    /// # Errors
    /// [`Unstored`].
    fn store(&self, data: BlobData, task: UploadTask) -> BoxFuture<'_, Result<Uploaded, Unstored>>;

    /// Puts patches together as a quilt, whose bytes are stored as any blob with the attribute that marks quilts.
    ///
    /// # Errors
    /// [`UploadError`], if they make none.
    fn pack(&self, patches: Vec<PatchToStore>) -> BoxFuture<'_, Result<QuiltToStore, UploadError>>;

    /// Forgets what was written down of a task, which is over.
    fn forget(&self, task: TaskId);

    /// The objects that it keeps for others, if it does.
    fn holdings(&self) -> Option<&dyn Holdings> {
        None
    }
}

/// A body that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// How the blob came to be stored; of a body that is several blobs, the manifest.
    pub result: BlobStoreResult,
    /// What all of it cost, in FROST.
    pub cost: u64,
    /// All blob objects that were made for it and that the publisher's wallet keeps.
    pub objects: Vec<BlobObject>,
}

/// Patches that are put together.
#[derive(Debug, Clone)]
pub struct QuiltToStore {
    /// The bytes of the blob.
    pub data: BlobData,
    /// The patches in the order in which they lie in it: their names, and their columns.
    pub patches: Vec<(String, PatchColumns)>,
}

/// What tells one store from another, also after a restart: 128 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskId(pub [u8; 16]);

/// A store to be done.
#[derive(Clone)]
pub struct UploadTask {
    /// Which one it is.
    pub id: TaskId,
    /// How.
    pub options: UploadOptions,
    /// Attributes of the blob object, key and value.
    pub attributes: Vec<(String, String)>,
    /// Nothing is paid if it would cost more, in FROST.
    pub max_cost: Option<u64>,
    /// Hears how it goes.
    pub progress: Arc<dyn Progress>,
}

/// How a blob is stored. Client spec 3.5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// It costs more than it may, because prices have changed since that was looked at.
    #[error("the blob costs {cost} FROST, more than the {max} that were set aside for it")]
    TooExpensive {
        /// What it costs.
        cost: u64,
        /// The limit.
        max: u64,
    },
    /// Something else failed.
    #[error(transparent)]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl UploadError {
    /// The same for one of several stores that failed together.
    pub(super) fn shared(error: &Arc<ClientError>) -> Self {
        match &**error {
            ClientError::NoEpochs | ClientError::TooManyEpochs { .. } => {
                Self::Epochs(error.to_string())
            }
            ClientError::BlobTooLarge { size, max } => Self::TooLarge {
                size: *size,
                max: *max,
            },
            ClientError::NotEnoughConfirmations { .. } => Self::Confirmations(error.clone().into()),
            ClientError::Quilt(problem) => Self::Quilt(problem.to_string()),
            ClientError::BlobIdBlocked(_) => Self::Blocked,
            ClientError::TooExpensive { cost, max } => Self::TooExpensive {
                cost: *cost,
                max: *max,
            },
            other if lacks_funds(other) => Self::Funds(error.clone().into()),
            _ => Self::Failed(error.clone().into()),
        }
    }

    /// Whether the same may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Confirmations(_)
            | Self::Funds(_)
            | Self::TooExpensive { .. }
            | Self::Failed(_) => true,
            Self::Epochs(_) | Self::TooLarge { .. } | Self::Quilt(_) | Self::Blocked => false,
        }
    }
}

/// Why a blob is not stored, and whether something was paid all the same.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Unstored {
    /// Why.
    #[source]
    pub error: UploadError,
    /// Whether the wallet has, or may have, paid for it. The same task goes on with that.
    pub paid: bool,
}

impl From<UploadError> for Unstored {
    fn from(error: UploadError) -> Self {
        Self { error, paid: false }
    }
}

impl From<ClientError> for UploadError {
    fn from(error: ClientError) -> Self {
        Self::shared(&Arc::new(error))
    }
}

/// Whether the wallet has too little for it.
fn lacks_funds(error: &ClientError) -> bool {
    match error {
        ClientError::Transaction { source, .. } => {
            matches!(
                **source,
                walrus_sdk::TransactionError::InsufficientFunds { .. }
            )
        }
        ClientError::NotCertified { source, .. } => lacks_funds(source),
        _ => false,
    }
}
