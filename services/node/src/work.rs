//! Blocking work: what computes or reads files runs on the blocking pool, and only so much of it at once.

use std::{fmt, num::NonZero, sync::Arc, time::Duration};

use tokio::{
    sync::{AcquireError, Semaphore, oneshot},
    task::{JoinError, JoinHandle},
};
use tokio_util::task::TaskTracker;

/// Pieces of work at once for each core: some wait for the disk while others compute.
const WORK_PER_CORE: usize = 4;

/// Where blocking work is done.
#[derive(Clone, Default)]
pub enum WorkPlace {
    /// On the blocking pool of the runtime.
    #[default]
    Pool,
    /// Among the tasks of the runtime, each piece after the delay that this tells. For simulations: nothing happens beside the one
    /// thread that they have, and disks are as slow as they are told to be.
    Tasks(Arc<dyn Fn() -> Duration + Send + Sync>),
}

impl fmt::Debug for WorkPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pool => "Pool",
            Self::Tasks(_) => "Tasks",
        })
    }
}

/// Runs blocking work. Clones share the bound.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    place: WorkPlace,
    permits: Arc<Semaphore>,
    most: usize,
    /// Goes on when nobody waits for it any more.
    running: TaskTracker,
}

/// Blocking work came to no end of its own.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// It panicked, or the runtime is shutting down.
    #[error("work in the background failed: {0}")]
    Failed(#[from] JoinError),
    /// Nothing new is begun any more.
    #[error("no new work is begun: {0}")]
    Closed(#[from] AcquireError),
    /// It ended, and its result was lost.
    #[error("work in the background ended without a result")]
    WithoutResult,
}

impl Default for Work {
    fn default() -> Self {
        Self::new(WorkPlace::default())
    }
}

impl Work {
    /// Runs it there.
    pub(crate) fn new(place: WorkPlace) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, NonZero::get);
        let most = cores.saturating_mul(WORK_PER_CORE);
        Self {
            place,
            permits: Arc::new(Semaphore::new(most)),
            most,
            running: TaskTracker::new(),
        }
    }

    /// Runs work as soon as less than the bound runs.
    ///
    /// # Errors
    /// That of the work, or [`WorkError`].
    pub(crate) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<WorkError> + Send + 'static,
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(WorkError::from)?;
        let bounded = move || {
            let _permit = permit;
            work()
        };
        self.in_background(bounded).await?
    }

    /// Whether half of the bound runs: what can wait should.
    pub(crate) fn is_busy(&self) -> bool {
        self.permits.available_permits() <= self.most / 2
    }

    /// Runs work without a bound, whether or not the result is waited for; [`Work::finish`] waits for it.
    ///
    /// # Errors
    /// [`WorkError`].
    pub(crate) fn in_background<T, F>(
        &self,
        work: F,
    ) -> impl Future<Output = Result<T, WorkError>> + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (ended, result) = oneshot::channel();
        let task = self.begin(Box::new(move || {
            // Nobody waits for it any more: that is for them to say.
            let _ = ended.send(work());
        }));
        async move {
            task.await?;
            result.await.map_err(|_| WorkError::WithoutResult)
        }
    }

    /// One kind of task for all work: the runtime's part of a task is compiled for each kind anew, and there are a hundred places
    /// that have work.
    fn begin(&self, work: Box<dyn FnOnce() + Send>) -> JoinHandle<()> {
        match &self.place {
            WorkPlace::Pool => self.running.spawn_blocking(work),
            WorkPlace::Tasks(delay) => {
                let delay = delay();
                self.running.spawn(async move {
                    if !delay.is_zero() {
                        tokio::time::sleep(delay).await;
                    }
                    work();
                })
            }
        }
    }

    /// Waits until all work has ended.
    pub(crate) async fn finish(&self) {
        self.running.close();
        self.running.wait().await;
    }
}
