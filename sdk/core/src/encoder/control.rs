//! Progress and cancellation: what a caller can see of a running encoding and do to it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// How far an encoding is, in bytes that went through the Reed-Solomon code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done; grows to `total`.
    pub done: u64,
    /// All bytes: about six times the length of the blob.
    pub total: u64,
}

/// Ends an encoding from outside; copies share the state.
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
