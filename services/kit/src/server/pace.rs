//! Pace: bodies that come too slowly, and answers that nobody takes.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{Request, Version},
};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

/// Largest part of an answer that is handed over at once: what is handed over lies in the connection's buffer until it is sent.
const PART: usize = 16 << 10;

/// How fast a body has to come: so many bytes in so long, not counting the time in which nobody asked for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Bytes.
    pub bytes: usize,
    /// The time in which they have to come.
    pub within: Duration,
}

impl Pace {
    /// How long so many bytes may take at this pace: one time more than they need, since the first may be late.
    pub fn time_for(self, bytes: usize) -> Duration {
        let length = u64::try_from(bytes).unwrap_or(u64::MAX);
        let unit = u64::try_from(self.bytes).unwrap_or(u64::MAX);
        let millis = u64::try_from(self.within.as_millis()).unwrap_or(u64::MAX);
        let needed = millis.saturating_mul(length).checked_div(unit);
        self.within
            .saturating_add(Duration::from_millis(needed.unwrap_or_default()))
    }
}

/// A body came too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("less than {} bytes of the body came within {:?}", .0.bytes, .0.within)]
pub struct TooSlow(pub Pace);

/// The body of a request, given up when it comes too slowly.
pub(super) struct PacedBody<B>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
{
    inner: Option<B>,
    pace: Pace,
    /// Bytes since the time began to count.
    got: usize,
    waited: Duration,
    waiting_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    /// What is left when nobody wants it any more is read all the same, up to a bound. See [`LEFTOVER`].
    reads_rest: bool,
}

/// Bytes of a body that are read although the request was answered without them. On a connection of HTTP/1.1, somebody who is still
/// sending may not get to see the answer otherwise: to close it under unread bytes resets it.
const LEFTOVER: usize = 1 << 20;
/// The longest time for that.
const LEFTOVER_TIME: Duration = Duration::from_secs(5);

impl<B> PacedBody<B>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
{
    pub(super) fn new(inner: B, pace: Pace, reads_rest: bool) -> Self {
        Self {
            inner: Some(inner),
            pace,
            got: 0,
            waited: Duration::ZERO,
            waiting_since: None,
            alarm: None,
            reads_rest,
        }
    }

    fn came(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.waited = self.waited.saturating_add(since.elapsed());
        }
        self.got = self.got.saturating_add(bytes);
        if self.got >= self.pace.bytes {
            self.got = 0;
            self.waited = Duration::ZERO;
        }
    }

    /// Whether waiting has taken too long; if not, wakes when it has.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let now = Instant::now();
        let since = *self.waiting_since.get_or_insert(now);
        let left = self.pace.within.saturating_sub(self.waited);
        let deadline = since.checked_add(left).unwrap_or(now);
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(context).is_ready()
    }
}

impl<B> Drop for PacedBody<B>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
{
    fn drop(&mut self) {
        let rest = self.inner.take().filter(|inner| !inner.is_end_stream());
        if let Some(mut rest) = rest.filter(|_| self.reads_rest) {
            let read = async move {
                let mut bytes = 0_usize;
                while let Some(Ok(frame)) = rest.frame().await
                    && bytes < LEFTOVER
                {
                    bytes = bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len));
                }
            };
            tokio::spawn(tokio::time::timeout(LEFTOVER_TIME, read));
        }
    }
}

impl<B> HttpBody for PacedBody<B>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        match Pin::new(inner).poll_frame(context) {
            Poll::Ready(frame) => {
                let bytes = match &frame {
                    Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                    _ => 0,
                };
                self.came(bytes);
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending if self.is_late(context) => {
                Poll::Ready(Some(Err(TooSlow(self.pace).into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.inner.as_ref();
        inner.map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// The answers of one connection that are being sent.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<Vec<Weak<Progress>>>);

/// When something of an answer was taken last, in milliseconds since it was there.
#[derive(Debug)]
struct Progress {
    begun: Instant,
    last: AtomicU64,
}

impl Progress {
    fn note(&self) {
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis, Ordering::Relaxed);
    }

    fn idle(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(last)
    }
}

impl Answers {
    /// An answer that is sent part by part; `held` is dropped when the last one is handed over or the answer given up.
    pub(super) fn answer(&self, body: Body, held: impl Send + Unpin + 'static) -> Body {
        let progress = Arc::new(Progress {
            begun: Instant::now(),
            last: AtomicU64::new(0),
        });
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|answer| answer.strong_count() > 0);
        answers.push(Arc::downgrade(&progress));
        drop(answers);
        Body::new(Answer {
            inner: body,
            rest: Bytes::new(),
            progress,
            _held: held,
        })
    }

    /// Whether nothing of some answer was taken for so long.
    pub(super) fn stand_still(&self, patience: Duration) -> bool {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = answers.iter().filter_map(Weak::upgrade);
        open.any(|answer| answer.idle() >= patience)
    }
}

struct Answer<H> {
    inner: Body,
    /// What is left of the part that was begun.
    rest: Bytes,
    progress: Arc<Progress>,
    _held: H,
}

impl<H: Unpin> HttpBody for Answer<H> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.progress.note();
        if self.rest.is_empty() {
            let frame = match std::task::ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(other) => return Poll::Ready(Some(Ok(other))),
            }
        }
        let length = self.rest.len().min(PART);
        let part = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

/// A request with a body that is given up when it comes too slowly.
pub(super) fn paced(request: Request<Incoming>, pace: Pace) -> Request<Body> {
    // A stream of HTTP/2 ends alone.
    let reads_rest = request.version() < Version::HTTP_2;
    request.map(|body| Body::new(PacedBody::new(body, pace, reads_rest).map_err(axum::Error::new)))
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use http_body_util::StreamBody;

    use super::*;

    const PACE: Pace = Pace {
        bytes: 10,
        within: Duration::from_secs(10),
    };

    #[test]
    fn what_comes_at_the_pace_comes_in_time() {
        let seconds = Duration::from_secs;
        assert_eq!(PACE.time_for(0), seconds(10));
        assert_eq!(PACE.time_for(15), seconds(25));
        assert!(PACE.time_for(usize::MAX) >= PACE.time_for(1 << 40));
    }

    /// So many bytes after each pause.
    fn body(
        parts: &'static [(u64, usize)],
    ) -> impl HttpBody<Data = Bytes, Error = axum::Error> + Send + Unpin {
        let frames = futures::stream::iter(parts).then(|(pause, bytes)| async move {
            tokio::time::sleep(Duration::from_secs(*pause)).await;
            Ok(Frame::data(Bytes::from(vec![0; *bytes])))
        });
        StreamBody::new(Box::pin(frames))
    }

    async fn read(parts: &'static [(u64, usize)]) -> Result<usize, String> {
        let body = PacedBody::new(body(parts), PACE, false);
        match body.collect().await {
            Ok(all) => Ok(all.to_bytes().len()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up() {
        assert_eq!(read(&[(9, 10), (9, 10), (9, 1)]).await, Ok(21));
        assert_eq!(read(&[(4, 5), (5, 5), (9, 5)]).await, Ok(15));
        let slow = read(&[(4, 3), (4, 3), (4, 3)]).await;
        assert!(slow.unwrap_err().contains("less than 10 bytes"));
        assert!(read(&[(11, 100)]).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_asks_does_not_count() {
        let mut slow = PacedBody::new(body(&[(6, 1), (3, 1)]), PACE, false);
        assert!(slow.frame().await.unwrap().is_ok());
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(slow.frame().await.unwrap().is_ok());
    }
}
