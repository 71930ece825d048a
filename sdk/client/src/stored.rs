//! Blob that is stored, as the outcome of a store.

use walrus_core::{BlobId, Epoch};
use walrus_sui::{Address, Digest};

use crate::{BlobObject, BoughtStorage, EventOrObject, ResourceOperation, ReusedStorage, Surplus};

/// How a blob came to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It is now.
    NewlyCreated {
        /// Its object.
        blob_object: BlobObject,
        /// What had to be paid for.
        resource_operation: ResourceOperation,
        /// How much, in FROST.
        cost: u64,
        /// The shared object it was wrapped in, if any.
        shared_blob_object: Option<Address>,
    },
    /// It was already, for long enough. Nothing was paid.
    AlreadyCertified {
        /// The blob.
        blob_id: BlobId,
        /// How that is known.
        event_or_object: EventOrObject,
        /// First epoch in which it is no longer stored.
        end_epoch: Epoch,
    },
}

/// A blob that is stored, and what that took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlob {
    /// How it came to be stored.
    pub stored: Stored,
    /// Bytes before encoding.
    pub unencoded_size: u64,
    /// Bytes in storage, metadata included.
    pub encoded_size: u64,
    /// What the signer owned and gave for it.
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
}

impl StoredBlob {
    /// What the blob is read by.
    pub fn blob_id(&self) -> BlobId {
        match &self.stored {
            Stored::NewlyCreated { blob_object, .. } => blob_object.blob_id,
            Stored::AlreadyCertified { blob_id, .. } => *blob_id,
        }
    }

    /// The blob object that the signer owns; `None` if the blob was stored by somebody else.
    pub fn object_id(&self) -> Option<Address> {
        match &self.stored {
            Stored::NewlyCreated { blob_object, .. } => Some(blob_object.id),
            Stored::AlreadyCertified {
                event_or_object: EventOrObject::Object(object),
                ..
            } => Some(*object),
            Stored::AlreadyCertified { .. } => None,
        }
    }

    /// First epoch in which the blob is no longer stored.
    pub fn end_epoch(&self) -> Epoch {
        match &self.stored {
            Stored::NewlyCreated { blob_object, .. } => blob_object.storage.end_epoch,
            Stored::AlreadyCertified { end_epoch, .. } => *end_epoch,
        }
    }

    /// What was paid for storage, in FROST.
    pub fn cost(&self) -> u64 {
        match &self.stored {
            Stored::NewlyCreated { cost, .. } => *cost,
            Stored::AlreadyCertified { .. } => 0,
        }
    }
}
