//! Values that a configuration may hold as one text or as a map.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Unexpected, Visitor, value::MapAccessDeserializer},
};

/// One text, or a map of the keys of `M`.
///
/// Untagged enums of serde read a value twice out of a copy, where keys that nobody reads cannot be noticed any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextOrMap<M> {
    /// A text.
    Text(String),
    /// A map.
    Map(M),
}

impl<'de, M: Deserialize<'de>> Deserialize<'de> for TextOrMap<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Both<M>(PhantomData<M>);

        impl<'de, M: Deserialize<'de>> Visitor<'de> for Both<M> {
            type Value = TextOrMap<M>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a map")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOrMap::Text(text.to_owned()))
            }

            // What is neither may be a secret all the same, so that it is told by its kind alone.
            fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
                Err(E::invalid_type(Unexpected::Other("boolean"), &self))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
                Err(E::invalid_type(Unexpected::Other("number"), &self))
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
                Err(E::invalid_type(Unexpected::Other("number"), &self))
            }

            fn visit_i128<E: Error>(self, _: i128) -> Result<Self::Value, E> {
                Err(E::invalid_type(Unexpected::Other("number"), &self))
            }

            fn visit_u128<E: Error>(self, _: u128) -> Result<Self::Value, E> {
                Err(E::invalid_type(Unexpected::Other("number"), &self))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
                Err(E::invalid_type(Unexpected::Other("number"), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                M::deserialize(MapAccessDeserializer::new(map)).map(TextOrMap::Map)
            }
        }

        deserializer.deserialize_any(Both(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::TextOrMap;
    use crate::config::read_document;

    #[test]
    fn what_is_neither_is_not_quoted() {
        for value in ["7000", "-7000", "7000.5", "70000000000000000000000", "true"] {
            let said = read_document::<TextOrMap<()>>(value)
                .unwrap_err()
                .to_string();
            assert!(said.contains("expected a text or a map"), "{said}");
            assert!(!said.contains("7000") && !said.contains("true"), "{said}");
        }
    }
}
