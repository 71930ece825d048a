//! Metadata of blobs that this node was never sent, from whoever has it. Node spec 5.2.

use std::time::Duration;

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::timeout;
use walrus_core::{BlobId, UnverifiedBlobMetadataWithId, VerifiedBlobMetadataWithId};
use walrus_sui::Address;

use super::{HealingError, Peers, peers::Peer};
use crate::{blobs::Holdings, limits::SLOW_ANSWER, work::Work};

/// Gets metadata from the storage or, once, from another node.
#[derive(Debug, Clone)]
pub(crate) struct MetadataSource {
    pub(crate) holdings: Holdings,
    pub(crate) peers: Peers,
    /// This node's ID on chain.
    pub(crate) node_id: Address,
    /// Patience with one node.
    pub(crate) patience: Duration,
    pub(crate) work: Work,
}

impl MetadataSource {
    /// Metadata from the storage or from any node, which is stored then.
    pub(super) async fn get(
        &self,
        blob_id: BlobId,
    ) -> Result<VerifiedBlobMetadataWithId, HealingError> {
        if let Some(metadata) = self.holdings.metadata(&blob_id)? {
            return Ok(metadata);
        }
        let peers = self.peers.all(&self.holdings.view(), self.node_id);
        let asked = peers.len();
        let (mut others, mut absent) = (peers.iter(), 0_usize);
        let mut answers = FuturesUnordered::new();
        // The next is asked when one has nothing, or is slow to say so.
        loop {
            match others.next() {
                Some(peer) => answers.push(self.ask(peer, &blob_id)),
                None if answers.is_empty() => break,
                None => {}
            }
            let Ok(Some(answer)) = timeout(SLOW_ANSWER, answers.next()).await else {
                continue;
            };
            match answer {
                Answer::Metadata(metadata) => match self.store(*metadata).await {
                    Ok(metadata) => return Ok(metadata),
                    Err(error) => tracing::warn!(%error, "bad metadata"),
                },
                Answer::Absent => absent = absent.saturating_add(1),
                Answer::None => {}
            }
        }
        Err(HealingError::NoMetadata { asked, absent })
    }

    async fn ask(&self, peer: &Peer, blob_id: &BlobId) -> Answer {
        let answer = peer.client.metadata(blob_id, self.holdings.encoding());
        match timeout(self.patience, answer).await {
            Ok(Ok(metadata)) if metadata.blob_id() == blob_id => {
                Answer::Metadata(Box::new(metadata))
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "no metadata");
                if error.is_not_found() {
                    Answer::Absent
                } else {
                    Answer::None
                }
            }
            Ok(Ok(_)) => Answer::None,
            Err(_) => {
                self.peers.was_slow(peer.node_id);
                Answer::None
            }
        }
    }

    async fn store(
        &self,
        metadata: UnverifiedBlobMetadataWithId,
    ) -> Result<VerifiedBlobMetadataWithId, HealingError> {
        let holdings = self.holdings.clone();
        let store = move || {
            let verified = metadata.verify(holdings.encoding())?;
            holdings.storage().put_metadata(&verified)?;
            Ok(verified)
        };
        self.work.run(store).await
    }
}

/// What a node says about metadata.
enum Answer {
    Metadata(Box<UnverifiedBlobMetadataWithId>),
    /// It does not have it.
    Absent,
    /// Nothing, or nothing of use.
    None,
}
