//! Client errors: why a store or a read failed. Client spec 1.12.

use std::{path::PathBuf, sync::Arc};

use walrus_core::{
    BlobId, Epoch, SliverIndex, SliverType, certificate::CertificateError, decoder::DecodeError,
    encoder::EncodeError, io_failure::IoFailure, parameters::ParameterError,
};
use walrus_node_client::EventId;
use walrus_sui::{Address, objects::AttributeError, wallet::WalletError};

use crate::{
    FailureCounts, ManifestProblem, NodeFailure, QuiltProblem,
    node_failure::{no_space, summary},
    store::Registered,
};

/// What a blob that cannot be certified now is kept as, for people.
fn kept(registered: Option<&Registered>) -> String {
    registered.map_or_else(String::new, |registered| {
        let Registered {
            blob_id,
            object_id,
            end_epoch,
        } = registered;
        format!(
            "\nblob {blob_id} is registered (object {object_id}); store it again to go on with what was paid: the registration is \
             kept until epoch {end_epoch}"
        )
    })
}

/// How many nodes answered what, for people.
fn counted(failures: &[NodeFailure]) -> String {
    if failures.is_empty() {
        return String::new();
    }
    format!("; of the nodes, {}", FailureCounts::of(failures))
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
        source: Box<walrus_sui::transactions::TransactionError>,
    },
    /// A store needs a signer, and there is none: why, if a wallet should have it.
    #[error("storing needs a wallet{}", .0.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    NoSigner(Option<Arc<WalletError>>),
    /// The network has no committee yet, or none that can be used.
    #[error("the committee cannot be used: {0}")]
    Committee(#[from] CommitteeError),
    /// The blob cannot be encoded.
    #[error("the blob cannot be encoded: {0}")]
    Encode(#[source] EncodeError),
    /// An attribute that is not set.
    #[error("cannot store {label}: {source}; nothing was paid")]
    Attribute {
        /// What the caller calls the blob.
        label: String,
        /// What is wrong with it.
        source: AttributeError,
    },
    /// A node that is to be sent something has no shards.
    #[error("the node {node_id} is not in the current committee")]
    NotInCommittee {
        /// The node.
        node_id: Address,
    },
    /// What is to be stored cannot be read, or changed while it was.
    #[error("cannot read {label}: {source}")]
    Unreadable {
        /// What the caller calls the blob.
        label: String,
        /// Why: an [`std::io::Error`], or an [`EncodeError`] if it changed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The upload cannot be written down, or not be gone on with.
    #[error(transparent)]
    Journal(#[from] crate::journal::JournalError),
    /// The upload relay does not do what it is asked for.
    #[error(transparent)]
    Relay(#[from] crate::relay::RelayError),
    /// There is no room for temporary files.
    #[error(transparent)]
    Spool(#[from] crate::SpoolError),
    /// What was read cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        error: IoFailure,
    },
    /// The slivers do not decode, though each of them is right.
    #[error("the blob cannot be decoded: {0}")]
    Decode(#[source] DecodeError),
    /// The blob is too large for the network's number of shards, or for the caller.
    #[error("the blob has {size} bytes; at most {max} are possible")]
    BlobTooLarge {
        /// Bytes of the blob.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// The bytes are not those of the blob ID.
    #[error("the bytes are those of blob {found}, not of {expected}")]
    OtherBlob {
        /// What they were to be.
        expected: BlobId,
        /// What they are.
        found: BlobId,
    },
    /// Fewer than one epoch was asked for.
    #[error("blobs are stored for at least one epoch")]
    NoEpochs,
    /// The epoch that a blob is to be stored until has begun.
    #[error(
        "epoch {end_epoch}, until which the blob is to be stored, is not after the current epoch {current}"
    )]
    EndEpochPassed {
        /// What was asked for.
        end_epoch: Epoch,
        /// The current epoch.
        current: Epoch,
    },
    /// The time that a blob is to be stored until is over.
    #[error(
        "the time until which the blob is to be stored is not after now and after the beginning of the epoch"
    )]
    ExpiryPassed,
    /// A blob that its owner may delete is to be shared.
    #[error("deletable blobs cannot be shared")]
    DeletableShared,
    /// It costs more than the caller allows.
    #[error(
        "the store costs {cost} FROST, more than the {max} FROST that are allowed; nothing was paid"
    )]
    TooExpensive {
        /// What it costs, or as much of it as was added up, in FROST.
        cost: u64,
        /// The limit in FROST.
        max: u64,
    },
    /// The wallet does not have what all parts of a body cost together.
    #[error(
        "the store costs {cost} FROST, and the wallet has {available}: {reason}; nothing was paid"
    )]
    CannotPay {
        /// What it costs, in FROST.
        cost: u64,
        /// What the wallet has, in FROST.
        available: u64,
        /// What the wallet lacks.
        reason: String,
    },
    /// The price does not fit 64 bits.
    #[error("the price exceeds 2^64 FROST")]
    PriceOverflow,
    /// Longer than the network sells storage.
    #[error(
        "blobs can only be stored for up to {max} epochs ahead; {requested} epochs were requested"
    )]
    TooManyEpochs {
        /// What was asked for.
        requested: u32,
        /// The limit.
        max: u32,
    },
    /// Too few nodes confirmed.
    #[error(
        "{}could not retrieve enough confirmations to certify the blob: {got} / {needed} required (shards){}{}",
        no_space(.failures), summary(.failures), kept(.registered.as_ref())
    )]
    NotEnoughConfirmations {
        /// Shards of the nodes that confirmed, or still could.
        got: u16,
        /// Shards needed.
        needed: u16,
        /// The nodes that did not, and why.
        failures: Vec<NodeFailure>,
        /// What is paid for by now.
        registered: Option<Registered>,
    },
    /// The confirmations do not make a certificate, though each of them is right.
    #[error("the confirmations do not make a certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The storage of a registered blob ended before the blob was certified.
    #[error(
        "the storage of blob {blob_id} ended with the beginning of epoch {end_epoch}, before the blob was certified (object \
         {object_id}); it has to be stored again, for more epochs"
    )]
    StorageEnded {
        /// The blob.
        blob_id: BlobId,
        /// What it was registered as.
        object_id: Address,
        /// The first epoch that the storage does not cover.
        end_epoch: Epoch,
    },
    /// The object of a blob was taken away while it was being stored, again and again.
    #[error(
        "the object {object_id} of blob {blob_id} was deleted, given away or put to use by another program of the wallet while the \
         blob was being stored; store it again"
    )]
    ObjectLost {
        /// The blob.
        blob_id: BlobId,
        /// The last object that it had.
        object_id: Address,
    },
    /// A blob is registered and paid for, but could not be certified.
    #[error(
        "blob {blob_id} is registered (object {object_id}) but not certified: {source}\nstore it again to go on with what was paid: \
         the registration is kept until epoch {end_epoch}"
    )]
    NotCertified {
        /// The blob.
        blob_id: BlobId,
        /// What it is registered as.
        object_id: Address,
        /// The first epoch that its storage does not cover.
        end_epoch: Epoch,
        /// Why it could not be certified.
        source: Box<ClientError>,
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
    #[error(
        "the blob {blob_id} exists but cannot be retrieved now: {got} of the {needed} slivers that are needed could be read{}{}",
        counted(.failures), summary(.failures)
    )]
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
    /// A sliver that was asked for by its index can be had neither from its node nor from the others.
    #[error("{sliver_type} sliver {index} of blob {blob_id} cannot be had now{}", summary(.failures))]
    SliverUnavailable {
        /// The blob.
        blob_id: BlobId,
        /// Primary or secondary.
        sliver_type: SliverType,
        /// Which one.
        index: SliverIndex,
        /// What the nodes said.
        failures: Vec<NodeFailure>,
    },
    /// The network has no such storage node.
    #[error("the network has no storage node {0}")]
    NoSuchNode(Address),
    /// A part of a blob that it does not have.
    #[error("there are no bytes {start} to {end} of the blob, which has {length}")]
    RangeNotSatisfiable {
        /// The first byte.
        start: u64,
        /// The first byte after it.
        end: u64,
        /// Bytes of the blob.
        length: u64,
    },
    /// A quilt cannot be put together, or the blob is none, or has no such patch.
    #[error(transparent)]
    Quilt(#[from] QuiltProblem),
    /// A body in several blobs cannot be stored or read.
    #[error(transparent)]
    Manifest(#[from] ManifestProblem),
    /// An error that others hold as well.
    #[error(transparent)]
    Failed(Arc<ClientError>),
    /// The network does not have the blob.
    #[error("the blob ID does not exist: {0}")]
    BlobIdDoesNotExist(BlobId),
    /// The network holds a proof that no content has this blob ID.
    #[error("the blob {blob_id} is marked invalid on chain")]
    MarkedInvalid {
        /// The blob.
        blob_id: BlobId,
        /// The event.
        event: EventId,
    },
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

/// The committee on chain is none that a client can use.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitteeError {
    /// It has no members.
    #[error("epoch {epoch} has no storage nodes")]
    Empty {
        /// The epoch.
        epoch: Epoch,
    },
    /// A member's BLS key on chain is none.
    #[error("a committee member has no usable BLS key")]
    NoKey {
        /// The member.
        node_id: Address,
    },
    /// Its number of shards has no encoding.
    #[error(transparent)]
    Shards(#[from] ParameterError),
}

impl ClientError {
    /// Whether the error may come from a change of the committee, so that the same may succeed with the new one. Client
    /// spec 1.8.
    pub(crate) fn may_be_epoch_change(&self) -> bool {
        match self {
            Self::NotEnoughConfirmations { .. }
            | Self::NoMetadataReceived { .. }
            | Self::NotEnoughSlivers { .. }
            | Self::SliverUnavailable { .. }
            | Self::BehindCurrentEpoch(_) => true,
            Self::Transaction { source, .. } => source.move_abort().is_some(),
            Self::Relay(error) => error.may_be_epoch_change(),
            _ => false,
        }
    }
}
