//! Store record: what is told of each blob when a store ends, as far as it is known.

use std::time::SystemTime;

use walrus_core::BlobId;
use walrus_sui::{Digest, objects::Blob, transactions::SignedTransaction};

use super::{parts::Parts, stage::Described};
use crate::{
    BlobToStore, ClientError, EventOrObject, Phase, StoreFailure, StoreOutcome, Stored, Surplus,
    journal::{SignedTip, UploadKey},
    relay::PaidTip,
};

/// What is told of one blob.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) label: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) unencoded_size: u64,
    pub(super) encoded_size: u64,
    pub(super) blob_id: Option<BlobId>,
    /// The place of the blob that is the same and comes first.
    pub(super) same_as: Option<usize>,
    /// What its storage was put together from.
    pub(super) parts: Parts,
    /// What was registered for it and is not needed.
    pub(super) surplus: Option<Surplus>,
    /// Somebody else put a certificate on chain before us.
    pub(super) certified_by_other: bool,
    pub(super) register_digest: Option<Digest>,
    pub(super) certify_digest: Option<Digest>,
    pub(super) extend_digest: Option<Digest>,
    /// Its object was given to whom it is for.
    pub(super) handed_over: bool,
    /// What the journal finds it by, if there is one.
    pub(super) key: Option<UploadKey>,
    /// When an earlier store began it that has paid for it.
    pub(super) begun: Option<SystemTime>,
    /// Times that a store went on with it.
    pub(super) generation: u32,
    /// The transaction that shares its object, if an earlier store was about to send it.
    pub(super) sharing: Option<SignedTransaction>,
    /// The transaction that tips a relay, if an earlier store was about to send it.
    pub(super) tip: Option<SignedTip>,
    /// The tip that was paid.
    pub(super) paid_tip: Option<PaidTip>,
    /// How it ended, once it has.
    pub(super) result: Option<Result<Stored, StoreFailure>>,
}

impl Record {
    /// A blob that was just given to us.
    pub(super) fn new(blob: &BlobToStore) -> Self {
        Self {
            label: blob.label.clone(),
            attributes: blob.attributes.clone(),
            unencoded_size: 0,
            encoded_size: 0,
            blob_id: None,
            same_as: None,
            parts: Parts::default(),
            surplus: None,
            certified_by_other: false,
            register_digest: None,
            certify_digest: None,
            extend_digest: None,
            handed_over: false,
            key: blob.upload_key,
            begun: None,
            generation: 0,
            sharing: None,
            tip: None,
            paid_tip: None,
            result: None,
        }
    }

    pub(super) fn describe(&mut self, blob: &Described) {
        self.blob_id = Some(blob.identity.blob_id);
        self.unencoded_size = blob.unencoded_size;
        self.encoded_size = blob.encoded_size;
    }

    /// Ends with an error.
    pub(super) fn fail(&mut self, phase: Phase, error: ClientError) {
        self.result = Some(Err(StoreFailure::new(self.blob_id, phase, error)));
    }

    /// Forgets an object that is lost: the blob is to be registered again.
    pub(super) fn begin_again(&mut self) {
        self.parts = Parts::default();
        self.certified_by_other = false;
        self.register_digest = None;
        self.certify_digest = None;
        self.extend_digest = None;
        self.handed_over = false;
        self.begun = None;
        self.sharing = None;
        self.result = None;
    }

    /// The outcome; a blob that was not ended was cut off.
    pub(super) fn into_outcome(self) -> StoreOutcome {
        let result = self.result.unwrap_or_else(|| {
            let error = ClientError::Interrupted("the store ended before the blob's turn".into());
            Err(StoreFailure::new(self.blob_id, Phase::Certify, error))
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
            extend_digest: self.extend_digest,
            begun: self.begun,
            parts: Vec::new(),
        }
    }
}

/// The result for a blob that the wallet has certified for long enough.
pub(super) fn certified(object: &Blob) -> Stored {
    Stored::AlreadyCertified {
        blob_id: object.blob_id,
        event_or_object: EventOrObject::Object(object.id),
        end_epoch: object.storage.end_epoch,
    }
}
