//! `PUT /v1/blobs`. Client spec 3.5.

use axum::{
    Json,
    body::{Body, BodyDataStream, HttpBody as _},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use http_body::SizeHint;
use walrus_service::{
    envelope::{Refusal, RequestReason},
    request::QueryPairs,
};

use super::{
    Publisher,
    jobs::{Announced, NewJob, Repeats, Waiter, disk_failed, idempotency_key},
    query,
    refusal::WriteReason,
    uploads::{location, status_of},
};
use crate::{
    api::{HowToStore, StoreAnswer, StoreRefusals},
    limits,
    reason::GatewayReason,
    spool::{ReceiveError, discard},
};

/// What makes a repeated request the same.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Stores a blob.
///
/// The body is the blob, whatever `Content-Type` says, with its length told or in chunks.
#[utoipa::path(
    put,
    path = "/v1/blobs",
    operation_id = "store_blob",
    tag = "publisher",
    params(HowToStore),
    request_body(description = "The bytes of the blob.", content((Vec<u8> = "application/octet-stream"))),
    responses(StoreAnswer, StoreRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail -X PUT \"$PUBLISHER/v1/blobs?epochs=1\" --data \"some string\""}, {"lang": "Shell", "source": "curl --fail -X PUT \"$PUBLISHER/v1/blobs?permanent=true\" --upload-file \"$FILE\""}]))),
)]
pub(super) async fn blob(
    State(publisher): State<Publisher>,
    query: QueryPairs,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let told = body.size_hint();
    let mut body = body.into_data_stream();
    match begin(&publisher, &query, &headers, told, &mut body).await {
        Ok(job) => answer(&headers, &job).await,
        Err(refusal) => {
            discard(&headers, &mut body).await;
            Err(refusal)
        }
    }
}

/// Takes the body in, after which the store goes on whether or not the client waits.
async fn begin(
    publisher: &Publisher,
    query: &QueryPairs,
    headers: &HeaderMap,
    told: SizeHint,
    body: &mut BodyDataStream,
) -> Result<Waiter, Refusal> {
    let options = query::options(query)?;
    let key = key_of(headers)?;
    let limit = publisher.options.max_body_size;
    if told.lower() > limit {
        return Err(ReceiveError::TooLarge { limit }.into());
    }
    let admitted = publisher.admit(headers, &options, told.exact()).await?;
    let caller = admitted.caller;
    let idempotency = key.map(|key| idempotency_key(caller.account, key));
    let announced = Announced {
        caller: &caller,
        options: &options,
        bytes: told.lower(),
        repeats: Repeats::of(idempotency, &options),
    };
    publisher.jobs.preview(announced).await?;
    let received = publisher.jobs.receive(caller, body, limit, told.exact());
    let (id, body) = received.await?;
    admitted.check_size(body.length)?;
    let job = NewJob {
        id,
        caller,
        options,
        attributes: Vec::new(),
        body,
        idempotency,
        keep: prefers_async(headers),
        ticket: admitted.ticket,
    };
    publisher.jobs.submit(job).await
}

async fn answer(headers: &HeaderMap, job: &Waiter) -> Result<Response, Refusal> {
    if prefers_async(headers) {
        job.accepted().await;
        let news = job.job().news();
        if let Some(Err(refusal)) = news.outcome {
            return Err(refusal);
        }
        let status = status_of(job.job(), None);
        let location = [(header::LOCATION, location(job.job().id))];
        let applied = [("preference-applied", "respond-async")];
        return Ok((StatusCode::ACCEPTED, location, applied, Json(status)).into_response());
    }
    let outcome = job.outcome().await;
    let outcome = outcome.unwrap_or_else(|| Err(disk_failed("the job was dropped")));
    outcome.map(|result| Json(result).into_response())
}

/// Whether the client does not want to wait (RFC 7240).
fn prefers_async(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all("prefer").iter();
    let mut preferences = preferences.filter_map(|value| value.to_str().ok());
    preferences.any(|value| {
        let mut each = value.split([',', ';']).map(str::trim);
        each.any(|preference| preference.eq_ignore_ascii_case("respond-async"))
    })
}

/// The key that makes a repeated request the same.
///
/// # Errors
/// A refusal if it is none.
pub(super) fn key_of(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = key.to_str().ok().map(str::trim);
    let bounds = 1..=limits::IDEMPOTENCY_KEY_BYTES;
    key.filter(|key| bounds.contains(&key.len()))
        .map(Some)
        .ok_or_else(|| {
            let most = limits::IDEMPOTENCY_KEY_BYTES;
            let message = format!("an idempotency key has 1 to {most} characters of ASCII");
            Refusal::new(WriteReason::InvalidIdempotencyKey, message)
        })
}

impl From<ReceiveError> for Refusal {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::TooLarge { .. } => {
                Self::new(RequestReason::BodyTooLarge, error.to_string())
            }
            ReceiveError::Unreadable(_) => Self::new(GatewayReason::InvalidBody, error.to_string()),
            ReceiveError::Spool(_) | ReceiveError::Unwritable(_) => {
                Self::internal(GatewayReason::Internal, error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let value = value.parse().unwrap();
        HeaderMap::from_iter([(header::HeaderName::from_static(name), value)])
    }

    #[test]
    fn preferences_are_found_among_others() {
        for (value, expected) in [
            ("respond-async", true),
            ("wait=10, Respond-Async", true),
            ("respond-async; wait=5", true),
            ("respond-asynchronously", false),
            ("return=minimal", false),
        ] {
            assert_eq!(
                prefers_async(&headers("prefer", value)),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn idempotency_keys_are_bounded() {
        assert_eq!(key_of(&HeaderMap::new()), Ok(None));
        let given = headers(IDEMPOTENCY_KEY, " 8e03978e ");
        assert_eq!(key_of(&given), Ok(Some("8e03978e")));
        for bad in ["", &"x".repeat(256)] {
            let refused = key_of(&headers(IDEMPOTENCY_KEY, bad)).unwrap_err();
            assert_eq!(refused.code(), "INVALID_IDEMPOTENCY_KEY");
        }
    }
}
