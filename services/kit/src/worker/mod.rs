//! Workers: background jobs that can be listed, paused, throttled and stopped.
//!
//! A [`Worker`] does one bounded step at a time and says what comes next. The [`Runner`] takes the steps and keeps the books:
//! state, progress, number of errors, last error. A step that returns an error ends the service: it stops all workers, and
//! [`Runner::failed`] tells the program. What is worth another try is not an error but [`Step::Retry`].

mod job;
mod pace;
mod runner;

use std::{borrow::Cow, error::Error, future::Future, time::Duration};

use serde::{Deserialize, Serialize};

pub use self::runner::{Failed, NoSuchWorker, Runner, Workers, panic_message};
use crate::backoff::Backoff;

/// Why a worker cannot go on. `?` makes one of any error.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Pauses after steps to be tried again, unless a worker has its own.
pub const DEFAULT_BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

/// Longest pause that throttling makes between two steps.
pub const MAX_THROTTLE_PAUSE: Duration = Duration::from_secs(30);

/// A background job.
pub trait Worker: Send + 'static {
    /// What it is called in lists, metrics, commands and the log: one word of small letters, digits and hyphens.
    fn name(&self) -> &'static str;

    /// How far it is. Asked after every step: must cost little.
    fn status(&self) -> Status {
        Status::default()
    }

    /// Pauses after steps to be tried again.
    fn backoff(&self) -> Backoff {
        DEFAULT_BACKOFF
    }

    /// Takes one step. When the service stops it is cut off where it awaits: what must not end in the middle belongs in one
    /// database batch or on a blocking thread.
    ///
    /// # Errors
    /// What the service must not go on with; it ends.
    fn work(&mut self) -> impl Future<Output = Result<Step, Failure>> + Send;

    /// Waits until there may be work, after a step that said so. May be cut off and begun again at any time.
    fn wait(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Ends what the worker has started besides its steps; called once, after the last of them, however it ended. The service
    /// stops only when this returns.
    fn close(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// What comes after a step.
#[derive(Debug)]
pub enum Step {
    /// Another one, at once.
    Again,
    /// Another one when [`Worker::wait`] returns.
    Wait,
    /// Another one when [`Worker::wait`] returns, or after so long.
    WaitAtMost(Duration),
    /// It failed, and is tried again after a pause of [`Worker::backoff`].
    Retry(Failure),
    /// It failed, and is tried again after such a pause, or as soon as [`Worker::wait`] returns.
    RetryOrWait(Failure),
    /// Nothing: the job is done.
    Done,
}

/// How far a worker is; what it cannot tell is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Units of work that are done.
    pub done: Option<u64>,
    /// Units of work that are left, as far as is known.
    pub left: Option<u64>,
    /// What a person should know.
    pub note: Option<Cow<'static, str>>,
}

/// What people want of a worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// Whether it is to pause.
    pub paused: bool,
    /// Pause after each step, in multiples of its length; 0 is full speed.
    pub throttle: u32,
}

/// What a worker does just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It takes a step.
    Working,
    /// It waits for work, or between steps because it is throttled.
    Waiting,
    /// It waits to try again what failed.
    Retrying,
    /// It was told to pause.
    Paused,
    /// The job is done.
    Done,
    /// It was stopped with the service.
    Stopped,
    /// It failed, and with it the service.
    Failed,
}

impl State {
    /// The word for lists and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Waiting => "waiting",
            Self::Retrying => "retrying",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The books of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub state: State,
    /// How far it is.
    pub status: Status,
    /// How long what is left takes at the pace of the last minutes, if that can be told.
    pub eta: Option<Duration>,
    /// Whether it is to pause; it does once its step ends.
    pub paused: bool,
    /// Pause after each step, in multiples of its length; 0 is full speed.
    pub throttle: u32,
    /// Steps since the start.
    pub steps: u64,
    /// Failed steps since the start.
    pub errors: u64,
    /// Failed steps since the last one that did not fail.
    pub errors_in_a_row: u32,
    /// The last failure.
    pub last_error: Option<LastError>,
}

/// The last failure of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// When, in milliseconds since 1970.
    pub unix_ms: u64,
    /// The error and its sources.
    pub message: String,
}

/// An error and its sources in one line; a source that the error itself ends with is not repeated.
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = error.source();
    }
    line
}
