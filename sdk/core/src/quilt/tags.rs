//! Tags of a patch: text for text, within a bound (encoding spec 6.1).

use std::{
    collections::{BTreeMap, btree_map},
    fmt,
};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::bounded_bcs;

/// Largest BCS length of the tags of a patch in bytes.
pub const MAX_TAGS_BCS: usize = 65_535;

/// Tags of a patch, ordered by key. BCS orders them by the serialized key: shorter keys first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// The tags, if they fit.
    ///
    /// # Errors
    /// [`TagsError::TooLong`].
    pub fn new(tags: BTreeMap<String, String>) -> Result<Self, TagsError> {
        let length = bcs_length(&tags);
        if length > MAX_TAGS_BCS {
            return Err(TagsError::TooLong {
                length,
                max: MAX_TAGS_BCS,
            });
        }
        Ok(Self(tags))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All, by key.
    pub fn iter(&self) -> btree_map::Iter<'_, String, String> {
        self.0.iter()
    }

    /// All as a map.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.0
    }

    /// The BCS, which [`MAX_TAGS_BCS`] bounds.
    pub(super) fn to_bcs(&self) -> Vec<u8> {
        bounded_bcs::to_bytes(&self.0)
    }
}

impl<'a> IntoIterator for &'a Tags {
    type Item = (&'a String, &'a String);
    type IntoIter = btree_map::Iter<'a, String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn string_length(text: &str) -> usize {
    bounded_bcs::uleb_length(text.len()).saturating_add(text.len())
}

fn bcs_length(tags: &BTreeMap<String, String>) -> usize {
    let pairs = tags
        .iter()
        .map(|(key, value)| string_length(key).saturating_add(string_length(value)));
    pairs.fold(bounded_bcs::uleb_length(tags.len()), usize::saturating_add)
}

/// Stops as soon as there are too many bytes, so that a few bytes from outside do not become many in memory.
struct TagsVisitor;

impl<'de> de::Visitor<'de> for TagsVisitor {
    type Value = Tags;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tags: a map of texts")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Tags, A::Error> {
        let mut tags = BTreeMap::new();
        let mut length = 1_usize;
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            length = length
                .saturating_add(string_length(&key))
                .saturating_add(string_length(&value));
            if length > MAX_TAGS_BCS {
                let max = MAX_TAGS_BCS;
                return Err(de::Error::custom(TagsError::TooLong { length, max }));
            }
            let repeated = TagsError::Repeated { key: key.clone() };
            if tags.insert(key, value).is_some() {
                return Err(de::Error::custom(repeated));
            }
        }
        Tags::new(tags).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TagsVisitor)
    }
}

/// Tags that no patch may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagsError {
    /// More bytes than a patch can hold.
    #[error("the tags take {length} bytes: at most {max}")]
    TooLong {
        /// Their BCS length in bytes, or how much of it was read.
        length: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// One key twice.
    #[error("the tag \"{key}\" comes twice")]
    Repeated {
        /// The key.
        key: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        let pairs = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Tags::new(pairs.collect()).unwrap()
    }

    #[test]
    fn shorter_keys_come_first() {
        let bytes = tags(&[("aa", "1"), ("b", "2")]).to_bcs();
        assert_eq!(bytes, b"\x02\x01b\x012\x02aa\x011");
        assert_eq!(
            bcs::from_bytes::<Tags>(&bytes).unwrap(),
            tags(&[("aa", "1"), ("b", "2")])
        );
        assert!(bcs::from_bytes::<Tags>(b"\x02\x02aa\x011\x01b\x012").is_err());
    }

    #[test]
    fn they_are_bounded() {
        let value = "v".repeat(65_535 - 1 - 2 - 3);
        let fits = BTreeMap::from([("k".to_owned(), value.clone())]);
        assert_eq!(Tags::new(fits).unwrap().to_bcs().len(), MAX_TAGS_BCS);
        let too_long = BTreeMap::from([("k".to_owned(), value + "v")]);
        let bytes = bcs::to_bytes(&too_long).unwrap();
        assert_eq!(
            Tags::new(too_long),
            Err(TagsError::TooLong {
                length: 65_536,
                max: 65_535
            })
        );
        assert!(bcs::from_bytes::<Tags>(&bytes).is_err());
    }
}
