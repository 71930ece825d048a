//! Encoding types (encoding spec 1.2).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// How a blob is encoded. BCS and on chain: one byte, 1. JSON: `"RS2"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum EncodingType {
    /// RedStuff over Reed-Solomon, the only supported type.
    #[default]
    RS2,
}

impl EncodingType {
    /// The byte that names this type on chain, in BCS and in the blob-ID preimage.
    pub const fn id(self) -> u8 {
        match self {
            Self::RS2 => 1,
        }
    }
}

impl TryFrom<u8> for EncodingType {
    type Error = UnsupportedEncodingType;

    fn try_from(id: u8) -> Result<Self, Self::Error> {
        match id {
            1 => Ok(Self::RS2),
            _ => Err(UnsupportedEncodingType { id }),
        }
    }
}

impl fmt::Display for EncodingType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedStuff/Reed-Solomon")
    }
}

impl FromStr for EncodingType {
    type Err = ParseEncodingTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "redstuff/reed-solomon" | "rs2" | "reed-solomon" => Ok(Self::RS2),
            _ => Err(ParseEncodingTypeError),
        }
    }
}

impl Serialize for EncodingType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit_variant("EncodingType", u32::from(self.id()), "RS2")
    }
}

impl<'de> Deserialize<'de> for EncodingType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Mirrors the enum on the wire, whose variant 0 (RaptorQ) is retired.
        #[derive(Deserialize)]
        #[serde(rename = "EncodingType")]
        enum Wire {
            RedStuffRaptorQ,
            RS2,
        }
        match Wire::deserialize(deserializer)? {
            Wire::RS2 => Ok(Self::RS2),
            Wire::RedStuffRaptorQ => Err(D::Error::custom(UnsupportedEncodingType { id: 0 })),
        }
    }
}

/// The byte names no supported encoding type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("encoding type {id} is not supported (only 1, RS2)")]
pub struct UnsupportedEncodingType {
    /// The byte found.
    pub id: u8,
}

/// The text names no supported encoding type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an encoding type; known: RedStuff/Reed-Solomon, RS2, Reed-Solomon")]
pub struct ParseEncodingTypeError;
