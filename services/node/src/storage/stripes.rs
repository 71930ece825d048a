//! Striped locks of blobs: one for each of very many, of which a few share one. Several may have it together, or one alone.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use walrus_core::BlobId;

const STRIPES: usize = 256;

/// Locks. Threads that block take them, never tasks.
#[derive(Debug)]
pub(super) struct Stripes([RwLock<()>; STRIPES]);

impl Default for Stripes {
    fn default() -> Self {
        Self([const { RwLock::new(()) }; STRIPES])
    }
}

impl Stripes {
    /// Locks a blob against those who want it alone.
    pub(super) fn shared(&self, blob_id: &BlobId) -> Option<RwLockReadGuard<'_, ()>> {
        let stripe = self.stripe(blob_id)?;
        Some(stripe.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Locks a blob against all others.
    pub(super) fn alone(&self, blob_id: &BlobId) -> Option<RwLockWriteGuard<'_, ()>> {
        let stripe = self.stripe(blob_id)?;
        Some(stripe.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// `None` never happens: the remainder is the number of a stripe.
    fn stripe(&self, blob_id: &BlobId) -> Option<&RwLock<()>> {
        let [first, second, ..] = blob_id.0;
        self.0
            .get(usize::from(u16::from_le_bytes([first, second])) % STRIPES)
    }
}
