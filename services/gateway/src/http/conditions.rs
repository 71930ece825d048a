//! Entity tags and conditional requests (RFC 9110, 8.8.3 and 13.1).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// A strong entity tag, of characters that need no quoting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityTag(String);

impl EntityTag {
    /// The tag of a text that consists of letters, digits, `-` and `_`.
    pub(crate) fn new(tag: impl ToString) -> Self {
        Self(tag.to_string())
    }

    /// As a header has it, in quotes.
    pub(crate) fn header(&self) -> HeaderValue {
        let quoted = format!("\"{}\"", self.0);
        HeaderValue::from_str(&quoted).unwrap_or(HeaderValue::from_static("\"\""))
    }

    /// Whether `If-Match`, if there is one, allows to go on.
    pub(crate) fn passes_if_match(&self, headers: &HeaderMap) -> bool {
        !headers.contains_key(header::IF_MATCH) || self.is_in(headers, header::IF_MATCH, false)
    }

    /// Whether `If-None-Match` says that the client has it.
    pub(crate) fn is_known(&self, headers: &HeaderMap) -> bool {
        self.is_in(headers, header::IF_NONE_MATCH, true)
    }

    /// Whether a range may be served: there is no `If-Range`, or it names this tag.
    pub(crate) fn passes_if_range(&self, headers: &HeaderMap) -> bool {
        match headers.get(header::IF_RANGE) {
            None => true,
            // A date is none: nothing here has one.
            Some(value) => value
                .to_str()
                .is_ok_and(|value| self.is(value.trim(), false)),
        }
    }

    fn is_in(&self, headers: &HeaderMap, name: HeaderName, weakly: bool) -> bool {
        let values = headers.get_all(name);
        let values = values.iter().filter_map(|value| value.to_str().ok());
        let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
        tags.any(|tag| tag == "*" || self.is(tag, weakly))
    }

    /// Whether a tag of a client is this one. Caches that were filled by others may have it without quotes.
    fn is(&self, tag: &str, weakly: bool) -> bool {
        let tag = match tag.strip_prefix("W/") {
            Some(tag) if weakly => tag,
            Some(_) => return false,
            None => tag,
        };
        let unquoted = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        unquoted.unwrap_or(tag) == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_known_tag_is_found_in_whatever_form() {
        let tag = EntityTag::new("a_b-1");
        assert_eq!(tag.header(), "\"a_b-1\"");
        for (values, known) in [
            (&["\"a_b-1\""][..], true),
            (&["W/\"a_b-1\""], true),
            (&["a_b-1"], true),
            (&["*"], true),
            (&["\"x\", \"a_b-1\""], true),
            (&["\"x\"", "\"a_b-1\""], true),
            (&["\"x\""], false),
            (&["\"a_b-1"], false),
            (&[], false),
        ] {
            let known_by = tag.is_known(&headers(header::IF_NONE_MATCH, values));
            assert_eq!(known_by, known, "{values:?}");
        }
    }

    #[test]
    fn only_the_strong_tag_allows_a_part() {
        let tag = EntityTag::new("a");
        for (values, passes) in [
            (&[][..], true),
            (&["\"a\""], true),
            (&["a"], true),
            (&["W/\"a\""], false),
            (&["\"b\""], false),
            (&["Tue, 15 Nov 1994 12:45:26 GMT"], false),
        ] {
            let headers = headers(header::IF_RANGE, values);
            assert_eq!(tag.passes_if_range(&headers), passes, "{values:?}");
        }
        for (values, passes) in [
            (&[][..], true),
            (&["\"b\", \"a\""], true),
            (&["*"], true),
            (&["W/\"a\""], false),
            (&["\"b\""], false),
        ] {
            let headers = headers(header::IF_MATCH, values);
            assert_eq!(tag.passes_if_match(&headers), passes, "{values:?}");
        }
    }
}
