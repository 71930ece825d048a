//! Runs workers, and ends all of them with the first that fails.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::FutureExt as _;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use super::{
    Setting, State, Worker, WorkerInfo,
    job::{self, Books},
    one_line,
};
use crate::{
    clock::Clock,
    metrics::{Registry, WorkerMetrics},
};

/// A worker that failed, and with it the service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{worker} failed: {error}")]
pub struct Failed {
    /// Its name.
    pub worker: &'static str,
    /// The error and its sources.
    pub error: String,
}

/// A name that no worker has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no worker `{name}`; there are {}", known.join(", "))]
pub struct NoSuchWorker {
    /// The name that was asked for.
    pub name: String,
    /// Those that there are.
    pub known: Vec<&'static str>,
}

/// The workers of a service. Dropping it stops them at once, as a crash would; [`Runner::shutdown`] waits for them.
#[derive(Debug)]
pub struct Runner {
    workers: Workers,
    stop: CancellationToken,
    tracker: TaskTracker,
    failure: Arc<watch::Sender<Option<Failed>>>,
    presets: Mutex<BTreeMap<String, Setting>>,
    clock: Clock,
    metrics: WorkerMetrics,
}

/// Shows and steers the workers of a [`Runner`]; does not keep them running.
#[derive(Debug, Clone, Default)]
pub struct Workers {
    books: Arc<Mutex<Vec<Arc<Books>>>>,
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Runner {
    /// One without workers, which counts their steps and errors in `registry`.
    pub fn new(registry: &Registry) -> Self {
        Self::with_clock(registry, Clock::system())
    }

    /// Like [`Runner::new`], with this clock for the times of errors.
    pub fn with_clock(registry: &Registry, clock: Clock) -> Self {
        Self {
            workers: Workers::default(),
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
            failure: Arc::new(watch::Sender::new(None)),
            presets: Mutex::default(),
            clock,
            metrics: WorkerMetrics::new(registry),
        }
    }

    /// Workers of these names begin with these settings, if they are started from now on.
    pub fn preset(&self, settings: BTreeMap<String, Setting>) {
        *self.presets() = settings;
    }

    fn presets(&self) -> MutexGuard<'_, BTreeMap<String, Setting>> {
        self.presets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a worker. Must be called within a tokio runtime.
    pub fn spawn(&self, mut worker: impl Worker) {
        let name = worker.name();
        debug_assert!(is_one_word(name), "`{name}` has to be quoted in commands");
        let setting = self.presets().get(name).copied().unwrap_or_default();
        let books = Books::new(name, setting, self.clock.clone(), self.metrics.clone());
        let books = Arc::new(books);
        self.workers.books().push(Arc::clone(&books));
        let (stop, failure) = (self.stop.clone(), Arc::clone(&self.failure));
        let task = async move {
            let run = AssertUnwindSafe(job::run(&mut worker, &books, &stop));
            let ended = match run.catch_unwind().await {
                Ok(result) => result.map_err(|failure| one_line(&*failure)),
                Err(panic) => Err(format!("panicked: {}", panic_message(&*panic))),
            };
            match ended {
                Ok(state) => books.end(state, None),
                Err(error) => {
                    tracing::error!(error, "a worker failed, the service stops");
                    books.end(State::Failed, Some(error.clone()));
                    failure.send_if_modified(|first| {
                        let is_first = first.is_none();
                        first.get_or_insert(Failed {
                            worker: name,
                            error,
                        });
                        is_first
                    });
                    stop.cancel();
                }
            }
            worker.close().await;
        };
        self.tracker
            .spawn(task.instrument(tracing::info_span!("worker", name)));
    }

    /// Lists and steers the workers.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Is cancelled when the workers are to stop: for what they start besides their steps.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.child_token()
    }

    /// The worker that failed, if one did.
    pub fn failure(&self) -> Option<Failed> {
        self.failure.borrow().clone()
    }

    /// Waits until a worker fails.
    pub async fn failed(&self) -> Failed {
        let mut failure = self.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await;
        match failed.ok().and_then(|failed| failed.clone()) {
            Some(failed) => failed,
            // Not reached: the sender lives as long as the runner does.
            None => std::future::pending().await,
        }
    }

    /// Stops all workers and waits for them.
    ///
    /// # Errors
    /// The first failure, if a worker had failed.
    pub async fn shutdown(&self) -> Result<(), Failed> {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        self.failure().map_or(Ok(()), Err)
    }
}

impl Workers {
    fn books(&self) -> MutexGuard<'_, Vec<Arc<Books>>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every worker, in the order in which they were started.
    pub fn list(&self) -> Vec<WorkerInfo> {
        self.books().iter().map(|books| books.info()).collect()
    }

    /// Lets a worker pause once its step ends.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn pause(&self, name: &str) -> Result<(), NoSuchWorker> {
        self.wish(name, |wish| wish.paused = true)
    }

    /// Lets a worker go on.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn resume(&self, name: &str) -> Result<(), NoSuchWorker> {
        self.wish(name, |wish| wish.paused = false)
    }

    /// Lets a worker pause after each step for `factor` times as long as it took, at most
    /// [`MAX_THROTTLE_PAUSE`](super::MAX_THROTTLE_PAUSE); 0 is full speed.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn throttle(&self, name: &str, factor: u32) -> Result<(), NoSuchWorker> {
        self.wish(name, |wish| wish.throttle = factor)
    }

    fn wish(&self, name: &str, change: impl Fn(&mut Setting)) -> Result<(), NoSuchWorker> {
        let books = self.books();
        let known: Vec<_> = books.iter().map(|books| books.info().name).collect();
        if !known.contains(&name) {
            return Err(NoSuchWorker {
                name: name.to_owned(),
                known,
            });
        }
        for (books, _) in books.iter().zip(known).filter(|(_, known)| *known == name) {
            books.wish.send_modify(&change);
        }
        Ok(())
    }
}

/// Whether people can type a name as it is.
fn is_one_word(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.bytes().all(is_plain)
}

/// What a panic said that was caught.
pub fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&'static str>().copied())
        .unwrap_or("no message")
}
