//! Objects as the chain returns them.

use serde::de::DeserializeOwned;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, Digest, ObjectReference, Owner, StructTag};

use super::ChainError;
use crate::objects::decode;

/// The paths every object read asks for.
pub(crate) const OBJECT_MASK: [&str; 6] = [
    "object_id",
    "version",
    "digest",
    "owner",
    "object_type",
    "contents",
];

/// What the protocol says about gas budgets, in MIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasLimits {
    /// The largest budget of a transaction, if it is known.
    pub largest_budget: Option<u64>,
    /// The smallest one at the reference gas price, if it is known.
    pub smallest_budget: Option<u64>,
}

/// An object with its contents.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectData {
    /// Object ID.
    pub id: Address,
    /// Version.
    pub version: u64,
    /// Digest.
    pub digest: Digest,
    /// Owner.
    pub owner: Owner,
    /// The type; `None` for packages.
    pub object_type: Option<StructTag>,
    /// BCS of the Move struct; empty for packages.
    pub contents: Vec<u8>,
}

impl ObjectData {
    /// ID, version and digest, as a transaction names the object.
    pub fn reference(&self) -> ObjectReference {
        ObjectReference::new(self.id, self.version, self.digest)
    }

    /// Decodes the contents.
    ///
    /// # Errors
    /// [`ChainError::Layout`] when the contents are not exactly one `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ChainError> {
        decode(&self.contents).map_err(|source| ChainError::Layout {
            id: self.id,
            source,
        })
    }

    /// Whether it is a coin of any type.
    pub(crate) fn is_coin(&self) -> bool {
        let tag = self.object_type.as_ref();
        tag.is_some_and(|tag| {
            let is_framework = *tag.address() == Address::TWO;
            is_framework && tag.module().as_str() == "coin" && tag.name().as_str() == "Coin"
        })
    }

    /// The object as a coin.
    ///
    /// # Errors
    /// [`ChainError::Layout`] when it is none.
    pub(crate) fn as_coin(&self) -> Result<CoinObject, ChainError> {
        // Layout of `Coin<T>`: ID and balance.
        let (_, balance): (Address, u64) = self.decode()?;
        Ok(CoinObject {
            reference: self.reference(),
            balance,
        })
    }

    /// Checks module and name of the type.
    pub(crate) fn expect_type(&self, module: &str, name: &str) -> Result<&StructTag, ChainError> {
        match &self.object_type {
            Some(tag) if tag.module().as_str() == module && tag.name().as_str() == name => Ok(tag),
            other => Err(ChainError::WrongType {
                id: self.id,
                found: other
                    .as_ref()
                    .map_or_else(|| "package".to_owned(), ToString::to_string),
                expected: format!("{module}::{name}"),
            }),
        }
    }

    pub(crate) fn from_proto(
        call: &'static str,
        object: &proto::Object,
    ) -> Result<Self, ChainError> {
        let malformed = |reason: String| ChainError::Malformed { call, reason };
        let id = object
            .object_id()
            .parse()
            .map_err(|error| malformed(format!("object ID {:?}: {error}", object.object_id())))?;
        let digest = object
            .digest()
            .parse()
            .map_err(|error| malformed(format!("digest of {id}: {error}")))?;
        let owner = Owner::try_from(object.owner())
            .map_err(|error| malformed(format!("owner of {id}: {error}")))?;
        let object_type = match object.object_type() {
            "package" => None,
            text => Some(
                text.parse()
                    .map_err(|error| malformed(format!("type of {id}: {text}: {error}")))?,
            ),
        };
        let version = object
            .version_opt()
            .ok_or_else(|| malformed(format!("object {id} has no version")))?;
        Ok(Self {
            id,
            version,
            digest,
            owner,
            object_type,
            contents: object.contents().value().to_vec(),
        })
    }
}

/// A coin of a known type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinObject {
    /// ID, version and digest.
    pub reference: ObjectReference,
    /// Balance in the smallest unit.
    pub balance: u64,
}

/// What an address owns of one coin type, in the smallest unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Funds {
    /// Everything.
    pub total: u64,
    /// The part of it that lies in no coin but in the address balance.
    pub address_balance: u64,
}
