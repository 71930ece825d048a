//! Rows of a blob that cover a part of it, in order, a few of them on their way at the same time.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::task::JoinHandle;
use walrus_core::SliverIndex;

use super::{RemoteBlob, budget::Share};
use crate::{ClientError, limits};

/// A task that ends when nobody waits for it any more.
struct Fetch(JoinHandle<Result<Bytes, ClientError>>);

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A sliver on its way, with room for it.
struct Row {
    index: SliverIndex,
    fetch: Fetch,
    share: Share,
}

/// What is left of a part.
pub(super) struct Rows {
    blob: RemoteBlob,
    range: Range<u64>,
    /// Slivers that are not asked for yet.
    wanted: Range<u16>,
    on_their_way: VecDeque<Row>,
    /// Bytes to hand out.
    rest: Bytes,
    /// Room for them.
    held: Option<Share>,
}

impl Rows {
    pub(super) fn new(blob: RemoteBlob, range: Range<u64>) -> Self {
        let length = blob.sliver_length();
        let index = |sliver: u64| u16::try_from(sliver).unwrap_or(u16::MAX);
        let wanted = if range.is_empty() {
            0..0
        } else {
            index(range.start / length)..index(range.end.div_ceil(length))
        };
        Self {
            blob,
            range,
            wanted,
            on_their_way: VecDeque::new(),
            rest: Bytes::new(),
            held: None,
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, ClientError>> + Send {
        stream::try_unfold(self, Self::next)
    }

    async fn next(mut self) -> Result<Option<(Bytes, Self)>, ClientError> {
        while self.rest.is_empty() {
            // Nobody waits for room who holds some.
            self.held = None;
            self.fill().await;
            let Some(row) = self.on_their_way.pop_front() else {
                return Ok(None);
            };
            self.take(row).await?;
        }
        let length = self.rest.len().min(limits::STREAM_PART);
        let part = self.rest.split_to(length);
        Ok(Some((part, self)))
    }

    /// Waits for room for one sliver, and takes what room there is for more.
    async fn fill(&mut self) {
        let length = usize::try_from(self.blob.sliver_length()).unwrap_or(usize::MAX);
        // One is handed out while the next one comes.
        let ahead = (limits::MAX_STREAM_IN_FLIGHT / length).clamp(2, limits::MAX_STREAM_SLIVERS);
        while self.on_their_way.len() < ahead && !self.wanted.is_empty() {
            let share = if self.on_their_way.is_empty() {
                self.blob.budget.take(length).await
            } else {
                self.blob.budget.try_take(length)
            };
            let Some(share) = share else {
                return;
            };
            // Only now: what there is no room for is asked for later.
            let Some(index) = self.wanted.next() else {
                return;
            };
            let (blob, index) = (self.blob.clone(), SliverIndex(index));
            let fetch = async move { blob.source_sliver(index).await };
            self.on_their_way.push_back(Row {
                index,
                // A task, so that a reader who pauses does not keep a node, or others who wait for the same, waiting.
                fetch: Fetch(tokio::spawn(fetch)),
                share,
            });
        }
    }

    /// Waits for a sliver; what of it is in the range is next.
    async fn take(&mut self, mut row: Row) -> Result<(), ClientError> {
        let sliver = match (&mut row.fetch.0).await {
            Ok(result) => result?,
            Err(error) => return Err(ClientError::Interrupted(error.to_string())),
        };
        let place = self.blob.bytes_of(row.index);
        let offset = |position: u64| {
            let within = position.clamp(place.start, place.end);
            let offset = usize::try_from(within.saturating_sub(place.start)).unwrap_or(usize::MAX);
            offset.min(sliver.len())
        };
        let wanted = offset(self.range.start)..offset(self.range.end);
        self.rest = sliver.slice(wanted);
        self.held = Some(row.share);
        Ok(())
    }
}
