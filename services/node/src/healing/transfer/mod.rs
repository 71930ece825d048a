//! Shard transfer: gained shards come from those who had them before. Node spec 5.11.
//!
//! What is fetched is what the index lacks, so that a transfer goes on where it broke, across restarts too; every sliver is verified
//! before it is stored. Shards of the *next* epoch are fetched as soon as its committee is known: when it begins, only what was
//! certified in between is left.
//!
//! Each shard goes its own way, so many at once, and no source has more than its share of them: who is silent, slow or lies holds
//! up nothing but its own shards, and these no longer than there is [`patience`] with it. What the source does not have, sends
//! wrongly or not in time stays in the queue of recoveries, which waits for the transfer.

mod batch;
mod jobs;
mod patience;
mod plan;
mod request;
mod run;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::{JoinError, JoinSet},
    time::{Instant, timeout, timeout_at},
};
use walrus_core::bls::BlsKeyPair;
use walrus_service::{
    backoff::Backoff,
    clock::Clock,
    worker::{Failure, Status, Step, Worker},
};
use walrus_sui::Address;

use self::{
    jobs::{Jobs, Verdict},
    plan::{Job, Turn},
    request::TransferError,
    run::Advance,
};
use super::{MetadataSource, Peers};
use crate::{
    blobs::Holdings,
    config::ShardSyncConfig,
    metrics::Metrics,
    shards::{ShardLife, TransferEnd},
    signal::Signal,
    storage::StorageError,
    work::Work,
};

/// How often the shards are looked at without being told to.
const SHARDS_POLL: Duration = Duration::from_secs(1);

/// Shards that are named in the status; of more, the number is told.
const TOLD_SHARDS: usize = 8;

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
    /// Tells how long ago a transfer was begun, before a restart too.
    pub(crate) clock: Clock,
    pub(crate) work: Work,
}

/// How a request went.
type Went = (Turn, Result<Advance, TransferError>);

/// Transfers shards side by side, each in as many requests as it takes. Requests that run when it ends are cut off: what they had
/// stored stays.
pub struct ShardSync {
    transfers: Arc<Transfers>,
    jobs: Jobs,
    requests: JoinSet<Went>,
    /// Requests that ended while nothing was to be done.
    ended: Vec<Result<Went, JoinError>>,
    epoch_moved: watch::Receiver<u64>,
    /// Slivers that were stored.
    done: u64,
}

impl ShardSync {
    /// Nothing runs until a runner takes steps; but from now on recovery waits for transfers.
    pub(crate) fn new(transfers: Transfers, epoch_moved: &Signal) -> Self {
        transfers.shards.expect_transfers();
        Self {
            jobs: Jobs::new(transfers.config.clone()),
            transfers: Arc::new(transfers),
            requests: JoinSet::new(),
            ended: Vec::new(),
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
        let shards = self.jobs.unfinished();
        let note = (!shards.is_empty()).then(|| {
            let names: Vec<_> = shards
                .iter()
                .take(TOLD_SHARDS)
                .map(ToString::to_string)
                .collect();
            format!("{} shards: {}", shards.len(), names.join(", ")).into()
        });
        Status {
            done: Some(self.done),
            left: None,
            note,
        }
    }

    /// Shards are looked at as often after a failure as without one: each has a pause of its own.
    fn backoff(&self) -> Backoff {
        Backoff::new(SHARDS_POLL, SHARDS_POLL)
    }

    /// Notes what has ended and begins what is due. It takes as long as a request does, if not too long, so that a throttle
    /// has something to measure.
    async fn work(&mut self) -> Result<Step, Failure> {
        self.epoch_moved.mark_unchanged();
        let failure = self.note_ended()?;
        let turns = self.transfers.plan()?;
        self.jobs.keep(&turns);
        for turn in self.jobs.unknown(&turns) {
            let begun = self.transfers.begun(turn)?;
            self.jobs.take_up(turn, begun, Instant::now());
        }
        for (turn, why) in self.jobs.late(&turns, Instant::now()) {
            tracing::warn!(shard = %turn.job.shard, %why, "the shard is recovered from the other nodes");
            self.transfers.end(turn, TransferEnd::GivenUp);
        }
        self.begin(turns);
        if let Some(failure) = failure {
            return Ok(Step::RetryOrWait(failure));
        }
        if self.requests.is_empty() {
            let pause = self.jobs.pause(Instant::now());
            return Ok(Step::WaitAtMost(pause.unwrap_or(SHARDS_POLL)));
        }
        if let Ok(Some(ended)) = timeout(SHARDS_POLL, self.requests.join_next()).await {
            self.ended.push(ended);
        }
        Ok(Step::Again)
    }

    async fn wait(&mut self) {
        tokio::select! {
            // The node, which holds this worker, keeps the other end.
            _ = self.epoch_moved.changed() => {}
            Some(ended) = self.requests.join_next() => self.ended.push(ended),
        }
    }

    async fn close(&mut self) {
        self.requests.shutdown().await;
    }
}

impl ShardSync {
    /// Begins the requests that are due.
    fn begin(&mut self, turns: Vec<Turn>) {
        let (jobs, requests) = (&mut self.jobs, &mut self.requests);
        jobs.begin(turns, Instant::now(), |turn, progress, patience| {
            let transfers = Arc::clone(&self.transfers);
            requests.spawn(async move {
                let advance = transfers.advance(&turn, progress, patience);
                let went = match timeout_at(patience.deadline(), advance).await {
                    Ok(went) => went,
                    Err(_) => Err(TransferError::GivenUp {
                        url: turn.source.url().to_owned(),
                        why: patience.why(Instant::now()),
                    }),
                };
                (turn, went)
            })
        });
    }

