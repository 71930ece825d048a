//! Striped locks: one for each of very many things, of which a few share one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use walrus_core::{BlobId, ShardIndex};

/// Locks. Threads that block take them, never tasks.
#[derive(Debug)]
pub(crate) struct Stripes([Mutex<()>; STRIPES]);

const STRIPES: usize = 256;

impl Default for Stripes {
    fn default() -> Self {
        Self([const { Mutex::new(()) }; STRIPES])
    }
}

impl Stripes {
    /// Locks everything about a shard.
    pub(crate) fn of_shard(&self, shard: ShardIndex) -> Option<MutexGuard<'_, ()>> {
        self.lock(usize::from(shard.get()))
    }

    /// Locks everything about a blob.
    pub(crate) fn of_blob(&self, blob_id: &BlobId) -> Option<MutexGuard<'_, ()>> {
        let [first, second, ..] = blob_id.0;
        self.lock(usize::from(u16::from_le_bytes([first, second])))
    }

    /// `None` never happens: the remainder is the number of a stripe.
    fn lock(&self, number: usize) -> Option<MutexGuard<'_, ()>> {
        let stripe = self.0.get(number % STRIPES)?;
        Some(stripe.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
