//! Patch ID: quilt and columns of a patch in 37 bytes (encoding spec 6.5).

use std::{fmt, ops::Range, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{BlobId, index::SliverIndex, quilt::QUILT_VERSION};

/// The columns of a patch: from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatchColumns {
    /// The first column.
    pub start: u16,
    /// The first one after it.
    pub end: u16,
}

impl PatchColumns {
    /// How many.
    pub const fn count(&self) -> u16 {
        self.end.saturating_sub(self.start)
    }

    /// All, as secondary slivers.
    pub fn slivers(&self) -> impl Iterator<Item = SliverIndex> + use<> {
        Range::from(*self).map(SliverIndex)
    }
}

impl From<PatchColumns> for Range<u16> {
    fn from(columns: PatchColumns) -> Self {
        columns.start..columns.end
    }
}

impl fmt::Display for PatchColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// What a patch is read by, without its identifier.
///
/// Text and JSON: base64url without padding, 50 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuiltPatchId {
    /// Blob ID of the quilt.
    pub quilt_id: BlobId,
    /// Where the patch is.
    pub columns: PatchColumns,
}

impl QuiltPatchId {
    /// Length in bytes.
    pub const LENGTH: usize = 37;

    /// The 37 bytes.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let [s0, s1] = self.columns.start.to_le_bytes();
        let [e0, e1] = self.columns.end.to_le_bytes();
        let inner = [QUILT_VERSION, s0, s1, e0, e1];
        for (place, byte) in bytes.iter_mut().zip(self.quilt_id.0.iter().chain(&inner)) {
            *place = *byte;
        }
        bytes
    }
}

impl TryFrom<&[u8]> for QuiltPatchId {
    type Error = PatchIdError;

    fn try_from(bytes: &[u8]) -> Result<Self, PatchIdError> {
        let length = bytes.len();
        let (quilt, inner) = bytes
            .split_first_chunk::<{ BlobId::LENGTH }>()
            .ok_or(PatchIdError::Length { length })?;
        let (version, inner) = inner.split_first().ok_or(PatchIdError::BlobId)?;
        if *version != QUILT_VERSION {
            return Err(PatchIdError::Version { version: *version });
        }
        let [s0, s1, e0, e1] = *inner else {
            return Err(PatchIdError::Length { length });
        };
        Ok(Self {
            quilt_id: BlobId(*quilt),
            columns: PatchColumns {
                start: u16::from_le_bytes([s0, s1]),
                end: u16::from_le_bytes([e0, e1]),
            },
        })
    }
}

impl fmt::Display for QuiltPatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.to_bytes()))
    }
}

impl FromStr for QuiltPatchId {
    type Err = PatchIdError;

    fn from_str(text: &str) -> Result<Self, PatchIdError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| PatchIdError::Base64)?;
        Self::try_from(bytes.as_slice())
    }
}

impl Serialize for QuiltPatchId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QuiltPatchId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The input is no patch ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchIdError {
    /// Not base64url without padding.
    #[error("a patch ID is base64url without padding")]
    Base64,
    /// The ID of a blob.
    #[error("this is the ID of a blob, not of a patch")]
    BlobId,
    /// Another number of bytes than 37.
    #[error("a patch ID has 37 bytes, not {length}")]
    Length {
        /// Number of bytes found.
        length: usize,
    },
    /// Another version.
    #[error("a patch ID of version {version}, only 1 is known")]
    Version {
        /// Version found.
        version: u8,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_none_say_why() {
        let id = QuiltPatchId {
            quilt_id: BlobId([7; 32]),
            columns: PatchColumns {
                start: 258,
                end: 259,
            },
        };
        let bytes = id.to_bytes();
        let parse = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes).parse::<QuiltPatchId>();
        assert_eq!(parse(&bytes), Ok(id));
        assert_eq!(parse(&bytes[..32]), Err(PatchIdError::BlobId));
        assert_eq!(
            parse(&bytes[..31]),
            Err(PatchIdError::Length { length: 31 })
        );
        assert_eq!(
            parse(&bytes[..36]),
            Err(PatchIdError::Length { length: 36 })
        );
        assert_eq!(
            parse(&[&bytes[..], &[0]].concat()),
            Err(PatchIdError::Length { length: 38 })
        );
        let mut other = bytes;
        other[32] = 2;
        assert_eq!(parse(&other), Err(PatchIdError::Version { version: 2 }));
        assert_eq!("a=".parse::<QuiltPatchId>(), Err(PatchIdError::Base64));
    }
}
