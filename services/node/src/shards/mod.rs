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

use crate::{signal::Signal, storage::Storage};

/// Leads shards through their lives.
#[derive(Debug)]
pub struct ShardLife {
    storage: Arc<Storage>,
    /// Wakes whoever reports complete shards.
    epoch_moved: Arc<Signal>,
}

impl ShardLife {
    /// Of the shards in `storage`; `epoch_moved` is told when they are complete.
    pub fn new(storage: Arc<Storage>, epoch_moved: Arc<Signal>) -> Self {
        Self {
            storage,
            epoch_moved,
        }
    }
}
