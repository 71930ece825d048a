//! Requests: path parts, queries and bodies, with the refusals of node spec 1.2.

use std::{borrow::Cow, collections::HashMap, convert::Infallible, str::FromStr};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, Path},
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::envelope::{Refusal, RequestReason};

/// The named parts of the path.
#[derive(Debug, Clone)]
pub struct PathParts(HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for PathParts {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(map)| Self(map))
            .map_err(|error| Refusal::new(RequestReason::InvalidPath, error.body_text()))
    }
}

impl PathParts {
    /// The part `name`, which is to be `what`.
    ///
    /// # Errors
    /// A refusal if it is not.
    pub fn part<T: FromStr>(&self, name: &str, what: &str) -> Result<T, Refusal> {
        let text = self.0.get(name).map_or("", String::as_str);
        text.parse().map_err(|_| {
            Refusal::new(
                RequestReason::InvalidPath,
                format!("`{text}` is not {what}"),
            )
        })
    }
}

/// The query, keys as often as they come. It is kept as it was sent, and taken apart when it is asked: pairs of strings would take ten
/// times as much memory, for as long as the request is open.
#[derive(Debug, Clone)]
pub struct QueryPairs(String);

impl<S: Send + Sync> FromRequestParts<S> for QueryPairs {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.uri.query().unwrap_or_default().to_owned()))
    }
}

/// The refusal of a query.
pub fn invalid_query(message: impl Into<String>) -> Refusal {
    Refusal::new(RequestReason::InvalidQuery, message)
}

impl QueryPairs {
    fn pairs(&self) -> form_urlencoded::Parse<'_> {
        form_urlencoded::parse(self.0.as_bytes())
    }

    /// Refuses every other key.
    ///
    /// # Errors
    /// A refusal that names the first other key.
    pub fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.pairs().find(|(key, _)| !known.contains(&&**key)) {
            Some((key, _)) => Err(invalid_query(format!("unknown query key `{key}`"))),
            None => Ok(()),
        }
    }

    /// Every value of a key.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        self.pairs()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// The only value of a key.
    ///
    /// # Errors
    /// A refusal if there are two, or if it is no `T`.
    pub fn one<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
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

/// Why a body cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It says that it is something else than bytes.
    #[error("content type `{0}` instead of application/octet-stream")]
    NotBytes(String),
    /// It is too large.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The connection failed, or the caller gave up.
    #[error("the body cannot be read: {0}")]
    Unreadable(Box<dyn std::error::Error + Send + Sync>),
}

/// Refuses bodies that say they are something else than bytes.
///
/// # Errors
/// [`BodyError::NotBytes`].
pub fn require_octet_stream(headers: &HeaderMap) -> Result<(), BodyError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let media_type = value.to_str().unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/octet-stream") {
        return Ok(());
    }
    Err(BodyError::NotBytes(media_type.to_owned()))
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// [`BodyError::TooLarge`] and [`BodyError::Unreadable`].
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge(limit)),
        Err(error) => Err(BodyError::Unreadable(error)),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{Request, Uri};

    use super::*;

    async fn query(uri: &'static str) -> Result<QueryPairs, Infallible> {
        let request = Request::builder().uri(Uri::from_static(uri)).body(());
        let (mut parts, ()) = request.unwrap_or_default().into_parts();
        QueryPairs::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn queries_have_each_value_once_unless_all_are_asked_for() -> Result<(), Refusal> {
        let Ok(pairs) = query("/?id=1&id=2&n=7&x=%79").await;
        assert_eq!(pairs.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(pairs.all("x").collect::<Vec<_>>(), ["y"]);
        assert_eq!((pairs.one("n")?, pairs.one::<u8>("m")?), (Some(7_u8), None));
        for refused in [
            pairs.one::<u8>("id").map(|_| ()),
            pairs.one::<u8>("x").map(|_| ()),
            pairs.only(&["id", "n"]),
        ] {
            assert!(refused.is_err_and(|refusal| refusal.is(RequestReason::InvalidQuery)));
        }
        pairs.only(&["id", "n", "x"])
    }

    #[tokio::test]
    async fn bodies_are_bounded_and_must_be_bytes() {
        let body = || Body::from(vec![0; 10]);
        assert_eq!(
            read_body(body(), 10).await.map_or(0, |bytes| bytes.len()),
            10
        );
        let too_large = read_body(body(), 9).await;
        assert!(matches!(too_large, Err(BodyError::TooLarge(9))));
        let mut headers = HeaderMap::new();
        assert!(require_octet_stream(&headers).is_ok());
        for (media_type, is_bytes) in [
            ("application/octet-stream", true),
            ("Application/Octet-Stream; x=y", true),
            ("text/plain", false),
        ] {
            headers.insert(
                header::CONTENT_TYPE,
                header::HeaderValue::from_static(media_type),
            );
            assert_eq!(
                require_octet_stream(&headers).is_ok(),
                is_bytes,
                "{media_type}"
            );
        }
    }
}
