//! Body that is cut: its parts, and its digest.

use std::{io, ops::Range, sync::Arc};

use bytes::Bytes;
use walrus_core::{blob_source::BlobSource, manifest::BodyDigest};

use crate::{BlobData, ClientError, FilePart, computation::compute};

/// Bytes that are hashed at once.
const HASHED_AT_ONCE: u64 = 1 << 20;

/// All of what is to be stored. A file is opened once, so that all parts are of the same one.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Bytes(Bytes),
    File(FilePart),
}

impl Body {
    /// Opens what is to be stored.
    pub(super) fn open(data: &BlobData) -> io::Result<Self> {
        let file = match data {
            BlobData::Bytes(bytes) => return Ok(Self::Bytes(bytes.clone())),
            BlobData::FilePart(part) => return Ok(Self::File(part.clone())),
            BlobData::Path(path) => Arc::new(std::fs::File::open(path)?),
            BlobData::File(file) => Arc::clone(file),
        };
        FilePart::whole(file).map(Self::File)
    }

    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file) => file.length(),
        }
    }

    /// Some of the bytes, as a blob.
    pub(super) fn part(&self, range: Range<u64>) -> BlobData {
        match self {
            Self::Bytes(bytes) => {
                let place = |position| {
                    let position = usize::try_from(position).unwrap_or(usize::MAX);
                    position.min(bytes.len())
                };
                bytes.slice(place(range.start)..place(range.end)).into()
            }
            Self::File(file) => BlobData::FilePart(file.slice(range)),
        }
    }

    /// Takes the bytes of a range into a digest, on a thread of its own.
    pub(super) async fn hash(
        &self,
        label: &str,
        mut digest: BodyDigest,
        range: Range<u64>,
    ) -> Result<BodyDigest, ClientError> {
        let (part, label) = (self.part(range), label.to_owned());
        let work = move |watched: &crate::computation::Watched| {
            let unreadable = |error: io::Error| ClientError::Unreadable {
                label: label.clone(),
                source: error.into(),
            };
            let source = match &part {
                BlobData::Bytes(bytes) => {
                    digest.update(bytes);
                    return Ok(digest);
                }
                BlobData::FilePart(part) => part.source(),
                BlobData::Path(_) | BlobData::File(_) => Err(io::ErrorKind::InvalidInput.into()),
            };
            let source = source.map_err(unreadable)?;
            let mut place = 0;
            let mut buffer = Vec::new();
            while place < source.length() && !watched.cancellation.is_cancelled() {
                let count = HASHED_AT_ONCE.min(source.length().saturating_sub(place));
                buffer.resize(usize::try_from(count).unwrap_or_default(), 0);
                source.read_at(place, &mut buffer).map_err(unreadable)?;
                digest.update(&buffer);
                place = place.saturating_add(count);
            }
            source.check_unchanged().map_err(unreadable)?;
            Ok(digest)
        };
        compute(work, |_| {}).await
    }
}
