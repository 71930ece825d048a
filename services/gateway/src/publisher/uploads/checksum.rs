//! Checksum of a part (the checksum extension of tus): `Upload-Checksum: ALGORITHM BASE64`.

use axum::http::HeaderMap;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use walrus_service::envelope::Refusal;

use super::headers::CHECKSUM;
use crate::publisher::{jobs::PartCheck, refusal::WriteReason};

/// What is known: SHA-1, which every server of the extension knows, and better ones.
pub(super) const ALGORITHMS: &str = "sha1,sha256,sha512";

struct Checksum {
    context: Context,
    expected: Vec<u8>,
}

impl PartCheck for Checksum {
    fn look(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    fn is_right(self: Box<Self>) -> bool {
        self.context.finish().as_ref() == self.expected
    }
}

/// The check that a request asks for.
///
/// # Errors
/// A refusal if it is none, or of an unknown algorithm.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<Box<dyn PartCheck>>, Refusal> {
    let Some(value) = headers.get(CHECKSUM) else {
        return Ok(None);
    };
    let parsed = value.to_str().ok().and_then(|text| {
        let (name, digest) = text.trim().split_once(' ')?;
        let (algorithm, digest) = (algorithm(name)?, BASE64_STANDARD.decode(digest).ok()?);
        (digest.len() == algorithm.output_len()).then_some((algorithm, digest))
    });
    let Some((algorithm, expected)) = parsed else {
        let message = format!(
            "`Upload-Checksum` is to be one of {ALGORITHMS}, a blank, and the digest in base64"
        );
        return Err(Refusal::new(WriteReason::InvalidUpload, message));
    };
    Ok(Some(Box::new(Checksum {
        context: Context::new(algorithm),
        expected,
    })))
}

fn algorithm(name: &str) -> Option<&'static Algorithm> {
    match name {
        "sha1" => Some(&SHA1_FOR_LEGACY_USE_ONLY),
        "sha256" => Some(&SHA256),
        "sha512" => Some(&SHA512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str) -> Result<Option<Box<dyn PartCheck>>, Refusal> {
        of(&HeaderMap::from_iter([(CHECKSUM, value.parse().unwrap())]))
    }

    #[test]
    fn the_example_of_the_extension_is_right_and_nothing_else() {
        // Of "hello world".
        let value = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";
        for (bytes, expected) in [("hello world", true), ("hello worl", false), ("", false)] {
            let mut check = check(value).unwrap().unwrap();
            for byte in bytes.as_bytes() {
                check.look(&[*byte]);
            }
            assert_eq!(check.is_right(), expected, "{bytes}");
        }
        assert!(of(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn what_is_no_checksum_is_refused() {
        for bad in [
            "sha1",
            "md5 AAAA",
            "sha1 AAAA",
            "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
            "sha1 !",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
