//! URLs as they may be shown: credentials and keys in them are told to nobody.

use std::borrow::Cow;

/// What stands for what is not shown.
const HIDDEN: &str = "***";

/// A URL as it may be printed and logged: `https://user:password@host:1/v2/s3cretk3y?key=x` is `https://***@host:1/***`. Servers
/// take their keys in the path as often as in the query, so that only host and port are shown.
pub fn shown(url: &str) -> Cow<'_, str> {
    // Somebody may have forgotten the scheme.
    let start = url.find("://").map_or(0, |at| at.saturating_add(3));
    let (scheme, rest) = url.split_at(start);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rfind('@').and_then(|at| authority.get(at..));
    let hides_path = !matches!(path, "" | "/");
    if host.is_none() && !hides_path {
        return Cow::Borrowed(url);
    }
    let mut shown = scheme.to_owned();
    if host.is_some() {
        shown.push_str(HIDDEN);
    }
    shown.push_str(host.unwrap_or(authority));
    match hides_path {
        true => {
            shown.push('/');
            shown.push_str(HIDDEN);
        }
        false => shown.push_str(path),
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_a_url_is_for_is_not_shown() {
        for (url, shown_as) in [
            (
                "http://us:s3cret@127.0.0.1:1/a?b",
                "http://***@127.0.0.1:1/***",
            ),
            ("https://key@host", "https://***@host"),
            ("https://a@b:c@host/", "https://***@host/"),
            ("https://host/v2/k3y", "https://host/***"),
            ("https://host/path@1", "https://host/***"),
            ("https://host?api-key=b", "https://host/***"),
            ("https://host#a@b", "https://host/***"),
            ("https://host:9000/", "https://host:9000/"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("host/v2/k3y", "host/***"),
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("", ""),
        ] {
            assert_eq!(shown(url), shown_as);
        }
    }
}