    /// Notes how requests went; returns what is worth telling.
    fn note_ended(&mut self) -> Result<Option<Failure>, Failure> {
        while let Some(ended) = self.requests.try_join_next() {
            self.ended.push(ended);
        }
        let mut failure = None;
        for ended in std::mem::take(&mut self.ended) {
            match ended {
                Ok((turn, went)) => failure = self.note(&turn, went)?.or(failure),
                // Its shard is another node's by now.
                Err(error) if error.is_cancelled() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(failure)
    }

    fn note(
        &mut self,
        turn: &Turn,
        went: Result<Advance, TransferError>,
    ) -> Result<Option<Failure>, Failure> {
        match went {
            // Later there may be room; until then the node goes on with what it has.
            Err(TransferError::Storage(error)) if !error.is_full() => return Err(error.into()),
            _ => {}
        }
        if let Ok(advance) = &went {
            self.done = self.done.saturating_add(advance.stored);
        }
        let shard = turn.job.shard;
        Ok(match self.jobs.note(turn.job, went, Instant::now()) {
            Verdict::GoesOn => None,
            Verdict::Complete => {
                self.transfers.end(turn, TransferEnd::Brought);
                None
            }
            Verdict::GivenUp(why) => {
                tracing::warn!(%shard, why, "the shard is recovered from the other nodes");
                self.transfers.end(turn, TransferEnd::GivenUp);
                None
            }
            Verdict::Retried(error) => {
                self.transfers.count("retry");
                (!turn.job.ahead).then(|| error.into())
            }
        })
    }
}

impl Transfers {
    /// How long ago the transfer was begun. What comes ahead of its epoch has no deadline that counts, and so none that is kept.
    fn begun(&self, turn: &Turn) -> Result<Duration, StorageError> {
        let Job {
            shard,
            epoch,
            ahead,
        } = turn.job;
        if ahead {
            return Ok(Duration::ZERO);
        }
        let now_ms = self.clock.unix_ms();
        let storage = self.holdings.storage();
        let begun_ms = storage.transfer_begun(shard, epoch, now_ms)?;
        Ok(Duration::from_millis(now_ms.saturating_sub(begun_ms)))
    }

    /// Lets recovery do the rest of a shard.
    fn end(&self, turn: &Turn, end: TransferEnd) {
        let how = match end {
            TransferEnd::Brought => "complete",
            TransferEnd::GivenUp => "recovery",
        };
        tracing::info!(shard = %turn.job.shard, epoch = turn.job.epoch, ahead = turn.job.ahead, how, "the transfer of a shard has ended");
        self.count(how);
        if !turn.job.ahead {
            self.shards
                .end_transfer(turn.job.shard, turn.job.epoch, end);
            self.queue_grew.notify_one();
        }
    }

    fn count(&self, status: &str) {
        self.metrics.shard_syncs.with_label_values(&[status]).inc();
    }
}
