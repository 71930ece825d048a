//! Snapshot routes: what is registered, for nodes that join. An extension: node spec 5.9.

use std::{
    io::{self, Read as _, Seek as _, SeekFrom},
    sync::Arc,
    time::Instant,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use futures::stream;
use walrus_core::Epoch;
use walrus_node_client::Reason;
use walrus_service::{
    envelope::{Answer, Refusal},
    request::{PathParts, QueryPairs},
};

use super::refusal::internal;
use crate::{
    limits::{LEAST_PACE, SYNC_CHUNK},
    snapshots::{Reading, Snapshots},
};

/// GET the description.
pub(super) async fn info(State(snapshots): State<Arc<Snapshots>>) -> Result<Answer, Refusal> {
    let offered = snapshots.offered().ok_or_else(none)?;
    Ok(Answer::json(200, offered))
}

/// GET the bytes from `offset` on.
pub(super) async fn bytes(
    State(snapshots): State<Arc<Snapshots>>,
    path: PathParts,
    query: QueryPairs,
) -> Result<Response, Refusal> {
    let epoch: Epoch = path.part("epoch", "an epoch")?;
    query.only(&["offset"])?;
    let offset = query.one::<u64>("offset")?.unwrap_or_default();
    let open = move || {
        let opened = snapshots.open(epoch).map_err(internal)?;
        let mut reading = opened.ok_or_else(none)?;
        reading
            .file
            .seek(SeekFrom::Start(offset))
            .map_err(internal)?;
        Ok::<_, Refusal>(reading)
    };
    let reading = tokio::task::spawn_blocking(open)
        .await
        .map_err(internal)??;
    let left = reading.bytes.saturating_sub(offset);
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, left.to_string()),
    ];
    Ok((headers, Body::from_stream(chunks(reading, left))).into_response())
}

fn none() -> Refusal {
    Refusal::new(
        Reason::SnapshotNotFound,
        "this node does not offer that snapshot now",
    )
}

/// The next `left` bytes, given up when they are taken too slowly: only so many may read at once.
fn chunks(reading: Reading, left: u64) -> impl futures::Stream<Item = io::Result<Bytes>> {
    let length = usize::try_from(left).unwrap_or(usize::MAX);
    let until = Instant::now().checked_add(LEAST_PACE.time_for(length));
    stream::try_unfold((reading, left), move |(mut reading, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(SYNC_CHUNK);
        let read = move || {
            let mut bytes = vec![0; length];
            reading.file.read_exact(&mut bytes)?;
            Ok::<_, io::Error>((reading, bytes))
        };
        let (reading, bytes) = tokio::task::spawn_blocking(read)
            .await
            .map_err(io::Error::other)??;
        let left = left.saturating_sub(bytes.len() as u64);
        Ok(Some((Bytes::from(bytes), (reading, left))))
    })
}
