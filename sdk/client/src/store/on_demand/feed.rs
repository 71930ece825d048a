//! Feed of one upload: its slivers one after the other, in the order in which they can be had.

use std::sync::Arc;

use bytes::Bytes;
use walrus_core::sliver::SliverId;
use walrus_node_client::{PieceHasher, PieceHeader, PieceName};

use super::{OnDemand, queue::UploadId, unreadable};
use crate::{NodeProblem, limits};

/// What an upload has still to send.
pub(in crate::store) struct Feed {
    blob: Arc<OnDemand>,
    id: UploadId,
    /// Slivers of the blob's own bytes: sent when no other is ready.
    source: std::vec::IntoIter<SliverId>,
}

/// A sliver that is to be sent.
pub(in crate::store) enum Fed {
    /// One that was made.
    Made(SliverId, Bytes, Hold),
    /// One of the blob's own bytes.
    Source(SliverId),
}

/// The memory of a sliver that was made; to be dropped when it was sent.
pub(in crate::store) struct Hold {
    blob: Arc<OnDemand>,
    bytes: usize,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.blob.state().queue.release(self.bytes);
        self.blob.changed.notify_one();
    }
}

impl Feed {
    /// Begins to want these slivers.
    pub(in crate::store) fn new(
        blob: &Arc<OnDemand>,
        slivers: impl IntoIterator<Item = SliverId>,
    ) -> Self {
        let (source, made): (Vec<_>, Vec<_>) = slivers
            .into_iter()
            .partition(|sliver| blob.is_source(*sliver));
        let wants_some = !made.is_empty();
        let id = blob.state().queue.join(made);
        if wants_some {
            blob.make();
        }
        Self {
            blob: Arc::clone(blob),
            id,
            source: source.into_iter(),
        }
    }

    /// The next sliver, which may have to be waited for; `None` at the end.
    pub(in crate::store) async fn next(&mut self) -> Result<Option<Fed>, NodeProblem> {
        loop {
            let mut ready = std::pin::pin!(self.blob.ready.notified());
            ready.as_mut().enable();
            {
                let mut state = self.blob.state();
                if let Some((sliver, bytes)) = state.queue.take(self.id) {
                    let hold = Hold {
                        blob: Arc::clone(&self.blob),
                        bytes: bytes.len(),
                    };
                    return Ok(Some(Fed::Made(sliver, bytes, hold)));
                }
                if let Some(sliver) = self.source.next() {
                    return Ok(Some(Fed::Source(sliver)));
                }
                if let Some(problem) = &state.failure {
                    return Err(problem.clone());
                }
                if !state.queue.starve(self.id) {
                    return Ok(None);
                }
            }
            // It may have been taken for one that never comes.
            self.blob.make();
            ready.await;
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut state = self.blob.state();
        if state.queue.leave(self.id) {
            state.cancellation.cancel();
        }
        drop(state);
        self.blob.changed.notify_one();
    }
}

/// A sliver of the blob's own bytes while it is sent: read part by part, so that it takes no memory to speak of.
pub(in crate::store) struct SourceParts {
    blob: Arc<OnDemand>,
    sliver: SliverId,
    offset: usize,
    length: usize,
}

impl SourceParts {
    /// Begins with the header of the piece, for which all of it is read once.
    pub(in crate::store) async fn begin(
        blob: &Arc<OnDemand>,
        sliver: SliverId,
        name: PieceName,
    ) -> Result<(PieceHeader, Self), NodeProblem> {
        let length = blob.metadata.sliver_bcs_length(sliver.sliver_type());
        let too_long = || NodeProblem::NothingToSend(format!("{name} is too large to be sent"));
        let of_piece = u32::try_from(length).map_err(|_| too_long())?;
        let reader = Arc::clone(blob);
        let hash = move || {
            let mut hasher = PieceHasher::new(name, of_piece);
            let mut buffer = vec![0; length.min(limits::SOURCE_PART)];
            for offset in (0..length).step_by(limits::SOURCE_PART) {
                let part = length.saturating_sub(offset).min(limits::SOURCE_PART);
                buffer.truncate(part);
                reader.read(sliver, offset, &mut buffer)?;
                hasher.update(&buffer);
            }
            Ok(hasher.finish())
        };
        let header = tokio::task::spawn_blocking(hash).await;
        let header = header.unwrap_or_else(|error| Err(unreadable(&error)))?;
        let parts = Self {
            blob: Arc::clone(blob),
            sliver,
            offset: 0,
            length,
        };
        Ok((header, parts))
    }

    /// The next bytes; `None` at the end.
    pub(in crate::store) async fn next(&mut self) -> Result<Option<Bytes>, NodeProblem> {
        let left = self.length.saturating_sub(self.offset);
        let (blob, sliver, offset) = (Arc::clone(&self.blob), self.sliver, self.offset);
        let part = left.min(limits::SOURCE_PART);
        if part == 0 {
            return Ok(None);
        }
        let read = move || {
            let mut buffer = vec![0; part];
            blob.read(sliver, offset, &mut buffer)?;
            Ok(Bytes::from(buffer))
        };
        let read = tokio::task::spawn_blocking(read).await;
        self.offset = self.offset.saturating_add(part);
        read.unwrap_or_else(|error| Err(unreadable(&error)))
            .map(Some)
    }
}
