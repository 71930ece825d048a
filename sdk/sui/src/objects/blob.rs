//! Layouts of storage resources and blobs (contracts spec 4.4).

use serde::{Deserialize, Serialize};
use sui_sdk_types::{Address, ObjectReference};
use walrus_core::BlobId;

use super::field::VecMap;

/// `storage_resource::Storage`: encoded bytes for a range of epochs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Object ID.
    pub id: Address,
    /// First epoch.
    pub start_epoch: u32,
    /// First epoch after the range.
    pub end_epoch: u32,
    /// Encoded bytes.
    pub storage_size: u64,
}

/// A storage resource of somebody, at the version that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedStorage {
    /// The resource.
    pub storage: Storage,
    /// ID, version and digest.
    pub reference: ObjectReference,
}

/// `blob::Blob`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Object ID.
    pub id: Address,
    /// Epoch of registration.
    pub registered_epoch: u32,
    /// The blob.
    pub blob_id: BlobId,
    /// Unencoded bytes.
    pub size: u64,
    /// The encoding type's byte; 1 is RedStuff over Reed-Solomon.
    pub encoding_type: u8,
    /// Epoch of certification.
    pub certified_epoch: Option<u32>,
    /// The reservation inside.
    pub storage: Storage,
    /// Whether the owner may delete it.
    pub deletable: bool,
}

/// `shared_blob::SharedBlob`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedBlob {
    /// Object ID.
    pub id: Address,
    /// The blob inside.
    pub blob: Blob,
    /// FROST for extensions.
    pub funds: u64,
}

/// `metadata::Metadata`: the attributes of a blob.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobAttributes {
    /// Key and value pairs in stored order.
    pub metadata: VecMap<String, String>,
}
