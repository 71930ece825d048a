//! Phase tracking: where uploading ends and waiting for confirmations begins, for all blobs of a store together.

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

    /// Tells how much there is to send of several blobs, so that what is known to be there does not grow while it is sent.
    pub(super) fn announce(&self, blobs: impl IntoIterator<Item = (BlobId, u64)>) {
        let blobs: Vec<_> = blobs.into_iter().collect();
        for (blob_id, total) in blobs.iter().filter(|_| blobs.len() > 1).copied() {
            self.inner.on_event(ProgressEvent::Sent {
                blob_id,
                done: 0,
                total,
            });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<(u64, u64)>>);

    impl Progress for Seen {
        fn on_event(&self, event: ProgressEvent) {
            if let ProgressEvent::Sent { done, total, .. } = event {
                self.0.lock().unwrap().push((done, total));
            }
        }
    }

    #[test]
    fn what_is_to_be_sent_of_several_blobs_is_known_before_it_is_sent() {
        let announced = |totals: &[u64]| {
            let seen = Seen::default();
            let ids = (0..u8::MAX).map(|number| BlobId::from([number; 32]));
            let blobs: Vec<_> = ids.zip(totals.iter().copied()).collect();
            let ids = blobs.iter().map(|(id, _)| *id).collect();
            UploadPhases::start(&seen, ids).announce(blobs);
            seen.0.into_inner().unwrap()
        };
        assert_eq!(announced(&[5, 7, 9]), [(0, 5), (0, 7), (0, 9)]);
        assert!(announced(&[5]).is_empty());
    }
}
