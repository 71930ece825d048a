//! Sync request for slivers of a shard, and its answer.

use std::{collections::HashSet, sync::Arc};

use tokio::time::{Instant, timeout_at};
use walrus_core::{
    BlobId, SliverType,
    messages::{ProtocolMessage, SyncShardRequest, SyncShardRequestV1},
    parameters::MAX_SYMBOL_SIZE,
};
use walrus_node_client::{NodeError, Reason, ShardAnswer, SyncedSliver};

use super::{
    Transfers,
    batch::Stored,
    patience::{Brought, GivenUp, Patience},
    plan::Turn,
};
use crate::{
    limits::{SLIVER_HEADROOM, SYNC_BATCH_BYTES},
    storage::StorageError,
    work::WorkError,
};

/// Why a transfer does not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    /// The source did not answer as asked.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The source sends what it was not asked for.
    #[error("{url} sent blob {blob_id} where a later one was due")]
    OutOfOrder { url: String, blob_id: BlobId },
    /// The source is not waited for any longer.
    #[error("{url} is given up: {why}; what came of it is kept")]
    GivenUp { url: String, why: GivenUp },
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl TransferError {
    /// Whether there may be more a little later: the source is not in the epoch yet, or not there, or this node has no room.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Node(error) => {
                error.is_retryable()
                    || error.is_reason(Reason::InvalidEpoch)
                    || error.is_reason(Reason::RequestUnauthorized)
            }
            Self::Work(_) => true,
            Self::Storage(error) => error.is_full(),
            Self::GivenUp { .. } | Self::OutOfOrder { .. } => false,
        }
    }
}

/// What came of a request.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) stored: Stored,
    /// The last blob that the source sent a sliver of.
    pub(super) last: Option<BlobId>,
    /// Whether the answer came to its end.
    pub(super) is_whole: bool,
    pub(super) broke: Option<TransferError>,
    /// What is left of the patience with the source.
    pub(super) patience: Patience,
}

impl Transfers {
    /// Asks the source for the slivers from the first of `wanted` on, as many as there are, and stores those that verify.
    pub(super) async fn receive(
        self: &Arc<Self>,
        turn: &Turn,
        sliver_type: SliverType,
        wanted: &[BlobId],
        patience: Patience,
    ) -> Result<Received, TransferError> {
        let mut received = Received {
            stored: Stored::default(),
            last: None,
            is_whole: false,
            broke: None,
            patience,
        };
        let Some(first) = wanted.first() else {
            return Ok(received);
        };
        let request = SyncShardRequest::V1(SyncShardRequestV1 {
            shard_index: turn.job.shard,
            sliver_type,
            starting_blob_id: *first,
            sliver_count: u64::try_from(wanted.len()).unwrap_or(u64::MAX),
            epoch: turn.now,
        });
        let key = Arc::clone(&self.key);
        let now = turn.now;
        let sign = move || {
            let signed = key.sign(&ProtocolMessage::new(now, request));
            Ok::<_, TransferError>((key.public_key(), signed))
        };
        let (public, signed) = self.work.run(sign).await?;
        let symbols = self.holdings.encoding().symbols_per_sliver(sliver_type);
        let largest = usize::from(symbols)
            .saturating_mul(usize::from(MAX_SYMBOL_SIZE))
            .saturating_add(SLIVER_HEADROOM);
        let url = turn.source.url().to_owned();
        let asking = turn.source.sync_shard(&public, &signed, largest);
        let answer = match received.wait(asking, 0, &url).await {
            Ok(answer) => answer,
            Err(error) => {
                received.broke = Some(error);
                return Ok(received);
            }
        };
        let mut reading = Reading {
            answer,
            url,
            sliver_type,
            wanted: wanted.iter().copied().collect(),
            first: *first,
            came: 0,
            received,
        };
        // Verified and stored while the next ones arrive.
        let mut batch = reading.batch().await;
        while !batch.is_empty() {
            let (stored, next) = tokio::join!(self.store(turn.job.shard, batch), reading.batch());
            reading.received.add(stored?);
            batch = next;
        }
        let mut received = reading.received;
        received.patience.brought(Brought {
            asked: u64::try_from(wanted.len()).unwrap_or(u64::MAX),
            slivers: received.stored.slivers,
            bytes: received.stored.bytes,
        });
        Ok(received)
    }
}

impl Received {
    fn add(&mut self, stored: Stored) {
        let sum = &mut self.stored;
        sum.slivers = sum.slivers.saturating_add(stored.slivers);
        sum.bytes = sum.bytes.saturating_add(stored.bytes);
    }

    /// Waits for the source as long as there is patience with it, of which so many bytes have come.
    async fn wait<T>(
        &mut self,
        answer: impl Future<Output = Result<T, NodeError>>,
        came: u64,
        url: &str,
    ) -> Result<T, TransferError> {
        let begun = Instant::now();
        let until = self.patience.until(came, begun);
        // What is there already would not be too late for a timeout.
        let answer = match until > begun {
            true => timeout_at(until, answer).await.ok(),
            false => None,
        };
        let now = Instant::now();
        self.patience.waited(now.saturating_duration_since(begun));
        match answer {
            Some(answer) => Ok(answer?),
            None => Err(TransferError::GivenUp {
                url: url.to_owned(),
                why: self.patience.why(now),
            }),
        }
    }
}

/// An answer that is being read.
struct Reading {
    answer: ShardAnswer,
    url: String,
    sliver_type: SliverType,
    wanted: HashSet<BlobId>,
    /// The first blob that may come.
    first: BlobId,
    /// Bytes of wanted slivers so far.
    came: u64,
    received: Received,
}

impl Reading {
    /// The next slivers that are wanted; none at the end, and where the answer breaks off.
    async fn batch(&mut self) -> Vec<SyncedSliver> {
        let (mut batch, mut bytes) = (Vec::new(), 0_usize);
        while bytes < SYNC_BATCH_BYTES && !self.received.is_whole && self.received.broke.is_none() {
            let next = self.answer.next();
            match self.received.wait(next, self.came, &self.url).await {
                Ok(Some(sliver)) => {
                    if !self.is_in_order(&sliver) {
                        self.received.broke = Some(TransferError::OutOfOrder {
                            url: self.url.clone(),
                            blob_id: sliver.blob_id,
                        });
                        break;
                    }
                    self.received.last = Some(sliver.blob_id);
                    if self.wanted.contains(&sliver.blob_id) {
                        let length = sliver.bytes.len();
                        bytes = bytes.saturating_add(length);
                        let length = u64::try_from(length).unwrap_or(u64::MAX);
                        self.came = self.came.saturating_add(length);
                        batch.push(sliver);
                    }
                }
                Ok(None) => self.received.is_whole = true,
                Err(error) => self.received.broke = Some(error),
            }
        }
        batch
    }

    fn is_in_order(&self, sliver: &SyncedSliver) -> bool {
        let behind = match self.received.last {
            Some(last) => sliver.blob_id > last,
            None => sliver.blob_id >= self.first,
        };
        behind && sliver.sliver_type == self.sliver_type
    }
}
