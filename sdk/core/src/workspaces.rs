//! Buffer pool: work areas that calls without a state of their own use again, so that none pays for fresh memory.

use std::sync::{Mutex, PoisonError};

/// Most work areas that wait for their next use.
const MAX_IDLE: usize = 8;

/// Idle work areas, each of at most some megabytes as long as there are no more than a few thousand shards.
pub(crate) struct Workspaces<T>(Mutex<Vec<T>>);

impl<T> Workspaces<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// An idle one that fits.
    pub(crate) fn take(&self, fits: impl Fn(&T) -> bool) -> Option<T> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = idle.iter().rposition(fits)?;
        Some(idle.remove(found))
    }

    /// Keeps one for the next use; the one that has waited longest goes.
    pub(crate) fn give(&self, workspace: T) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = (idle.len() >= MAX_IDLE).then(|| idle.remove(0));
        idle.push(workspace);
        drop(idle);
        drop(oldest);
    }
}
