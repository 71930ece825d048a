//! Shard transfer: gained shards come from those who had them before. Node spec 5.11.
//!
//! What is fetched is what the index lacks, so that a transfer goes on where it broke, across restarts too; every sliver is verified
//! before it is stored. Shards of the *next* epoch are fetched as soon as its committee is known: when it begins, only what was
//! certified in between is left.
//!
//! What the source does not have, or sends wrongly, stays in the queue of recoveries, which waits for the transfer.

mod batch;
mod plan;
mod request;
mod run;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use tokio::sync::{Notify, watch};
use walrus_core::bls::BlsKeyPair;
use walrus_service::{
    backoff::Backoff,
    worker::{Failure, Status, Step, Worker},
};
use walrus_sui::Address;

use self::{
    plan::{Job, Turn},
    request::TransferError,
    run::Progress,
};
use super::{MetadataSource, Peers};
use crate::{
    blobs::Holdings, config::ShardSyncConfig, metrics::Metrics, shards::ShardLife, signal::Signal,
    storage::StorageError, work::Work,
};

/// How often the shards are looked at without being told to.
const SHARDS_POLL: Duration = Duration::from_secs(1);

/// What transfers are made with.
pub(crate) struct Transfers {
    pub(crate) holdings: Holdings,
    pub(crate) metadata: MetadataSource,
    pub(crate) peers: Peers,
    pub(crate) shards: Arc<ShardLife>,
    pub(crate) config: ShardSyncConfig,
    /// Signs requests.
    pub(crate) key: Arc<BlsKeyPair>,
    /// This node's ID on chain.
    pub(crate) node_id: Address,
    /// Tells recovery that blobs do not wait for a transfer any more.
    pub(crate) queue_grew: Arc<Notify>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) work: Work,
}

/// Transfers shards side by side; a step is one request for each of them.
pub struct ShardSync {
    transfers: Arc<Transfers>,
    running: HashMap<Job, Running>,
    epoch_moved: watch::Receiver<u64>,
    /// Slivers that were stored.
    done: u64,
}

/// How a transfer goes.
#[derive(Debug)]
struct Running {
    progress: Progress,
    failures: u32,
    /// When a sliver was stored last, or the transfer began.
    fruitful: Instant,
    /// When the next request may be made.
    next: Instant,
    /// Nothing is left to ask for.
    over: bool,
}

impl Running {
    fn new(now: Instant) -> Self {
        Self {
            progress: Progress::default(),
            failures: 0,
            fruitful: now,
            next: now,
            over: false,
        }
    }

    /// Notes what came. Only slivers that were stored are worth more patience, whatever else a source sends.
    fn note(&mut self, stored: u64, progress: Progress, now: Instant) {
        self.progress = progress;
        if stored > 0 {
            (self.failures, self.fruitful) = (0, now);
        }
    }
}

impl ShardSync {
    /// Nothing runs until a runner takes steps; but from now on recovery waits for transfers.
    pub(crate) fn new(transfers: Transfers, epoch_moved: &Signal) -> Self {
        transfers.shards.expect_transfers();
        Self {
            transfers: Arc::new(transfers),
            running: HashMap::new(),
            epoch_moved: epoch_moved.subscribe(),
            done: 0,
        }
    }
}

impl Worker for ShardSync {
    fn name(&self) -> &'static str {
        "shard-sync"
    }

    /// In slivers.
    fn status(&self) -> Status {
        let running = self.running.iter().filter(|(_, running)| !running.over);
        let mut shards: Vec<_> = running.map(|(job, _)| job.shard.get()).collect();
        shards.sort_unstable();
        let note = (!shards.is_empty()).then(|| {
            let names: Vec<_> = shards.iter().take(8).map(u16::to_string).collect();
            format!("{} shards: {}", shards.len(), names.join(", ")).into()
        });
        Status {
            done: Some(self.done),
            left: None,
            note,
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        self.epoch_moved.mark_unchanged();
        let now = Instant::now();
        let turns = self.transfers.plan()?;
        self.running
            .retain(|job, _| turns.iter().any(|turn| turn.job == *job));
        let mut due = Vec::new();
        for turn in turns {
            let running = self
                .running
                .entry(turn.job)
                .or_insert_with(|| Running::new(now));
            if !running.over && running.next <= now {
                due.push((turn, running.progress));
            }
        }
        let transfers = Arc::clone(&self.transfers);
        let width = transfers.config.shard_sync_concurrency.max(1);
        let requests = due.into_iter().map(|(turn, progress)| {
            let transfers = Arc::clone(&transfers);
            async move {
                let went = transfers.advance(&turn, progress).await;
                (turn, went)
            }
        });
        let mut went = futures::stream::iter(requests).buffer_unordered(width);
        let mut failure = None;
        while let Some((turn, went)) = went.next().await {
            failure = self.note(&turn, went)?.or(failure);
        }
        drop(went);
        Ok(match (failure, self.next_pause()) {
            (_, Some(Duration::ZERO)) => Step::Again,
            (Some(failure), _) => Step::RetryOrWait(failure),
            (None, Some(pause)) => Step::WaitAtMost(pause),
            (None, None) => Step::WaitAtMost(SHARDS_POLL),
        })
    }

    async fn wait(&mut self) {
        // The node, which holds this worker, keeps the other end.
        let _ = self.epoch_moved.changed().await;
    }
}

