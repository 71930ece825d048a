//! Upload key: which uploads are the same, whoever asks for them, in this process or in a later one.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

/// What an upload is found by. Two uploads with one key are the same: the second goes on where the first was.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadKey([u8; 32]);

impl UploadKey {
    /// The key of these parts in this order: the SHA-256 of each with its length (8 bytes, little endian) before it.
    pub fn of<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            let part = part.as_ref();
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The key of a part of what this is the key of.
    #[must_use]
    pub fn part(&self, number: u64) -> Self {
        Self::of([&b"part"[..], &self.0, &number.to_le_bytes()])
    }
}

impl fmt::Display for UploadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for UploadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UploadKey({self})")
    }
}

impl Serialize for UploadKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UploadKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom("an upload key is 64 hexadecimal digits"))
    }
}

fn parse(text: &str) -> Option<UploadKey> {
    let mut digits = text.chars();
    let mut key = [0; 32];
    for byte in &mut key {
        let high = digits.next()?.to_digit(16)?;
        let low = digits.next()?.to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    digits.next().is_none().then_some(UploadKey(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart_and_keys_are_read_as_they_are_written() {
        let key = UploadKey::of(["ab", "c"]);
        assert_eq!(key, UploadKey::of([b"ab".to_vec(), b"c".to_vec()]));
        assert_ne!(key, UploadKey::of(["a", "bc"]));
        assert_ne!(key, UploadKey::of(["abc"]));
        assert_ne!(key.part(0), key.part(1));
        let written = serde_json::to_string(&key).unwrap();
        assert_eq!(written.len(), 66);
        assert_eq!(serde_json::from_str::<UploadKey>(&written).unwrap(), key);
        for wrong in [r#""""#, r#""ab""#, &written.replace('"', "\"0"), r#""é""#] {
            assert!(serde_json::from_str::<UploadKey>(wrong).is_err(), "{wrong}");
        }
    }
}
