//! Slivers on demand: of a blob too large to keep its slivers in memory, each is made when a node takes it, and kept nowhere.
//!
//! The blob was encoded once to know what it is, and nothing of that was kept. A node that takes a blob in one request takes the
//! pieces in any order. Slivers of the blob's own bytes are read as they are sent; recovery slivers are made some at a time, for all
//! nodes together, in bounded memory (`queue.rs`), by a task that lives as long as somebody wants any (`making.rs`). Nodes that take
//! one sliver a request are served from a file, which is made when the first of them asks.

mod feed;
mod making;
mod queue;
mod spare;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, OnceCell};
use walrus_core::{
    EncodingConfig, SliverType, VerifiedBlobMetadataWithId,
    encoder::{EncodeError, SelectiveEncoder},
    sliver::SliverId,
    spool::SliverSpool,
    work::Cancellation,
};

pub(super) use self::feed::{Fed, Feed, Hold, SourceParts};
use self::{
    queue::{Queue, Sizes},
    spare::Spare,
};
use super::encode::Unencoded;
use crate::{NodeProblem, Spool, content::OpenBlob};

/// A blob whose slivers are made when they are wanted.
#[derive(Debug)]
pub(super) struct OnDemand {
    metadata: VerifiedBlobMetadataWithId,
    blob: Unencoded,
    config: EncodingConfig,
    /// As it was when it was encoded: whatever changes is noticed.
    source: OpenBlob,
    spool: Spool,
    spooled: OnceCell<SliverSpool>,
    state: Mutex<State>,
    spare: Arc<Spare>,
    /// Something was wanted, taken, sent or given up.
    changed: Notify,
    /// Something is ready, or will never be.
    ready: Notify,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    /// Whether a task makes slivers; it ends when nobody wants any.
    is_making: bool,
    /// Ends what that task computes.
    cancellation: Cancellation,
    /// Why no sliver can be made any more.
    failure: Option<NodeProblem>,
}

impl OnDemand {
    /// A blob that gave `metadata` when `source` was read; recovery slivers that are ready take `budget` bytes at most, or as much as
    /// four of them.
    pub(super) fn new(
        metadata: VerifiedBlobMetadataWithId,
        (blob, source): (Unencoded, OpenBlob),
        spool: Spool,
        budget: usize,
    ) -> Self {
        let sizes = Sizes {
            primary: metadata.sliver_bcs_length(SliverType::Primary),
            secondary: metadata.sliver_bcs_length(SliverType::Secondary),
        };
        Self {
            config: *metadata.config(),
            metadata,
            blob,
            source,
            spool,
            spooled: OnceCell::new(),
            state: Mutex::new(State {
                queue: Queue::new(sizes, budget),
                is_making: false,
                cancellation: Cancellation::new(),
                failure: None,
            }),
            spare: Arc::default(),
            changed: Notify::new(),
            ready: Notify::new(),
        }
    }

    pub(super) fn metadata(&self) -> &VerifiedBlobMetadataWithId {
        &self.metadata
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sliver by itself, from a file with all of them.
    pub(super) async fn spooled(self: &Arc<Self>, sliver: SliverId) -> Result<Bytes, NodeProblem> {
        let encode = || async {
            let (blob, spool) = (self.blob.clone(), self.spool.clone());
            let (metadata, spool) = blob
                .encode_into_spool(spool, |_| {})
                .await
                .map_err(|error| unreadable(&error))?;
            match metadata.blob_id() == self.metadata.blob_id() {
                true => Ok(spool),
                false => Err(unreadable(&"the blob is not the one that it was")),
            }
        };
        self.spooled.get_or_try_init(encode).await?;
        let this = Arc::clone(self);
        let read = move || match this.spooled.get() {
            Some(spool) => spool.to_bcs(sliver),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        let bytes = tokio::task::spawn_blocking(read).await;
        let bytes = bytes.map_err(|error| unreadable(&error))?;
        bytes.map(Bytes::from).map_err(|error| unreadable(&error))
    }

    /// Whether a sliver is made of bytes of the blob alone.
    fn is_source(&self, sliver: SliverId) -> bool {
        SelectiveEncoder::is_source(&self.config, sliver)
    }

    /// Bytes of a sliver of the blob's own bytes, from `offset` on. Blocks while they are read.
    fn read(&self, sliver: SliverId, offset: usize, buffer: &mut [u8]) -> Result<(), NodeProblem> {
        let read = self.source.with_source(|source| {
            SelectiveEncoder::new(self.config, source)?.read(sliver, offset, buffer)
        });
        read.map_err(|error: EncodeError| unreadable(&error))
    }
}

/// Why a sliver cannot be had.
fn unreadable(error: &dyn std::fmt::Display) -> NodeProblem {
    NodeProblem::NothingToSend(format!("the sliver cannot be made again: {error}"))
}
