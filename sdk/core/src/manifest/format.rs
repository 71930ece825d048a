//! Manifest format: bytes that are canonical, and what they say (manifest spec 2).

use std::ops::Range;

use super::{
    FORMAT, HEAD_BYTES, MAGIC, MAX_BODY_LENGTH, MAX_MANIFEST_BYTES, MAX_PARTS, MIN_PARTS,
    PART_BYTES,
};
use crate::BlobId;

/// A blob that is a part of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// The blob.
    pub blob_id: BlobId,
    /// Its bytes, at least one.
    pub length: u64,
}

/// The parts of a body, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Manifest {
    digest: [u8; 32],
    parts: Vec<Part>,
    /// Where each part ends in the body; as many as there are parts.
    ends: Vec<u64>,
}

/// Bytes of one part that belong to a range of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Which part, from 0 on.
    pub number: usize,
    /// The part.
    pub part: Part,
    /// Bytes of it, never none.
    pub within: Range<u64>,
}

impl Manifest {
    /// A manifest of these parts, whose bytes one after the other have this SHA-256.
    ///
    /// # Errors
    /// [`ManifestError::PartCount`], [`ManifestError::EmptyPart`], [`ManifestError::BodyTooLong`].
    pub fn new(digest: [u8; 32], parts: Vec<Part>) -> Result<Self, ManifestError> {
        if !(MIN_PARTS..=MAX_PARTS).contains(&parts.len()) {
            let parts = parts.len() as u64;
            return Err(ManifestError::PartCount { parts });
        }
        let mut ends = Vec::with_capacity(parts.len());
        let mut end = 0_u64;
        for (number, part) in parts.iter().enumerate() {
            if part.length == 0 {
                return Err(ManifestError::EmptyPart { number });
            }
            end = end.saturating_add(part.length);
            ends.push(end);
        }
        if end > MAX_BODY_LENGTH {
            return Err(ManifestError::BodyTooLong { length: end });
        }
        Ok(Self {
            digest,
            parts,
            ends,
        })
    }

    /// Whether a blob of this length can be a manifest, so that its bytes have to be looked at.
    pub const fn can_have_length(length: u64) -> bool {
        let (head, part) = (HEAD_BYTES as u64, PART_BYTES as u64);
        length >= head + MIN_PARTS as u64 * part
            && length <= MAX_MANIFEST_BYTES as u64
            && (length - head).is_multiple_of(part)
    }

    /// The manifest that these bytes are.
    ///
    /// # Errors
    /// [`ManifestError`] if they are none; then they are a plain blob.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let (magic, rest) = take::<16>(bytes)?;
        if magic != MAGIC {
            return Err(ManifestError::NoManifest);
        }
        let (format, rest) = take(rest)?;
        let format = u32::from_le_bytes(format);
        if format != FORMAT {
            return Err(ManifestError::UnknownFormat { format });
        }
        let (count, rest) = take(rest)?;
        let (length, rest) = take(rest)?;
        let (count, stated) = (u32::from_le_bytes(count), u64::from_le_bytes(length));
        let (digest, rest) = take(rest)?;
        let (entries, beyond) = rest.as_chunks::<PART_BYTES>();
        if u64::from(count) != entries.len() as u64 || !beyond.is_empty() {
            let (length, parts) = (bytes.len() as u64, u64::from(count));
            return Err(ManifestError::WrongLength { length, parts });
        }
        if entries.len() > MAX_PARTS {
            let parts = entries.len() as u64;
            return Err(ManifestError::PartCount { parts });
        }
        let parts: Result<Vec<Part>, ManifestError> = entries.iter().map(part).collect();
        let manifest = Self::new(digest, parts?)?;
        let sum = manifest.length();
        if sum != stated {
            return Err(ManifestError::WrongTotal { sum, stated });
        }
        Ok(manifest)
    }

    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.parts.len() * PART_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        let count = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(&self.length().to_le_bytes());
        bytes.extend_from_slice(&self.digest);
        for part in &self.parts {
            bytes.extend_from_slice(part.blob_id.as_bytes());
            bytes.extend_from_slice(&part.length.to_le_bytes());
        }
        bytes
    }

    /// Bytes of the body.
    pub fn length(&self) -> u64 {
        self.ends.last().copied().unwrap_or_default()
    }

    /// SHA-256 of the body.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What a range of the body is made of, in order. What of the range lies behind the end of the body is left out.
    pub fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = Piece> + '_ {
        let first = self.ends.partition_point(|end| *end <= range.start);
        let parts = self.parts.iter().zip(&self.ends).enumerate().skip(first);
        parts.map_while(move |(number, (part, end))| {
            let begin = end.saturating_sub(part.length);
            let from = range.start.max(begin).saturating_sub(begin);
            let to = range.end.min(*end).saturating_sub(begin);
            (from < to).then_some(Piece {
                number,
                part: *part,
                within: from..to,
            })
        })
    }
}

/// The first `N` bytes, and the rest.
fn take<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), ManifestError> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(ManifestError::NoManifest)?;
    Ok((*taken, rest))
}

fn part(entry: &[u8; PART_BYTES]) -> Result<Part, ManifestError> {
    let (blob_id, rest) = take(entry)?;
    let (length, _) = take(rest)?;
    Ok(Part {
        blob_id: BlobId(blob_id),
        length: u64::from_le_bytes(length),
    })
}

/// Bytes that are no manifest, or parts that make none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// They begin otherwise, or end before they say what they are.
    #[error("it does not begin as a manifest does")]
    NoManifest,
    /// They are of a format that is not known here.
    #[error("the manifest has format {format}; format {FORMAT} is known")]
    UnknownFormat {
        /// The format.
        format: u32,
    },
    /// Too few or too many parts.
    #[error("a manifest has {MIN_PARTS} to {MAX_PARTS} parts, not {parts}")]
    PartCount {
        /// Parts there are.
        parts: u64,
    },
    /// More or fewer bytes than so many parts take.
    #[error("a manifest of {parts} parts has other than {length} bytes")]
    WrongLength {
        /// Bytes there are.
        length: u64,
        /// Parts they say there are.
        parts: u64,
    },
    /// A part without bytes.
    #[error("part {number} is empty")]
    EmptyPart {
        /// Which, from 0 on.
        number: usize,
    },
    /// The parts together are longer than a body may be.
    #[error("the parts have {length} bytes; a body has at most {MAX_BODY_LENGTH}")]
    BodyTooLong {
        /// Bytes of all parts, or `u64::MAX`.
        length: u64,
    },
    /// The parts together have another length than the body.
    #[error("the parts have {sum} bytes, the manifest says {stated}")]
    WrongTotal {
        /// Bytes of all parts.
        sum: u64,
        /// What the manifest says.
        stated: u64,
    },
}
