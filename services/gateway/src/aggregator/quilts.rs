//! Quilts: their patches, listed and read one by one. Client spec 3.4 and 6.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    response::{IntoResponse as _, Response},
};
use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use serde::Serialize;
use walrus_sdk::{BlobId, QuiltPatchId};
use walrus_service::{
    envelope::Refusal,
    request::{PathParts, QueryPairs, invalid_query},
};

use super::{Aggregator, ForCaller, answer::Content, headers};
use crate::{
    api::{
        Conditions, NamePath, PatchAnswer, PatchPath, PatchRefusals, PatchesAnswer,
        PatchesRefusals, QuiltPath, WhichPatches,
    },
    http::conditions::EntityTag,
    reason::GatewayReason,
    store::{ByteStream, Store, StoreError, StoredBlob, StoredPatch},
};

/// A patch as it is listed.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    identifier: &'a str,
    patch_id: String,
    tags: BTreeMap<&'a str, &'a str>,
}

/// The patches of a quilt, in the order in which they lie in it.
#[utoipa::path(
    get,
    path = "/v1/quilts/{quilt_id}/patches",
    tag = "aggregator",
    params(QuiltPath, WhichPatches),
    responses(PatchesAnswer, PatchesRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$AGGREGATOR/v1/quilts/$QUILT_ID/patches\""}]))),
)]
pub(super) async fn patches(
    ForCaller(aggregator): ForCaller,
    path: PathParts,
    query: QueryPairs,
) -> Result<Response, Refusal> {
    let quilt_id: BlobId = path.part("quilt_id", "a blob ID")?;
    query.only(&["tag", "value"])?;
    let (tag, value) = (query.one::<String>("tag")?, query.one::<String>("value")?);
    if value.is_some() && tag.is_none() {
        return Err(invalid_query(
            "`value` is that of a `tag`, which is missing",
        ));
    }
    let patches = aggregator.store.quilt(quilt_id).await?;
    let listed: Vec<_> = patches
        .iter()
        .filter(|patch| {
            let found = tag.as_ref().map(|tag| patch.tags.get(tag));
            let has = |found: &str| value.as_ref().is_none_or(|value| value == found);
            found.is_none_or(|found| found.is_some_and(has))
        })
        .map(|patch| {
            let tags = patch.tags.iter();
            Listed {
                identifier: &patch.identifier,
                patch_id: patch.id(quilt_id).to_string(),
                tags: tags.map(|(key, value)| (&**key, &**value)).collect(),
            }
        })
        .collect();
    Ok(Json(listed).into_response())
}

/// A patch of a quilt, by its ID.
#[utoipa::path(
    get,
    path = "/v1/blobs/by-quilt-patch-id/{patch_id}",
    tag = "aggregator",
    params(PatchPath, Conditions),
    responses(PatchAnswer, PatchRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$AGGREGATOR/v1/blobs/by-quilt-patch-id/$PATCH_ID\""}]))),
)]
pub(super) async fn by_patch_id(
    ForCaller(aggregator): ForCaller,
    method: Method,
    path: PathParts,
    query: QueryPairs,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    let id: QuiltPatchId = path.part("patch_id", "the ID of a patch")?;
    query.only(&[])?;
    answer(&aggregator, id, &method, &request).await
}

/// A patch of a quilt, by its name.
#[utoipa::path(
    get,
    path = "/v1/blobs/by-quilt-id/{quilt_id}/{identifier}",
    tag = "aggregator",
    params(NamePath, Conditions),
    responses(PatchAnswer, PatchRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$AGGREGATOR/v1/blobs/by-quilt-id/$QUILT_ID/$IDENTIFIER\""}]))),
)]
pub(super) async fn by_identifier(
    ForCaller(aggregator): ForCaller,
    method: Method,
    path: PathParts,
    query: QueryPairs,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    let quilt_id: BlobId = path.part("quilt_id", "a blob ID")?;
    let identifier: String = path.part("identifier", "a name")?;
    query.only(&[])?;
    let patches = aggregator.store.quilt(quilt_id).await?;
    let patch = patches.iter().find(|patch| patch.identifier == identifier);
    let patch = patch.ok_or_else(|| {
        let message = format!("the quilt {quilt_id} has no patch \"{identifier}\"");
        Refusal::new(GatewayReason::QuiltPatchNotFound, message)
    })?;
    answer(&aggregator, patch.id(quilt_id), &method, &request).await
}

