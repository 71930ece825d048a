//! Outcome of a store, in the JSON shapes of client spec 2.5.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, EncodingType, Epoch};
use walrus_node_client::EventId;
use walrus_sui::{Address, Digest, objects::Blob};

use crate::{ClientError, StoreFailure, Stored, progress::Phase};

/// A blob object on chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlobObject {
    /// The object ID.
    pub id: Address,
    /// The epoch of registration.
    pub registered_epoch: Epoch,
    /// The blob ID.
    pub blob_id: BlobId,
    /// Bytes of the blob before encoding.
    pub size: u64,
    /// The encoding.
    pub encoding_type: EncodingType,
    /// The epoch of certification, once certified.
    pub certified_epoch: Option<Epoch>,
    /// The storage it uses.
    pub storage: StorageResource,
    /// Whether the owner may delete it.
    pub deletable: bool,
}

/// A storage resource on chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageResource {
    /// The object ID.
    pub id: Address,
    /// First epoch.
    pub start_epoch: Epoch,
    /// First epoch that is no longer paid for.
    pub end_epoch: Epoch,
    /// Bytes after encoding.
    pub storage_size: u64,
}

impl From<&Blob> for BlobObject {
    fn from(blob: &Blob) -> Self {
        Self {
            id: blob.id,
            registered_epoch: blob.registered_epoch,
            blob_id: blob.blob_id,
            size: blob.size,
            // The only one that the contract registers.
            encoding_type: EncodingType::RS2,
            certified_epoch: blob.certified_epoch,
            storage: StorageResource {
                id: blob.storage.id,
                start_epoch: blob.storage.start_epoch,
                end_epoch: blob.storage.end_epoch,
                storage_size: blob.storage.storage_size,
            },
            deletable: blob.deletable,
        }
    }
}

/// What had to be paid for. Client spec 1.5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ResourceOperation {
    /// New storage and a new registration.
    RegisterFromScratch {
        /// Bytes after encoding.
        encoded_length: u64,
        /// Epochs paid for.
        epochs_ahead: u32,
    },
    /// A new registration in storage that the wallet owned.
    ReuseStorage {
        /// Bytes after encoding.
        encoded_length: u64,
    },
    /// A registration that the wallet owned.
    ReuseRegistration {
        /// Bytes after encoding.
        encoded_length: u64,
    },
    /// A certified blob object that the wallet owned, for longer.
    ReuseAndExtend {
        /// Bytes after encoding.
        encoded_length: u64,
        /// Epochs added.
        epochs_extended: u32,
    },
    /// A registration that the wallet owned, for longer.
    ReuseAndExtendNonCertified {
        /// Bytes after encoding.
        encoded_length: u64,
        /// Epochs added.
        epochs_extended: u32,
    },
}

/// The event or the object that shows that a blob is certified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventOrObject {
    /// The event.
    Event(EventId),
    /// A blob object of the wallet.
    Object(Address),
}

/// What the store of one blob ended with, as it is told in JSON; see [`StoreOutcome::result`] for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum BlobStoreResult {
    /// The blob is now stored.
    NewlyCreated {
        /// Its object.
        blob_object: BlobObject,
        /// What had to be paid for.
        resource_operation: ResourceOperation,
        /// How much, in FROST.
        cost: u64,
        /// The shared object it was wrapped in, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shared_blob_object: Option<Address>,
    },
    /// The blob was stored already, for long enough.
    AlreadyCertified {
        /// The blob.
        blob_id: BlobId,
        /// How that is known.
        #[serde(flatten)]
        event_or_object: EventOrObject,
        /// First epoch in which it is no longer stored.
        end_epoch: Epoch,
    },
    /// The network holds a proof that no file has this blob ID.
    MarkedInvalid {
        /// The blob.
        blob_id: BlobId,
        /// The event.
        event: EventId,
    },
    /// The store failed.
    Error {
        /// The blob, if it was encoded.
        blob_id: Option<BlobId>,
        /// The step that failed.
        failure_phase: String,
        /// Why.
        error_msg: String,
    },
}

impl From<&Result<Stored, StoreFailure>> for BlobStoreResult {
    fn from(result: &Result<Stored, StoreFailure>) -> Self {
        match result {
            Ok(stored) => stored.clone().into(),
            Err(failure) => failure.into(),
        }
    }
}

