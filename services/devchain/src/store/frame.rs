//! Framing of records in the log: `length (u32, little endian) ‖ checksum (16 bytes) ‖ BCS`.
//!
//! The checksum is the first half of the BLAKE2b-256 digest of the length and the BCS bytes.

use std::io::{self, Read};

use sui_sdk_types::hash::Hasher;

use crate::error::StoreError;
use crate::limits::MAX_RECORD_BYTES;
use crate::record::CheckpointRecord;

const CHECKSUM_BYTES: usize = 16;
pub(super) const PREFIX_BYTES: usize = 4 + CHECKSUM_BYTES;

/// What stands before the bytes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    length: u32,
    checksum: [u8; CHECKSUM_BYTES],
}

impl Prefix {
    pub(super) fn decode(bytes: &[u8; PREFIX_BYTES]) -> Self {
        let mut prefix = Self {
            length: 0,
            checksum: [0; CHECKSUM_BYTES],
        };
        if let Some((length, checksum)) = bytes.split_first_chunk::<4>() {
            prefix.length = u32::from_le_bytes(*length);
            prefix.checksum.copy_from_slice(checksum);
        }
        prefix
    }

    /// Bytes of the whole record, this prefix included.
    pub(super) fn total(self) -> u64 {
        PREFIX_BYTES as u64 + u64::from(self.length)
    }

    /// Whether a record of this length may be there: it is not over the bound and fits into what is left.
    pub(super) fn fits(self, available: u64) -> bool {
        self.length <= MAX_RECORD_BYTES && self.total() <= available
    }

    /// Reads the bytes of the record and decodes them; `None` if they are not what the checksum is of. The length has to have
    /// been checked with [`Prefix::fits`].
    pub(super) fn read(self, reader: &mut impl Read) -> io::Result<Option<CheckpointRecord>> {
        let mut body = Vec::with_capacity(usize::try_from(self.length).unwrap_or_default());
        reader.take(u64::from(self.length)).read_to_end(&mut body)?;
        let intact = checksum(self.length, &body) == self.checksum;
        Ok(intact.then(|| bcs::from_bytes(&body).ok()).flatten())
    }
}

/// A record as it is written.
pub(super) fn encode(record: &CheckpointRecord) -> Result<Vec<u8>, StoreError> {
    let body = bcs::to_bytes(record)?;
    let length = u32::try_from(body.len())
        .ok()
        .filter(|length| *length <= MAX_RECORD_BYTES)
        .ok_or(StoreError::TooLarge {
            bytes: body.len(),
            limit: MAX_RECORD_BYTES,
        })?;
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + body.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&checksum(length, &body));
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

fn checksum(length: u32, body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = Hasher::new();
    hasher.update(length.to_le_bytes());
    hasher.update(body);
    let digest = hasher.finalize().into_inner();
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    checksum
}
