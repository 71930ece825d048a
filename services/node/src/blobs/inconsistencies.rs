//! Inconsistency attestations: a node signs that a blob is encoded wrongly, if a proof shows it. Node spec 1.13.

use std::sync::Arc;

use bytes::Bytes;
use walrus_core::{
    BlobId, EncodingConfig, SliverType, VerifiedBlobMetadataWithId,
    bls::BlsKeyPair,
    bounded_bcs::BcsError,
    inconsistency::{EitherInconsistencyProof, InconsistencyError},
    messages::{InvalidBlobId, ProtocolMessage},
    signed_message::SignedMessage,
};

use super::{Blocklist, Holdings};
use crate::{
    storage::StorageError,
    work::{Work, WorkError},
};

/// Why a blob is not attested to be inconsistent.
#[derive(Debug, thiserror::Error)]
pub enum AttestationError {
    /// The proof speaks of metadata that is not served here.
    #[error("the node has no metadata of a registered blob with this ID")]
    MetadataRequired,
    /// The body is no proof.
    #[error(transparent)]
    Malformed(BcsError),
    /// The proof does not show it.
    #[error(transparent)]
    InvalidProof(InconsistencyError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}

/// Attests inconsistencies.
#[derive(Debug)]
pub struct Inconsistencies {
    pub(crate) holdings: Holdings,
    pub(crate) blocklist: Arc<Blocklist>,
    pub(crate) key: Arc<BlsKeyPair>,
    pub(crate) work: Work,
}

impl Inconsistencies {
    /// The parameters all blobs are encoded with, which bound how long a proof can be.
    pub(crate) fn encoding(&self) -> &EncodingConfig {
        self.holdings.encoding()
    }

    /// Attests that a blob is inconsistent, if the proof shows it.
    ///
    /// # Errors
    /// [`AttestationError`].
    pub async fn attest(
        self: &Arc<Self>,
        blob_id: BlobId,
        target_type: SliverType,
        proof: Bytes,
    ) -> Result<SignedMessage<InvalidBlobId>, AttestationError> {
        let this = Arc::clone(self);
        let attest = move || {
            let metadata = this.metadata(&blob_id)?;
            let proof = EitherInconsistencyProof::from_untagged_bcs(&proof, target_type, &metadata)
                .map_err(AttestationError::Malformed)?;
            proof
                .verify(&metadata)
                .map_err(AttestationError::InvalidProof)?;
            let message = ProtocolMessage::new(this.holdings.epoch(), InvalidBlobId { blob_id });
            Ok(this.key.sign(&message))
        };
        self.work.run(attest).await
    }

    /// Metadata that is served.
    fn metadata(&self, blob_id: &BlobId) -> Result<VerifiedBlobMetadataWithId, AttestationError> {
        let served =
            self.blocklist.check(blob_id).is_ok() && self.holdings.is_registered(blob_id)?;
        let metadata = if served {
            self.holdings.metadata(blob_id)?
        } else {
            None
        };
        metadata.ok_or(AttestationError::MetadataRequired)
    }
}
