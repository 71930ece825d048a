//! Metadata of an upload (the creation extension of tus): pairs of a key and a value in base64. Of these, `sha256` is a promise.

use axum::http::HeaderMap;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use walrus_service::envelope::Refusal;

use super::headers::METADATA;
use crate::{limits, publisher::refusal::WriteReason};

/// The SHA-256 of the whole file, in hexadecimal digits.
const DIGEST: &str = "sha256";

/// What matters of the metadata.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    /// As it came.
    pub(super) text: String,
    /// SHA-256 that was promised.
    pub(super) digest: Option<[u8; 32]>,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(WriteReason::InvalidUpload, message)
}

/// The metadata of a request.
///
/// # Errors
/// A refusal if it does not follow the grammar.
pub(super) fn of(headers: &HeaderMap) -> Result<Metadata, Refusal> {
    let Some(value) = headers.get(METADATA) else {
        return Ok(Metadata::default());
    };
    let most = limits::UPLOAD_METADATA_BYTES;
    let text = value.to_str().ok().filter(|text| text.len() <= most);
    let text = text.ok_or_else(|| {
        invalid(format!(
            "`Upload-Metadata` has at most {most} characters of ASCII"
        ))
    })?;
    let mut digest = None;
    let mut seen = std::collections::HashSet::new();
    for pair in text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if !seen.insert(key) {
            return Err(invalid(format!("`Upload-Metadata` names `{key}` twice")));
        }
        let value = BASE64_STANDARD.decode(value.trim());
        let value = value.map_err(|_| {
            invalid(format!(
                "the value of `{key}` in `Upload-Metadata` is to be base64"
            ))
        })?;
        if key == DIGEST {
            digest = Some(digest_of(&value)?);
        }
    }
    let text = text.to_owned();
    Ok(Metadata { text, digest })
}

fn digest_of(value: &[u8]) -> Result<[u8; 32], Refusal> {
    let mut digest = [0; 32];
    hex::decode_to_slice(value, &mut digest).map_err(|_| {
        invalid("`sha256` in `Upload-Metadata` is to be the digest of the whole file, 64 hexadecimal digits (and these in base64)")
    })?;
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Metadata, Refusal> {
        of(&HeaderMap::from_iter([(METADATA, text.parse().unwrap())]))
    }

    #[test]
    fn a_digest_is_found_among_the_rest() {
        let digest = BASE64_STANDARD.encode("ab".repeat(32));
        let text = format!("filename d29ybGQ=,is_confidential, sha256 {digest}");
        let metadata = parse(&text).unwrap();
        assert_eq!(metadata.digest, Some([0xab; 32]));
        assert_eq!(metadata.text, text);
        assert_eq!(parse("filename d29ybGQ=").unwrap().digest, None);
        assert_eq!(of(&HeaderMap::new()), Ok(Metadata::default()));
    }

    #[test]
    fn what_does_not_follow_the_grammar_is_refused() {
        let long = format!("a {}", "A".repeat(limits::UPLOAD_METADATA_BYTES));
        for bad in ["a !", "a YQ==,a YQ==", "sha256 YWI=", &long] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
