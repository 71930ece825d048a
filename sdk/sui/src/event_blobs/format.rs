//! The frame of an event blob: what is before, around and behind its elements.

use walrus_core::{BlobId, Epoch};

use super::{ElementError, MAX_ELEMENT_BYTES, element::EventName};

const MAGIC: u32 = 0x005E_A1CE;
const VERSION: u32 = 1;
/// How elements are encoded: BCS.
const ENCODING: u8 = 1;
/// Bytes of a header.
pub const HEADER_BYTES: usize = 84;
/// Bytes behind the entries.
pub const TRAILER_BYTES: usize = 16;

/// What is no frame of an event blob.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The first bytes are others.
    #[error("no event blob: it begins with {found:08x}, not with {MAGIC:08x}")]
    Magic {
        /// What it begins with.
        found: u32,
    },
    /// A version that is not known.
    #[error("upgrade required: an event blob of version {found}, of which only {VERSION} is known")]
    Version {
        /// Its version.
        found: u32,
    },
    /// It ends too early.
    #[error("the event blob ends within {what}")]
    Truncated {
        /// Within what.
        what: &'static str,
    },
    /// An entry whose element cannot be so long.
    #[error("an entry of {bytes} bytes, of at most {MAX_ELEMENT_BYTES}")]
    EntryTooLong {
        /// How long, as far as it was read.
        bytes: u64,
    },
    /// A length that is not written as short as it can be.
    #[error("the length of an entry is not in its shortest form")]
    LengthForm,
    /// Elements in another encoding than BCS.
    #[error("upgrade required: an entry of encoding {found}, of which only {ENCODING} is known")]
    Encoding {
        /// Its encoding.
        found: u8,
    },
    /// An entry without an element.
    #[error(transparent)]
    Element(#[from] ElementError),
}

/// What an event blob begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The epoch of the events when the blob was begun.
    pub epoch: Epoch,
    /// The certified event blob before it; zeros if there is none.
    pub previous_blob: BlobId,
    /// The event with which that ended; zeros if it was the end of a checkpoint, as it always is.
    pub previous_event: EventName,
}

impl Header {
    /// Of the blob behind `previous`, begun in `epoch`.
    pub fn after(previous: Option<BlobId>, epoch: Epoch) -> Self {
        Self {
            epoch,
            previous_blob: previous.unwrap_or(BlobId([0; 32])),
            previous_event: EventName::default(),
        }
    }

    /// The event blob before, if there is one.
    pub fn previous(&self) -> Option<BlobId> {
        Some(self.previous_blob).filter(|id| id.0 != [0; 32])
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC.to_be_bytes());
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.previous_blob.0);
        bytes.extend_from_slice(&self.previous_event.tx_digest);
        bytes.extend_from_slice(&self.previous_event.sequence.to_be_bytes());
        bytes.try_into().unwrap_or([0; HEADER_BYTES])
    }

    /// The header of these bytes.
    ///
    /// # Errors
    /// [`FormatError::Magic`], [`FormatError::Version`], [`FormatError::Truncated`].
    pub fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, FormatError> {
        let mut rest = bytes.as_slice();
        let found = u32::from_be_bytes(take(&mut rest, "its header")?);
        if found != MAGIC {
            return Err(FormatError::Magic { found });
        }
        let found = u32::from_be_bytes(take(&mut rest, "its header")?);
        if found != VERSION {
            return Err(FormatError::Version { found });
        }
        Ok(Self {
            epoch: Epoch::from_be_bytes(take(&mut rest, "its header")?),
            previous_blob: BlobId(take(&mut rest, "its header")?),
            previous_event: EventName {
                tx_digest: take(&mut rest, "its header")?,
                sequence: u64::from_be_bytes(take(&mut rest, "its header")?),
            },
        })
    }
}

/// The bytes of an entry with the bytes of an element in it.
///
/// # Errors
/// [`ElementError::TooLong`].
pub fn entry(element: &[u8]) -> Result<Vec<u8>, ElementError> {
    let bytes = element.len();
    if bytes > MAX_ELEMENT_BYTES {
        return Err(ElementError::TooLong { bytes });
    }
    let mut entry = walrus_core::bounded_bcs::uleb(bytes);
    entry.push(ENCODING);
    entry.extend_from_slice(element);
    Ok(entry)
}

/// How long an entry with an element of so many bytes is.
pub fn entry_bytes(element: usize) -> u64 {
    let head = walrus_core::bounded_bcs::uleb_length(element).saturating_add(1);
    head.saturating_add(element) as u64
}

/// What is behind the entries of a blob.
pub fn trailer(first_checkpoint: u64, last_checkpoint: u64) -> [u8; TRAILER_BYTES] {
    let both = (u128::from(first_checkpoint) << 64) | u128::from(last_checkpoint);
    both.to_be_bytes()
}

/// The first and the last checkpoint that a trailer names.
pub(super) fn checkpoints(trailer: &[u8; TRAILER_BYTES]) -> Result<(u64, u64), FormatError> {
    let mut rest = trailer.as_slice();
    let first = u64::from_be_bytes(take(&mut rest, "its trailer")?);
    let last = u64::from_be_bytes(take(&mut rest, "its trailer")?);
    Ok((first, last))
}

/// The length of the element in an entry of which so much is known, and the bytes before the element; `None` if more must be known.
pub(super) fn entry_head(bytes: &[u8]) -> Result<Option<(usize, usize)>, FormatError> {
    let mut length = 0_u64;
    for (at, byte) in bytes.iter().enumerate() {
        // Four groups of seven bits are more than any entry may have.
        let shift = u32::try_from(at).unwrap_or(u32::MAX).saturating_mul(7);
        length |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if length > MAX_ELEMENT_BYTES as u64 || at > 2 {
            return Err(FormatError::EntryTooLong { bytes: length });
        }
        if byte & 0x80 == 0 {
            if *byte == 0 && at > 0 {
                return Err(FormatError::LengthForm);
            }
            let Some(encoding) = bytes.get(at.saturating_add(1)) else {
                return Ok(None);
            };
            if *encoding != ENCODING {
                return Err(FormatError::Encoding { found: *encoding });
            }
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            return Ok(Some((length, at.saturating_add(2))));
        }
    }
    Ok(None)
}

fn take<const N: usize>(rest: &mut &[u8], what: &'static str) -> Result<[u8; N], FormatError> {
    let (head, tail) = rest
        .split_first_chunk::<N>()
        .ok_or(FormatError::Truncated { what })?;
    *rest = tail;
    Ok(*head)
}
