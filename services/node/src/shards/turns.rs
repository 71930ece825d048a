//! Turns of those who are sent shards: answers are in memory until they are sent, so only so many are made at once, and nobody has all
//! of the turns by taking his answers slowly.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use walrus_core::BlsPublicKey;

use crate::limits::{MAX_SHARD_SYNCS, MAX_SHARD_SYNCS_PER_CALLER};

/// The right to have an answer in memory, until it is sent.
#[derive(Debug)]
pub struct SyncTurn {
    // In the order in which they are given back.
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

/// The turns of one node. Callers are members of its committees, so that there are not many.
#[derive(Debug)]
pub(crate) struct SyncTurns {
    all: Arc<Semaphore>,
    callers: Mutex<HashMap<BlsPublicKey, Arc<Semaphore>>>,
}

impl Default for SyncTurns {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(MAX_SHARD_SYNCS)),
            callers: Mutex::default(),
        }
    }
}

impl SyncTurns {
    /// Waits until the caller has fewer answers than one may have, and there is room for another one.
    ///
    /// # Errors
    /// None: the turns are never closed.
    pub(crate) async fn take(&self, caller: BlsPublicKey) -> Result<SyncTurn, AcquireError> {
        let own = self.of(caller).acquire_owned().await?;
        let all = Arc::clone(&self.all).acquire_owned().await?;
        Ok(SyncTurn {
            _all: all,
            _own: own,
        })
    }

    fn of(&self, caller: BlsPublicKey) -> Arc<Semaphore> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        // Those who have a turn or wait for one hold theirs.
        callers.retain(|_, turns| Arc::strong_count(turns) > 1);
        let fresh = || Arc::new(Semaphore::new(MAX_SHARD_SYNCS_PER_CALLER));
        Arc::clone(callers.entry(caller).or_insert_with(fresh))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn who_takes_answers_slowly_leaves_turns_to_others() {
        let turns = SyncTurns::default();
        let [slow, other] = [1, 2].map(|byte| BlsPublicKey([byte; 48]));
        let now = |caller| turns.take(caller).now_or_never().map(Result::unwrap);
        let held: Vec<_> = (0..MAX_SHARD_SYNCS_PER_CALLER)
            .map(|_| now(slow).unwrap())
            .collect();
        assert!(now(slow).is_none());
        assert!(now(other).is_some());
        // It is one for as long as somebody has it, and forgotten then.
        assert_eq!(turns.callers.lock().unwrap().len(), 2);
        drop(held);
        assert!(now(slow).is_some());
        assert!(now(other).is_some());
        assert_eq!(turns.callers.lock().unwrap().len(), 1);
    }
}