impl ShardSync {
    /// Notes how a request went; returns what is worth telling.
    fn note(
        &mut self,
        turn: &Turn,
        went: Result<run::Advance, TransferError>,
    ) -> Result<Option<Failure>, StorageError> {
        let transfers = Arc::clone(&self.transfers);
        let Some(running) = self.running.get_mut(&turn.job) else {
            return Ok(None);
        };
        let (now, config) = (Instant::now(), &transfers.config);
        let advance = match went {
            Err(TransferError::Storage(error)) => return Err(error),
            Err(error) => run::Advance {
                stored: 0,
                progress: running.progress,
                broke: Some(error),
            },
            Ok(advance) => advance,
        };
        self.done = self.done.saturating_add(advance.stored);
        running.note(advance.stored, advance.progress, now);
        let Some(error) = advance.broke else {
            if running.progress.is_over() {
                running.over = true;
                transfers.end(turn, "complete");
            }
            return Ok(None);
        };
        running.failures = running.failures.saturating_add(1);
        let seconds = |seconds| Duration::from_secs(seconds);
        let patience = seconds(config.shard_sync_retry_switch_to_recovery_interval_secs);
        let impatient = now.duration_since(running.fruitful) >= patience;
        if !turn.job.ahead && (impatient || !error.is_passing()) {
            tracing::warn!(shard = %turn.job.shard, %error, "the shard is recovered from the other nodes");
            running.over = true;
            transfers.end(turn, "recovery");
            return Ok(None);
        }
        let backoff = Backoff::new(
            seconds(config.shard_sync_retry_min_backoff_secs),
            seconds(config.shard_sync_retry_max_backoff_secs),
        );
        running.next = now
            .checked_add(backoff.pause(running.failures))
            .unwrap_or(now);
        transfers.count("retry");
        Ok((!turn.job.ahead).then(|| error.into()))
    }

    /// How long until the next request; `None` if there is none to make.
    fn next_pause(&self) -> Option<Duration> {
        let now = Instant::now();
        let running = self.running.values().filter(|running| !running.over);
        let next = running.map(|running| running.next).min()?;
        Some(next.saturating_duration_since(now))
    }
}

impl Transfers {
    /// Lets recovery do the rest of a shard.
    fn end(&self, turn: &Turn, how: &str) {
        tracing::info!(shard = %turn.job.shard, epoch = turn.job.epoch, ahead = turn.job.ahead, how, "the transfer of a shard has ended");
        self.count(how);
        if !turn.job.ahead {
            self.shards.end_transfer(turn.job.shard, turn.job.epoch);
            self.queue_grew.notify_one();
        }
    }

    fn count(&self, status: &str) {
        self.metrics.shard_syncs.with_label_values(&[status]).inc();
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::BlobId;

    use super::*;

    #[test]
    fn only_what_is_stored_is_worth_more_patience() {
        let begun = Instant::now();
        let later = begun + Duration::from_secs(60);
        let mut running = Running::new(begun);
        running.failures = 3;
        // Slivers that do not verify, one after the other.
        let behind = running.progress.behind(BlobId([7; 32]));
        running.note(0, behind, later);
        assert_eq!(running.progress, behind);
        assert_eq!((running.failures, running.fruitful), (3, begun));
        running.note(1, behind, later);
        assert_eq!((running.failures, running.fruitful), (0, later));
    }
}
