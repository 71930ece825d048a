//! Values that a configuration may hold as one text or as a map.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
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

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                M::deserialize(MapAccessDeserializer::new(map)).map(TextOrMap::Map)
            }
        }

        deserializer.deserialize_any(Both(PhantomData))
    }
}
