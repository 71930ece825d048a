//! `GET /v1/uploads/{id}/events`: server-sent events of a job, until it is over.
//!
//! Each event is the status as it is then: who is slow misses what was in between, and nothing that counts.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::State,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;
use walrus_service::{envelope::Refusal, request::PathParts};

use super::{named, status::status_with};
use crate::{
    api::{EventsAnswer, EventsRefusals, UploadPath},
    limits,
    publisher::{
        Publisher,
        jobs::{Live, News},
        refusal::WriteReason,
    },
};

/// One follower.
struct Follower {
    live: Arc<Live>,
    news: watch::Receiver<News>,
    is_first: bool,
    is_over: bool,
    closing: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if self.is_over {
            return None;
        }
        if !std::mem::take(&mut self.is_first) {
            let next = async {
                // Not so often that nobody reads it.
                tokio::time::sleep(limits::EVENT_PAUSE).await;
                // It cannot end: this holds the sender.
                self.news.changed().await.ok()
            };
            tokio::select! {
                changed = next => changed?,
                // Whoever follows on asks the next process.
                () = self.closing.cancelled() => return None,
            }
        }
        let news = self.news.borrow_and_update().clone();
        let name = match &news.outcome {
            None => "progress",
            Some(Ok(_)) => "stored",
            Some(Err(_)) => "failed",
        };
        self.is_over = news.outcome.is_some();
        let event = Event::default().event(name);
        let event = event.json_data(status_with(&self.live, None, news)).ok()?;
        Some((Ok(event), self))
    }
}

/// How an upload, or a store that was not waited for, goes on, as events.
#[utoipa::path(
    get,
    path = "/v1/uploads/{id}/events",
    operation_id = "upload_events",
    tag = "uploads",
    params(UploadPath),
    responses(EventsAnswer, EventsRefusals),
    extensions(("x-codeSamples" = json!([{
        "lang": "Shell",
        "source": "JOB=$(curl --fail --silent -X PUT \"$PUBLISHER/v1/blobs?epochs=1\" -H \"Prefer: respond-async\" --data \"some string\" \\\n  \
                   --output /dev/null --write-out '%header{location}')\n\
                   curl --fail --no-buffer \"$PUBLISHER$JOB/events\""
    }]))),
)]
pub(super) async fn events(
    State(publisher): State<Publisher>,
    path: PathParts,
) -> Result<Response, Refusal> {
    let (live, _) = named(&publisher, &path)?;
    let place = Arc::clone(&publisher.followers).try_acquire_owned();
    let place = place.map_err(|_| {
        let message =
            "too many clients follow uploads; ask for the status instead, or try again later";
        Refusal::new(WriteReason::TooManyUploads, message)
    })?;
    let follower = Follower {
        news: live.follow(),
        live,
        is_first: true,
        is_over: false,
        closing: publisher.closing.clone(),
        _place: place,
    };
    let events = stream::unfold(follower, Follower::next);
    let keep_alive = KeepAlive::new().interval(limits::EVENT_SILENCE);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}
