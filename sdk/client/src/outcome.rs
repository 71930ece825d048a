//! What a store ended with, in the JSON shapes of client spec 2.5.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, EncodingType, Epoch};
use walrus_node_client::EventId;
use walrus_sui::{Address, Digest};

use crate::progress::Phase;

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

/// What the store of one blob ended with.
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

/// What the store of one blob ended with, and what it took.
#[derive(Debug, Clone)]
pub struct StoreOutcome {
    /// The label that the caller gave, a path for instance.
    pub label: String,
    /// The result.
    pub result: BlobStoreResult,
    /// Bytes before encoding.
    pub unencoded_size: u64,
    /// Bytes in storage, metadata included.
    pub encoded_size: u64,
    /// The transaction that registered the blob, if one did.
    pub register_digest: Option<Digest>,
    /// The transaction that certified the blob, if one did.
    pub certify_digest: Option<Digest>,
}

/// The outcomes of one store, in the order of the blobs given.
#[derive(Debug, Clone)]
pub struct StoreReport {
    /// One for each blob.
    pub outcomes: Vec<StoreOutcome>,
    /// How long each phase took, for all blobs together.
    pub timings: BTreeMap<Phase, Duration>,
}

impl StoreReport {
    /// Records how long a phase took.
    pub(crate) fn time(&mut self, phase: Phase, duration: Duration) {
        *self.timings.entry(phase).or_default() += duration;
    }
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
    /// Price in FROST: storage and registration.
    pub storage_cost: u64,
    /// The encoding.
    pub encoding_type: EncodingType,
}
