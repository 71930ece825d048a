//! Several blobs, one after the other, as one answer. Client spec 3.4.

use std::{ops::Range, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderMap, Method, header},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{StreamExt as _, future::BoxFuture, stream};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use walrus_sdk::{Address, BlobId};
use walrus_service::{
    envelope::{Refusal, RequestReason},
    request::{BodyError, QueryPairs, invalid_query, read_body},
};

use super::{Aggregator, ForCaller, answer::Content, blobs, headers};
use crate::{
    api::{BlobAnswer, ConcatBodyRefusals, ConcatQuery, ConcatRefusals, Conditions},
    http::conditions::EntityTag,
    limits,
    reason::GatewayReason,
    store::{ByteStream, StoreError, StoredBlob},
};

/// Blobs one after the other.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Concatenation)]
#[serde(deny_unknown_fields)]
struct Named {
    /// Blob IDs, or IDs of blob objects; at most 256.
    #[schema(min_items = 1, max_items = 256)]
    ids: Vec<String>,
    /// Decode and encode each blob before its first byte is sent.
    #[serde(default)]
    strict_consistency_check: bool,
    /// Has no effect: slivers are always verified.
    #[serde(default)]
    skip_consistency_check: bool,
}

/// Several blobs, one after the other.
#[utoipa::path(
    get,
    path = "/v1alpha/blobs/concat",
    tag = "aggregator",
    params(ConcatQuery, Conditions),
    responses(BlobAnswer, ConcatRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$AGGREGATOR/v1alpha/blobs/concat?ids=$BLOB_ID,$OBJECT_ID\""}]))),
)]
pub(super) async fn by_query(
    ForCaller(aggregator): ForCaller,
    method: Method,
    query: QueryPairs,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    query.only(&["ids", "strict_consistency_check", "skip_consistency_check"])?;
    let ids: Option<String> = query.one("ids")?;
    let ids = ids.ok_or_else(|| invalid_query("`ids` is missing"))?;
    let ids = ids.split(',').map(str::trim).filter(|id| !id.is_empty());
    let ids: Vec<_> = ids
        .take(limits::CONCAT_BLOBS + 1)
        .map(str::to_owned)
        .collect();
    let strictly = blobs::is_strict(&query)?;
    answer(&aggregator, ids, strictly, &method, &request).await
}

/// Several blobs, named in a body.
#[utoipa::path(
    post,
    path = "/v1alpha/blobs/concat",
    tag = "aggregator",
    params(Conditions),
    request_body(description = "The blobs.", content((Named = "application/json"))),
    responses(BlobAnswer, ConcatRefusals, ConcatBodyRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail -H \"content-type: application/json\" --data \"{\\\"ids\\\": [\\\"$BLOB_ID\\\"]}\" \"$AGGREGATOR/v1alpha/blobs/concat\""}]))),
)]
pub(super) async fn by_body(
    ForCaller(aggregator): ForCaller,
    method: Method,
    request: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let media_type = request.get(header::CONTENT_TYPE);
    let media_type = media_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let message = format!("the body is `{media_type}` instead of application/json");
        return Err(Refusal::new(GatewayReason::UnsupportedMediaType, message));
    }
    let body = read_body(body, limits::CONCAT_BODY).await;
    let body = body.map_err(|error| {
        let reason = match error {
            BodyError::TooLarge(_) => {
                return Refusal::new(RequestReason::BodyTooLarge, error.to_string());
            }
            _ => GatewayReason::InvalidBody,
        };
        Refusal::new(reason, error.to_string())
    })?;
    let named: Named = serde_json::from_slice(&body).map_err(|error| {
        let reason = match error.is_data() {
            true => GatewayReason::UnprocessableBody,
            false => GatewayReason::InvalidBody,
        };
        Refusal::new(reason, format!("the body cannot be read: {error}"))
    })?;
    let strictly =
        blobs::both_checks(named.strict_consistency_check, named.skip_consistency_check)?;
    answer(&aggregator, named.ids, strictly, &method, &request).await
}

async fn answer(
    aggregator: &Aggregator,
    ids: Vec<String>,
    strictly: bool,
    method: &Method,
    request: &HeaderMap,
) -> Result<Response, Refusal> {
    if ids.is_empty() {
        return Err(invalid_query("`ids` names no blob"));
    }
    if ids.len() > limits::CONCAT_BLOBS {
        let most = limits::CONCAT_BLOBS;
        return Err(invalid_query(format!("at most {most} blobs are joined")));
    }
    let mut headers = headers::of_blob(method, request);
    let mut blobs: Vec<Arc<dyn StoredBlob>> = Vec::with_capacity(ids.len());
    for id in &ids {
        let (blob_id, attributes) = resolve(aggregator, id).await?;
        if blobs.is_empty() {
            aggregator.allowed.add(&mut headers, attributes);
        }
        blobs.push(aggregator.open(blob_id).await?);
    }
    let digest = Sha256::digest(ids.join(","));
    let content = Content {
        blob: Arc::new(Joined { blobs }),
        tag: EntityTag::new(BASE64_URL_SAFE_NO_PAD.encode(digest)),
        headers,
        strictly,
    };
    content.answer(method, request).await
}

/// The blob that an ID is of, and the attributes, if it is that of an object.
async fn resolve(
    aggregator: &Aggregator,
    id: &str,
) -> Result<(BlobId, Vec<(String, String)>), Refusal> {
    if let Ok(blob_id) = id.parse() {
        return Ok((blob_id, Vec::new()));
    }
    let object_id: Address = id.parse().map_err(|_| {
        let message = format!("`{id}` is neither a blob ID nor an object ID");
        Refusal::new(GatewayReason::InvalidIdFormat, message)
    })?;
    match aggregator.store.object(object_id).await {
        Ok(object) => Ok((object.blob_id, object.attributes)),
        Err(error @ StoreError::NoObject(_)) => Err(Refusal::new(
            GatewayReason::ObjectNotResolved,
            error.to_string(),
        )),
        Err(error) => Err(error.into()),
    }
}

/// Blobs as one.
struct Joined {
    blobs: Vec<Arc<dyn StoredBlob>>,
}

impl StoredBlob for Joined {
    /// That of the first.
    fn blob_id(&self) -> BlobId {
        let first = self.blobs.first().map(|blob| blob.blob_id());
        first.unwrap_or(BlobId([0; 32]))
    }

    fn size(&self) -> u64 {
        let sizes = self.blobs.iter().map(|blob| blob.size());
        sizes.fold(0, u64::saturating_add)
    }

    fn read(&self, range: Range<u64>) -> ByteStream {
        let mut start: u64 = 0;
        let mut parts = Vec::new();
        for blob in &self.blobs {
            let end = start.saturating_add(blob.size());
            let within = |position: u64| position.clamp(start, end).saturating_sub(start);
            let part = within(range.start)..within(range.end);
            if !part.is_empty() {
                parts.push((Arc::clone(blob), part));
            }
            start = end;
        }
        let parts = stream::iter(parts).flat_map(|(blob, part)| blob.read(part));
        parts.boxed()
    }

    fn read_strictly(&self) -> BoxFuture<'_, Result<ByteStream, StoreError>> {
        let blobs = self.blobs.clone();
        let joined = stream::iter(blobs).then(|blob| async move {
            match blob.read_strictly().await {
                Ok(bytes) => bytes,
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        });
        Box::pin(std::future::ready(Ok(joined.flatten().boxed())))
    }
}
