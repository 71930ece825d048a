//! Headers of tus 1.0, on both sides.

use std::time::{Duration, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use walrus_service::envelope::Refusal;

use super::checksum;
use crate::publisher::{jobs::Record, refusal::WriteReason};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,expiration,termination,checksum";

pub(super) const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
pub(super) const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
/// Ours: the blob that an upload became.
pub(super) const BLOB_ID: HeaderName = HeaderName::from_static("x-walrus-blob-id");

/// What the server can.
pub(super) fn describe(headers: &mut HeaderMap) {
    headers.insert(RESUMABLE, HeaderValue::from_static(VERSION));
    for (name, value) in [
        ("tus-version", VERSION),
        ("tus-extension", EXTENSIONS),
        ("tus-checksum-algorithm", checksum::ALGORITHMS),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
}

/// That the client speaks this version.
///
/// # Errors
/// A refusal.
pub(super) fn require_version(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers
        .get(RESUMABLE)
        .is_some_and(|version| version == VERSION)
    {
        return Ok(());
    }
    let message = format!("`Tus-Resumable: {VERSION}` is needed");
    Err(Refusal::new(WriteReason::UnsupportedVersion, message))
}

/// A header that is a number.
///
/// # Errors
/// A refusal if it is there and none.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let digits = value.to_str().ok();
    let digits = digits.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| {
        let message = format!("`{name}` is to be a number of bytes");
        Refusal::new(WriteReason::InvalidUpload, message)
    })
}

/// A header that is a number and has to be there.
///
/// # Errors
/// A refusal.
pub(super) fn required_number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Refusal> {
    number(headers, name)?
        .ok_or_else(|| Refusal::new(WriteReason::InvalidUpload, format!("`{name}` is missing")))
}

/// What an answer about an upload says.
pub(super) fn of_upload(record: &Record, offset: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(RESUMABLE, HeaderValue::from_static(VERSION));
    headers.insert(OFFSET, offset.into());
    headers.insert(LENGTH, record.length.into());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&http_date(record.expires_ms)) {
        headers.insert(EXPIRES, value);
    }
    if let Ok(value) = HeaderValue::from_str(&record.metadata)
        && !record.metadata.is_empty()
    {
        headers.insert(METADATA, value);
    }
    headers
}

/// A time of RFC 9110 (5.6.7).
fn http_date(unix_ms: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(unix_ms.min(LAST_MS)))
}

/// The end of the year 9999, which is the last that such a time can name.
const LAST_MS: u64 = 253_402_300_799_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits() {
        let headers = |value: &str| HeaderMap::from_iter([(OFFSET, value.parse().unwrap())]);
        assert_eq!(number(&headers("17"), &OFFSET), Ok(Some(17)));
        assert_eq!(number(&HeaderMap::new(), &OFFSET), Ok(None));
        for bad in ["", "-1", "+1", "1.0", "0x1", "18446744073709551616"] {
            assert!(number(&headers(bad), &OFFSET).is_err(), "{bad}");
        }
        assert!(required_number(&HeaderMap::new(), &OFFSET).is_err());
    }

    #[test]
    fn times_are_those_of_http() {
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
