//! Load shedding: so many requests of a service in work, so many waiting, and no more; of one address a share of both. Client spec 3.8.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{Extension, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use walrus_service::{envelope::Refusal, server::Caller};

use crate::{reason::GatewayReason, spool::discard};

/// The requests of one service. Cheap to clone; clones share the places.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    service: &'static str,
    in_work: Arc<Semaphore>,
    /// In work and waiting.
    all: Arc<Semaphore>,
    shares: Option<Shares>,
}

/// A place, until it is dropped.
struct Place {
    _in_work: OwnedSemaphorePermit,
    _any: OwnedSemaphorePermit,
    _share: Option<Share>,
}

/// How many places each address has. Clones are of the same service.
#[derive(Debug, Clone)]
struct Shares {
    most: usize,
    taken: Arc<Mutex<HashMap<Caller, usize>>>,
}

/// A place of an address, until it is dropped.
struct Share {
    shares: Shares,
    caller: Caller,
}

impl Shares {
    fn taken(&self) -> MutexGuard<'_, HashMap<Caller, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, caller: Caller) -> Option<Share> {
        let mut taken = self.taken();
        let count = taken.entry(caller).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count = count.saturating_add(1);
        let shares = self.clone();
        Some(Share { shares, caller })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        if let Some(count) = taken.get_mut(&self.caller) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.caller);
            }
        }
    }
}

impl Places {
    pub(crate) fn new(service: &'static str, in_work: usize, waiting: usize) -> Self {
        let bounded = |permits: usize| permits.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            service,
            in_work: Arc::new(Semaphore::new(bounded(in_work))),
            all: Arc::new(Semaphore::new(bounded(in_work.saturating_add(waiting)))),
            shares: None,
        }
    }

    /// The same places, of which one address has at most its part: so many take all only together.
    pub(crate) fn shared_by(self, parts: usize) -> Self {
        let all = self.all.available_permits();
        let shares = Shares {
            most: all.div_ceil(parts.max(1)),
            taken: Arc::default(),
        };
        Self {
            shares: Some(shares),
            ..self
        }
    }

    async fn take(&self, caller: Option<Caller>) -> Option<Place> {
        let share = match (&self.shares, caller) {
            (Some(shares), Some(caller)) => Some(shares.take(caller)?),
            _ => None,
        };
        let any = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let in_work = Arc::clone(&self.in_work).acquire_owned().await.ok()?;
        Some(Place {
            _in_work: in_work,
            _any: any,
            _share: share,
        })
    }
}

/// Holds a place until the answer is sent, or refuses.
pub(crate) async fn shed(
    State(places): State<Places>,
    caller: Option<Extension<Caller>>,
    request: Request,
    next: Next,
) -> Response {
    let caller = caller.map(|Extension(caller)| caller);
    let Some(place) = places.take(caller).await else {
        let (head, body) = request.into_parts();
        discard(&head.headers, &mut body.into_data_stream()).await;
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn caller(last: u8) -> Option<Caller> {
        Some(Caller::at(Ipv4Addr::new(10, 0, 0, last).into()))
    }

    #[tokio::test]
    async fn one_address_does_not_take_all_places() {
        let places = Places::new("test", 4, 2).shared_by(2);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(places.take(caller(1)).await.unwrap());
        }
        assert!(places.take(caller(1)).await.is_none());
        held.push(places.take(caller(2)).await.unwrap());
        // Two more may wait, one of each address.
        let mut waiting = Box::pin(places.take(caller(2)));
        assert!(futures::poll!(&mut waiting).is_pending());
        held.remove(0);
        held.push(waiting.await.unwrap());
        held.remove(0);
        held.push(places.take(caller(1)).await.unwrap());
        drop(held);
        let shares = places.shares.as_ref().unwrap();
        assert!(shares.taken().is_empty());
        assert_eq!(places.all.available_permits(), 6);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_gives_its_share_back() {
        let places = Places::new("test", 1, 3).shared_by(2);
        let held = places.take(caller(1)).await.unwrap();
        {
            let mut waiting = Box::pin(places.take(caller(2)));
            assert!(futures::poll!(&mut waiting).is_pending());
        }
        let shares = places.shares.as_ref().unwrap();
        assert_eq!(shares.taken().len(), 1);
        drop(held);
    }
}
