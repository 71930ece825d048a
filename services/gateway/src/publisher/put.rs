//! `PUT /v1/blobs`. Client spec 3.5.

use std::sync::Arc;

use axum::{
    Json,
    body::{Body, BodyDataStream, HttpBody as _},
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use http_body::SizeHint;
use walrus_sdk::BlobStoreResult;
use walrus_service::{
    envelope::{Refusal, RequestReason},
    request::QueryPairs,
};

use super::{
    Publisher, UploadOptions, query,
    tokens::{Ticket, Tokens},
};
use crate::{
    api::{HowToStore, StoreAnswer, StoreRefusals},
    reason::GatewayReason,
    spool::{ReceiveError, discard, receive},
};

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
    match store(publisher, &query, &headers, told, &mut body).await {
        Ok(result) => Ok(Json(result).into_response()),
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
) -> Result<BlobStoreResult, Refusal> {
    let Publisher {
        uploader,
        options,
        tokens,
    } = publisher;
    let wanted = query::options(query)?;
    let limit = options.max_body_size;
    if told.lower() > limit {
        return Err(ReceiveError::TooLarge { limit }.into());
    }
    let ticket = match tokens {
        Some(tokens) => Some(admit(tokens, headers, wanted.clone(), told.exact()).await?),
        None => None,
    };
    let data = receive(body, limit, &options.spool, |_| {}).await?;
    if let Some(ticket) = ticket {
        let length = data.length().map_err(ReceiveError::Unwritable)?;
        ticket.check_size(length)?;
    }
    // A task: a client that leaves does not keep what is paid for from being certified.
    let store = tokio::spawn(async move { uploader.store(data, wanted).await });
    match store.await {
        Ok(result) => Ok(result?),
        Err(error) => Err(Refusal::internal(GatewayReason::Internal, error)),
    }
}

/// Lets a bearer of a token in, which is on disk as used then.
pub(super) async fn admit(
    tokens: Arc<Tokens>,
    headers: &HeaderMap,
    wanted: UploadOptions,
    length: Option<u64>,
) -> Result<Ticket, Refusal> {
    let headers = headers.clone();
    let admitted = tokio::task::spawn_blocking(move || tokens.admit(&headers, &wanted, length));
    match admitted.await {
        Ok(admitted) => Ok(admitted?),
        Err(error) => Err(Refusal::internal(GatewayReason::Internal, error)),
    }
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
