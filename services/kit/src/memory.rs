//! Memory budgets: bytes in flight, bounded for the whole service and for each caller.
//!
//! Whoever needs memory for something from outside takes it from a [`Budget`] first, and waits while others have it. What was
//! taken is given back when the [`Taken`] is dropped. To be free of deadlocks, nobody waits for more while holding some: take all
//! at once, or try first and let go of what is held if that fails.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::{
    envelope::{Refusal, RequestReason},
    server::Caller,
};

/// What is counted: so many bytes at once.
const UNIT: usize = 1 << 10;

/// The bounds of a budget, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of all callers together.
    pub total: usize,
    /// Of these, what strangers leave to peers.
    pub for_peers: usize,
    /// Of one caller.
    pub per_caller: usize,
}

/// Memory that callers share. Clones share it, too.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds: Bounds,
    all: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    callers: Mutex<HashMap<Caller, Share>>,
}

/// The share of one caller, as long as somebody uses it or waits for it.
#[derive(Debug)]
struct Share {
    left: Arc<Semaphore>,
    users: usize,
}

/// Memory that was taken, until this is dropped.
#[derive(Debug)]
pub struct Taken {
    // In the order in which they are given back.
    _all: OwnedSemaphorePermit,
    _strangers: Option<OwnedSemaphorePermit>,
    _own: OwnedSemaphorePermit,
    _user: User,
}

/// Keeps the share of a caller.
#[derive(Debug)]
struct User {
    budget: Budget,
    caller: Caller,
    left: Arc<Semaphore>,
}

/// Memory that cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// More than there is for one caller, even when nothing is in use.
    #[error("{needed} bytes of memory are more than the {share} bytes that one caller may use")]
    TooMuch {
        /// What is needed.
        needed: usize,
        /// What there is for one caller.
        share: usize,
    },
    /// It is in use; later it may not be.
    #[error("the memory for this is in use; try again")]
    InUse,
}

impl From<BudgetError> for Refusal {
    fn from(error: BudgetError) -> Self {
        let reason = match error {
            BudgetError::TooMuch { .. } => RequestReason::BodyTooLarge,
            BudgetError::InUse => RequestReason::Overloaded,
        };
        Self::new(reason, error.to_string())
    }
}

impl Budget {
    /// A budget of which nothing is in use.
    pub fn new(bounds: Bounds) -> Self {
        let strangers = bounds.total.saturating_sub(bounds.for_peers);
        Self(Arc::new(Inner {
            bounds,
            all: semaphore(bounds.total),
            strangers: semaphore(strangers),
            callers: Mutex::default(),
        }))
    }

    fn callers(&self) -> MutexGuard<'_, HashMap<Caller, Share>> {
        self.0
            .callers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes memory for a caller; waits until there is enough.
    ///
    /// # Errors
    /// [`BudgetError::TooMuch`].
    pub async fn take(&self, caller: Caller, bytes: usize) -> Result<Taken, BudgetError> {
        let units = self.units(caller, bytes)?;
        let user = self.user(caller);
        let all = |semaphore: &Arc<Semaphore>| Arc::clone(semaphore).acquire_many_owned(units);
        let own = all(&user.left).await.map_err(|_| BudgetError::InUse)?;
        let strangers = match caller {
            Caller::Peer(_) => None,
            Caller::Address(_) => {
                let permit = all(&self.0.strangers).await;
                Some(permit.map_err(|_| BudgetError::InUse)?)
            }
        };
        let all = all(&self.0.all).await.map_err(|_| BudgetError::InUse)?;
        Ok(Taken {
            _all: all,
            _strangers: strangers,
            _own: own,
            _user: user,
        })
    }

    /// Takes memory for a caller if there is enough now.
    ///
    /// # Errors
    /// [`BudgetError`].
    pub fn try_take(&self, caller: Caller, bytes: usize) -> Result<Taken, BudgetError> {
        let units = self.units(caller, bytes)?;
        let user = self.user(caller);
        let now = |semaphore: &Arc<Semaphore>| {
            let permit = Arc::clone(semaphore).try_acquire_many_owned(units);
            permit.map_err(|_: TryAcquireError| BudgetError::InUse)
        };
        let own = now(&user.left)?;
        let strangers = match caller {
            Caller::Peer(_) => None,
            Caller::Address(_) => Some(now(&self.0.strangers)?),
        };
        Ok(Taken {
            _all: now(&self.0.all)?,
            _strangers: strangers,
            _own: own,
            _user: user,
        })
    }

