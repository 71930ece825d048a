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
    /// What this is a part of.
    whole: Option<Arc<ReadBudget>>,
}

/// A share of the budget, and of what that is a part of, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share(
    #[allow(dead_code, reason = "held, not read")] OwnedSemaphorePermit,
    #[allow(dead_code, reason = "held, not read")] Option<OwnedSemaphorePermit>,
);

impl ReadBudget {
    /// A budget of so many bytes of which nothing is in use.
    pub fn new(bytes: usize) -> Self {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let units = units.clamp(1, most);
        Self {
            bytes: Arc::new(Semaphore::new(usize::try_from(units).unwrap_or(usize::MAX))),
            units,
            whole: None,
        }
    }

    /// A part of this budget, for one of those who share it: at most so many bytes, each of which counts for both. Of a part there are
    /// no further parts: it is one of the same budget.
    #[must_use]
    pub fn part(&self, bytes: usize) -> Self {
        let whole = match &self.whole {
            Some(whole) => Arc::clone(whole),
            None => Arc::new(self.clone()),
        };
        Self {
            whole: Some(whole),
            ..Self::new(bytes)
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
    pub(crate) async fn take(&self, bytes: usize) -> Option<Share> {
        // They are never closed. Who holds a place in a part and waits for the whole keeps nobody there waiting who has both.
        let permit = Arc::clone(&self.bytes).acquire_many_owned(self.units(bytes));
        let own = permit.await.ok()?;
        let Some(whole) = &self.whole else {
            return Some(Share(own, None));
        };
        let permit = Arc::clone(&whole.bytes).acquire_many_owned(whole.units(bytes));
        Some(Share(own, Some(permit.await.ok()?)))
    }

    /// The same if there is one now.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<Share> {
        let permit = Arc::clone(&self.bytes).try_acquire_many_owned(self.units(bytes));
        let own = permit.ok()?;
        let Some(whole) = &self.whole else {
            return Some(Share(own, None));
        };
        let permit = Arc::clone(&whole.bytes).try_acquire_many_owned(whole.units(bytes));
        Some(Share(own, Some(permit.ok()?)))
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

    #[tokio::test]
    async fn a_part_leaves_the_others_theirs() {
        let budget = ReadBudget::new(10 * UNIT);
        let (one, other) = (budget.part(4 * UNIT), budget.part(4 * UNIT));
        let first = one.take(4 * UNIT).await.unwrap();
        assert_eq!((one.in_use(), budget.in_use()), (4 * UNIT, 4 * UNIT));
        assert!(one.try_take(1).is_none());
        let second = other.take(4 * UNIT).await.unwrap();
        // What is left of the whole is for all.
        let third = budget.part(4 * UNIT);
        assert!(third.try_take(3 * UNIT).is_none());
        assert_eq!(third.in_use(), 0);
        let rest = third.part(2 * UNIT).take(2 * UNIT).await.unwrap();
        assert_eq!(budget.in_use(), 10 * UNIT);
        let mut waiting = std::pin::pin!(third.take(UNIT));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(first);
        assert!(waiting.await.is_some());
        drop((second, rest));
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test]
    async fn what_is_larger_than_a_part_takes_all_of_it() {
        let budget = ReadBudget::new(10 * UNIT);
        let part = budget.part(2 * UNIT);
        let share = part.take(100 * UNIT).await.unwrap();
        assert_eq!((part.in_use(), budget.in_use()), (2 * UNIT, 10 * UNIT));
        drop(share);
        assert_eq!((part.in_use(), budget.in_use()), (0, 0));
    }
}
