//! Decoding context: the threads, progress and cancellation that all parts of a running decoding share.

use std::sync::{Mutex, PoisonError};

use crate::{
    decoder::error::DecodeError,
    encoder::{Cancellation, Progress},
    threads::Threads,
};

/// A running decoding.
pub(crate) struct Run<'a> {
    pub(crate) threads: &'a Threads,
    pub(crate) cancellation: &'a Cancellation,
    pub(crate) progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    pub(crate) done: Mutex<Progress>,
}

impl<'a> Run<'a> {
    /// One that nobody watches.
    pub(crate) fn unwatched(threads: &'a Threads, cancellation: &'a Cancellation) -> Self {
        Self {
            threads,
            cancellation,
            progress: None,
            done: Mutex::new(Progress { done: 0, total: 0 }),
        }
    }

    /// Ends the work if the caller has cancelled.
    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        match self.cancellation.is_cancelled() {
            true => Err(DecodeError::Cancelled),
            false => Ok(()),
        }
    }

    /// So many more bytes are done. Calls back in order: `done` never falls.
    pub(crate) fn advance(&self, bytes: usize) {
        if let Some(progress) = self.progress {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            done.done = done.done.saturating_add(bytes as u64).min(done.total);
            progress(*done);
        }
    }
}
