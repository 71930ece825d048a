//! Why a store or a read failed. Client spec 1.12.

use walrus_core::{BlobId, Epoch};

/// Why a node did not do its part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFailure {
    /// Display name and address of the node.
    pub node: String,
    /// Its shards.
    pub weight: u16,
    /// What went wrong.
    pub reason: String,
}

/// The first few failures, for people.
fn summary(failures: &[NodeFailure]) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    for failure in failures.iter().take(SHOWN) {
        text.push_str(&format!(
            "\n  {} ({} shards): {}",
            failure.node, failure.weight, failure.reason
        ));
    }
    if let Some(more) = failures.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("\n  and {more} more nodes"));
    }
    text
}

/// Why a store or a read failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The chain did not answer, or not as expected.
    #[error("the chain cannot be read: {0}")]
    Chain(#[from] walrus_sui::chain::ChainError),
    /// A transaction failed.
    #[error("{action} failed: {source}")]
    Transaction {
        /// What the transaction was for.
        action: &'static str,
        /// Why.
        source: walrus_sui::transactions::TransactionError,
    },
    /// A store needs a wallet.
    #[error("storing needs a wallet")]
    NoWallet,
    /// The network has no committee yet, or none that can be used.
    #[error("the committee cannot be used: {0}")]
    Committee(String),
    /// The blob cannot be encoded.
    #[error("the blob cannot be encoded: {0}")]
    Encode(String),
    /// The blob is too large for the network's number of shards, or for the caller.
    #[error("the blob has {size} bytes; at most {max} are possible")]
    BlobTooLarge {
        /// Bytes of the blob.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// Longer than the network sells storage.
    #[error("blobs can only be stored for up to {max} epochs ahead; {requested} epochs were requested")]
    TooManyEpochs {
        /// What was asked for.
        requested: u32,
        /// The limit.
        max: u32,
    },
    /// Too few nodes confirmed.
    #[error(
        "could not retrieve enough confirmations to certify the blob: {got} / {needed} required (shards){}",
        summary(.failures)
    )]
    NotEnoughConfirmations {
        /// Shards of the nodes that confirmed, or still could.
        got: u16,
        /// Shards needed.
        needed: u16,
        /// The nodes that did not, and why.
        failures: Vec<NodeFailure>,
    },
    /// No node had usable metadata.
    #[error("no storage node returned valid metadata of blob {blob_id}{}", summary(.failures))]
    NoMetadataReceived {
        /// The blob.
        blob_id: BlobId,
        /// What the nodes said.
        failures: Vec<NodeFailure>,
    },
    /// Too few slivers could be read.
    #[error("could not retrieve enough slivers of blob {blob_id}: {got} / {needed} required{}", summary(.failures))]
    NotEnoughSlivers {
        /// The blob.
        blob_id: BlobId,
        /// Verified slivers.
        got: u16,
        /// How many are needed to decode.
        needed: u16,
        /// What the nodes said.
        failures: Vec<NodeFailure>,
    },
    /// The network does not have the blob.
    #[error("the blob ID does not exist: {0}")]
    BlobIdDoesNotExist(BlobId),
    /// The nodes refuse to serve the blob.
    #[error("the blob {0} is blocked by the storage nodes")]
    BlobIdBlocked(BlobId),
    /// The blob was not encoded correctly by whoever stored it.
    #[error("the blob {0} is inconsistently encoded and has no content")]
    InvalidBlob(BlobId),
    /// Too few nodes agreed on a status.
    #[error("the storage nodes do not agree on the status of blob {blob_id}{}", summary(.failures))]
    NoValidStatusReceived {
        /// The blob.
        blob_id: BlobId,
        /// The nodes that did not answer.
        failures: Vec<NodeFailure>,
    },
    /// The network is in a later epoch than this client believes.
    #[error("the network has moved on from epoch {0}")]
    BehindCurrentEpoch(Epoch),
    /// Work on another thread was cut off.
    #[error("the work was interrupted: {0}")]
    Interrupted(String),
}
