//! Fsck: whether the index and the files of slivers agree, and the records of blobs and their objects, of a node that runs or of a storage
//! that nobody uses.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use walrus_service::worker::{Failure, Status, Step, Worker};

use crate::{
    storage::{FsckPosition, Storage, StorageError, StorageOptions},
    work::{Work, WorkError},
};

/// So many findings are told one by one; of the others only how many.
const MAX_TOLD: usize = 1000;

/// What a check has found so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FsckReport {
    /// Whether it is under way.
    pub running: bool,
    /// Whether what is found is mended.
    pub fix: bool,
    /// Entries and segments that were looked at.
    pub checked: u64,
    /// What does not agree.
    pub found: u64,
    /// The first of it, in sentences.
    pub findings: Vec<String>,
    /// Why it ended early, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl FsckReport {
    fn note(&mut self, step: &crate::storage::FsckStep) {
        self.checked = self.checked.saturating_add(step.checked);
        for finding in &step.findings {
            self.found = self.found.saturating_add(1);
            if self.findings.len() < MAX_TOLD {
                self.findings.push(finding.to_string());
            }
        }
    }

    /// Adds what a later check has mended besides.
    fn take_in(&mut self, mended: Self) {
        self.fix = mended.fix;
        for finding in mended.findings {
            if self.findings.len() < MAX_TOLD && !self.findings.contains(&finding) {
                self.findings.push(finding);
                self.found = self.found.saturating_add(1);
            }
        }
        self.found = self.found.max(mended.found);
    }
}

/// Checks a storage from end to end; mends what it finds if `fix`.
///
/// # Errors
/// If the storage fails.
pub fn check_storage(storage: &Storage, fix: bool) -> Result<FsckReport, StorageError> {
    let mut report = FsckReport {
        fix,
        ..FsckReport::default()
    };
    let mut position = None;
    loop {
        let step = storage.fsck_step(position, fix)?;
        report.note(&step);
        match step.next {
            Some(next) => position = Some(next),
            None => return Ok(report),
        }
    }
}

/// Checks a storage that nobody uses. Without `fix` it is only looked at. With it the storage is opened after the look, which
/// mends what a start does, and then checked again.
///
/// # Errors
/// If the storage fails; [`StorageError::NoStorage`] if there is none, and then none is made.
pub fn check_unused(options: StorageOptions, fix: bool) -> Result<FsckReport, StorageError> {
    let mut report = check_storage(&Storage::inspect(options.clone())?, false)?;
    if fix {
        let storage = Storage::open_with(options)?;
        let mended = check_storage(&storage, true);
        storage.close()?;
        report.take_in(mended?);
    }
    Ok(report)
}

/// Where checks of a running node are ordered and told of.
#[derive(Debug, Default)]
pub(crate) struct Fscks {
    state: Mutex<(Option<FsckPosition>, FsckReport)>,
    ordered: Notify,
}

impl Fscks {
    fn lock(&self) -> MutexGuard<'_, (Option<FsckPosition>, FsckReport)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the check is that was ordered last.
    pub(crate) fn report(&self) -> FsckReport {
        self.lock().1.clone()
    }

    /// Begins one; whether none was under way.
    pub(crate) fn order(&self, fix: bool) -> bool {
        let mut state = self.lock();
        if state.1.running {
            return false;
        }
        let report = FsckReport {
            running: true,
            fix,
            ..FsckReport::default()
        };
        *state = (None, report);
        drop(state);
        self.ordered.notify_one();
        true
    }
}

/// Works off what is ordered, a step at a time.
pub(crate) struct FsckWorker {
    pub(crate) fscks: Arc<Fscks>,
    pub(crate) storage: Arc<Storage>,
    /// Tells recovery that something was queued.
    pub(crate) queue_grew: Arc<Notify>,
    pub(crate) work: Work,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum FsckError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl Worker for FsckWorker {
    fn name(&self) -> &'static str {
        "fsck"
    }

    fn status(&self) -> Status {
        Status {
            done: Some(self.fscks.report().checked),
            ..Status::default()
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        let (position, fix) = {
            let state = self.fscks.lock();
            if !state.1.running {
                return Ok(Step::Wait);
            }
            (state.0, state.1.fix)
        };
        let storage = Arc::clone(&self.storage);
        let turn = match position {
            Some(position) if position.is_alone() => Some(self.storage.event_turn().await),
            _ => None,
        };
        let check = move || {
            let _turn = turn;
            Ok::<_, FsckError>(storage.fsck_step(position, fix)?)
        };
        let step = self.work.run(check).await;
        let mut state = self.fscks.lock();
        match step {
            Ok(step) => {
                state.1.note(&step);
                state.0 = step.next;
                state.1.running = step.next.is_some();
                if fix && !step.findings.is_empty() {
                    self.queue_grew.notify_one();
                }
            }
            Err(error) => {
                state.1.running = false;
                state.1.failure = Some(error.to_string());
            }
        }
        Ok(Step::Again)
    }

    async fn wait(&mut self) {
        self.fscks.ordered.notified().await;
    }
}
