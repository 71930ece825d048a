//! Blob routes: metadata, slivers, confirmations and status of one blob. Node spec 1.5 to 1.10 and 1.15.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, extract::State, http::HeaderMap};
use walrus_core::messages::BlobPersistence;
use walrus_service::{
    envelope::{Answer, Refusal},
    request::{PathParts, QueryPairs},
};

use super::{
    Memory,
    extract::{NodePath as _, Sender, read_body, require_octet_stream},
};
use crate::{
    blobs::{Accepted, Confirmations, Reads, Uploads},
    limits::{MAX_METADATA_BODY, SLIVER_HEADROOM},
};

type To<T> = State<Arc<T>>;
type Result<T = Answer> = std::result::Result<T, Refusal>;

pub(super) async fn get_metadata(
    State(reads): To<Reads>,
    State(memory): State<Memory>,
    Sender(caller): Sender,
    path: PathParts,
) -> Result {
    let blob_id = path.blob_id()?;
    let taken = memory.answers.take(caller, reads.metadata_length()).await?;
    let metadata = reads.metadata(blob_id).await?;
    Ok(Answer::binary_holding(metadata, taken))
}

pub(super) async fn put_metadata(
    State(uploads): To<Uploads>,
    State(memory): State<Memory>,
    sender: Sender,
    path: PathParts,
    query: QueryPairs,
    headers: HeaderMap,
    body: Body,
) -> Result {
    let blob_id = path.blob_id()?;
    let pending = pending(&query)?;
    require_octet_stream(&headers)?;
    // Who may not send it does not get the memory for it.
    uploads.expect_metadata(blob_id, pending).await?;
    let limit = MAX_METADATA_BODY;
    let (body, _memory) = read_body(body, &headers, limit, &memory.uploads, sender).await?;
    let caller = pending.then_some(sender.0);
    let accepted = uploads.store_metadata(blob_id, body, caller).await?;
    // Whoever lets an upload wait is told that it does, also when there was no need to.
    let (code, message) = match accepted {
        Accepted::Present => (200, "metadata already stored"),
        Accepted::Stored if !pending => (201, "metadata successfully stored"),
        Accepted::Stored | Accepted::Buffered => (202, "metadata buffered pending registration"),
    };
    Ok(Answer::json(code, message))
}

pub(super) async fn metadata_status(State(reads): To<Reads>, path: PathParts) -> Result {
    let status = reads.metadata_status(path.blob_id()?).await?;
    Ok(Answer::json(200, status))
}

pub(super) async fn get_sliver(
    State(reads): To<Reads>,
    State(memory): State<Memory>,
    Sender(caller): Sender,
    path: PathParts,
) -> Result {
    let (blob_id, pair, sliver_type) = (path.blob_id()?, path.pair()?, path.sliver_type()?);
    let length = reads
        .sliver_length(blob_id, vec![pair], sliver_type)
        .await?;
    let length = length.saturating_add(SLIVER_HEADROOM);
    let taken = memory.answers.take(caller, length).await?;
    let sliver = reads.sliver(blob_id, pair, sliver_type).await?;
    Ok(Answer::binary_holding(sliver, taken))
}

pub(super) async fn put_sliver(
    State(uploads): To<Uploads>,
    State(memory): State<Memory>,
    sender: Sender,
    path: PathParts,
    query: QueryPairs,
    headers: HeaderMap,
    body: Body,
) -> Result {
    let (blob_id, pair, sliver_type) = (path.blob_id()?, path.pair()?, path.sliver_type()?);
    let pending = pending(&query)?;
    // Who may not send it does not get the memory for it.
    let limit = uploads
        .expect_sliver(blob_id, pair, sliver_type, pending)
        .await?;
    let (body, _memory) = read_body(body, &headers, limit, &memory.uploads, sender).await?;
    let sender = (sender.0, pending);
    let stored = uploads.store_sliver(blob_id, pair, sliver_type, body, sender);
    let (code, message) = match stored.await? {
        Accepted::Present => (200, "sliver already stored"),
        Accepted::Stored if !pending => (201, "sliver stored successfully"),
        Accepted::Stored => (202, "sliver stored successfully"),
        Accepted::Buffered => (202, "sliver buffered pending registration"),
    };
    Ok(Answer::json(code, message))
}

pub(super) async fn sliver_status(State(reads): To<Reads>, path: PathParts) -> Result {
    let status = reads.sliver_status(path.blob_id()?, path.pair()?, path.sliver_type()?);
    Ok(Answer::json(200, status.await?))
}

pub(super) async fn permanent_confirmation(
    State(confirmations): To<Confirmations>,
    path: PathParts,
    query: QueryPairs,
) -> Result {
    confirm(&confirmations, &path, &query, BlobPersistence::Permanent).await
}

pub(super) async fn deletable_confirmation(
    State(confirmations): To<Confirmations>,
    path: PathParts,
    query: QueryPairs,
) -> Result {
    let object_id = path.object_id()?;
    confirm(
        &confirmations,
        &path,
        &query,
        BlobPersistence::Deletable { object_id },
    )
    .await
}

pub(super) async fn blob_status(State(reads): To<Reads>, path: PathParts) -> Result {
    Ok(Answer::json(200, reads.status(path.blob_id()?).await?))
}

async fn confirm(
    confirmations: &Arc<Confirmations>,
    path: &PathParts,
    query: &QueryPairs,
    persistence: BlobPersistence,
) -> Result {
    let blob_id = path.blob_id()?;
    let waits = query.one("wait_for_registration")?.unwrap_or(false);
    let millis: Option<u64> = query.one("wait_millis")?;
    let wait = waits.then(|| millis.map_or(Duration::MAX, Duration::from_millis));
    let confirmation = confirmations.confirm(blob_id, persistence, wait).await?;
    Ok(Answer::json(200, confirmation))
}

/// The only key of upload queries.
fn pending(query: &QueryPairs) -> Result<bool> {
    query.only(&["pending"])?;
    Ok(query.one("pending")?.unwrap_or(false))
}
