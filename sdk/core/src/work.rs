//! Terms of a computation, shared by encoding and decoding: on which threads, in how much memory, who watches and who may end it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::threads::Threads;

/// How an encoding or a decoding is to be done.
#[derive(Clone)]
pub struct Work<'a> {
    threads: Threads,
    memory: Option<usize>,
    progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    cancellation: Cancellation,
}

impl<'a> Work<'a> {
    /// On the calling thread, in the memory that the computation usually takes, watched by nobody.
    pub fn new() -> Self {
        Self::on(Threads::ONE)
    }

    /// As [`Self::new`], on these threads.
    pub fn on(threads: Threads) -> Self {
        Self {
            threads,
            memory: None,
            progress: None,
            cancellation: Cancellation::new(),
        }
    }

    /// Bytes of memory to work in, about; what is needed in any case the computation says.
    pub fn with_memory(mut self, bytes: usize) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Calls back now and then, from any of the threads.
    pub fn with_progress(mut self, progress: &'a (dyn Fn(Progress) + Sync)) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Lets another thread end the computation; its error then says that it was cancelled.
    pub fn with_cancellation(mut self, cancellation: &Cancellation) -> Self {
        self.cancellation = cancellation.clone();
        self
    }

    pub(crate) fn threads(&self) -> &Threads {
        &self.threads
    }

    /// Bytes of memory; `usual` unless told otherwise.
    pub(crate) fn memory_or(&self, usual: usize) -> usize {
        self.memory.unwrap_or(usual)
    }

    /// Begins, with `total` bytes to be done.
    pub(crate) fn begin(&self, total: u64) -> Running<'_> {
        Running {
            work: self,
            done: Mutex::new(Progress { done: 0, total }),
        }
    }
}

impl Default for Work<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// How far a computation is, in bytes that went through it: of an encoding through the Reed-Solomon code, of a decoding those
/// verified, decoded and checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done; grows to `total`.
    pub done: u64,
    /// All bytes; of an encoding about six times the length of the blob.
    pub total: u64,
}

/// Ends a computation from outside; copies share the state.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes whoever looks at this token stop after the strip at hand, a few milliseconds of work.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The caller has cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cancelled;

/// Work that goes on: what all its parts share.
pub(crate) struct Running<'a> {
    work: &'a Work<'a>,
    done: Mutex<Progress>,
}

impl Running<'_> {
    pub(crate) fn threads(&self) -> &Threads {
        &self.work.threads
    }

    /// The token, for a computation that is part of this one.
    pub(crate) fn cancellation(&self) -> &Cancellation {
        &self.work.cancellation
    }

    /// Ends the work if the caller has cancelled.
    pub(crate) fn check(&self) -> Result<(), Cancelled> {
        match self.work.cancellation.is_cancelled() {
            true => Err(Cancelled),
            false => Ok(()),
        }
    }

    /// Begins to count anew, towards `total` bytes.
    pub(crate) fn restart(&self, total: u64) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = Progress { done: 0, total };
    }

    /// So many more bytes are done, at most all. Calls back in order: `done` never falls.
    pub(crate) fn advance(&self, bytes: u64) {
        if let Some(progress) = self.work.progress {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            done.done = done.done.saturating_add(bytes).min(done.total);
            progress(*done);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_ends_with_all_and_can_begin_anew() {
        let seen = Mutex::new(Vec::new());
        let watch = |progress: Progress| seen.lock().unwrap().push((progress.done, progress.total));
        let work = Work::new().with_progress(&watch);
        let running = work.begin(10);
        running.advance(4);
        running.restart(7);
        running.advance(5);
        running.advance(u64::MAX);
        assert_eq!(*seen.lock().unwrap(), [(4, 10), (5, 7), (7, 7)]);
    }

    #[test]
    fn a_cancelled_token_ends_the_work_that_shares_it() {
        let token = Cancellation::new();
        let work = Work::new().with_cancellation(&token);
        let running = work.begin(1);
        assert_eq!(running.check(), Ok(()));
        token.cancel();
        assert_eq!(running.check(), Err(Cancelled));
        assert!(running.cancellation().is_cancelled());
    }
}
