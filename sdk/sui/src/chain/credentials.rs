//! Credentials in URLs, which are told to nobody.

use std::borrow::Cow;

/// A URL as it may be shown: `https://user:password@host` is `https://***@host`.
pub fn without_credentials(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Cow::Borrowed(url);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.rfind('@').and_then(|at| rest.get(at..)) {
        Some(host) => Cow::Owned(format!("{scheme}://***{host}")),
        None => Cow::Borrowed(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_a_url_is_for_is_not_shown() {
        for (url, shown) in [
            (
                "http://us:s3cret@127.0.0.1:1/a?b",
                "http://***@127.0.0.1:1/a?b",
            ),
            ("https://key@host", "https://***@host"),
            ("https://a@b:c@host/", "https://***@host/"),
            ("https://host/path@1", "https://host/path@1"),
            ("https://host?a@b", "https://host?a@b"),
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
