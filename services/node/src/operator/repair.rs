//! Repair: walks through the blobs that the node should hold, and queues what is missing for recovery.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use walrus_core::{BlobId, ShardIndex};
use walrus_service::worker::{Failure, Status, Step, Worker};

use crate::{
    blobs::Holdings,
    storage::{StorageError, records::SyncReason},
    work::{Work, WorkError},
};

/// What is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RepairScope {
    /// One blob.
    Blob(#[serde(with = "blob_id_text")] BlobId),
    /// Every blob in one shard of the node.
    Shard(u16),
    /// Every blob in every shard of the node.
    AllMissing,
}

/// How far a repair is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepairReport {
    /// Whether it is under way.
    pub running: bool,
    /// Certified blobs that were looked at.
    pub checked: u64,
    /// Those of which something is missing; they are queued for recovery.
    pub incomplete: u64,
    /// Slivers that are missing of them.
    pub missing_slivers: u64,
    /// Why it ended early, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Why a repair is not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RepairRefused {
    /// One at a time.
    #[error("a repair is under way; it has looked at {checked} blobs")]
    UnderWay {
        /// So far.
        checked: u64,
    },
    /// The shard is another node's.
    #[error("shard {0} is not this node's")]
    NotOurs(u16),
}

/// Where repairs are ordered and told of.
#[derive(Debug, Default)]
pub(crate) struct Repairs {
    state: Mutex<State>,
    ordered: Notify,
}

#[derive(Debug, Default)]
struct State {
    scope: Option<RepairScope>,
    /// The last blob that was looked at.
    last: Option<BlobId>,
    report: RepairReport,
}

impl Repairs {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the repair is that was ordered last.
    pub(crate) fn report(&self) -> RepairReport {
        self.state().report.clone()
    }

    /// Begins a repair.
    ///
    /// # Errors
    /// [`RepairRefused`].
    pub(crate) fn order(
        &self,
        scope: RepairScope,
        holdings: &Holdings,
    ) -> Result<(), RepairRefused> {
        if let RepairScope::Shard(shard) = scope {
            let view = holdings.view();
            if !view.own_shards.contains(&ShardIndex(shard)) {
                return Err(RepairRefused::NotOurs(shard));
            }
        }
        let mut state = self.state();
        if state.scope.is_some() {
            let checked = state.report.checked;
            return Err(RepairRefused::UnderWay { checked });
        }
        *state = State {
            scope: Some(scope),
            last: None,
            report: RepairReport {
                running: true,
                ..RepairReport::default()
            },
        };
        drop(state);
        self.ordered.notify_one();
        Ok(())
    }
}

/// Works off what is ordered, a page of blobs at a time. The queue outlives the process, the walk does not: it begins anew with the
/// next order.
pub struct RepairWorker {
    pub(crate) repairs: Arc<Repairs>,
    pub(crate) holdings: Holdings,
    /// Tells recovery that something was queued.
    pub(crate) queue_grew: Arc<Notify>,
    pub(crate) work: Work,
}

/// What a page came to.
struct Looked {
    checked: u64,
    incomplete: u64,
    missing: u64,
    /// The last blob, unless it was the last page.
    last: Option<BlobId>,
}

/// Why it could not be looked at what is here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RepairError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl Worker for RepairWorker {
    fn name(&self) -> &'static str {
        "repair"
    }

    /// In blobs.
    fn status(&self) -> Status {
        Status {
            done: Some(self.repairs.report().checked),
            ..Status::default()
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        let (scope, last) = {
            let state = self.repairs.state();
            (state.scope, state.last)
        };
        let Some(scope) = scope else {
            return Ok(Step::Wait);
        };
        let holdings = self.holdings.clone();
        let looked = self.work.run(move || look(&holdings, scope, last)).await;
        let mut state = self.repairs.state();
        match looked {
            Ok(looked) => {
                let report = &mut state.report;
                report.checked = report.checked.saturating_add(looked.checked);
                report.incomplete = report.incomplete.saturating_add(looked.incomplete);
                report.missing_slivers = report.missing_slivers.saturating_add(looked.missing);
                state.last = looked.last;
                if looked.incomplete > 0 {
                    self.queue_grew.notify_one();
                }
                if looked.last.is_some() {
                    return Ok(Step::Again);
                }
            }
            Err(error) => state.report.failure = Some(error.to_string()),
        }
        state.scope = None;
        state.report.running = false;
        Ok(Step::Wait)
    }

    async fn wait(&mut self) {
        self.repairs.ordered.notified().await;
    }
}

fn look(
    holdings: &Holdings,
    scope: RepairScope,
    last: Option<BlobId>,
) -> Result<Looked, RepairError> {
    let (storage, epoch) = (holdings.storage(), holdings.epoch());
    let page = match scope {
        RepairScope::Blob(blob_id) => {
            let info = storage.blob_info(&blob_id)?;
            info.map(|info| (blob_id, info)).into_iter().collect()
        }
        RepairScope::Shard(_) | RepairScope::AllMissing => storage.blob_infos_behind(last)?,
    };
    let mut looked = Looked {
        checked: 0,
        incomplete: 0,
        missing: 0,
        last: page.last().map(|(blob_id, _)| *blob_id),
    };
    if matches!(scope, RepairScope::Blob(_)) {
        looked.last = None;
    }
    let mut update = storage.update();
    for (blob_id, info) in &page {
        if !info.is_certified(epoch) {
            continue;
        }
        looked.checked = looked.checked.saturating_add(1);
        let missing = match scope {
            RepairScope::Shard(shard) => storage.missing_slivers(blob_id, [ShardIndex(shard)])?,
            RepairScope::Blob(_) | RepairScope::AllMissing => holdings.missing_slivers(blob_id)?,
        };
        if missing.is_empty() && holdings.metadata(blob_id)?.is_some() {
            continue;
        }
        looked.incomplete = looked.incomplete.saturating_add(1);
        let count = u64::try_from(missing.len()).unwrap_or(u64::MAX);
        looked.missing = looked.missing.saturating_add(count);
        update.queue(blob_id, SyncReason::Ordered)?;
    }
    update.commit()?;
    Ok(looked)
}

/// Blob IDs as people write them.
mod blob_id_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use walrus_core::BlobId;

    pub(super) fn serialize<S: Serializer>(id: &BlobId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BlobId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
