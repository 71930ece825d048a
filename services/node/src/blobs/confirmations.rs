//! Storage confirmations: when a node signs that it stores a blob. Node spec 4.1 and 4.4.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};
use walrus_core::{
    BlobId, Epoch, ShardIndex, SliverType,
    bls::BlsKeyPair,
    messages::{BlobPersistence, ProtocolMessage, StorageConfirmationBody},
    signed_message::StorageConfirmation,
};
use walrus_sui::Address;

use super::{Holdings, PendingCache, UploadError, Uploads};
use crate::{
    config::RestServerConfig,
    metrics::Metrics,
    signal::Signal,
    storage::StorageError,
    work::{Work, WorkError},
};

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmationError {
    /// The registration of the blob was not seen.
    #[error("the blob is not registered as far as this node has seen the chain")]
    NotRegistered,
    /// The registration of the object was not seen, or it has ended.
    #[error("no such object of this blob is registered as far as this node has seen the chain")]
    ObjectNotRegistered,
    /// The node has no shards.
    #[error("the node is not in the committee")]
    NotInCommittee,
    /// The metadata is absent.
    #[error("the node lacks the metadata of the blob")]
    MissingMetadata,
    /// Slivers of the node's shards are absent.
    #[error("{count} slivers are missing, the first is the {sliver_type} sliver of shard {shard}")]
    MissingSlivers {
        /// How many.
        count: usize,
        /// The shard of the first.
        shard: ShardIndex,
        /// The sliver type of the first.
        sliver_type: SliverType,
    },
    /// What came before the registration cannot be stored.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl ConfirmationError {
    /// Whether a registration that is still to come may change the answer.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NotRegistered
                | Self::ObjectNotRegistered
                | Self::Upload(UploadError::NotRegistered)
        )
    }
}

/// Signs confirmations.
#[derive(Debug)]
pub struct Confirmations {
    pub(crate) holdings: Holdings,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) pending: Arc<PendingCache>,
    /// Tells that something was registered.
    pub(crate) registrations: Arc<Signal>,
    pub(crate) key: Arc<BlsKeyPair>,
    pub(crate) long_polls: LongPolls,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) work: Work,
}

/// How long and how many requests may wait for a registration.
#[derive(Debug)]
pub(crate) struct LongPolls {
    longest: Duration,
    places: Semaphore,
}

impl LongPolls {
    pub(crate) fn new(config: &RestServerConfig) -> Self {
        let unlimited = Semaphore::MAX_PERMITS;
        let places = config.confirmation_long_poll_max_in_flight_requests;
        Self {
            longest: Duration::from_millis(config.confirmation_long_poll_max_millis),
            places: Semaphore::new(places.unwrap_or(unlimited).min(unlimited)),
        }
    }
}

impl Confirmations {
    /// A storage confirmation, after up to `wait` for the registration.
    ///
    /// # Errors
    /// [`ConfirmationError`]: unless this node saw the registration on chain and holds both slivers in every one of its shards.
    pub async fn confirm(
        self: &Arc<Self>,
        blob_id: BlobId,
        persistence: BlobPersistence,
        wait: Option<Duration>,
    ) -> Result<StorageConfirmation, ConfirmationError> {
        let registrations = self.registrations.subscribe();
        let first = self.attempt(blob_id, persistence).await;
        // Only for blobs that data are waiting for, so that made-up IDs cannot tie the node up.
        match wait {
            Some(wait) if self.pending.holds(&blob_id) => {
                self.attempt_again(blob_id, persistence, first, registrations, wait)
                    .await
            }
            _ => first,
        }
    }

    /// A storage confirmation for who has just sent all of a blob, after up to `wait` for the registration of the object.
    ///
    /// # Errors
    /// As for [`Self::confirm`].
    pub(super) async fn confirm_sent(
        self: &Arc<Self>,
        blob_id: BlobId,
        persistence: BlobPersistence,
        wait: Duration,
    ) -> Result<StorageConfirmation, ConfirmationError> {
        let registrations = self.registrations.subscribe();
        let first = self.attempt(blob_id, persistence).await;
        self.attempt_again(blob_id, persistence, first, registrations, wait)
            .await
    }

    /// Returns when the registration of a blob is seen, after up to `wait`.
    ///
    /// # Errors
    /// [`ConfirmationError::NotRegistered`], or if the storage fails.
    pub(super) async fn wait_for_registration(
        &self,
        blob_id: BlobId,
        wait: Duration,
    ) -> Result<(), ConfirmationError> {
        let mut registrations = self.registrations.subscribe();
        let deadline = deadline(wait);
        while !self.is_registered(blob_id).await? {
            let Ok(_place) = self.long_polls.places.try_acquire() else {
                return Err(ConfirmationError::NotRegistered);
            };
            let changed = tokio::time::timeout_at(deadline, registrations.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                return Err(ConfirmationError::NotRegistered);
            }
        }
        Ok(())
    }

