//! Existence check: a worker that looks which certified blobs are whole on this node.

use std::sync::Arc;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::watch;
use walrus_core::{BlobId, Epoch};
use walrus_service::worker::{Failure, Status, Step, Worker};

use super::{digests::is_settled, label};
use crate::{
    blobs::Holdings,
    metrics::Metrics,
    storage::{
        StorageError,
        records::{NodeStatus, ShardState, SyncReason},
    },
    work::Work,
};

/// Looks, after an epoch change, at a sample of the blobs that were certified before, and publishes which part is stored in every
/// complete shard of the node. Blobs that wait for recovery are left out: they are known to lack something. What lacks something
/// without anybody knowing is queued.
#[derive(Debug)]
pub struct Existence {
    holdings: Holdings,
    metrics: Arc<Metrics>,
    work: Work,
    /// How many of a hundred blobs.
    percentage: u8,
    /// The epoch that began last.
    began: watch::Receiver<Epoch>,
    walk: Option<Walk>,
}

/// A walk through the blobs of one epoch.
#[derive(Debug)]
struct Walk {
    epoch: Epoch,
    sample: StdRng,
    last: Option<BlobId>,
    seen: u64,
    whole: u64,
}

impl Existence {
    /// Checks when `began` tells of an epoch.
    pub(crate) fn new(
        holdings: Holdings,
        metrics: Arc<Metrics>,
        work: Work,
        percentage: u8,
        began: watch::Receiver<Epoch>,
    ) -> Self {
        Self {
            holdings,
            metrics,
            work,
            percentage: percentage.min(100),
            began,
            walk: None,
        }
    }

    fn publish(&self, walk: &Walk) {
        #[allow(clippy::cast_precision_loss)] // A ratio.
        let ratio = match walk.seen {
            0 => 1.0,
            seen => walk.whole as f64 / seen as f64,
        };
        let gauges = &self.metrics.checks.stored_ratio;
        gauges.with_label_values(&[&label(walk.epoch)]).set(ratio);
        if walk.whole < walk.seen {
            let missing = walk.seen.saturating_sub(walk.whole);
            tracing::warn!(
                epoch = walk.epoch,
                missing,
                seen = walk.seen,
                "certified blobs were not whole, and not queued for recovery; they are now"
            );
        }
    }
}

impl Worker for Existence {
    fn name(&self) -> &'static str {
        "existence-check"
    }

    fn status(&self) -> Status {
        Status {
            done: self.walk.as_ref().map(|walk| walk.seen),
            left: None,
            note: Some("blobs".into()),
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        if self.began.has_changed().unwrap_or(false) {
            let epoch = *self.began.borrow_and_update();
            self.walk = Some(Walk {
                epoch,
                sample: StdRng::seed_from_u64(u64::from(epoch)),
                last: None,
                seen: 0,
                whole: 0,
            });
        }
        let Some(mut walk) = self.walk.take() else {
            return Ok(Step::Wait);
        };
        let (holdings, percentage) = (self.holdings.clone(), self.percentage);
        let step = move || {
            let goes_on = walk.step(&holdings, percentage)?;
            Ok::<_, StorageError>((walk, goes_on))
        };
        match self.work.in_background(step).await?? {
            (walk, Some(true)) => {
                self.walk = Some(walk);
                Ok(Step::Again)
            }
            (walk, Some(false)) => {
                self.publish(&walk);
                Ok(Step::Wait)
            }
            (_, None) => Ok(Step::Wait),
        }
    }

    async fn wait(&mut self) {
        if self.began.changed().await.is_err() {
            // Nobody tells of epochs any more: the node stops.
            std::future::pending::<()>().await;
        }
        self.began.mark_changed();
    }
}

impl Walk {
    /// Looks at some blobs; whether there are more, or nothing if the node is not in a state in which that says anything.
    fn step(&mut self, holdings: &Holdings, percentage: u8) -> Result<Option<bool>, StorageError> {
        let storage = holdings.storage();
        if storage.node_status()? != NodeStatus::Active {
            return Ok(None);
        }
        let page = storage.blob_infos_behind(self.last)?;
        let Some((last, _)) = page.last() else {
            return Ok(Some(false));
        };
        self.last = Some(*last);
        for (blob_id, info) in &page {
            if !is_settled(info, self.epoch) || self.sample.random_range(0..100) >= percentage {
                continue;
            }
            if storage.is_queued(blob_id)? {
                continue;
            }
            self.seen = self.seen.saturating_add(1);
            let states = storage.shard_states();
            let missing = holdings.missing_slivers(blob_id)?;
            let lacks = missing
                .iter()
                .any(|(shard, _)| states.get(shard) == Some(&ShardState::Active));
            if lacks {
                let mut update = storage.update();
                update.queue(blob_id, SyncReason::Lost)?;
                update.commit()?;
            }
            self.whole = self.whole.saturating_add(u64::from(!lacks));
        }
        Ok(Some(true))
    }
}
