//! Shards: the life of a shard on this node. Node spec 3.6 and 5.4.
//!
//! ```text
//!  assigned ──► Recovering ──► Active ──► Locked ──► removed
//!  (assign)      (fill)       (attest)   (assign)   (assign)
//! ```
//!
//! * `assign`: at the beginning of an epoch, gained shards are created, lost ones are locked for a last epoch, in which their new
//!   owners read from them, and then removed.
//! * `fill`: a gained shard is complete when nothing that fills it is queued any more.
//! * `attest`: when all shards of an epoch are complete, the node may say so on chain.

mod assign;
mod attest;
mod fill;

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{signal::Signal, storage::Storage};

/// The right to change shards and to take blobs out of the queue that fills them; one holds it at a time.
///
/// What is complete for the shards of one epoch may not be so for those of the next. Whoever assigns shards therefore holds it from
/// before the first blob is queued until the new committees are known.
#[derive(Debug)]
pub struct Turn {
    _guard: OwnedMutexGuard<()>,
}

/// Leads shards through their lives.
#[derive(Debug)]
pub struct ShardLife {
    storage: Arc<Storage>,
    /// Wakes whoever reports complete shards.
    epoch_moved: Arc<Signal>,
    turn: Arc<Mutex<()>>,
}

impl ShardLife {
    /// Of the shards in `storage`; `epoch_moved` is told when they are complete.
    pub fn new(storage: Arc<Storage>, epoch_moved: Arc<Signal>) -> Self {
        Self {
            storage,
            epoch_moved,
            turn: Arc::default(),
        }
    }

    /// Waits until nobody else holds the turn, and takes it.
    pub async fn turn(&self) -> Turn {
        Turn {
            _guard: Arc::clone(&self.turn).lock_owned().await,
        }
    }
}
