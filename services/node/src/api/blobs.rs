//! Metadata, slivers, confirmations and status of one blob. Node spec 1.5 to 1.10 and 1.15.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, extract::State, http::HeaderMap};
use walrus_core::messages::BlobPersistence;

use super::{
    answer::Answer,
    extract::{PathParts, QueryPairs, read_body, require_octet_stream},
};
use crate::{
    limits::{MAX_METADATA_BODY, SLIVER_HEADROOM},
    refusal::Refusal,
    state::NodeState,
};

type Node = State<Arc<NodeState>>;
type Result<T = Answer> = std::result::Result<T, Refusal>;

pub(super) async fn get_metadata(State(node): Node, path: PathParts) -> Result {
    Ok(Answer::binary(node.read_metadata(path.blob_id()?).await?))
}

pub(super) async fn put_metadata(
    State(node): Node,
    path: PathParts,
    query: QueryPairs,
    headers: HeaderMap,
    body: Body,
) -> Result {
    let blob_id = path.blob_id()?;
    let pending = pending(&query)?;
    require_octet_stream(&headers)?;
    let body = read_body(body, MAX_METADATA_BODY).await?;
    let accepted = node.store_metadata(blob_id, body, pending).await?;
    Ok(Answer::json(accepted.code, accepted.message))
}

pub(super) async fn metadata_status(State(node): Node, path: PathParts) -> Result {
    Ok(Answer::json(200, node.metadata_status(&path.blob_id()?)?))
}

pub(super) async fn get_sliver(State(node): Node, path: PathParts) -> Result {
    let (blob_id, pair, axis) = (path.blob_id()?, path.pair()?, path.axis()?);
    Ok(Answer::binary(node.read_sliver(blob_id, pair, axis).await?))
}

pub(super) async fn put_sliver(
    State(node): Node,
    path: PathParts,
    query: QueryPairs,
    body: Body,
) -> Result {
    let (blob_id, pair, axis) = (path.blob_id()?, path.pair()?, path.axis()?);
    let pending = pending(&query)?;
    let limit = node
        .encoding
        .max_sliver_length()
        .saturating_add(SLIVER_HEADROOM);
    let body = read_body(body, limit).await?;
    let accepted = node
        .store_sliver(blob_id, pair, axis, body, pending)
        .await?;
    Ok(Answer::json(accepted.code, accepted.message))
}

pub(super) async fn sliver_status(State(node): Node, path: PathParts) -> Result {
    let status = node.sliver_status(&path.blob_id()?, path.pair()?, path.axis()?)?;
    Ok(Answer::json(200, status))
}

pub(super) async fn permanent_confirmation(
    State(node): Node,
    path: PathParts,
    query: QueryPairs,
) -> Result {
    confirm(&node, &path, &query, BlobPersistence::Permanent).await
}

pub(super) async fn deletable_confirmation(
    State(node): Node,
    path: PathParts,
    query: QueryPairs,
) -> Result {
    let object_id = path.object_id()?;
    confirm(
        &node,
        &path,
        &query,
        BlobPersistence::Deletable { object_id },
    )
    .await
}

pub(super) async fn blob_status(State(node): Node, path: PathParts) -> Result {
    Ok(Answer::json(200, node.blob_status(&path.blob_id()?)?))
}

async fn confirm(
    node: &Arc<NodeState>,
    path: &PathParts,
    query: &QueryPairs,
    persistence: BlobPersistence,
) -> Result {
    let blob_id = path.blob_id()?;
    let waits = query.one("wait_for_registration")?.unwrap_or(false);
    let millis: Option<u64> = query.one("wait_millis")?;
    let wait = waits.then(|| millis.map_or(Duration::MAX, Duration::from_millis));
    Ok(Answer::json(
        200,
        node.confirm(blob_id, persistence, wait).await?,
    ))
}

/// The only key of upload queries.
fn pending(query: &QueryPairs) -> Result<bool> {
    query.only(&["pending"])?;
    Ok(query.one("pending")?.unwrap_or(false))
}