impl From<Stored> for BlobStoreResult {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::NewlyCreated {
                blob_object,
                resource_operation,
                cost,
                shared_blob_object,
            } => Self::NewlyCreated {
                blob_object,
                resource_operation,
                cost,
                shared_blob_object,
            },
            Stored::AlreadyCertified {
                blob_id,
                event_or_object,
                end_epoch,
            } => Self::AlreadyCertified {
                blob_id,
                event_or_object,
                end_epoch,
            },
        }
    }
}

impl From<&StoreFailure> for BlobStoreResult {
    fn from(failure: &StoreFailure) -> Self {
        match *failure.error {
            ClientError::MarkedInvalid { blob_id, event } => Self::MarkedInvalid { blob_id, event },
            ref error => Self::Error {
                blob_id: failure.blob_id,
                failure_phase: failure.phase.label().to_owned(),
                error_msg: error.to_string(),
            },
        }
    }
}

/// A part of a storage resource of the wallet that went into a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReusedStorage {
    /// The resource.
    pub resource: Address,
    /// Encoded bytes of it that the blob has now.
    pub taken: u64,
    /// First epoch of that part.
    pub start_epoch: Epoch,
    /// First epoch after it; what comes later stays the wallet's.
    pub end_epoch: Epoch,
    /// Encoded bytes that the resource still has for all of its time, when the transaction is done.
    pub left: u64,
    /// First epoch after the resource.
    pub resource_end_epoch: Epoch,
    /// From this epoch on, until `start_epoch`, the same bytes stay the wallet's; absent where nothing is left before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_before_from: Option<Epoch>,
}

/// Storage that was bought beside what the wallet owned, because that lacked it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BoughtStorage {
    /// Encoded bytes.
    pub size: u64,
    /// First epoch.
    pub start_epoch: Epoch,
    /// First epoch after it.
    pub end_epoch: Epoch,
}

/// A registration that was paid for and is not needed: another program of the same wallet registered the same blob at the same
/// moment, and was executed first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Surplus {
    /// The blob object.
    pub object: Address,
    /// What was paid for it, in FROST.
    pub cost: u64,
    /// Whether it was deleted, so that its storage is the wallet's again. Otherwise its owner may do that.
    pub deleted: bool,
}

/// What the store of one blob ended with, and what it took.
#[derive(Debug, Clone)]
pub struct StoreOutcome {
    /// The label that the caller gave, a path for instance.
    pub label: String,
    /// How the blob came to be stored, or why it is not.
    pub result: Result<Stored, StoreFailure>,
    /// Bytes before encoding.
    pub unencoded_size: u64,
    /// Bytes in storage, metadata included.
    pub encoded_size: u64,
    /// What the wallet owned and gave for it.
    pub reused_storage: Vec<ReusedStorage>,
    /// What was bought beside that; empty where all storage is new.
    pub bought_storage: Vec<BoughtStorage>,
    /// What was paid for beside that and is not needed.
    pub surplus: Option<Surplus>,
    /// Somebody else stored the same object meanwhile: the certificate on chain is not ours.
    pub certified_by_other: bool,
    /// The transaction that registered the blob, if one did.
    pub register_digest: Option<Digest>,
    /// The transaction that certified the blob, if one did.
    pub certify_digest: Option<Digest>,
    /// The transaction that extended the blob, if one did.
    pub extend_digest: Option<Digest>,
    /// When an earlier store began it, that was cut off and that paid for it; see [`Journal`](crate::journal::Journal).
    pub begun: Option<SystemTime>,
    /// What became of the parts, if the body was too large for one blob; then this is about the manifest, but for the sizes, which are those
    /// of all together.
    pub parts: Vec<StoreOutcome>,
}

impl StoreOutcome {
    /// What was paid for storage, of all parts and of what is not needed, in FROST.
    pub fn cost(&self) -> u64 {
        let surplus = self.surplus.as_ref().map_or(0, |surplus| surplus.cost);
        let own = match &self.result {
            Ok(stored) => surplus.saturating_add(stored.cost()),
            Err(_) => surplus,
        };
        self.parts
            .iter()
            .map(Self::cost)
            .fold(own, u64::saturating_add)
    }
}

