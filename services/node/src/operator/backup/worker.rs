//! Backup worker: when told to, and on a schedule if there is one.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use walrus_service::worker::{Failure, Status, Step, Worker};

use super::{BackupError, BackupSummary, Plan};
use crate::work::Work;

/// How long a backup steps back when others have work, before each piece that it reads.
const YIELD: Duration = Duration::from_millis(50);
/// After the start, until the first backup of the schedule. Node spec 7.6.
const FIRST_AFTER: Duration = Duration::from_secs(15 * 60);

/// When backups are made without being told to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// Whether there is one.
    pub(crate) periodic: bool,
    /// From one to the next.
    pub(crate) interval: Duration,
}

/// Where backups are ordered and told of.
#[derive(Debug, Default)]
pub(crate) struct Backups {
    state: Mutex<State>,
    ordered: Notify,
    cancelled: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct State {
    order: Option<Order>,
    running: bool,
    last: Option<Result<BackupSummary, String>>,
}

#[derive(Debug, Clone)]
struct Order {
    directory: Option<PathBuf>,
    not_before: Instant,
    sealed_keys: Option<Vec<u8>>,
}

impl Backups {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Orders a backup, into another directory than the usual one if one is named. Whether it was; one at a time is.
    /// Keys that are handed over are kept in it as they are.
    pub(crate) fn order(
        &self,
        directory: Option<PathBuf>,
        delay: Duration,
        sealed_keys: Option<Vec<u8>>,
    ) -> bool {
        let mut state = self.state();
        if state.order.is_some() || state.running {
            return false;
        }
        state.last = None;
        let now = Instant::now();
        state.order = Some(Order {
            directory,
            not_before: now.checked_add(delay).unwrap_or(now),
            sealed_keys,
        });
        drop(state);
        self.cancelled.store(false, Ordering::Relaxed);
        self.ordered.notify_one();
        true
    }

    /// Ends the backup that is ordered or made; whether there was one.
    pub(crate) fn cancel(&self) -> bool {
        let mut state = self.state();
        let was_ordered = state.order.take().is_some();
        if was_ordered && !state.running {
            state.last = Some(Err(BackupError::Cancelled.to_string()));
        }
        self.cancelled.store(true, Ordering::Relaxed);
        was_ordered || state.running
    }

    /// How the last one ended; nothing while one is made, or if none was.
    pub(crate) fn last(&self) -> Option<Result<BackupSummary, String>> {
        let state = self.state();
        let busy = state.running || state.order.is_some();
        state.last.clone().filter(|_| !busy)
    }
}

/// Makes backups.
pub(crate) struct BackupWorker {
    backups: Arc<Backups>,
    plan: Plan,
    schedule: Schedule,
    next: Option<Instant>,
    work: Work,
    made: u64,
}

impl BackupWorker {
    pub(crate) fn new(backups: Arc<Backups>, plan: Plan, schedule: Schedule, work: Work) -> Self {
        let next = schedule.periodic.then(|| Instant::now() + FIRST_AFTER);
        Self {
            backups,
            plan,
            schedule,
            next,
            work,
            made: 0,
        }
    }

    /// What is to be made now, or how long to wait.
    fn due(&mut self) -> Result<Plan, Option<Duration>> {
        let now = Instant::now();
        let mut state = self.backups.state();
        if let Some(order) = state.order.clone() {
            if order.not_before > now {
                return Err(Some(order.not_before.duration_since(now)));
            }
            state.order = None;
            state.running = true;
            let mut plan = self.plan.clone();
            plan.sealed_keys = order.sealed_keys;
            if let Some(directory) = order.directory {
                plan.directory = directory;
            }
            return Ok(plan);
        }
        match self.next {
            Some(next) if next <= now => {
                self.next = now.checked_add(self.schedule.interval);
                self.backups.cancelled.store(false, Ordering::Relaxed);
                state.running = true;
                Ok(self.plan.clone())
            }
            Some(next) => Err(Some(next.duration_since(now))),
            None => Err(None),
        }
    }
}

impl Worker for BackupWorker {
    fn name(&self) -> &'static str {
        "backup"
    }

    fn status(&self) -> Status {
        Status {
            done: Some(self.made),
            ..Status::default()
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        let plan = match self.due() {
            Ok(plan) => plan,
            Err(Some(wait)) => return Ok(Step::WaitAtMost(wait)),
            Err(None) => return Ok(Step::Wait),
        };
        let cancelled = Arc::clone(&self.backups.cancelled);
        let work = self.work.clone();
        let goes_on = move || {
            // It reads whole disks: uploads and recovery come first.
            if work.is_busy() {
                std::thread::sleep(YIELD);
            }
            !cancelled.load(Ordering::Relaxed)
        };
        let create = move || plan.create(&goes_on);
        let made = self.work.run(create).await;
        if let Ok(manifest) = &made {
            self.made = self.made.saturating_add(1);
            tracing::info!(
                id = manifest.id,
                bytes = manifest.bytes,
                "a backup was made"
            );
        }
        let mut state = self.backups.state();
        state.running = false;
        state.last = Some(
            made.as_ref()
                .map(BackupSummary::from)
                .map_err(ToString::to_string),
        );
        drop(state);
        // One that failed is not tried again by itself: the operator is told, or the schedule comes round again.
        if let Err(error) = made {
            tracing::warn!(%error, "a backup was not made");
        }
        Ok(Step::Again)
    }

    async fn wait(&mut self) {
        self.backups.ordered.notified().await;
    }

    async fn close(&mut self) {
        self.backups.cancelled.store(true, Ordering::Relaxed);
    }
}
