//! Slivers by their index: exactly those that were asked for. Client spec 1.10.5 and 1.10.7.
//!
//! Each lies with one node. If that one does not give it, or is slow, it is recovered from symbols of the others; either way it is
//! verified against the metadata.

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use walrus_core::{
    Axis, BlobId, EncodingConfig, SliverData, SliverIndex, VerifiedBlobMetadataWithId,
};

use super::{recover::recover, slivers::verify};
use crate::{
    ClientError, NodeFailure, NodeProblem, limits,
    nodes::{NodeCommittee, StorageNode},
    patience::{persist, within},
};

/// Slivers of one type of a blob, each to be had by its index.
pub(crate) struct NamedSlivers<T: Axis> {
    committee: NodeCommittee,
    metadata: Arc<VerifiedBlobMetadataWithId>,
    /// The node of each shard.
    owners: Vec<Option<Arc<StorageNode>>>,
    /// How many slivers may still be recovered.
    recoveries: AtomicUsize,
    sliver_type: PhantomData<T>,
}

impl<T: Axis> NamedSlivers<T> {
    /// Slivers of the blob of this metadata.
    pub(crate) fn new(committee: NodeCommittee, metadata: Arc<VerifiedBlobMetadataWithId>) -> Self {
        let mut owners = vec![None; usize::from(committee.n_shards())];
        for node in committee.nodes.iter() {
            for shard in &node.shards {
                if let Some(owner) = owners.get_mut(shard.as_usize()) {
                    *owner = Some(Arc::clone(node));
                }
            }
        }
        Self {
            committee,
            metadata,
            owners,
            recoveries: AtomicUsize::new(limits::RECOVERED_SLIVERS),
            sliver_type: PhantomData,
        }
    }

    /// The blob.
    pub(crate) fn blob_id(&self) -> &BlobId {
        self.metadata.blob_id()
    }

    /// The metadata, verified.
    pub(crate) fn metadata(&self) -> &VerifiedBlobMetadataWithId {
        &self.metadata
    }

    /// The parameters of the encoding.
    pub(crate) fn config(&self) -> &EncodingConfig {
        self.metadata.config()
    }

    /// Bytes of the blob.
    pub(crate) fn unencoded_length(&self) -> u64 {
        self.metadata.unencoded_length()
    }

    /// How many slivers are asked for at the same time.
    pub(crate) fn at_once(&self) -> usize {
        let length = self.metadata.sliver_length(T::TYPE).max(1);
        (limits::MAX_STREAM_IN_FLIGHT / length).clamp(1, limits::MAX_STREAM_SLIVERS)
    }

    /// A verified sliver.
    ///
    /// # Errors
    /// [`ClientError::SliverUnavailable`] if neither its node gives it nor the others give enough symbols;
    /// [`ClientError::InvalidBlob`] if the symbols prove that the blob was encoded wrongly.
    pub(crate) async fn fetch(&self, index: SliverIndex) -> Result<SliverData<T>, ClientError> {
        let mut direct = std::pin::pin!(self.of_owner(index));
        let slow = match tokio::time::timeout(self.hedge_after(), &mut direct).await {
            Ok(Ok(sliver)) => return Ok(sliver),
            Ok(Err(failure)) => {
                tracing::debug!(blob_id = %self.blob_id(), %index, problem = %failure.problem, "a sliver is recovered");
                return self.recover(index, vec![failure]).await;
            }
            Err(_) => self.recover(index, Vec::new()),
        };
        // Its node is slow; whoever is first counts.
        let mut recovered = std::pin::pin!(slow);
        tokio::select! {
            sliver = &mut direct => match sliver {
                Ok(sliver) => Ok(sliver),
                Err(_) => recovered.await,
            },
            sliver = &mut recovered => match sliver {
                Err(ClientError::SliverUnavailable { failures, .. }) => {
                    direct.await.map_err(|failure| self.unavailable(index, failures, failure))
                }
                result => result,
            },
        }
    }

    /// The sliver from the node that stores it.
    async fn of_owner(&self, index: SliverIndex) -> Result<SliverData<T>, NodeFailure> {
        let (metadata, n_shards) = (&self.metadata, self.metadata.n_shards());
        let pair = index.to_pair_index(T::TYPE, n_shards);
        let shard = pair.to_shard_index(metadata.blob_id(), n_shards);
        let owner = self.owners.get(shard.as_usize()).and_then(Option::as_ref);
        let Some(node) = owner else {
            return Err(NodeFailure {
                node: format!("shard {shard}"),
                weight: 1,
                problem: NodeProblem::Unusable("nobody has it".to_owned()),
            });
        };
        let fetched = persist(|| async {
            let request = node.client()?.sliver(metadata, pair, T::TYPE);
            within(self.patience(), request).await
        });
        let bytes = fetched.await.map_err(|problem| node.failure(problem))?;
        let shared = Arc::clone(metadata);
        // Hashing a sliver takes long enough to hold up the network tasks.
        let verified = tokio::task::spawn_blocking(move || verify::<T>(&bytes, index, &shared));
        let problem = match verified.await {
            Ok(Ok(sliver)) => return Ok(sliver),
            Ok(Err(reason)) => {
                tracing::warn!(node = node.label, reason, "a node sent a wrong sliver");
                NodeProblem::WrongAnswer(reason)
            }
            Err(error) => NodeProblem::Interrupted(error.to_string()),
        };
        Err(node.failure(problem))
    }

    async fn recover(
        &self,
        index: SliverIndex,
        mut failures: Vec<NodeFailure>,
    ) -> Result<SliverData<T>, ClientError> {
        let take = |left: usize| left.checked_sub(1);
        let order = Ordering::Relaxed;
        if self.recoveries.fetch_update(order, order, take).is_err() {
            return Err(self.without(index, failures));
        }
        recover(&self.committee, &self.metadata, index)
            .await
            .map_err(|error| match error {
                ClientError::SliverUnavailable {
                    failures: others, ..
                } => {
                    failures.extend(others);
                    self.without(index, failures)
                }
                error => error,
            })
    }

    fn unavailable(
        &self,
        index: SliverIndex,
        mut failures: Vec<NodeFailure>,
        failure: NodeFailure,
    ) -> ClientError {
        failures.insert(0, failure);
        self.without(index, failures)
    }

    fn without(&self, index: SliverIndex, failures: Vec<NodeFailure>) -> ClientError {
        ClientError::SliverUnavailable {
            blob_id: *self.blob_id(),
            sliver_type: T::TYPE,
            index,
            failures,
        }
    }

    /// Longest time of a request.
    fn patience(&self) -> Duration {
        limits::SMALL_REQUEST + self.time_at(limits::SLOW_BYTES_PER_SECOND)
    }

    /// After how long without an answer others are asked.
    fn hedge_after(&self) -> Duration {
        limits::HEDGE_AFTER + self.time_at(limits::USUAL_BYTES_PER_SECOND)
    }

    fn time_at(&self, bytes_per_second: u64) -> Duration {
        let millis = self.metadata.sliver_length(T::TYPE) as u64 * 1000;
        Duration::from_millis(millis / bytes_per_second)
    }
}