    /// The longest that a request may wait for a registration.
    pub(super) fn longest_wait(&self) -> Duration {
        self.long_polls.longest
    }

    async fn is_registered(&self, blob_id: BlobId) -> Result<bool, ConfirmationError> {
        let holdings = self.holdings.clone();
        let look = move || Ok(holdings.is_registered(&blob_id)?);
        self.work.run(look).await
    }

    async fn attempt(
        self: &Arc<Self>,
        blob_id: BlobId,
        persistence: BlobPersistence,
    ) -> Result<StorageConfirmation, ConfirmationError> {
        let this = Arc::clone(self);
        let confirm = move || this.confirm_now(blob_id, persistence);
        self.work.run(confirm).await
    }

    /// Another attempt with each registration of the blob, for up to `wait`, if that may change how the `last` one ended.
    async fn attempt_again(
        self: &Arc<Self>,
        blob_id: BlobId,
        persistence: BlobPersistence,
        mut last: Result<StorageConfirmation, ConfirmationError>,
        mut registrations: watch::Receiver<u64>,
        wait: Duration,
    ) -> Result<StorageConfirmation, ConfirmationError> {
        let deadline = deadline(wait.min(self.long_polls.longest));
        let Ok(_place) = self.long_polls.places.try_acquire() else {
            return last;
        };
        while last.as_ref().is_err_and(ConfirmationError::may_pass) {
            let changed = tokio::time::timeout_at(deadline, registrations.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                return last;
            }
            if self.is_registered(blob_id).await? {
                last = self.attempt(blob_id, persistence).await;
            }
        }
        last
    }

    /// A storage confirmation, if there is no reason against one just now. Blocks.
    pub(super) fn confirm_now(
        &self,
        blob_id: BlobId,
        persistence: BlobPersistence,
    ) -> Result<StorageConfirmation, ConfirmationError> {
        let view = self.holdings.view();
        let epoch = view.epoch();
        let info = self.holdings.info(&blob_id)?;
        if !info.is_some_and(|info| info.is_registered(epoch)) {
            return Err(ConfirmationError::NotRegistered);
        }
        self.uploads.flush_if_registered(&blob_id)?;
        if !view.is_member() {
            return Err(ConfirmationError::NotInCommittee);
        }
        let storage = self.holdings.storage();
        if !storage.has_metadata(&blob_id, self.holdings.encoding())? {
            return Err(ConfirmationError::MissingMetadata);
        }
        let absent = storage.missing_slivers(&blob_id, view.own_shards.iter().copied())?;
        if let Some((shard, sliver_type)) = absent.first() {
            return Err(ConfirmationError::MissingSlivers {
                count: absent.len(),
                shard: *shard,
                sliver_type: *sliver_type,
            });
        }
        if let BlobPersistence::Deletable { object_id } = persistence
            && !self.is_alive(&blob_id, &Address::new(object_id), epoch)?
        {
            return Err(ConfirmationError::ObjectNotRegistered);
        }
        // What somebody else is storing at this moment is seen before it is durable.
        storage.until_durable(&blob_id);
        let body = StorageConfirmationBody {
            blob_id,
            persistence,
        };
        let signed = self.key.sign(&ProtocolMessage::new(epoch, body));
        self.metrics.user.confirmations.inc();
        Ok(StorageConfirmation::Signed(signed))
    }

    /// Whether the object is one of this blob and has not ended.
    fn is_alive(
        &self,
        blob_id: &BlobId,
        object_id: &Address,
        epoch: Epoch,
    ) -> Result<bool, StorageError> {
        let storage = self.holdings.storage();
        if let Some(record) = storage.object(object_id)?
            && record.blob_id == *blob_id
            && record.end_epoch > epoch
        {
            return Ok(true);
        }
        let Some(record) = storage.pooled_object(object_id)? else {
            return Ok(false);
        };
        let pool = storage.pool(&record.pool_id)?;
        Ok(record.blob_id == *blob_id && pool.is_some_and(|pool| pool.end_epoch > epoch))
    }
}

/// When so much time has passed; a day from now if that cannot be told.
fn deadline(wait: Duration) -> Instant {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    Instant::now() + wait.min(DAY)
}
