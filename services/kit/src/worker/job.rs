//! Worker loop: steps, pauses, books.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Failure, LastError, MAX_THROTTLE_PAUSE, Setting, State, Step, Worker, WorkerInfo, one_line,
    pace::Pace,
};
use crate::{clock::Clock, metrics::WorkerMetrics};

/// A worker as others see it.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) wish: watch::Sender<Setting>,
    info: Mutex<WorkerInfo>,
    pace: Mutex<Pace>,
    clock: Clock,
    metrics: WorkerMetrics,
}

impl Books {
    pub(super) fn new(
        name: &'static str,
        setting: Setting,
        clock: Clock,
        metrics: WorkerMetrics,
    ) -> Self {
        metrics.running.with_label_values(&[name]).set(1);
        let info = WorkerInfo {
            name,
            state: State::Waiting,
            status: super::Status::default(),
            eta: None,
            paused: setting.paused,
            throttle: setting.throttle,
            steps: 0,
            errors: 0,
            errors_in_a_row: 0,
            last_error: None,
        };
        Self {
            wish: watch::Sender::new(setting),
            info: Mutex::new(info),
            pace: Mutex::default(),
            clock,
            metrics,
        }
    }

    pub(super) fn info(&self) -> WorkerInfo {
        let wish = *self.wish.borrow();
        WorkerInfo {
            paused: wish.paused,
            throttle: wish.throttle,
            ..self.update(|info| info.clone())
        }
    }

    fn update<T>(&self, change: impl FnOnce(&mut WorkerInfo) -> T) -> T {
        change(&mut self.info.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn enter(&self, state: State) {
        self.update(|info| info.state = state);
    }

    fn step_taken(&self, status: super::Status, failure: Option<&Failure>) -> u32 {
        let failure = failure.map(|failure| LastError {
            unix_ms: self.clock.unix_ms(),
            message: one_line(&**failure),
        });
        let (name, failed) = (self.update(|info| info.name), failure.is_some());
        self.metrics.steps.with_label_values(&[name]).inc();
        if failed {
            self.metrics.errors.with_label_values(&[name]).inc();
        }
        let pace = &mut self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let eta = pace.note(Instant::now(), status.done, status.left);
        self.update(|info| {
            info.status = status;
            info.eta = eta;
            info.steps = info.steps.saturating_add(1);
            info.errors = info.errors.saturating_add(u64::from(failed));
            info.errors_in_a_row = if failed {
                info.errors_in_a_row.saturating_add(1)
            } else {
                0
            };
            if failure.is_some() {
                info.last_error = failure;
            }
            info.errors_in_a_row
        })
    }

    /// Notes the end, and why it came if it came too early.
    pub(super) fn end(&self, state: State, error: Option<String>) {
        let unix_ms = self.clock.unix_ms();
        self.update(|info| {
            info.state = state;
            if let Some(message) = error {
                info.last_error = Some(LastError { unix_ms, message });
            }
            self.metrics.running.with_label_values(&[info.name]).set(0);
        });
    }
}

/// Takes the steps of `worker` until it is done, fails or `stop` comes.
pub(super) async fn run(
    worker: &mut impl Worker,
    books: &Arc<Books>,
    stop: &CancellationToken,
) -> Result<State, Failure> {
    let ended = stop.run_until_cancelled(take_steps(worker, books)).await;
    match ended {
        None => Ok(State::Stopped),
        Some(result) => result.map(|()| State::Done),
    }
}

async fn take_steps(worker: &mut impl Worker, books: &Arc<Books>) -> Result<(), Failure> {
    let mut wish = books.wish.subscribe();
    loop {
        if wish.borrow_and_update().paused {
            books.enter(State::Paused);
            if wish.wait_for(|wish| !wish.paused).await.is_err() {
                return Ok(());
            }
        }
        books.enter(State::Working);
        let began = Instant::now();
        let step = worker.work().await;
        let took = began.elapsed();
        let failure = match &step {
            Err(failure) | Ok(Step::Retry(failure) | Step::RetryOrWait(failure)) => Some(failure),
            Ok(_) => None,
        };
        let failures = books.step_taken(worker.status(), failure);
        match step? {
            Step::Done => return Ok(()),
            Step::Again => tokio::task::consume_budget().await,
            Step::Wait => {
                books.enter(State::Waiting);
                worker.wait().await;
            }
            Step::WaitAtMost(longest) => {
                books.enter(State::Waiting);
                let _ = tokio::time::timeout(longest, worker.wait()).await;
            }
            Step::Retry(failure) => {
                let pause = announce(worker, books, failures, &failure);
                tokio::time::sleep(pause).await;
            }
            Step::RetryOrWait(failure) => {
                let pause = announce(worker, books, failures, &failure);
                let _ = tokio::time::timeout(pause, worker.wait()).await;
            }
        }
        let throttle = wish.borrow().throttle;
        if throttle > 0 {
            books.enter(State::Waiting);
            tokio::time::sleep(took.saturating_mul(throttle).min(MAX_THROTTLE_PAUSE)).await;
        }
    }
}

/// Says that a step is tried again, and returns after which pause.
fn announce(worker: &impl Worker, books: &Books, failures: u32, failure: &Failure) -> Duration {
    books.enter(State::Retrying);
    let pause = worker.backoff().pause(failures);
    let error = one_line(&**failure);
    tracing::debug!(error, ?pause, "a step is tried again");
    pause
}
