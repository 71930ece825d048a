//! `PUT /v1/quilts`. Client spec 3.6.

mod form;
mod metadata;

use axum::{
    Json,
    body::{Body, BodyDataStream, HttpBody as _},
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use http_body::SizeHint;
use serde::Serialize;
use serde_json::Value;
use walrus_sdk::{BlobId, PatchColumns, QUILT_ATTRIBUTE, QuiltPatchId};
use walrus_service::{
    envelope::{Refusal, RequestReason},
    request::QueryPairs,
};

use self::form::FormError;
use super::{
    Publisher, QuiltToStore,
    jobs::{Announced, NewJob, Repeats, disk_failed, idempotency_key},
    put::key_of,
    query,
};
use crate::{
    api::{HowToStore, QuiltAnswer, StoreRefusals},
    reason::GatewayReason,
    spool::discard,
};

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QuiltResult {
    blob_store_result: Value,
    stored_quilt_blobs: Vec<StoredFile>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StoredFile {
    identifier: String,
    quilt_patch_id: String,
    range: [u16; 2],
}

impl StoredFile {
    fn new(quilt_id: BlobId, identifier: String, columns: PatchColumns) -> Self {
        Self {
            quilt_patch_id: QuiltPatchId { quilt_id, columns }.to_string(),
            identifier,
            range: [columns.start, columns.end],
        }
    }
}

/// Stores files together, as a quilt.
///
/// Each part of the form is a file, called as the part is. A part `_metadata`, anywhere, gives them tags:
/// `[{"identifier": "a", "tags": {"k": "v"}}]`.
#[utoipa::path(
    put,
    path = "/v1/quilts",
    operation_id = "store_quilt",
    tag = "publisher",
    params(HowToStore),
    request_body(description = "The files.", content((Object = "multipart/form-data"))),
    responses(QuiltAnswer, StoreRefusals),
    extensions(("x-codeSamples" = json!([{
        "lang": "Shell",
        "source": "curl --fail -X PUT \"$PUBLISHER/v1/quilts?epochs=1\" -F \"a.txt=@$FILE\" -F \"b.txt=two\" \
                   -F '_metadata=[{\"identifier\": \"a.txt\", \"tags\": {\"k\": \"v\"}}]'"
    }]))),
)]
pub(super) async fn quilt(
    State(publisher): State<Publisher>,
    query: QueryPairs,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let told = body.size_hint();
    let mut body = body.into_data_stream();
    match store(&publisher, &query, &headers, told, &mut body).await {
        Ok(stored) => Ok(Json(stored).into_response()),
        Err(refusal) => {
            discard(&headers, &mut body).await;
            Err(refusal)
        }
    }
}

/// A quilt is stored as any blob is, once it is put together.
async fn store(
    publisher: &Publisher,
    query: &QueryPairs,
    headers: &HeaderMap,
    told: SizeHint,
    body: &mut BodyDataStream,
) -> Result<QuiltResult, Refusal> {
    let options = query::options(query)?;
    let key = key_of(headers)?;
    let limit = publisher.options.max_quilt_body_size;
    if told.lower() > limit {
        return Err(FormError::TooLarge { limit }.into());
    }
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let boundary = form::boundary(content_type.ok_or(FormError::NoForm)?)?;
    // How much is stored is known once the form is there.
    let admitted = publisher.admit(headers, &options, None).await?;
    let caller = admitted.caller;
    let idempotency = key.map(|key| idempotency_key(caller.account, key));
    let announced = Announced {
        caller: &caller,
        options: &options,
        bytes: 0,
        repeats: Repeats::of(idempotency, &options),
    };
    publisher.jobs.preview(announced).await?;
    let form = form::receive(body, boundary, limit, &publisher.options.spool).await?;
    admitted.check_size(form.bytes)?;
    let QuiltToStore { data, patches } = publisher.uploader.pack(form.patches).await?;
    let (id, body) = publisher.jobs.take_in(caller, &data).await?;
    let (name, value) = QUILT_ATTRIBUTE;
    let job = NewJob {
        id,
        caller,
        options,
        attributes: vec![(name.to_owned(), value.to_owned())],
        body,
        idempotency,
        keep: false,
        ticket: admitted.ticket,
    };
    let job = publisher.jobs.submit(job).await?;
    let outcome = job.outcome().await;
    let result = outcome.unwrap_or_else(|| Err(disk_failed("the job was dropped")))?;
    let quilt_id = job.job().news().blob_id;
    let quilt_id = quilt_id.ok_or_else(|| disk_failed("a quilt without an ID"))?;
    let files = patches.into_iter();
    let files = files.map(|(identifier, columns)| StoredFile::new(quilt_id, identifier, columns));
    Ok(QuiltResult {
        blob_store_result: result,
        stored_quilt_blobs: files.collect(),
    })
}

impl From<FormError> for Refusal {
    fn from(error: FormError) -> Self {
        let reason = match &error {
            FormError::TooLarge { .. } => {
                return Self::new(RequestReason::BodyTooLarge, error.to_string());
            }
            FormError::Spool(_) | FormError::Unwritable(_) => {
                return Self::internal(GatewayReason::Internal, error);
            }
            FormError::Unreadable(_) => GatewayReason::InvalidBody,
            _ => GatewayReason::MalformedRequest,
        };
        Self::new(reason, error.to_string())
    }
}