    /// What is in use of all, in bytes.
    pub fn in_use(&self) -> usize {
        let left = self.0.all.available_permits().saturating_mul(UNIT);
        whole(self.0.bounds.total).saturating_sub(left)
    }

    /// What one caller may take, in bytes.
    pub fn share(&self, caller: Caller) -> usize {
        let Bounds {
            total,
            for_peers,
            per_caller,
        } = self.0.bounds;
        match caller {
            Caller::Peer(_) => per_caller.min(total),
            Caller::Address(_) => per_caller.min(total.saturating_sub(for_peers)),
        }
    }

    fn units(&self, caller: Caller, bytes: usize) -> Result<u32, BudgetError> {
        let share = self.share(caller);
        let too_much = BudgetError::TooMuch {
            needed: bytes,
            share,
        };
        if bytes > share {
            return Err(too_much);
        }
        // Down to whole units at most what is there: up would be more than all of a small budget.
        u32::try_from((bytes / UNIT).max(1)).map_err(|_| too_much)
    }

    fn user(&self, caller: Caller) -> User {
        let mut callers = self.callers();
        let share = callers.entry(caller).or_insert_with(|| Share {
            left: semaphore(self.share(caller)),
            users: 0,
        });
        share.users = share.users.saturating_add(1);
        User {
            budget: self.clone(),
            caller,
            left: Arc::clone(&share.left),
        }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut callers = self.budget.callers();
        if let Some(share) = callers.get_mut(&self.caller) {
            share.users = share.users.saturating_sub(1);
            if share.users == 0 {
                callers.remove(&self.caller);
            }
        }
    }
}

/// Whole units of so many bytes, at least one.
fn whole(bytes: usize) -> usize {
    (bytes / UNIT)
        .clamp(1, Semaphore::MAX_PERMITS)
        .saturating_mul(UNIT)
}

fn semaphore(bytes: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(whole(bytes) / UNIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(last: u8) -> Caller {
        Caller::at([10, 0, 0, last].into())
    }

    fn budget() -> Budget {
        Budget::new(Bounds {
            total: 100 * UNIT,
            for_peers: 20 * UNIT,
            per_caller: 50 * UNIT,
        })
    }

    #[tokio::test]
    async fn nobody_gets_more_than_a_share_and_strangers_leave_some_to_peers() {
        let budget = budget();
        let first = budget.take(stranger(1), 40 * UNIT).await.unwrap();
        let in_use = budget.try_take(stranger(1), 20 * UNIT);
        assert_eq!(in_use.unwrap_err(), BudgetError::InUse);
        let second = budget.try_take(stranger(2), 40 * UNIT).unwrap();
        assert!(budget.try_take(stranger(3), UNIT).is_err());
        let peer = budget.try_take(Caller::Peer([1; 33]), 20 * UNIT).unwrap();
        assert_eq!(budget.in_use(), 100 * UNIT);
        let mut waiting = std::pin::pin!(budget.take(stranger(1), 20 * UNIT));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(first);
        let third = waiting.await.unwrap();
        drop((second, third, peer));
        assert_eq!(budget.in_use(), 0);
        assert!(budget.callers().is_empty());
    }

    #[test]
    fn what_can_never_be_taken_is_an_error_at_once() {
        let too_much = budget().try_take(stranger(1), 51 * UNIT).unwrap_err();
        assert!(matches!(too_much, BudgetError::TooMuch { .. }));
        let text = too_much.to_string();
        assert!(text.contains("51200 bytes"), "{text}");
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let budget = budget();
        let held = budget.try_take(stranger(1), 50 * UNIT).unwrap();
        let waited = budget.take(stranger(1), UNIT);
        let waited = tokio::time::timeout(std::time::Duration::from_millis(1), waited).await;
        assert!(waited.is_err());
        drop(held);
        assert!(budget.callers().is_empty());
        budget.try_take(stranger(1), 50 * UNIT).unwrap();
    }
}
