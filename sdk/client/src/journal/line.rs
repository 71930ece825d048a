//! Journal line: one fact about uploads, as it is written down. A file is a list of such lines, each of them JSON.

use serde::{Deserialize, Serialize};
use walrus_core::Epoch;
use walrus_sui::{
    Address, Digest,
    objects::Blob,
    transactions::{BlobCertificate, BlobRegistration, SignedTransaction},
};

use super::UploadKey;
use crate::{BoughtStorage, ResourceOperation, ReusedStorage, Stored};

/// The format of the lines. One with more or other fields that a reader has to know is another one.
pub(super) const FORMAT: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Line {
    /// The first one: a store begins.
    Begun(Begun),
    /// A transaction that pays is about to be sent.
    Paying {
        transaction: SignedTransaction,
        uploads: Vec<PaidUpload>,
    },
    /// A blob is registered.
    Registered { key: UploadKey, object: Box<Blob> },
    /// Enough nodes confirmed, which counts in this epoch.
    Confirmed {
        key: UploadKey,
        epoch: Epoch,
        certificate: BlobCertificate,
    },
    /// The blob object is about to be put into a shared one.
    Sharing {
        key: UploadKey,
        transaction: SignedTransaction,
    },
    /// The tip of an upload relay is about to be paid.
    Tipping { key: UploadKey, tip: SignedTip },
    /// A blob is stored, and what came of it is kept.
    Stored {
        key: UploadKey,
        result: Box<KeptResult>,
    },
    /// Nothing more is to be known about these.
    Ended { keys: Vec<UploadKey> },
}

/// How a store begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Begun {
    pub(super) format: u32,
    /// Milliseconds since 1970.
    pub(super) at: u64,
    /// What it is at work on, as long as it runs.
    pub(super) keys: Vec<UploadKey>,
}

/// What a transaction pays for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaidUpload {
    /// The upload.
    pub(crate) key: UploadKey,
    /// The network's system object.
    pub(crate) network: Address,
    /// When it was begun, in milliseconds since 1970.
    pub(crate) begun: u64,
    /// Times that a store went on with it.
    pub(crate) generation: u32,
    /// What is registered.
    pub(crate) registration: BlobRegistration,
    /// For how much, in FROST.
    pub(crate) cost: u64,
    /// How it is told.
    pub(crate) operation: ResourceOperation,
    /// What its storage is taken from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reused: Vec<ReusedStorage>,
    /// What is bought beside that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) bought: Vec<BoughtStorage>,
}

/// A tip of an upload relay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedTip {
    /// The transaction that pays it.
    pub(crate) transaction: SignedTransaction,
    /// What shows that it is for this blob.
    pub(crate) nonce: [u8; 32],
}

/// What came of an upload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeptResult {
    /// How the blob came to be stored.
    pub(crate) stored: Stored,
    /// The transaction that certified it, if one of this upload did.
    pub(crate) certify_digest: Option<Digest>,
}
