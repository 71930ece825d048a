//! Request extractors: path parts, queries and bodies, with the errors of node spec 1.2.

use std::{collections::HashMap, str::FromStr};

use axum::{
    body::Body,
    extract::{FromRequestParts, Path, Query},
    http::{HeaderMap, header, request::Parts},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use walrus_core::{BlobId, SliverPairIndex, SliverType};
use walrus_node_client::Reason;
use walrus_sui::Address;

use super::refusal::Refusal;

/// The named parts of the path.
pub(super) struct PathParts(HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for PathParts {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(map)| Self(map))
            .map_err(|error| Refusal::new(Reason::InvalidPath, error.body_text()))
    }
}

impl PathParts {
    fn part<T: FromStr>(&self, name: &str, what: &str) -> Result<T, Refusal> {
        let text = self.0.get(name).map_or("", String::as_str);
        text.parse()
            .map_err(|_| Refusal::new(Reason::InvalidPath, format!("`{text}` is not {what}")))
    }

    pub(super) fn blob_id(&self) -> Result<BlobId, Refusal> {
        self.part("blob_id", "a blob ID (43 characters of URL-safe base64)")
    }

    pub(super) fn pair(&self) -> Result<SliverPairIndex, Refusal> {
        self.part("pair", "a sliver pair index")
            .map(SliverPairIndex)
    }

    pub(super) fn axis(&self) -> Result<SliverType, Refusal> {
        self.part("axis", "`primary` or `secondary`")
    }

    pub(super) fn object_id(&self) -> Result<[u8; 32], Refusal> {
        self.part::<Address>("object_id", "an object ID (0x and 64 hexadecimal digits)")
            .map(Address::into_inner)
    }
}

/// The query, keys as often as they come.
pub(super) struct QueryPairs(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for QueryPairs {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(pairs)| Self(pairs))
            .map_err(|error| invalid_query(error.body_text()))
    }
}

pub(super) fn invalid_query(message: impl Into<String>) -> Refusal {
    Refusal::new(Reason::InvalidQuery, message)
}

impl QueryPairs {
    /// Refuses every other key.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self
            .0
            .iter()
            .find(|(key, _)| !known.contains(&key.as_str()))
        {
            Some((key, _)) => Err(invalid_query(format!("unknown query key `{key}`"))),
            None => Ok(()),
        }
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The only value of a key.
    pub(super) fn one<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let mut values = self.all(name);
        let Some(text) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(invalid_query(format!("`{name}` is given twice")));
        }
        text.parse()
            .map(Some)
            .map_err(|_| invalid_query(format!("`{text}` is not a value of `{name}`")))
    }
}

/// Refuses bodies that say they are something else than bytes.
pub(super) fn require_octet_stream(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let media_type = value.to_str().unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/octet-stream") {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::InvalidContentType,
        format!("content type `{media_type}` instead of application/octet-stream"),
    ))
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read_body(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::new(
            Reason::BodyTooLarge,
            format!("the body is larger than {limit} bytes"),
        )),
        Err(error) => Err(Refusal::new(
            Reason::InvalidContentType,
            format!("the body cannot be read: {error}"),
        )),
    }
}
