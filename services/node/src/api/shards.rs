//! Shard route: what the new owner of a shard asks the old one for. Node spec 1.14.

use std::{io, sync::Arc, time::Instant};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use futures::{StreamExt as _, stream};
use walrus_core::{
    BlsPublicKey,
    messages::{MAX_MESSAGE_LENGTH, SyncShardRequest},
    signed_message::SignedMessage,
};
use walrus_node_client::Reason;
use walrus_service::envelope::Refusal;

use super::{
    Memory,
    extract::{Sender, read_body},
};
use crate::{
    limits::{LEAST_PACE, SLIVER_HEADROOM, SYNC_CHUNK},
    shards::ShardSource,
};

pub(super) async fn sync_shard(
    State(source): State<Arc<ShardSource>>,
    State(memory): State<Memory>,
    sender: Sender,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let caller = caller(&headers)?;
    // The signature and the length prefix come on top of the message.
    let limit = MAX_MESSAGE_LENGTH.saturating_add(SLIVER_HEADROOM);
    let (body, _memory) = read_body(body, &headers, limit, &memory.uploads, sender).await?;
    let request = SignedMessage::<SyncShardRequest>::from_bcs(&body)
        .map_err(|error| Refusal::new(Reason::InvalidContentType, error.to_string()))?;
    let slice = source.slice(caller, request).await?;
    let length = slice.length();
    let time = LEAST_PACE.time_for(usize::try_from(length).unwrap_or(usize::MAX));
    let until = Instant::now().checked_add(time);
    let pieces = slice.into_pieces().flat_map(move |piece| {
        let parts: Vec<io::Result<Bytes>> = match piece {
            Ok(piece) => chunks(piece).map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        // It is over when the caller takes them too slowly: they are in memory meanwhile.
        stream::iter(parts.into_iter().map(move |part| {
            match until.is_none_or(|until| Instant::now() < until) {
                true => part,
                false => Err(io::Error::from(io::ErrorKind::TimedOut)),
            }
        }))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// A piece in as many parts that its reader is looked at often enough.
fn chunks(mut piece: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let length = piece.len().min(SYNC_CHUNK);
        (length > 0).then(|| piece.split_to(length))
    })
}

/// The key of the caller: base64, without a scheme.
fn caller(headers: &HeaderMap) -> Result<BlsPublicKey, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(Refusal::new(
            Reason::Unauthenticated,
            "the Authorization header is missing: it is the caller's BLS public key in base64",
        ));
    };
    let key = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    key.ok_or_else(|| {
        Refusal::new(
            Reason::InvalidAuthorization,
            "the Authorization header is not a BLS public key (48 bytes in base64, no scheme)",
        )
    })
}
