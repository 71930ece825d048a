//! A whole quilt as an archive. Client spec 3.4 and 8.2.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use walrus_sdk::{ArchivedPatch, BlobId};
use walrus_service::{
    envelope::Refusal,
    request::{PathParts, QueryPairs},
};

use super::{ForCaller, answer::begun, headers};
use crate::{
    api::{ArchiveAnswer, ArchiveRefusals, QuiltPath, WholeConditions},
    http::conditions::EntityTag,
    reason::GatewayReason,
    store::StoreError,
};

/// All patches of a quilt, as a tar archive.
///
/// Wherever it is unpacked, nothing of it leads out of that directory: names that would are percent-encoded, and there are no links.
#[utoipa::path(
    get,
    path = "/v1/quilts/{quilt_id}/tar",
    tag = "aggregator",
    params(QuiltPath, WholeConditions),
    responses(ArchiveAnswer, ArchiveRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$AGGREGATOR/v1/quilts/$QUILT_ID/tar\" | tar -t"}]))),
)]
pub(super) async fn archive(
    ForCaller(aggregator): ForCaller,
    method: Method,
    path: PathParts,
    query: QueryPairs,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    let quilt_id: BlobId = path.part("quilt_id", "a blob ID")?;
    query.only(&[])?;
    // The whole of it is read.
    aggregator.open(quilt_id).await?;
    let tag = EntityTag::new(format!("{quilt_id}-tar"));
    if !tag.passes_if_match(&request) {
        let message = "the archive is not the one that If-Match names";
        return Err(Refusal::new(GatewayReason::PreconditionFailed, message));
    }
    let mut headers = headers::of_blob(&Method::POST, &HeaderMap::new());
    headers.insert(header::ETAG, tag.header());
    if tag.is_known(&request) {
        let body = Body::from_stream(stream::empty::<Result<Bytes, StoreError>>());
        return Ok((StatusCode::NOT_MODIFIED, headers, body).into_response());
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-tar"),
    );
    let disposition = format!("attachment; filename=\"{quilt_id}.tar\"");
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    let patches = aggregator.store.all_patches(quilt_id).await?;
    if method == Method::HEAD {
        let body = Body::from_stream(stream::empty::<Result<Bytes, StoreError>>());
        return Ok((headers, body).into_response());
    }
    let patches = patches.map_ok(|patch| ArchivedPatch {
        identifier: patch.identifier,
        length: patch.length,
        bytes: patch.bytes,
    });
    let body = begun(walrus_sdk::archive(patches).boxed()).await?;
    Ok((headers, body).into_response())
}
