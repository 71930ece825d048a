//! Where uploading ends and waiting for confirmations begins, for all blobs of a store together.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use walrus_core::BlobId;

use crate::{Phase, Progress, ProgressEvent};

/// Passes events on, and tells when every blob is on enough nodes.
pub(super) struct UploadPhases<'a> {
    inner: &'a dyn Progress,
    started: Instant,
    state: Mutex<State>,
}

struct State {
    pending: HashSet<BlobId>,
    uploaded: Option<Duration>,
}

impl<'a> UploadPhases<'a> {
    /// The upload of these blobs begins now.
    pub(super) fn start(inner: &'a dyn Progress, blobs: HashSet<BlobId>) -> Self {
        inner.on_event(ProgressEvent::Started(Phase::Upload));
        let state = Mutex::new(State {
            pending: blobs,
            uploaded: None,
        });
        Self {
            inner,
            started: Instant::now(),
            state,
        }
    }

    /// Everything ended: how long uploading took, and confirming after that.
    pub(super) fn finish(self) -> (Duration, Duration) {
        let total = self.started.elapsed();
        let uploaded = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .uploaded;
        match uploaded {
            Some(uploaded) => {
                let confirmed = total.saturating_sub(uploaded);
                self.inner
                    .on_event(ProgressEvent::Finished(Phase::Confirm, confirmed));
                (uploaded, confirmed)
            }
            None => {
                self.inner
                    .on_event(ProgressEvent::Finished(Phase::Upload, total));
                (total, Duration::ZERO)
            }
        }
    }
}

impl Progress for UploadPhases<'_> {
    fn on_event(&self, event: ProgressEvent) {
        let done = match &event {
            ProgressEvent::Uploaded {
                blob_id,
                weight,
                needed,
                ..
            } if weight >= needed => Some(*blob_id),
            _ => None,
        };
        self.inner.on_event(event);
        let Some(done) = done else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.pending.remove(&done);
        if state.pending.is_empty() && state.uploaded.is_none() {
            let elapsed = self.started.elapsed();
            state.uploaded = Some(elapsed);
            drop(state);
            self.inner
                .on_event(ProgressEvent::Finished(Phase::Upload, elapsed));
            self.inner.on_event(ProgressEvent::Started(Phase::Confirm));
        }
    }
}
