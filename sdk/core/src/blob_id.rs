//! Blob IDs and their representations (encoding spec 3.5).

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{encoding_type::EncodingType, hashing, merkle::Node};

/// The name of a blob: a hash of encoding type, length and root hash.
///
/// Text and JSON: base64url without padding, 43 characters. BCS: the 32 raw bytes, which on chain are a
/// `u256` in little-endian order. Ordering is lexicographic on the bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub [u8; 32]);

impl BlobId {
    /// Length in bytes.
    pub const LENGTH: usize = 32;
    /// The smallest ID, where shard sync starts.
    pub const ZERO: Self = Self([0; 32]);

    /// Derives the ID: BLAKE2b-256 of type (1 byte) ‖ length (u64 LE) ‖ root hash (32 bytes).
    pub fn from_root(root_hash: &Node, encoding_type: EncodingType, unencoded_length: u64) -> Self {
        let mut preimage = [0u8; 41];
        let (head, root) = preimage.split_at_mut(9);
        let (kind, length) = head.split_at_mut(1);
        kind.copy_from_slice(&[encoding_type.id()]);
        length.copy_from_slice(&unencoded_length.to_le_bytes());
        root.copy_from_slice(&root_hash.bytes());
        Self(hashing::blake2b256(&preimage))
    }

    /// The 32 bytes; read as a little-endian `u256` they are the on-chain value.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The on-chain `u256` as decimal digits, as JSON of Sui objects shows it.
    pub fn to_decimal(&self) -> String {
        crate::decimal::u256_le_to_decimal(&self.0)
    }

    /// Parses the decimal form of the on-chain `u256`.
    ///
    /// # Errors
    /// [`ParseBlobIdError`] unless the text is a decimal number below 2^256.
    pub fn from_decimal(text: &str) -> Result<Self, ParseBlobIdError> {
        crate::decimal::decimal_to_u256_le(text)
            .map(Self)
            .ok_or(ParseBlobIdError::Decimal)
    }
}

impl From<[u8; 32]> for BlobId {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for BlobId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for BlobId {
    type Error = ParseBlobIdError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| ParseBlobIdError::Length {
                length: bytes.len(),
            })
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}

impl FromStr for BlobId {
    type Err = ParseBlobIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| ParseBlobIdError::Base64)?;
        Self::try_from(bytes.as_slice())
    }
}

impl Serialize for BlobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for BlobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

/// The input is no blob ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseBlobIdError {
    /// Not base64url without padding.
    #[error("a blob ID is base64url without padding")]
    Base64,
    /// Decodes to another number of bytes than 32.
    #[error("a blob ID has 32 bytes, not {length}")]
    Length {
        /// Number of bytes found.
        length: usize,
    },
    /// Not a decimal number below 2^256.
    #[error("not a decimal number below 2^256")]
    Decimal,
}
