//! Shards: the life of a shard on this node. Node spec 3.6 and 5.4.
//!
//! ```text
//!  assigned ──► Recovering ──► Active ──► Locked ──► removed
//!  (assign)      (fill)       (attest)   (assign)   (assign)
//! ```
//!
//! A shard that is to be the node's with the next epoch is Recovering, too, without being assigned: what of it can be had comes
//! before the epoch begins.
//!
//! * `assign`: at the beginning of an epoch, gained shards are created, lost ones are locked for a last epoch, in which their new
//!   owners read from them, and then removed.
//! * `transfers`: what the previous owner has of a gained shard comes from there; until then its blobs wait in the queue.
//! * `fill`: a gained shard is complete when nothing that fills it is queued any more.
//! * `attest`: when all shards of an epoch are complete, the node may say so on chain.
//! * `serve`: a shard is sent to whoever owns it next.

mod assign;
mod attest;
mod fill;
mod serve;
mod transfers;
mod turns;

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use self::transfers::Transfers;
pub use self::{
    serve::{ShardSlice, ShardSource, ShardSyncError},
    turns::SyncTurn,
};
pub(crate) use self::{transfers::TransferEnd, turns::SyncTurns};
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
    transfers: Transfers,
}

impl ShardLife {
    /// Of the shards in `storage`; `epoch_moved` is told when they are complete.
    pub fn new(storage: Arc<Storage>, epoch_moved: Arc<Signal>) -> Self {
        Self {
            storage,
            epoch_moved,
            turn: Arc::default(),
            transfers: Transfers::default(),
        }
    }

    /// Waits until nobody else holds the turn, and takes it.
    pub async fn turn(&self) -> Turn {
        Turn {
            _guard: Arc::clone(&self.turn).lock_owned().await,
        }
    }
}
