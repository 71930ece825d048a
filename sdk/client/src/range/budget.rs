//! Memory budget of streamed reads: bytes of slivers that are fetched and not yet handed out.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits;

/// What is counted: so many bytes at once.
const UNIT: usize = 1 << 10;

/// Bytes of slivers that streams of parts may hold together. Cheap to clone; clones share it.
///
/// A sliver that is larger than the whole budget is fetched alone.
#[derive(Debug, Clone)]
pub struct ReadBudget {
    bytes: Arc<Semaphore>,
    units: u32,
}

/// A part of the budget, until it is dropped.
#[derive(Debug)]
pub(super) struct Share(#[allow(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl ReadBudget {
    /// A budget of so many bytes of which nothing is in use.
    pub fn new(bytes: usize) -> Self {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let units = units.clamp(1, most);
        Self {
            bytes: Arc::new(Semaphore::new(usize::try_from(units).unwrap_or(usize::MAX))),
            units,
        }
    }

    /// What is in use now, in bytes.
    pub fn in_use(&self) -> usize {
        let units = usize::try_from(self.units).unwrap_or(usize::MAX);
        let left = self.bytes.available_permits();
        units.saturating_sub(left).saturating_mul(UNIT)
    }

    fn units(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT)).map_or(self.units, |units| units.min(self.units))
    }

    /// A share for so many bytes; waits for it. To be free of deadlocks, nobody waits who holds one.
    pub(super) async fn take(&self, bytes: usize) -> Option<Share> {
        let permit = Arc::clone(&self.bytes).acquire_many_owned(self.units(bytes));
        // It is never closed.
        permit.await.ok().map(Share)
    }

    /// The same if there is one now.
    pub(super) fn try_take(&self, bytes: usize) -> Option<Share> {
        let permit = Arc::clone(&self.bytes).try_acquire_many_owned(self.units(bytes));
        permit.ok().map(Share)
    }
}

impl Default for ReadBudget {
    fn default() -> Self {
        Self::new(limits::MAX_READ_IN_FLIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_share_is_given_back_when_it_is_dropped() {
        let budget = ReadBudget::new(10 * UNIT);
        let share = budget.take(4 * UNIT).await.unwrap();
        assert_eq!(budget.in_use(), 4 * UNIT);
        assert!(budget.try_take(7 * UNIT).is_none());
        drop(share);
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test]
    async fn what_is_larger_than_all_is_taken_alone() {
        let budget = ReadBudget::new(2 * UNIT);
        let all = budget.take(100 * UNIT).await.unwrap();
        assert!(budget.try_take(1).is_none());
        drop(all);
        assert!(budget.try_take(1).is_some());
    }
}
