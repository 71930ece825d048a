//! Requests: the parts of a node's paths, and bodies. Node spec 1.2.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
};

use axum::{
    body::{Body, Bytes},
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use walrus_core::{BlobId, SliverPairIndex, SliverType};
use walrus_service::{
    envelope::Refusal,
    memory::{Budget, Taken},
    request::{self, PathParts},
    server::Caller,
};
use walrus_sui::Address;

use super::refusal::of_body;

/// The parts that a node's paths have.
pub(super) trait NodePath {
    fn blob_id(&self) -> Result<BlobId, Refusal>;
    fn pair(&self) -> Result<SliverPairIndex, Refusal>;
    fn sliver_type(&self) -> Result<SliverType, Refusal>;
    fn object_id(&self) -> Result<[u8; 32], Refusal>;
}

impl NodePath for PathParts {
    fn blob_id(&self) -> Result<BlobId, Refusal> {
        self.part("blob_id", "a blob ID (43 characters of URL-safe base64)")
    }

    fn pair(&self) -> Result<SliverPairIndex, Refusal> {
        self.part("pair", "a sliver pair index")
            .map(SliverPairIndex)
    }

    fn sliver_type(&self) -> Result<SliverType, Refusal> {
        self.part("sliver_type", "`primary` or `secondary`")
    }

    fn object_id(&self) -> Result<[u8; 32], Refusal> {
        self.part::<Address>("object_id", "an object ID (0x and 64 hexadecimal digits)")
            .map(Address::into_inner)
    }
}

/// Refuses bodies that say they are something else than bytes.
pub(super) fn require_octet_stream(headers: &HeaderMap) -> Result<(), Refusal> {
    request::require_octet_stream(headers).map_err(|error| of_body(&error))
}

/// Who sent a request. Nobody in particular if no server of ours has told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender(pub(super) Caller);

impl<S: Send + Sync> FromRequestParts<S> for Sender {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let nobody = || Caller::at(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let told = parts.extensions.get::<Caller>().copied();
        Ok(Self(told.unwrap_or_else(nobody)))
    }
}

/// Reads a body of at most `limit` bytes into memory that is taken first.
///
/// # Errors
/// Those of bodies, and of memory that can never be had.
pub(super) async fn read_body(
    body: Body,
    headers: &HeaderMap,
    limit: usize,
    memory: &Budget,
    Sender(caller): Sender,
) -> Result<(Bytes, Taken), Refusal> {
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    let length = announced.unwrap_or(limit).min(limit);
    let taken = memory.take(caller, length).await?;
    let bytes = request::read_body(body, limit).await;
    Ok((bytes.map_err(|error| of_body(&error))?, taken))
}
