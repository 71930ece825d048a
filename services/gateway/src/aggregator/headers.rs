//! Headers of a blob's answer: its type as the client asks for it, and attributes of its object. Client spec 3.4.

use std::collections::HashSet;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

/// For how long caches may keep what never changes. Client spec 3.4.
const CACHE_CONTROL: HeaderValue =
    HeaderValue::from_static("public, max-age=86400, stale-while-revalidate=3600");

/// Names of attributes that become headers.
#[derive(Debug)]
pub(super) struct AllowedHeaders(HashSet<HeaderName>);

impl AllowedHeaders {
    /// Those of the names that are ones of headers.
    pub(super) fn new(names: &[String]) -> Self {
        let names = names.iter().filter_map(|name| name.parse().ok());
        Self(names.collect())
    }

    /// Adds the attributes that are allowed, and whose values may stand in a header. What is there already stays.
    pub(super) fn add(&self, headers: &mut HeaderMap, attributes: Vec<(String, String)>) {
        for (name, value) in attributes {
            let Ok(name) = name.parse::<HeaderName>() else {
                continue;
            };
            let Ok(value) = HeaderValue::from_str(&value) else {
                continue;
            };
            if self.0.contains(&name) {
                headers.entry(name).or_insert(value);
            }
        }
    }
}

/// Adds all pairs that may stand in headers. What is there already stays, but for the name of a patch nothing of ours is among it.
pub(super) fn add_all(headers: &mut HeaderMap, pairs: Vec<(String, String)>) {
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value))
            && !is_framing(&name)
        {
            headers.entry(name).or_insert(value);
        }
    }
}

/// Headers that say how the answer is to be read, or what a browser may do with it: those are the gateway's.
fn is_framing(name: &HeaderName) -> bool {
    [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::CONTENT_RANGE,
        header::SET_COOKIE,
        header::CONTENT_SECURITY_POLICY,
    ]
    .contains(name)
}

/// The headers that every answer with a blob has; its type is what the client asks for, if that is one type.
pub(super) fn of_blob(method: &Method, request: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    if let Some(media_type) = mirrored_type(method, request) {
        headers.insert(header::CONTENT_TYPE, media_type.clone());
    }
    headers
}

/// `Accept` without a wildcard, or else `Content-Type`.
fn mirrored_type<'a>(method: &Method, request: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let accepted = request.get(header::ACCEPT);
    let exact = accepted.filter(|value| !value.is_empty() && !value.as_bytes().contains(&b'*'));
    // The headers of a HEAD are those of the GET.
    let of_body = || {
        let is_read = method == Method::GET || method == Method::HEAD;
        request.get(header::CONTENT_TYPE).filter(|_| is_read)
    };
    exact.or_else(of_body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    #[test]
    fn the_type_is_the_one_that_is_asked_for() {
        for (pairs, expected) in [
            (&[("accept", "image/png")][..], Some("image/png")),
            (&[("accept", "*/*")], None),
            (&[("accept", "text/html, */*;q=0.1")], None),
            (&[("accept", "")], None),
            (&[("content-type", "text/css")], Some("text/css")),
            (
                &[("accept", "*/*"), ("content-type", "text/css")],
                Some("text/css"),
            ),
            (
                &[("accept", "image/png"), ("content-type", "text/css")],
                Some("image/png"),
            ),
        ] {
            let headers = of_blob(&Method::GET, &request(pairs));
            let found = headers
                .get("content-type")
                .map(|value| value.to_str().unwrap());
            assert_eq!(found, expected, "{pairs:?}");
        }
        let post = of_blob(
            &Method::POST,
            &request(&[("content-type", "application/json")]),
        );
        assert!(!post.contains_key("content-type"));
    }

    #[test]
    fn attributes_are_headers_if_they_are_allowed_and_can_be() {
        let allowed =
            AllowedHeaders::new(&["Content-Type".into(), "link".into(), "no name".into()]);
        let mut headers = request(&[("content-type", "text/css")]);
        let attribute = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        allowed.add(
            &mut headers,
            vec![
                attribute("content-type", "text/html"),
                attribute("Link", "<a>"),
                attribute("LINK", "<b>"),
                attribute("set-cookie", "a=b"),
                attribute("no name", "a"),
            ],
        );
        let expected = request(&[("content-type", "text/css"), ("link", "<a>")]);
        assert_eq!(headers, expected);
        let mut headers = HeaderMap::new();
        allowed.add(&mut headers, vec![attribute("link", "two\r\nlines")]);
        assert!(headers.is_empty());
    }
}
