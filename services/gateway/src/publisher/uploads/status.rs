//! `GET /v1/uploads/{id}`: how far a store is, and its answer.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use serde_json::Value;
use walrus_sdk::BlobId;
use walrus_service::{envelope::Refusal, request::PathParts};

use super::named;
use crate::{
    api::{StatusAnswer, StatusRefusals, UploadPath},
    publisher::{
        Publisher,
        jobs::{JobId, Live, News, Record, Stage},
    },
};

/// What is told of a job.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    id: String,
    state: Stage,
    /// Bytes of the body: how many are there, and of how many.
    received: u64,
    length: u64,
    /// Bytes of slivers that nodes have, and of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_send: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_id: Option<BlobId>,
    /// When it is forgotten, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_ms: Option<u64>,
    /// As a PUT answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// As a refusal has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

/// The path of a job.
pub(crate) fn location(id: JobId) -> String {
    format!("/v1/uploads/{id}")
}

/// What is known of a job now.
pub(crate) fn status_of(live: &Live, record: Option<&Record>) -> Status {
    status_with(live, record, live.news())
}

pub(super) fn status_with(live: &Live, record: Option<&Record>, news: News) -> Status {
    let (result, error) = match news.outcome {
        Some(Ok(result)) => (Some(result), None),
        Some(Err(refusal)) => {
            let envelope = serde_json::to_value(refusal.envelope()).ok();
            (
                None,
                envelope.and_then(|mut envelope| Some(envelope.get_mut("error")?.take())),
            )
        }
        None => (None, None),
    };
    Status {
        id: live.id.to_string(),
        state: news.stage,
        received: news.received,
        length: live.length,
        sent: news.sent.map(|(sent, _)| sent),
        to_send: news.sent.map(|(_, all)| all),
        blob_id: news.blob_id,
        expires_ms: record.map(|record| record.expires_ms),
        result,
        error,
    }
}

/// How far an upload is, or a store that was not waited for, and its answer.
#[utoipa::path(
    get,
    path = "/v1/uploads/{id}",
    operation_id = "upload_status",
    tag = "uploads",
    params(UploadPath),
    responses(StatusAnswer, StatusRefusals),
    extensions(("x-codeSamples" = json!([{
        "lang": "Shell",
        "source": "JOB=$(curl --fail --silent -X PUT \"$PUBLISHER/v1/blobs?epochs=1\" -H \"Prefer: respond-async\" --data \"some string\" \\\n  \
                   --output /dev/null --write-out '%header{location}')\n\
                   curl --fail \"$PUBLISHER$JOB\""
    }]))),
)]
pub(super) async fn status(
    State(publisher): State<Publisher>,
    path: PathParts,
) -> Result<Response, Refusal> {
    let (live, record) = named(&publisher, &path)?;
    let status = Json(status_of(&live, Some(&record)));
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((no_store, status).into_response())
}
