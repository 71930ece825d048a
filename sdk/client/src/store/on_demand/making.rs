//! Making of slivers: one task for all uploads of a blob, as long as any of them wants slivers.

use std::sync::Arc;

use tokio::time::Instant;
use walrus_core::{
    Threads, Work,
    encoder::{EncodeError, SelectiveEncoder},
    sliver::SliverId,
    work::Cancellation,
};

use super::{
    OnDemand,
    queue::{Next, UploadId},
    unreadable,
};
use crate::limits;

impl OnDemand {
    /// Sees to it that a task makes what is wanted.
    pub(super) fn make(self: &Arc<Self>) {
        {
            let mut state = self.state();
            if state.cancellation.is_cancelled() {
                state.cancellation = Cancellation::new();
            }
            if state.is_making {
                self.changed.notify_one();
                return;
            }
            state.is_making = true;
        }
        tokio::spawn(Arc::clone(self).keep_making());
    }

    async fn keep_making(self: Arc<Self>) {
        // Uploads begin one after the other; what they want is made together.
        tokio::time::sleep(limits::GATHERING).await;
        let mut starving_since = None;
        let mut at_once = false;
        loop {
            let (next, cancellation) = {
                let mut state = self.state();
                let next = state.queue.next(at_once);
                if next == Next::Nothing || state.failure.is_some() {
                    state.is_making = false;
                    break;
                }
                (next, state.cancellation.clone())
            };
            match next {
                Next::Make(slivers) => {
                    (starving_since, at_once) = (None, false);
                    self.make_some(slivers, cancellation).await;
                }
                Next::Wait { is_starving: false } | Next::Nothing => {
                    starving_since = None;
                    self.changed.notified().await;
                }
                Next::Wait { is_starving: true } => {
                    let since = *starving_since.get_or_insert_with(Instant::now);
                    let until = since + limits::STANDSTILL;
                    let changed = tokio::time::timeout_at(until, self.changed.notified());
                    if changed.await.is_err() {
                        self.state().queue.reclaim();
                        (starving_since, at_once) = (None, true);
                    }
                }
            }
        }
        self.spare.clear();
        self.ready.notify_waiters();
    }

    async fn make_some(
        self: &Arc<Self>,
        slivers: Vec<(UploadId, SliverId)>,
        cancellation: Cancellation,
    ) {
        let names: Vec<SliverId> = slivers.iter().map(|(_, sliver)| *sliver).collect();
        let Some(sliver_type) = names.first().map(SliverId::sliver_type) else {
            return;
        };
        let this = Arc::clone(self);
        let encode = move || {
            let work = Work::on(Threads::available()).with_cancellation(&cancellation);
            let mut spare = this.spare.take(sliver_type);
            let made = this.source.with_source(|source| {
                let encoder = SelectiveEncoder::new(this.config, source)?;
                encoder.with_work(work).encode_in(&names, &mut spare)
            });
            this.spare.give_all(sliver_type, spare);
            made
        };
        let made = tokio::task::spawn_blocking(encode).await;
        let mut state = self.state();
        match made {
            Ok(Ok(made)) => {
                for ((id, sliver), bytes) in slivers.into_iter().zip(made) {
                    let bytes = self.spare.lend(sliver_type, bytes);
                    state.queue.made(id, sliver, bytes);
                }
            }
            // Whoever wanted them has left, but somebody may have come.
            Ok(Err(EncodeError::Cancelled)) => {
                for (id, sliver) in slivers {
                    state.queue.unmade(id, sliver);
                }
            }
            Ok(Err(error)) => state.failure = Some(unreadable(&error)),
            Err(error) => state.failure = Some(unreadable(&error)),
        }
        drop(state);
        self.ready.notify_waiters();
    }
}
