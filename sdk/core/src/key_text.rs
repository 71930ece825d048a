//! Private keys as text: standard base64 of a flag byte and 32 secret bytes (encoding spec 5.1).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

#[cfg_attr(not(feature = "bls"), allow(dead_code))]
pub(crate) fn encode(flag: u8, secret: &[u8; 32]) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0u8; 33]);
    if let Some((first, rest)) = bytes.split_first_mut() {
        *first = flag;
        rest.copy_from_slice(secret);
    }
    Zeroizing::new(STANDARD.encode(bytes.as_ref()))
}

pub(crate) fn decode(flag: u8, text: &str) -> Result<Zeroizing<[u8; 32]>, KeyTextError> {
    let bytes = Zeroizing::new(
        STANDARD
            .decode(text.trim())
            .map_err(|_| KeyTextError::Base64)?,
    );
    let length = bytes.len();
    let (found, secret) = bytes.split_first().ok_or(KeyTextError::Length { length })?;
    if *found != flag {
        return Err(KeyTextError::Flag {
            found: *found,
            expected: flag,
        });
    }
    secret
        .try_into()
        .map(Zeroizing::new)
        .map_err(|_| KeyTextError::Length { length })
}

/// Text that is no private key of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// Not standard base64.
    #[error("a private key is standard base64")]
    Base64,
    /// A key of another scheme.
    #[error("key flag {found:#04x}, expected {expected:#04x}")]
    Flag {
        /// Flag found.
        found: u8,
        /// Flag expected.
        expected: u8,
    },
    /// Not 33 bytes.
    #[error("a private key has 33 bytes, not {length}")]
    Length {
        /// Bytes found.
        length: usize,
    },
    /// The scalar is 0 or not below the group order.
    #[error("the secret scalar is out of range")]
    Scalar,
    /// Not a PKCS#8 private key in PEM.
    #[error("not a PKCS#8 private key in PEM")]
    Pem,
}
