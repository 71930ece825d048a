//! Future of a store or a read that is a stream of its progress as well.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures::{
    Stream,
    future::{BoxFuture, FusedFuture},
    task::AtomicWaker,
};

use crate::{NoProgress, Progress, ProgressEvent, limits};

/// Something that is being done: a future of its result, and a [`Stream`] of what happens until then.
///
/// ```no_run
/// # async fn example(client: walrus_sdk::Client) -> Result<(), walrus_sdk::ClientError> {
/// use futures::StreamExt as _;
///
/// let mut storing = client.store(vec![7; 1 << 20]).epochs(3).start();
/// while let Some(event) = storing.next().await {
///     println!("{event:?}");
/// }
/// println!("stored as {}", storing.await?.blob_id());
/// # Ok(())
/// # }
/// ```
///
/// Nothing happens unless it is polled, as either; dropping it ends the work. Whoever polls it as a future alone pays nothing for
/// the stream. Once the result was taken it must not be polled as a future again. Of events that nobody takes, the last [`limits::EVENTS_KEPT`] are kept.
#[must_use = "nothing is done until it is awaited"]
pub struct Running<'a, T> {
    work: Option<BoxFuture<'a, T>>,
    result: Option<T>,
    news: Arc<News<'a>>,
}

impl<'a, T: 'a> Running<'a, T> {
    /// Runs `work`, which tells what it is given what happens; `observer` hears the same.
    pub(crate) fn new<F>(
        observer: &'a dyn Progress,
        work: impl FnOnce(Arc<dyn Progress + 'a>) -> F,
    ) -> Self
    where
        F: Future<Output = T> + Send + 'a,
    {
        let news = Arc::new(News {
            observer,
            is_followed: AtomicBool::new(false),
            events: Mutex::default(),
            follower: AtomicWaker::new(),
        });
        let work = work(Arc::clone(&news) as Arc<dyn Progress + 'a>);
        Self {
            work: Some(Box::pin(work)),
            result: None,
            news,
        }
    }

    /// Goes on with the work.
    fn advance(&mut self, context: &mut Context<'_>) {
        if let Some(work) = &mut self.work
            && let Poll::Ready(result) = work.as_mut().poll(context)
        {
            self.work = None;
            self.result = Some(result);
        }
    }
}

/// Whoever observes nothing.
pub(crate) const NOBODY: &NoProgress = &NoProgress;

impl<'a, T: Unpin + 'a> Future for Running<'a, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Like every future that is over: nobody would wake who waits for a second result.
        assert!(!self.is_terminated(), "polled after its result was taken");
        self.advance(context);
        self.result.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<'a, T: Unpin + 'a> FusedFuture for Running<'a, T> {
    fn is_terminated(&self) -> bool {
        self.work.is_none() && self.result.is_none()
    }
}

impl<'a, T: Unpin + 'a> Stream for Running<'a, T> {
    type Item = ProgressEvent;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<ProgressEvent>> {
        // Threads that compute tell their progress, too.
        self.news.follower.register(context.waker());
        self.news.is_followed.store(true, Ordering::Relaxed);
        if let Some(event) = self.news.next() {
            return Poll::Ready(Some(event));
        }
        self.advance(context);
        match self.news.next() {
            Some(event) => Poll::Ready(Some(event)),
            None if self.work.is_none() => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl<T> fmt::Debug for Running<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("done", &self.work.is_none())
            .finish_non_exhaustive()
    }
}

/// What happened and was not told yet.
struct News<'a> {
    observer: &'a dyn Progress,
    is_followed: AtomicBool,
    events: Mutex<VecDeque<ProgressEvent>>,
    follower: AtomicWaker,
}

impl News<'_> {
    fn next(&self) -> Option<ProgressEvent> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.pop_front()
    }
}

impl Progress for News<'_> {
    fn on_event(&self, event: ProgressEvent) {
        if self.is_followed.load(Ordering::Relaxed) {
            let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
            if events.len() == limits::EVENTS_KEPT {
                events.pop_front();
            }
            events.push_back(event.clone());
            drop(events);
            self.follower.wake();
        }
        self.observer.on_event(event);
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;
    use crate::Phase;

    /// Tells `events` events from another thread, one after the other, and ends with how many they were.
    fn count(events: usize) -> Running<'static, usize> {
        Running::new(NOBODY, move |progress| async move {
            for _ in 0..events {
                progress.on_event(ProgressEvent::Started(Phase::Encode));
                tokio::task::yield_now().await;
            }
            events
        })
    }

    #[tokio::test]
    async fn a_result_comes_with_its_progress_or_without() {
        assert_eq!(count(3).await, 3);
        let mut followed = count(3);
        let mut seen = 0;
        while followed.next().await.is_some() {
            seen += 1;
        }
        assert_eq!((seen, followed.await), (3, 3));
        let mut left = count(3);
        assert!(left.next().await.is_some());
        assert_eq!(left.await, 3);
    }

    #[tokio::test]
    async fn a_second_result_is_not_waited_for() {
        let mut running = count(1);
        assert!(!running.is_terminated());
        while running.next().await.is_some() {}
        assert!(!running.is_terminated());
        assert_eq!((&mut running).await, 1);
        assert!(running.is_terminated());
        assert!(running.next().await.is_none());
        let again = tokio::spawn(running).await;
        assert!(again.unwrap_err().is_panic());
    }

    #[tokio::test]
    async fn events_of_other_threads_are_heard() {
        let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
        let mut running = Running::new(NOBODY, move |progress| async move {
            // What computes borrows nothing.
            progress.on_event(ProgressEvent::Started(Phase::Encode));
            wait.await
        });
        assert!(running.next().await.is_some());
        let news = Arc::clone(&running.news);
        let told = tokio::task::spawn_blocking(move || {
            news.on_event(ProgressEvent::Started(Phase::Upload));
        });
        let event = running.next().await;
        assert!(matches!(event, Some(ProgressEvent::Started(Phase::Upload))));
        told.await.unwrap();
        go_on.send(()).unwrap();
        assert!(running.next().await.is_none());
        assert!(running.await.is_ok());
    }

    #[tokio::test]
    async fn what_nobody_takes_is_bounded() {
        let mut running = Running::new(NOBODY, |progress| async move {
            for done in 0..2 * limits::EVENTS_KEPT as u64 {
                progress.on_event(ProgressEvent::Encoding { done, total: 0 });
            }
        });
        let mut seen = Vec::new();
        while let Some(event) = running.next().await {
            let ProgressEvent::Encoding { done, .. } = event else {
                panic!("another event: {event:?}");
            };
            seen.push(done);
        }
        let kept = limits::EVENTS_KEPT as u64;
        assert_eq!(seen, (kept..2 * kept).collect::<Vec<_>>());
    }
}