async fn answer(
    aggregator: &Aggregator,
    id: QuiltPatchId,
    method: &Method,
    request: &HeaderMap,
) -> Result<Response, Refusal> {
    let StoredPatch {
        identifier,
        tags,
        length,
        bytes,
    } = aggregator.store.patch(id).await?;
    aggregator.check_size(length)?;
    let mut headers = headers::of_blob(method, request);
    if let Ok(identifier) = HeaderValue::from_str(&identifier) {
        let name = HeaderName::from_static("x-quilt-patch-identifier");
        headers.insert(name, identifier);
    }
    if aggregator.all_tags {
        headers::add_all(&mut headers, tags);
    } else {
        aggregator.allowed.add(&mut headers, tags);
    }
    let content = Content {
        blob: Arc::new(Patch {
            store: Arc::clone(&aggregator.store),
            id,
            length,
            begun: Mutex::new(Some(bytes)),
        }),
        tag: EntityTag::new(id),
        headers,
        strictly: false,
    };
    content.answer(method, request).await
}

/// A patch to answer with.
struct Patch {
    store: Arc<dyn Store>,
    id: QuiltPatchId,
    length: u64,
    /// What was begun with its head; whoever reads after the first begins anew.
    begun: Mutex<Option<ByteStream>>,
}

impl StoredBlob for Patch {
    fn blob_id(&self) -> BlobId {
        self.id.quilt_id
    }

    fn size(&self) -> u64 {
        self.length
    }

    fn read(&self, range: Range<u64>) -> ByteStream {
        let begun = self
            .begun
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let (store, id) = (Arc::clone(&self.store), self.id);
        let bytes = stream::once(async move {
            match begun {
                Some(bytes) => Ok::<ByteStream, StoreError>(bytes),
                None => Ok(store.patch(id).await?.bytes),
            }
        });
        cut(bytes.try_flatten().boxed(), range)
    }

    fn read_strictly(&self) -> BoxFuture<'_, Result<ByteStream, StoreError>> {
        Box::pin(std::future::ready(Ok(self.read(0..self.length))))
    }
}

/// A range of bytes that come from the first one on.
fn cut(bytes: ByteStream, range: Range<u64>) -> ByteStream {
    stream::try_unfold((bytes, 0_u64), move |(mut bytes, mut position)| {
        let range = range.clone();
        async move {
            while position < range.end {
                let Some(mut part) = bytes.try_next().await? else {
                    break;
                };
                let start = position;
                position = position.saturating_add(part.len() as u64);
                let within = |wanted: u64| {
                    let offset = wanted.clamp(start, position).saturating_sub(start);
                    usize::try_from(offset).unwrap_or(usize::MAX)
                };
                let (from, to) = (within(range.start), within(range.end));
                part.truncate(to);
                let part = part.split_off(from.min(part.len()));
                if !part.is_empty() {
                    return Ok(Some((part, (bytes, position))));
                }
            }
            Ok(None)
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[tokio::test]
    async fn a_range_is_cut_out_of_what_comes() {
        let all: Vec<u8> = (0..100).collect();
        for (start, end) in [
            (0, 100),
            (0, 0),
            (5, 5),
            (9, 11),
            (10, 20),
            (99, 100),
            (0, 1),
        ] {
            let parts: Vec<_> = all
                .chunks(10)
                .map(|part| Ok(Bytes::copy_from_slice(part)))
                .collect();
            let cut = cut(stream::iter(parts).boxed(), start..end);
            let found: Vec<Bytes> = cut.try_collect().await.unwrap();
            assert_eq!(
                found.concat(),
                all[start as usize..end as usize],
                "{start}..{end}"
            );
        }
    }
}
