//! Secret of a key: `wk_`, its ID, and 256 random bits. Only a hash of these is kept.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What every key begins with, so that it is known where it does not belong.
pub(super) const PREFIX: &str = "wk_";

/// The ID of a key: 16 random bytes, which are no secret. As text, 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct KeyId(pub(super) [u8; 16]);

impl KeyId {
    pub(crate) const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no ID of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ID of a key has 32 hexadecimal digits")]
pub struct NoKeyId;

impl FromStr for KeyId {
    type Err = NoKeyId;

    fn from_str(text: &str) -> Result<Self, NoKeyId> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NoKeyId)?;
        Ok(Self(bytes))
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for KeyId {
    type Error = NoKeyId;

    fn try_from(text: String) -> Result<Self, NoKeyId> {
        text.parse()
    }
}

/// A key as its holder has it. It is in no output but the one that it is made for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    id: KeyId,
    bits: [u8; 32],
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret of key {}", self.id)
    }
}

impl Secret {
    /// A new one.
    pub(super) fn random() -> Self {
        Self {
            id: KeyId(rand::random()),
            bits: rand::random(),
        }
    }

    /// The ID of the key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What is kept of it: its SHA-256. The bits are random, so that nothing slower is needed.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.bits).into()
    }

    /// The text that goes into `Authorization: Bearer …`.
    pub fn reveal(&self) -> String {
        let bytes = [&self.id.0[..], &self.bits].concat();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The key that a text is.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(text.strip_prefix(PREFIX)?)
            .ok()?;
        let (id, bits) = bytes.split_first_chunk()?;
        Some(Self {
            id: KeyId(*id),
            bits: bits.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_back_from_their_text_and_are_in_no_other() {
        let secret = Secret::random();
        let text = secret.reveal();
        assert!(text.starts_with("wk_") && text.len() == 67, "{text}");
        assert_eq!(Secret::parse(&text), Some(secret.clone()));
        assert!(!text.contains(&format!("{secret:?}")));
        for other in ["", "wk_", "wk_AAAA", &text[3..], &format!("{text}AA")] {
            assert_eq!(Secret::parse(other), None, "{other}");
        }
        assert_eq!(secret.id().to_string().parse(), Ok(secret.id()));
    }
}
