//! Encoding and decoding beside the network tasks: with progress, and ended when nobody waits any more.

use tokio::sync::watch;
use walrus_core::work::{Cancellation, Progress};

use crate::ClientError;

/// What a computation is given to tell how far it is, and to ask whether it should end.
pub(crate) struct Watched {
    /// Cancelled when nobody waits for the result any more.
    pub(crate) cancellation: Cancellation,
    progress: watch::Sender<Option<Progress>>,
}

impl Watched {
    /// So far it is.
    pub(crate) fn advance(&self, progress: Progress) {
        // Nobody listens any more only when the result is of no use.
        let _ = self.progress.send(Some(progress));
    }
}

/// Ends a computation when the future that waits for it is dropped.
struct CancelOnDrop(Cancellation);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Runs a computation on a thread of its own. Dropping the future cancels it; it then ends within some milliseconds.
pub(crate) async fn compute<T: Send + 'static>(
    work: impl FnOnce(&Watched) -> Result<T, ClientError> + Send + 'static,
    mut on_progress: impl FnMut(Progress),
) -> Result<T, ClientError> {
    let (sender, mut progress) = watch::channel(None);
    let cancellation = Cancellation::new();
    let _guard = CancelOnDrop(cancellation.clone());
    let watched = Watched {
        cancellation,
        progress: sender,
    };
    let mut task = tokio::task::spawn_blocking(move || work(&watched));
    loop {
        tokio::select! {
            // In this order, so that the last progress is told, and that how often the thread is heard of draws no random number:
            // simulations do the same again.
            biased;
            // An error means that the work has ended: its result is next.
            Ok(()) = progress.changed() => {
                let now = *progress.borrow_and_update();
                if let Some(now) = now {
                    on_progress(now);
                }
            }
            result = &mut task => {
                return result.unwrap_or_else(|error| Err(ClientError::Interrupted(error.to_string())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_result_comes_back() {
        let result = compute(|_| Ok(7), |_| {}).await;
        assert_eq!(result.unwrap(), 7);
    }

    #[tokio::test]
    async fn progress_is_told_while_it_runs() {
        let (heard, told) = mpsc::channel();
        let work = move |watched: &Watched| {
            watched.advance(Progress { done: 1, total: 2 });
            // Goes on only when somebody has heard of it.
            told.recv()
                .map_err(|error| ClientError::Interrupted(error.to_string()))
        };
        let result = compute(work, |progress| heard.send(progress).unwrap()).await;
        assert_eq!(result.unwrap(), Progress { done: 1, total: 2 });
    }

    #[tokio::test]
    async fn it_is_cancelled_when_nobody_waits() {
        let (sender, cancelled) = mpsc::channel();
        let (started, begun) = tokio::sync::oneshot::channel();
        let work = move |watched: &Watched| {
            started.send(()).unwrap();
            while !watched.cancellation.is_cancelled() {
                std::thread::yield_now();
            }
            sender.send(()).unwrap();
            Ok(())
        };
        tokio::select! {
            _ = compute(work, |_| {}) => panic!("it ends only when it is cancelled"),
            _ = begun => {}
        }
        cancelled.recv().unwrap();
    }
}
