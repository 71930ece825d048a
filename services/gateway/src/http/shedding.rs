//! Load shedding: so many requests of a service in work, so many waiting, and no more. Client spec 3.8.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use walrus_service::envelope::Refusal;

use crate::reason::GatewayReason;

/// The requests of one service. Cheap to clone; clones share the places.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    service: &'static str,
    in_work: Arc<Semaphore>,
    /// In work and waiting.
    all: Arc<Semaphore>,
}

/// A place, until it is dropped.
type Place = (OwnedSemaphorePermit, OwnedSemaphorePermit);

impl Places {
    pub(crate) fn new(service: &'static str, in_work: usize, waiting: usize) -> Self {
        let bounded = |permits: usize| permits.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            service,
            in_work: Arc::new(Semaphore::new(bounded(in_work))),
            all: Arc::new(Semaphore::new(bounded(in_work.saturating_add(waiting)))),
        }
    }

    async fn take(&self) -> Option<Place> {
        let any = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let in_work = Arc::clone(&self.in_work).acquire_owned().await.ok()?;
        Some((in_work, any))
    }
}

/// Holds a place until the answer is sent, or refuses.
pub(crate) async fn shed(State(places): State<Places>, request: Request, next: Next) -> Response {
    let Some(place) = places.take().await else {
        let message = format!(
            "the {} is receiving too many requests; please try again later",
            places.service
        );
        return Refusal::new(GatewayReason::TooManyRequests, message).into_response();
    };
    next.run(request).await.map(|body| {
        Body::new(Held {
            body,
            _place: place,
        })
    })
}

/// A body, and the place that it holds.
struct Held {
    body: Body,
    _place: Place,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
