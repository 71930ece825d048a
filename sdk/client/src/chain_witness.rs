//! Chain witness: what the chain itself says against what nodes say about a blob. Client spec 1.10.2.

use futures::future::BoxFuture;
use walrus_core::BlobId;
use walrus_node_client::{BlobStatus, EventId};
use walrus_sui::{Digest, chain::ChainError, contract::ContractReader, events::ContractEvent};

use crate::read::StatusWitness;

/// Looks up the event that a status names.
#[derive(Debug, Clone)]
pub(crate) struct ChainWitness(pub(crate) ContractReader);

impl ChainWitness {
    /// The event: nodes count only those of the Walrus package within the transaction.
    async fn event(&self, id: &EventId) -> Result<Option<ContractEvent>, ChainError> {
        let origin = self.0.packages().origin;
        let events = self
            .0
            .chain()
            .transaction_events(&Digest::new(id.tx_digest))
            .await?;
        let Ok(number) = usize::try_from(id.event_seq) else {
            return Ok(None);
        };
        let ours = events
            .iter()
            .filter(|(event_type, _)| *event_type.address() == origin);
        let Some((event_type, contents)) = ours.into_iter().nth(number) else {
            return Ok(None);
        };
        Ok(ContractEvent::decode(event_type, contents).ok())
    }

    async fn check(&self, blob_id: &BlobId, status: &BlobStatus) -> Result<bool, ChainError> {
        Ok(match status {
            BlobStatus::Invalid { event } => matches!(
                self.event(event).await?,
                Some(ContractEvent::InvalidBlobId(event)) if event.blob_id == *blob_id
            ),
            BlobStatus::Permanent {
                end_epoch,
                is_certified,
                status_event,
                ..
            } => match self.event(status_event).await? {
                Some(ContractEvent::BlobCertified(event)) => {
                    *is_certified
                        && event.blob_id == *blob_id
                        && event.end_epoch == *end_epoch
                        && !event.deletable
                }
                Some(ContractEvent::BlobRegistered(event)) => {
                    !*is_certified
                        && event.blob_id == *blob_id
                        && event.end_epoch == *end_epoch
                        && !event.deletable
                }
                _ => false,
            },
            // Needs weight: the event says nothing about deletions since.
            BlobStatus::Deletable { .. } | BlobStatus::Nonexistent => false,
        })
    }
}

impl StatusWitness for ChainWitness {
    fn confirms<'a>(&'a self, blob_id: &'a BlobId, status: &'a BlobStatus) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            self.check(blob_id, status).await.unwrap_or_else(|error| {
                tracing::debug!(%blob_id, %error, "a status could not be verified on chain");
                false
            })
        })
    }
}
