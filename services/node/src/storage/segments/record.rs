//! Record layout: the bytes of one record in a segment file.
//!
//! ```text
//! record  = header payload
//! header  = magic(4) version(1) kind(1) type(1) zero(1) blob-id(32) length(u32 LE) payload-blake3(32) header-check(4)
//! kind    = 1 put | 2 delete (length 0)
//! type    = 0 primary | 1 secondary
//! ```
//!
//! `header-check` is the start of the BLAKE3 hash of the 76 bytes before it. It tells a record from a torn or overwritten tail, so
//! that the index can be rebuilt from headers alone.
//!
//! `version` is the number of the format. Magic and version stay where they are in every format to come: a record of a newer one
//! must not pass for a torn tail, which would be cut off.

use walrus_core::{BlobId, SliverType};

use super::SegmentError;

/// Bytes of a header.
pub(crate) const HEADER_BYTES: usize = 80;

const CHECKED_BYTES: usize = 76;
const MAGIC: [u8; 4] = *b"WSLV";
/// The number of the format, of which there is one so far.
pub(crate) const VERSION: u8 = 1;
const PUT: u8 = 1;
const DELETE: u8 = 2;

/// What a record does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The payload is a sliver.
    Put,
    /// The sliver that an earlier record put is gone.
    Delete,
}

/// A record of a newer format than this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewerRecord(pub(crate) u8);

/// The header of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) sliver_type: SliverType,
    pub(crate) blob_id: BlobId,
    /// Bytes of the payload.
    pub(crate) length: u32,
    /// BLAKE3 of the payload.
    pub(crate) checksum: [u8; 32],
}

impl Header {
    /// The header of a record that stores `payload`.
    pub(crate) fn put(
        blob_id: BlobId,
        sliver_type: SliverType,
        payload: &[u8],
    ) -> Result<Self, SegmentError> {
        let length = u32::try_from(payload.len())
            .map_err(|_| SegmentError::PayloadTooLarge(payload.len()))?;
        let checksum = *blake3::hash(payload).as_bytes();
        Ok(Self {
            kind: Kind::Put,
            sliver_type,
            blob_id,
            length,
            checksum,
        })
    }

    /// The header of a record that takes a sliver back.
    pub(crate) fn delete(blob_id: BlobId, sliver_type: SliverType) -> Self {
        let checksum = *blake3::hash(&[]).as_bytes();
        Self {
            kind: Kind::Delete,
            sliver_type,
            blob_id,
            length: 0,
            checksum,
        }
    }

    /// The bytes of the whole record.
    pub(crate) fn record_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.length)
    }

    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = VERSION;
        bytes[5] = match self.kind {
            Kind::Put => PUT,
            Kind::Delete => DELETE,
        };
        bytes[6] = match self.sliver_type {
            SliverType::Primary => 0,
            SliverType::Secondary => 1,
        };
        bytes[8..40].copy_from_slice(&self.blob_id.0);
        bytes[40..44].copy_from_slice(&self.length.to_le_bytes());
        bytes[44..CHECKED_BYTES].copy_from_slice(&self.checksum);
        let check = blake3::hash(&bytes[..CHECKED_BYTES]);
        bytes[CHECKED_BYTES..].copy_from_slice(&check.as_bytes()[..4]);
        bytes
    }

    /// `None` if the bytes are no header.
    ///
    /// # Errors
    /// [`NewerRecord`] if they are one of a newer format.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Option<Self>, NewerRecord> {
        if bytes[0..4] != MAGIC {
            return Ok(None);
        }
        if bytes[4] > VERSION && !is_damaged_version(bytes) {
            return Err(NewerRecord(bytes[4]));
        }
        Ok(if bytes[4] == VERSION && is_intact(bytes) {
            Self::of_this_version(bytes)
        } else {
            None
        })
    }

    fn of_this_version(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let kind = match bytes[5] {
            PUT => Kind::Put,
            DELETE => Kind::Delete,
            _ => return None,
        };
        let sliver_type = match bytes[6] {
            0 => SliverType::Primary,
            1 => SliverType::Secondary,
            _ => return None,
        };
        Some(Self {
            kind,
            sliver_type,
            blob_id: BlobId(bytes[8..40].try_into().ok()?),
            length: u32::from_le_bytes(bytes[40..44].try_into().ok()?),
            checksum: bytes[44..CHECKED_BYTES].try_into().ok()?,
        })
    }
}

fn is_intact(bytes: &[u8; HEADER_BYTES]) -> bool {
    let check = blake3::hash(&bytes[..CHECKED_BYTES]);
    bytes[CHECKED_BYTES..] == check.as_bytes()[..4]
}

/// Whether the bytes would be a header of this version but for that number.
fn is_damaged_version(bytes: &[u8; HEADER_BYTES]) -> bool {
    let mut repaired = *bytes;
    repaired[4] = VERSION;
    is_intact(&repaired)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_encoding_and_no_flipped_bit_does() {
        let header = Header::put(BlobId([7; 32]), SliverType::Secondary, b"payload").unwrap();
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Ok(Some(header)));
        for bit in 0..HEADER_BYTES * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&damaged), Ok(None), "bit {bit}");
        }
    }

    #[test]
    fn a_header_of_a_newer_format_is_known_as_one() {
        let mut bytes = Header::delete(BlobId([7; 32]), SliverType::Primary).encode();
        bytes[4] = VERSION + 1;
        // Whatever follows in that format.
        bytes[40..].fill(0x5a);
        assert_eq!(Header::decode(&bytes), Err(NewerRecord(VERSION + 1)));
    }
}
