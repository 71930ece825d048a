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
use walrus_sdk::{BlobStoreResult, PatchColumns, StoredPatch};
use walrus_service::{
    envelope::{Refusal, RequestReason},
    request::QueryPairs,
};

use self::form::FormError;
use super::{Publisher, StoredQuilt, put::admit, query};
use crate::{
    api::{HowToStore, QuiltAnswer, StoreRefusals},
    reason::GatewayReason,
    spool::discard,
};

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QuiltResult {
    blob_store_result: BlobStoreResult,
    stored_quilt_blobs: Vec<StoredFile>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StoredFile {
    identifier: String,
    quilt_patch_id: String,
    range: [u16; 2],
}

impl From<StoredPatch> for StoredFile {
    fn from(patch: StoredPatch) -> Self {
        let PatchColumns { start, end } = patch.columns();
        Self {
            quilt_patch_id: patch.id.to_string(),
            identifier: patch.identifier,
            range: [start, end],
        }
    }
}

impl From<StoredQuilt> for QuiltResult {
    fn from(stored: StoredQuilt) -> Self {
        let patches = stored.patches.into_iter();
        Self {
            blob_store_result: stored.result,
            stored_quilt_blobs: patches.map(Into::into).collect(),
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
    match store(publisher, &query, &headers, told, &mut body).await {
        Ok(stored) => Ok(Json(QuiltResult::from(stored)).into_response()),
        Err(refusal) => {
            // Who asks first sends nothing then.
            if !headers.contains_key(header::EXPECT) {
                discard(&mut body).await;
            }
            Err(refusal)
        }
    }
}

async fn store(
    publisher: Publisher,
    query: &QueryPairs,
    headers: &HeaderMap,
    told: SizeHint,
    body: &mut BodyDataStream,
) -> Result<StoredQuilt, Refusal> {
    let Publisher {
        uploader,
        options,
        tokens,
    } = publisher;
    let wanted = query::options(query)?;
    let limit = options.max_quilt_body_size;
    if told.lower() > limit {
        return Err(FormError::TooLarge { limit }.into());
    }
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.ok_or(FormError::NoForm)?;
    let ticket = match tokens {
        // How much is stored is known once the form is there.
        Some(tokens) => Some(admit(tokens, headers, wanted.clone(), None).await?),
        None => None,
    };
    let form = form::receive(body, content_type, limit, &options.spool).await?;
    if let Some(ticket) = ticket {
        ticket.check_size(form.bytes)?;
    }
    // A task: a client that leaves does not keep what is paid for from being certified.
    let store = tokio::spawn(async move { uploader.store_quilt(form.patches, wanted).await });
    match store.await {
        Ok(result) => Ok(result?),
        Err(error) => Err(Refusal::internal(GatewayReason::Internal, error)),
    }
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
