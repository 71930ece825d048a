//! `POST /v1/uploads`: an upload begins.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use walrus_service::{
    envelope::{Refusal, RequestReason},
    request::QueryPairs,
};

use super::{
    headers::{self, BLOB_ID, LENGTH, required_number},
    location, metadata,
};
use crate::{
    api::{CreatedAnswer, HowToStore, NewUploadHeaders, NewUploadRefusals},
    publisher::{
        Publisher,
        jobs::{Announced, Live, NewUpload, Repeats, Waiter},
        query,
    },
};

/// Begins an upload: a body that comes in parts, by tus 1.0.
///
/// Its path cannot be guessed. What can be refused is refused now: epochs, sizes, budgets.
#[utoipa::path(
    post,
    path = "/v1/uploads",
    operation_id = "begin_upload",
    tag = "uploads",
    params(HowToStore, NewUploadHeaders),
    responses(CreatedAnswer, NewUploadRefusals),
    extensions(("x-codeSamples" = json!([{
        "lang": "Shell",
        "source": "curl --fail --include -X POST \"$PUBLISHER/v1/uploads?epochs=1\" -H \"Tus-Resumable: 1.0.0\" -H \"Upload-Length: 0\""
    }]))),
)]
pub(super) async fn create(
    State(publisher): State<Publisher>,
    query: QueryPairs,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    headers::require_version(&request)?;
    let options = query::options(&query)?;
    let length = required_number(&request, &LENGTH)?;
    let limit = publisher.options.max_upload_size;
    if length > limit {
        let message = format!("the upload has {length} bytes; at most {limit} are taken here");
        return Err(Refusal::new(RequestReason::BodyTooLarge, message));
    }
    let metadata = metadata::of(&request)?;
    let admitted = publisher.admit(&request, &options, Some(length)).await?;
    admitted.check_size(length)?;
    let caller = admitted.caller;
    let announced = Announced {
        caller: &caller,
        options: &options,
        bytes: length,
        repeats: Repeats::Nothing,
    };
    publisher.jobs.preview(announced).await?;
    let new = NewUpload {
        caller,
        options,
        length,
        digest: metadata.digest,
        metadata: metadata.text,
        ticket: admitted.ticket,
    };
    let (live, record) = publisher.jobs.begin_upload(new).await?;
    let mut answer = headers::of_upload(&record, 0);
    if let Ok(location) = HeaderValue::from_str(&location(live.id)) {
        answer.insert(header::LOCATION, location);
    }
    if length == 0 {
        // There is nothing to wait for.
        let _writer = publisher.jobs.writer(&live)?;
        let stored = publisher.jobs.complete(&live, record, caller);
        tell_blob(&stored.await?, &mut answer).await?;
    }
    Ok((StatusCode::CREATED, answer).into_response())
}

/// Waits for a store for a while, and says which blob it became.
///
/// # Errors
/// Why it was not stored, if that is known by then.
pub(super) async fn tell_blob(stored: &Waiter, answer: &mut HeaderMap) -> Result<(), Refusal> {
    let waited = tokio::time::timeout(crate::limits::UPLOAD_ANSWER, stored.outcome()).await;
    if let Ok(Some(Err(refusal))) = waited {
        return Err(refusal);
    }
    if let Some(value) = blob_of(stored.job()) {
        answer.insert(BLOB_ID, value);
    }
    Ok(())
}

/// The blob that a job became, as far as it is known.
pub(super) fn blob_of(job: &Live) -> Option<HeaderValue> {
    let blob_id = job.news().blob_id?;
    HeaderValue::from_str(&blob_id.to_string()).ok()
}
