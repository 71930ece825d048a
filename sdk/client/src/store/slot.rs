//! One blob on its way through a store.

use walrus_core::{BlobId, EncodingType, Epoch, messages::BlobPersistence};
use walrus_node_client::BlobStatus;
use walrus_sui::{Digest, objects::Blob};

use super::{parts::Parts, slivers::EncodedSlivers};
use crate::{
    BlobObject, BlobStoreResult, BlobToStore, ClientError, Phase, ResourceOperation,
    StorageResource, StoreOutcome, Surplus,
};

/// A blob object of the wallet that is to be certified, extended, or both.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) object: Blob,
    pub(super) operation: ResourceOperation,
    pub(super) cost: u64,
    /// Epochs to add once it is certified.
    pub(super) extend_by: Option<u32>,
    /// Attributes were set by the registering transaction.
    pub(super) has_attributes: bool,
}

impl Registration {
    /// What the confirmations must be about.
    pub(super) fn persistence(&self) -> BlobPersistence {
        if self.object.deletable {
            BlobPersistence::Deletable {
                object_id: self.object.id.into_inner(),
            }
        } else {
            BlobPersistence::Permanent
        }
    }
}

/// What a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) blob_id: BlobId,
    pub(super) root_hash: [u8; 32],
}

/// One blob on its way through a store.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) label: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) unencoded_size: u64,
    pub(super) encoded_size: u64,
    pub(super) identity: Option<Identity>,
    pub(super) encoded: Option<EncodedSlivers>,
    /// The slot that stores the same, if another one does.
    pub(super) same_as: Option<usize>,
    pub(super) status: Option<BlobStatus>,
    pub(super) registration: Option<Registration>,
    /// What its storage was put together from.
    pub(super) parts: Parts,
    /// What was registered for it and is not needed.
    pub(super) surplus: Option<Surplus>,
    /// Somebody else put a certificate on chain before us.
    pub(super) certified_by_other: bool,
    pub(super) register_digest: Option<Digest>,
    pub(super) certify_digest: Option<Digest>,
    /// How it ended; a slot without is pending.
    pub(super) result: Option<BlobStoreResult>,
}

impl Slot {
    /// A blob that was just given to us.
    pub(super) fn new(blob: &BlobToStore) -> Self {
        Self {
            label: blob.label.clone(),
            attributes: blob.attributes.clone(),
            unencoded_size: 0,
            encoded_size: 0,
            identity: None,
            encoded: None,
            same_as: None,
            status: None,
            registration: None,
            parts: Parts::default(),
            surplus: None,
            certified_by_other: false,
            register_digest: None,
            certify_digest: None,
            result: None,
        }
    }

    /// Ends with an error.
    pub(super) fn fail(&mut self, phase: Phase, error: &ClientError) {
        self.result = Some(BlobStoreResult::Error {
            blob_id: self.identity.map(|identity| identity.blob_id),
            failure_phase: phase.label().to_owned(),
            error_msg: error.to_string(),
        });
    }

    /// Ends as stored in `epoch`.
    pub(super) fn succeed(&mut self, epoch: Epoch) {
        let Some(registration) = self.registration.take() else {
            return;
        };
        let Registration {
            mut object,
            operation,
            cost,
            ..
        } = registration;
        object.certified_epoch = object.certified_epoch.or(Some(epoch));
        self.result = Some(BlobStoreResult::NewlyCreated {
            blob_object: blob_object(&object),
            resource_operation: operation,
            cost,
            shared_blob_object: None,
        });
    }

    /// The outcome; a slot that is still pending was cut off.
    pub(super) fn into_outcome(mut self) -> StoreOutcome {
        if self.result.is_none() {
            let error = ClientError::Interrupted("the store ended before the blob's turn".into());
            self.fail(Phase::Certify, &error);
        }
        let result = self.result.unwrap_or_else(|| BlobStoreResult::Error {
            blob_id: None,
            failure_phase: Phase::Certify.label().to_owned(),
            error_msg: String::new(),
        });
        StoreOutcome {
            label: self.label,
            result,
            unencoded_size: self.unencoded_size,
            encoded_size: self.encoded_size,
            reused_storage: self.parts.reused,
            bought_storage: self.parts.bought,
            surplus: self.surplus,
            certified_by_other: self.certified_by_other,
            register_digest: self.register_digest,
            certify_digest: self.certify_digest,
        }
    }
}

fn blob_object(blob: &Blob) -> BlobObject {
    BlobObject {
        id: blob.id,
        registered_epoch: blob.registered_epoch,
        blob_id: blob.blob_id,
        size: blob.size,
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