/// The outcomes of one store, in the order of the blobs given.
#[derive(Debug, Clone)]
pub struct StoreReport {
    /// One for each blob.
    pub outcomes: Vec<StoreOutcome>,
    /// How long each phase took, for all blobs together.
    pub timings: BTreeMap<Phase, Duration>,
    /// Gas of all transactions together, in MIST; negative if more was returned for what they deleted.
    pub gas: i64,
}

impl StoreReport {
    /// What storage costs, in FROST, also that which an earlier store has paid.
    pub fn cost(&self) -> u64 {
        self.cost_of(|_| true)
    }

    /// What this store has paid for storage, in FROST.
    pub fn paid(&self) -> u64 {
        self.cost_of(|outcome| outcome.begun.is_none())
    }

    fn cost_of(&self, counts: impl Fn(&StoreOutcome) -> bool) -> u64 {
        let costs = self.outcomes.iter().filter(|outcome| counts(outcome));
        let costs = costs.map(StoreOutcome::cost);
        costs.fold(0, u64::saturating_add)
    }

    /// Records how long a phase took.
    pub(crate) fn time(&mut self, phase: Phase, duration: Duration) {
        *self.timings.entry(phase).or_default() += duration;
    }

    /// Adds what came of further blobs.
    pub(crate) fn append(&mut self, other: Self) {
        self.outcomes.extend(other.outcomes);
        self.gas = self.gas.saturating_add(other.gas);
        for (phase, duration) in other.timings {
            self.time(phase, duration);
        }
    }

    /// Adds blobs of which nothing was stored.
    pub(crate) fn append_failed(&mut self, labels: Vec<String>, error: ClientError) {
        let failure = StoreFailure::new(None, Phase::Encode, error);
        self.outcomes
            .extend(labels.into_iter().map(|label| StoreOutcome {
                label,
                result: Err(failure.clone()),
                unencoded_size: 0,
                encoded_size: 0,
                reused_storage: Vec::new(),
                bought_storage: Vec::new(),
                surplus: None,
                certified_by_other: false,
                register_digest: None,
                certify_digest: None,
                extend_digest: None,
                begun: None,
                parts: Vec::new(),
            }));
    }
}

/// What a store would do with a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlannedAction {
    /// Store it, paid for so.
    ResourceOperation(ResourceOperation),
    /// Nothing: it is stored already, for long enough.
    AlreadyCertified(EventOrObject),
    /// Nothing: no file has this blob ID.
    MarkedInvalid(EventId),
    /// Nothing: a blob with this label is the same and comes first.
    DuplicateOf(String),
}

/// What storing a blob would take. Client spec 2.5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// The label that the caller gave.
    #[serde(rename = "path")]
    pub label: String,
    /// The blob ID.
    pub blob_id: BlobId,
    /// Bytes before encoding.
    pub unencoded_size: u64,
    /// Bytes in storage, metadata included.
    pub encoded_size: u64,
    /// Price in FROST of new storage and of registration, whatever the wallet owns.
    pub storage_cost: u64,
    /// The encoding.
    pub encoding_type: EncodingType,
    /// What this wallet would pay, in FROST.
    pub cost: u64,
    /// First epoch in which the blob would no longer be stored.
    pub end_epoch: Epoch,
    /// What would be done.
    #[serde(flatten)]
    pub action: PlannedAction,
    /// What would be taken of storage that the wallet owns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reused_storage: Vec<ReusedStorage>,
    /// What would be bought beside that; empty where all storage would be new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bought_storage: Vec<BoughtStorage>,
    /// The blob's part of the gas of the transaction that registers it, in MIST; negative when more is returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_gas: Option<i64>,
    /// The gas of the transaction that extends it, in MIST; negative when more is returned. Of a blob that is not certified yet it
    /// is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_gas: Option<i64>,
    /// The blob's part of the gas of the transaction that certifies it, in MIST: an upper bound, since that cannot be simulated
    /// before there is a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certification_gas: Option<i64>,
    /// Whether coins would be merged before, by transactions of their own; the gas after that is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merges_coins: bool,
    /// Why the wallet cannot pay now, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cannot_pay: Option<String>,
    /// The parts, if the body is too large for one blob; then ID and action are those of the manifest, and sizes, costs and gas those of all
    /// together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<DryRun>,
}
