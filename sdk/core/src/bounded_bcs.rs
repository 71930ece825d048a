//! BCS from untrusted bytes: bounded in length, exact to the last byte.

use serde::de::DeserializeOwned;

/// Bytes that are not the BCS of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BcsError {
    /// Longer than the type can be.
    #[error("{length} bytes are too many: at most {max} expected")]
    TooLong {
        /// Bytes received.
        length: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Another length than the one fixed by the blob.
    #[error("{length} bytes received, exactly {expected} expected")]
    WrongLength {
        /// Bytes received.
        length: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// Malformed, or with trailing bytes.
    #[error("malformed BCS: {0}")]
    Malformed(#[from] bcs::Error),
    /// The parameters admit no such object.
    #[error(transparent)]
    Parameters(#[from] crate::parameters::ParameterError),
}

/// Number of bytes of the shortest ULEB128 form of a length.
pub const fn uleb_length(mut value: usize) -> usize {
    let mut length = 1;
    while value >= 128 {
        value >>= 7;
        length += 1;
    }
    length
}

/// The shortest ULEB128 form of a length.
pub fn uleb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(uleb_length(value));
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 128);
    }
}

/// Decodes at most `max` bytes; trailing bytes are an error.
///
/// # Errors
/// [`BcsError::TooLong`], [`BcsError::Malformed`].
pub fn from_bytes_at_most<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, BcsError> {
    if bytes.len() > max {
        return Err(BcsError::TooLong {
            length: bytes.len(),
            max,
        });
    }
    Ok(bcs::from_bytes(bytes)?)
}

/// Decodes exactly `expected` bytes.
///
/// # Errors
/// [`BcsError::WrongLength`], [`BcsError::Malformed`].
pub fn from_bytes_exact<T: DeserializeOwned>(bytes: &[u8], expected: usize) -> Result<T, BcsError> {
    if bytes.len() != expected {
        return Err(BcsError::WrongLength {
            length: bytes.len(),
            expected,
        });
    }
    Ok(bcs::from_bytes(bytes)?)
}

/// Serializes a type of this crate, none of which can fail: no floats, no unsized sequences, no container
/// deeper than a few levels.
pub(crate) fn to_bytes<T: serde::Serialize>(value: &T) -> Vec<u8> {
    #[allow(clippy::expect_used)]
    bcs::to_bytes(value).expect("plain data serializes")
}
