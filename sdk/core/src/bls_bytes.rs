//! BLS public keys and signatures as bytes (encoding spec 5.1), available without the `bls` feature.
//!
//! BCS: fixed-size arrays without length; JSON and text: standard base64. Whether the bytes are a point of
//! the curve is checked when they are used.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
    ser::SerializeTuple,
};

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Length in bytes.
            pub const LENGTH: usize = $length;

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = FixedBytesError;

            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                let error = FixedBytesError::Length { length: bytes.len(), expected: $length };
                bytes.try_into().map(Self).map_err(|_| error)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&STANDARD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = FixedBytesError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let bytes = STANDARD.decode(text).map_err(|_| FixedBytesError::Base64)?;
                Self::try_from(bytes.as_slice())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return serializer.collect_str(self);
                }
                let mut tuple = serializer.serialize_tuple($length)?;
                for byte in &self.0 {
                    tuple.serialize_element(byte)?;
                }
                tuple.end()
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    return String::deserialize(deserializer)?.parse().map_err(de::Error::custom);
                }
                deserializer.deserialize_tuple($length, ArrayVisitor::<$length>).map(Self)
            }
        }
    };
}
pub(crate) use fixed_bytes;

pub(crate) struct ArrayVisitor<const N: usize>;

impl<'de, const N: usize> Visitor<'de> for ArrayVisitor<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<[u8; N], A::Error> {
        let mut bytes = [0; N];
        for (position, byte) in bytes.iter_mut().enumerate() {
            *byte = seq
                .next_element()?
                .ok_or_else(|| de::Error::invalid_length(position, &self))?;
        }
        Ok(bytes)
    }
}

fixed_bytes!(
    /// A BLS12-381 public key: a compressed G1 point.
    BlsPublicKey,
    48
);
fixed_bytes!(
    /// A BLS12-381 signature, single or aggregate: a compressed G2 point.
    BlsSignature,
    96
);

/// Text or bytes that are no key or signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FixedBytesError {
    /// Not standard base64.
    #[error("not standard base64")]
    Base64,
    /// Another number of bytes.
    #[error("{length} bytes, expected {expected}")]
    Length {
        /// Bytes found.
        length: usize,
        /// Bytes expected.
        expected: usize,
    },
}

/// A key or signature that does not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlsError {
    /// The bytes are no valid public key: not a point of the prime-order group, or infinity.
    #[error("invalid public key")]
    PublicKey,
    /// The bytes are no valid signature: not a point of the prime-order group.
    #[error("malformed signature")]
    MalformedSignature,
    /// The signature is not one of these keys over this message.
    #[error("the signature does not match keys and message")]
    SignatureMismatch,
    /// The bytes are no secret key: 0 or not below the group order.
    #[error("invalid secret key")]
    SecretKey,
    /// There is nothing to aggregate.
    #[error("no signatures or keys to aggregate")]
    Empty,
}
