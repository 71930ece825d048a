//! The request for slivers of a shard, and its answer.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};
use walrus_core::{
    BlobId, SliverType,
    messages::{ProtocolMessage, SyncShardRequest, SyncShardRequestV1},
    parameters::MAX_SYMBOL_SIZE,
};
use walrus_node_client::{NodeError, Reason, ShardAnswer, SyncedSliver};

use super::{Transfers, plan::Turn};
use crate::{
    limits::{SLIVER_HEADROOM, SYNC_BATCH_BYTES},
    storage::StorageError,
    work::WorkError,
};

/// How long an answer is read: the transfers of other shards go on when each has made its request.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Why a transfer does not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    /// The source did not answer as asked.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The source sends what it was not asked for.
    #[error("{url} sent blob {blob_id} where a later one was due")]
    OutOfOrder { url: String, blob_id: BlobId },
    /// The source sends too slowly.
    #[error("{url} did not send its answer within {} s: what came of it is kept", ANSWER_TIME.as_secs())]
    Late { url: String },
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl TransferError {
    /// Whether the source may send more a little later: it is not in the epoch yet, or not there.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Node(error) => {
                error.is_retryable()
                    || error.is_reason(Reason::InvalidEpoch)
                    || error.is_reason(Reason::RequestUnauthorized)
            }
            Self::Work(_) | Self::Late { .. } => true,
            Self::OutOfOrder { .. } | Self::Storage(_) => false,
        }
    }
}

/// What came of a request.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) stored: u64,
    /// The last blob that the source sent a sliver of.
    pub(super) last: Option<BlobId>,
    /// Whether the answer came to its end.
    pub(super) is_whole: bool,
    pub(super) broke: Option<TransferError>,
}

impl Transfers {
    /// Asks the source for the slivers from the first of `wanted` on, as many as there are, and stores those that verify.
    pub(super) async fn receive(
        self: &Arc<Self>,
        turn: &Turn,
        sliver_type: SliverType,
        wanted: &[BlobId],
    ) -> Result<Received, TransferError> {
        let Some(first) = wanted.first() else {
            return Ok(Received::default());
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
        let begun = Instant::now();
        let until = begun.checked_add(ANSWER_TIME).unwrap_or(begun);
        let answer = turn.source.sync_shard(&public, &signed, largest).await?;
        let mut reading = Reading {
            answer,
            until,
            sliver_type,
            wanted: wanted.iter().copied().collect(),
            first: *first,
            received: Received::default(),
        };
        // Verified and stored while the next ones arrive.
        let mut batch = reading.batch().await;
        while !batch.is_empty() {
            let (stored, next) = tokio::join!(self.store(turn.job.shard, batch), reading.batch());
            let stored = stored?;
            reading.received.stored = reading.received.stored.saturating_add(stored);
            batch = next;
        }
        Ok(reading.received)
    }
}

/// An answer that is being read.
struct Reading {
    answer: ShardAnswer,
    /// When it is too late for more.
    until: Instant,
    sliver_type: SliverType,
    wanted: HashSet<BlobId>,
    /// The first blob that may come.
    first: BlobId,
    received: Received,
}

impl Reading {
    /// The next slivers that are wanted; none at the end, and where the answer breaks off.
    async fn batch(&mut self) -> Vec<SyncedSliver> {
        let (mut batch, mut bytes) = (Vec::new(), 0_usize);
        while bytes < SYNC_BATCH_BYTES && !self.received.is_whole && self.received.broke.is_none() {
            let Ok(next) = timeout_at(self.until, self.answer.next()).await else {
                let url = self.answer.url().to_owned();
                self.received.broke = Some(TransferError::Late { url });
                break;
            };
            match next {
                Ok(Some(sliver)) => {
                    if !self.is_in_order(&sliver) {
                        self.received.broke = Some(TransferError::OutOfOrder {
                            url: self.answer.url().to_owned(),
                            blob_id: sliver.blob_id,
                        });
                        break;
                    }
                    self.received.last = Some(sliver.blob_id);
                    if self.wanted.contains(&sliver.blob_id) {
                        bytes = bytes.saturating_add(sliver.bytes.len());
                        batch.push(sliver);
                    }
                }
                Ok(None) => self.received.is_whole = true,
                Err(error) => self.received.broke = Some(error.into()),
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
