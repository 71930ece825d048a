//! Requests: the parts of a node's paths, and bodies. Node spec 1.2.

use axum::{
    body::{Body, Bytes},
    http::HeaderMap,
};
use walrus_core::{BlobId, SliverPairIndex, SliverType};
use walrus_service::{
    envelope::Refusal,
    request::{self, PathParts},
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

/// Reads a body of at most `limit` bytes.
pub(super) async fn read_body(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    request::read_body(body, limit)
        .await
        .map_err(|error| of_body(&error))
}
