//! Record layout: the bytes of one record in a segment file.
//!
//! ```text
//! record  = header payload
//! header  = magic(4) version(1) kind(1) type(1) zero(1) blob-id(32) length(u32 LE) payload-blake3(32) header-check(4)
//! version = 2 (1 in segments of the first format)
//! kind    = 1 put | 2 delete (length 0; only in version 1)
//! type    = 0 primary | 1 secondary
//! ```
//!
//! `header-check` is the start of a BLAKE3 hash over the salt of the file, the offset of the record and the 76 bytes before it (in
//! version 1 over those bytes alone). It tells a record from a torn tail, so that the index can be rebuilt from headers, and from
//! what the payload of another record may pretend: nobody outside knows salt and offset, so that behind damage the next record can
//! be looked for byte by byte.
//!
//! Magic and version stay where they are in every format to come: a record of a newer one must not pass for a torn tail, which
//! would be cut off.

use walrus_core::{BlobId, SliverType};

use super::SegmentError;

/// Bytes of a header.
pub(crate) const HEADER_BYTES: usize = 80;
/// What every record begins with.
pub(crate) const MAGIC: [u8; 4] = *b"WSLV";
/// The number of the format.
pub(crate) const VERSION: u8 = 2;

const FIRST_VERSION: u8 = 1;
const CHECKED_BYTES: usize = 76;
const PUT: u8 = 1;
const DELETE: u8 = 2;

/// The secret of a segment file that goes into the checks of its headers.
pub(crate) type Salt = [u8; 8];

/// What the check of a header depends on besides the header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seal {
    /// That of the file; `None` in files of the first format.
    pub(crate) salt: Option<Salt>,
    /// Where the record begins.
    pub(crate) offset: u64,
}

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

impl Seal {
    fn check(&self, bytes: &[u8; HEADER_BYTES]) -> [u8; 4] {
        let mut hasher = blake3::Hasher::new();
        if let Some(salt) = self.salt {
            hasher.update(&salt).update(&self.offset.to_le_bytes());
        }
        hasher.update(&bytes[..CHECKED_BYTES]);
        let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
        [a, b, c, d]
    }

    fn is_intact(&self, bytes: &[u8; HEADER_BYTES]) -> bool {
        bytes[CHECKED_BYTES..] == self.check(bytes)
    }

    fn version(&self) -> u8 {
        self.salt.map_or(FIRST_VERSION, |_| VERSION)
    }

    /// Whether the bytes would be a header of this file but for the number of the format.
    fn is_damaged_version(&self, bytes: &[u8; HEADER_BYTES]) -> bool {
        let mut repaired = *bytes;
        repaired[4] = self.version();
        self.is_intact(&repaired)
    }
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

    /// The bytes of the whole record.
    pub(crate) fn record_bytes(&self) -> u64 {
        record_bytes(self.length)
    }

    pub(crate) fn encode(&self, seal: Seal) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = seal.version();
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
        let check = seal.check(&bytes);
        bytes[CHECKED_BYTES..].copy_from_slice(&check);
        bytes
    }

    /// The header that these bytes are at their place; `None` if they are none.
    ///
    /// # Errors
    /// [`NewerRecord`] if they are one of a newer format.
    pub(crate) fn decode(
        bytes: &[u8; HEADER_BYTES],
        seal: Seal,
    ) -> Result<Option<Self>, NewerRecord> {
        if bytes[0..4] != MAGIC {
            return Ok(None);
        }
        if bytes[4] > VERSION && !seal.is_damaged_version(bytes) {
            return Err(NewerRecord(bytes[4]));
        }
        Ok(if bytes[4] == seal.version() && seal.is_intact(bytes) {
            Self::fields(bytes)
        } else {
            None
        })
    }

    fn fields(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
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

/// The bytes of a record with a payload of this length.
pub(crate) fn record_bytes(length: u32) -> u64 {
    u64::from(length).saturating_add(HEADER_BYTES as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALS: [Seal; 2] = [
        Seal {
            salt: None,
            offset: 0,
        },
        Seal {
            salt: Some([3; 8]),
            offset: 4711,
        },
    ];

    #[test]
    fn headers_survive_encoding_and_no_flipped_bit_does() {
        let header = Header::put(BlobId([7; 32]), SliverType::Secondary, b"payload").unwrap();
        for seal in SEALS {
            let bytes = header.encode(seal);
            assert_eq!(Header::decode(&bytes, seal), Ok(Some(header.clone())));
            for bit in 0..HEADER_BYTES * 8 {
                let mut damaged = bytes;
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Header::decode(&damaged, seal), Ok(None), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_header_of_another_file_or_place_is_none_here() {
        let header = Header::put(BlobId([7; 32]), SliverType::Primary, b"payload").unwrap();
        let seal = SEALS[1];
        let bytes = header.encode(seal);
        let elsewhere = [
            Seal { offset: 0, ..seal },
            Seal {
                salt: Some([4; 8]),
                ..seal
            },
            SEALS[0],
        ];
        for other in elsewhere {
            assert_eq!(Header::decode(&bytes, other), Ok(None));
        }
        // One of the first format, as anybody can make it, is none in a file of ours.
        let forged = header.encode(SEALS[0]);
        assert_eq!(Header::decode(&forged, seal), Ok(None));
    }

    #[test]
    fn a_header_of_a_newer_format_is_known_as_one() {
        for seal in SEALS {
            let header = Header::put(BlobId([7; 32]), SliverType::Primary, b"").unwrap();
            let mut bytes = header.encode(seal);
            bytes[4] = VERSION + 1;
            // Whatever follows in that format.
            bytes[40..].fill(0x5a);
            assert_eq!(Header::decode(&bytes, seal), Err(NewerRecord(VERSION + 1)));
        }
    }
}
