//! Upload of a blob that somebody else has registered, and will certify: what an upload relay does. Client spec 4.

use walrus_core::{BlobId, certificate::signers_from_bitmap, messages::BlobPersistence};
use walrus_sui::transactions::BlobCertificate;

use super::{BlobUpload, encode::Unencoded, encode_all::memory_on_demand, upload_and_confirm};
use crate::{BlobData, Client, ClientError, NoProgress, limits};

/// What shows that the nodes hold a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadCertificate {
    /// Positions in the committee of those who signed.
    pub signers: Vec<u16>,
    /// What the contract takes.
    pub certificate: BlobCertificate,
}

impl Client {
    /// Encodes a blob, sends it to the nodes and collects their confirmations. Nothing is paid: it must be registered as
    /// `persistence` says. Returns when the nodes that are slower than those that were needed have theirs as well.
    ///
    /// # Errors
    /// [`ClientError::OtherBlob`] if the bytes are not those of `blob_id`; [`ClientError::NotEnoughConfirmations`],
    /// [`ClientError::BlobTooLarge`], [`ClientError::Spool`].
    pub async fn upload_registered(
        &self,
        data: impl Into<BlobData>,
        blob_id: &BlobId,
        persistence: BlobPersistence,
    ) -> Result<UploadCertificate, ClientError> {
        let view = self.view().await?;
        let blob = Unencoded::new(blob_id.to_string(), data.into(), view.current.config)?;
        let encoded = if blob.sliver_bytes()? <= self.spool().in_memory {
            blob.encode_in_memory(|_| {}).await?
        } else if blob.length <= limits::MAX_BYTES_ON_DEMAND
            && view.current.learns_to_offer_uploads().await
        {
            let budget = memory_on_demand(self.spool(), 1, blob.length);
            let spool = self.spool().clone();
            blob.encode_on_demand(spool, budget, |_| {}).await?
        } else {
            blob.encode_to_file(self.spool().clone(), |_| {}).await?
        };
        let found = encoded.metadata().blob_id();
        if found != blob_id {
            return Err(ClientError::OtherBlob {
                expected: *blob_id,
                found: *found,
            });
        }
        let upload = BlobUpload::new(encoded, persistence);
        let certified = upload_and_confirm(&view.current, &upload, &NoProgress).await?;
        certified.tail.finish().await;
        let certificate = certified.certificate;
        let signers = signers_from_bitmap(&certificate.signers_bitmap, view.current.size())?;
        Ok(UploadCertificate {
            signers,
            certificate,
        })
    }
}
