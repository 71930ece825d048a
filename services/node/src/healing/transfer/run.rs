//! One request of a transfer: the next slivers that are missing are asked for, verified and stored while the following ones arrive.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use tokio::time::timeout;
use walrus_core::{BlobId, Epoch, ShardIndex, SliverType};

use super::{Transfers, patience::Patience, plan::Turn, request::TransferError};
use crate::storage::{StorageError, records::ShardState};

/// Patience with the other nodes for metadata of the slivers of one request.
const METADATA_TIME: Duration = Duration::from_secs(120);

/// How far a transfer is: the blobs are walked through once for each sliver type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The sliver type that is being walked through; `None` at the end.
    sliver_type: Walk,
    /// The last blob that needs no further look.
    last: Option<BlobId>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Walk {
    #[default]
    Primary,
    Secondary,
    Over,
}

/// What a request brought.
#[derive(Debug)]
pub(super) struct Advance {
    /// Slivers that were stored.
    pub(super) stored: u64,
    pub(super) progress: Progress,
    /// Why the answer ended too early, if it did.
    pub(super) broke: Option<TransferError>,
    /// What is left of the patience with the source.
    pub(super) patience: Patience,
}

impl Progress {
    pub(super) fn is_over(self) -> bool {
        self.sliver_type == Walk::Over
    }

    fn sliver_type(self) -> Option<SliverType> {
        match self.sliver_type {
            Walk::Primary => Some(SliverType::Primary),
            Walk::Secondary => Some(SliverType::Secondary),
            Walk::Over => None,
        }
    }

    /// Behind this blob.
    pub(super) fn behind(self, blob_id: BlobId) -> Self {
        Self {
            last: Some(blob_id),
            ..self
        }
    }

    /// At the beginning of the next sliver type.
    fn next_type(self) -> Self {
        let sliver_type = match self.sliver_type {
            Walk::Primary => Walk::Secondary,
            Walk::Secondary | Walk::Over => Walk::Over,
        };
        Self {
            sliver_type,
            last: None,
        }
    }
}

impl Transfers {
    /// Asks for the next missing slivers of a shard. When there are none left, what came is durable.
    pub(super) async fn advance(
        self: &Arc<Self>,
        turn: &Turn,
        progress: Progress,
        patience: Patience,
    ) -> Result<Advance, TransferError> {
        let advance = self.ask(turn, progress, patience).await?;
        if advance.progress.is_over() {
            self.sync(turn.job.shard).await?;
        }
        Ok(advance)
    }

    async fn ask(
        self: &Arc<Self>,
        turn: &Turn,
        progress: Progress,
        patience: Patience,
    ) -> Result<Advance, TransferError> {
        let nothing = |progress| Advance {
            stored: 0,
            progress,
            broke: None,
            patience,
        };
        let Some(sliver_type) = progress.sliver_type() else {
            return Ok(nothing(progress));
        };
        let (this, shard, epoch) = (Arc::clone(self), turn.job.shard, turn.now);
        let missing = move || {
            Ok::<_, TransferError>(this.missing(shard, sliver_type, epoch, progress.last)?)
        };
        let wanted = self.work.run(missing).await?;
        let Some(last_wanted) = wanted.last().copied() else {
            return Ok(nothing(progress.next_type()));
        };
        if turn.job.ahead {
            self.begin(turn.job.shard).await?;
        }
        // Slivers without metadata are left to recovery.
        if let Ok(fetched) = timeout(METADATA_TIME, self.fetch_metadata(&wanted)).await {
            fetched?;
        }
        let received = self.receive(turn, sliver_type, &wanted, patience).await?;
        let progress = match (received.last, &received.broke) {
            (Some(last), _) => progress.behind(last),
            // The source has none of them, and nothing behind them.
            (None, None) if received.is_whole => progress.next_type(),
            (None, None) => progress.behind(last_wanted),
            (None, Some(_)) => progress,
        };
        Ok(Advance {
            stored: received.stored.slivers,
            progress,
            broke: received.broke,
            patience: received.patience,
        })
    }

    /// The next blobs in a row of which the shard lacks the sliver, at most as many as are asked for at once.
    fn missing(
        &self,
        shard: ShardIndex,
        sliver_type: SliverType,
        epoch: Epoch,
        last: Option<BlobId>,
    ) -> Result<Vec<BlobId>, StorageError> {
        let storage = self.holdings.storage();
        let most = self.config.sliver_count_per_sync_request.max(1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut row = Vec::new();
        let mut behind = last;
        loop {
            let page = storage.blob_infos_behind(behind)?;
            let Some((last, _)) = page.last() else {
                return Ok(row);
            };
            behind = Some(*last);
            for (blob_id, _) in page.iter().filter(|(_, info)| info.is_synced_in(epoch)) {
                if !storage.has_sliver(shard, blob_id, sliver_type)? {
                    row.push(*blob_id);
                } else if !row.is_empty() {
                    return Ok(row);
                }
                if row.len() >= most {
                    return Ok(row);
                }
            }
        }
    }

    /// Makes room for a shard that is not this node's yet.
    async fn begin(&self, shard: ShardIndex) -> Result<(), TransferError> {
        let _turn = self.shards.turn().await;
        let holdings = self.holdings.clone();
        let begin = move || {
            let storage = holdings.storage();
            if storage.shard_state(shard).is_none() {
                storage.set_shard_state(shard, ShardState::Recovering)?;
            }
            Ok::<_, TransferError>(())
        };
        self.work.run(begin).await
    }

    /// Gets the metadata that slivers of these blobs are verified with. What nobody has is left to recovery.
    async fn fetch_metadata(&self, wanted: &[BlobId]) -> Result<(), TransferError> {
        let storage = self.holdings.storage();
        let mut absent = Vec::new();
        for blob_id in wanted {
            if !storage.has_metadata(blob_id, self.holdings.encoding())? {
                absent.push(*blob_id);
            }
        }
        let width = self.config.max_concurrent_metadata_fetch.max(1);
        let fetches = absent.into_iter().map(|blob_id| async move {
            let fetched = self.metadata.get(blob_id).await;
            fetched.map_err(|error| (blob_id, error))
        });
        let mut fetches = futures::stream::iter(fetches).buffer_unordered(width);
        while let Some(fetched) = fetches.next().await {
            if let Err((blob_id, error)) = fetched {
                tracing::debug!(%blob_id, %error, "no metadata for a sliver of a gained shard");
            }
        }
        Ok(())
    }
}
