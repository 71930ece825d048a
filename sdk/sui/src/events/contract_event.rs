//! Contract event: the enum over all events and its decoding from `(type, BCS)`.

use sui_sdk_types::StructTag;

use super::types::*;
use crate::objects::{LayoutError, decode};

/// The module all protocol events live in.
pub const EVENTS_MODULE: &str = "events";

/// An event of package `walrus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContractEvent {
    /// A blob object was created.
    BlobRegistered(BlobRegistered),
    /// A blob was certified or its lifetime extended.
    BlobCertified(BlobCertified),
    /// A deletable blob was deleted.
    BlobDeleted(BlobDeleted),
    /// A blob was proven inconsistent (`InvalidBlobID` on chain).
    InvalidBlobId(InvalidBlobId),
    /// An epoch began.
    EpochChangeStart(EpochChangeStart),
    /// A quorum of shards is synced.
    EpochChangeDone(EpochChangeDone),
    /// A node reported its shards as synced.
    ShardsReceived(ShardsReceived),
    /// The next committee and its parameters are selected.
    EpochParametersSelected(EpochParametersSelected),
    /// Reserved, never emitted.
    ShardRecoveryStart(ShardRecoveryStart),
    /// A migration to a new package finished.
    ContractUpgraded(ContractUpgraded),
    /// A node announced a new deny list.
    RegisterDenyListUpdate(RegisterDenyListUpdate),
    /// A deny list was certified.
    DenyListUpdate(DenyListUpdate),
    /// A deny-listed blob was deleted.
    DenyListBlobDeleted(DenyListBlobDeleted),
    /// A package upgrade was proposed.
    ContractUpgradeProposed(ContractUpgradeProposed),
    /// A proposed package has a quorum.
    ContractUpgradeQuorumReached(ContractUpgradeQuorumReached),
    /// Nodes switch to a protocol version.
    ProtocolVersionUpdated(ProtocolVersionUpdated),
    /// Prices were recomputed.
    PricesUpdated(PricesUpdated),
    /// A storage pool was created.
    StoragePoolCreated(StoragePoolCreated),
    /// A blob was registered in a storage pool.
    PooledBlobRegistered(PooledBlobRegistered),
    /// A pooled blob was certified.
    PooledBlobCertified(PooledBlobCertified),
    /// A pooled blob was deleted.
    PooledBlobDeleted(PooledBlobDeleted),
    /// The lifetime of a pool was extended.
    StoragePoolExtended(StoragePoolExtended),
    /// An event this version does not know; kept so that nobody has to guess what was skipped.
    Unknown(UnknownEvent),
}

/// An event of an unknown type, undecoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEvent {
    /// Its type.
    pub event_type: StructTag,
    /// Its BCS.
    pub contents: Vec<u8>,
}

impl ContractEvent {
    /// Decodes an event by module and struct name; the caller has checked that the address of
    /// `event_type` belongs to the contract.
    ///
    /// # Errors
    /// [`LayoutError`] when the name is known and the bytes do not have its layout.
    pub fn decode(event_type: &StructTag, contents: &[u8]) -> Result<Self, LayoutError> {
        if event_type.module().as_str() != EVENTS_MODULE {
            return Ok(Self::unknown(event_type, contents));
        }
        Ok(match event_type.name().as_str() {
            "BlobRegistered" => Self::BlobRegistered(decode(contents)?),
            "BlobCertified" => Self::BlobCertified(decode(contents)?),
            "BlobDeleted" => Self::BlobDeleted(decode(contents)?),
            "InvalidBlobID" => Self::InvalidBlobId(decode(contents)?),
            "EpochChangeStart" => Self::EpochChangeStart(decode(contents)?),
            "EpochChangeDone" => Self::EpochChangeDone(decode(contents)?),
            "ShardsReceived" => Self::ShardsReceived(decode(contents)?),
            "EpochParametersSelected" => Self::EpochParametersSelected(decode(contents)?),
            "ShardRecoveryStart" => Self::ShardRecoveryStart(decode(contents)?),
            "ContractUpgraded" => Self::ContractUpgraded(decode(contents)?),
            "RegisterDenyListUpdate" => Self::RegisterDenyListUpdate(decode(contents)?),
            "DenyListUpdate" => Self::DenyListUpdate(decode(contents)?),
            "DenyListBlobDeleted" => Self::DenyListBlobDeleted(decode(contents)?),
            "ContractUpgradeProposed" => Self::ContractUpgradeProposed(decode(contents)?),
            "ContractUpgradeQuorumReached" => Self::ContractUpgradeQuorumReached(decode(contents)?),
            "ProtocolVersionUpdated" => Self::ProtocolVersionUpdated(decode(contents)?),
            "PricesUpdated" => Self::PricesUpdated(decode(contents)?),
            "StoragePoolCreated" => Self::StoragePoolCreated(decode(contents)?),
            "PooledBlobRegistered" => Self::PooledBlobRegistered(decode(contents)?),
            "PooledBlobCertified" => Self::PooledBlobCertified(decode(contents)?),
            "PooledBlobDeleted" => Self::PooledBlobDeleted(decode(contents)?),
            "StoragePoolExtended" => Self::StoragePoolExtended(decode(contents)?),
            _ => Self::unknown(event_type, contents),
        })
    }

    /// The name of the Move struct and the BCS; `None` for unknown events.
    pub fn encode(&self) -> Option<(&'static str, Vec<u8>)> {
        match self {
            Self::BlobRegistered(event) => Some(("BlobRegistered", encode(event))),
            Self::BlobCertified(event) => Some(("BlobCertified", encode(event))),
            Self::BlobDeleted(event) => Some(("BlobDeleted", encode(event))),
            Self::InvalidBlobId(event) => Some(("InvalidBlobID", encode(event))),
            Self::EpochChangeStart(event) => Some(("EpochChangeStart", encode(event))),
            Self::EpochChangeDone(event) => Some(("EpochChangeDone", encode(event))),
            Self::ShardsReceived(event) => Some(("ShardsReceived", encode(event))),
            Self::EpochParametersSelected(event) => {
                Some(("EpochParametersSelected", encode(event)))
            }
            Self::ShardRecoveryStart(event) => Some(("ShardRecoveryStart", encode(event))),
            Self::ContractUpgraded(event) => Some(("ContractUpgraded", encode(event))),
            Self::RegisterDenyListUpdate(event) => Some(("RegisterDenyListUpdate", encode(event))),
            Self::DenyListUpdate(event) => Some(("DenyListUpdate", encode(event))),
            Self::DenyListBlobDeleted(event) => Some(("DenyListBlobDeleted", encode(event))),
            Self::ContractUpgradeProposed(event) => {
                Some(("ContractUpgradeProposed", encode(event)))
            }
            Self::ContractUpgradeQuorumReached(event) => {
                Some(("ContractUpgradeQuorumReached", encode(event)))
            }
            Self::ProtocolVersionUpdated(event) => Some(("ProtocolVersionUpdated", encode(event))),
            Self::PricesUpdated(event) => Some(("PricesUpdated", encode(event))),
            Self::StoragePoolCreated(event) => Some(("StoragePoolCreated", encode(event))),
            Self::PooledBlobRegistered(event) => Some(("PooledBlobRegistered", encode(event))),
            Self::PooledBlobCertified(event) => Some(("PooledBlobCertified", encode(event))),
            Self::PooledBlobDeleted(event) => Some(("PooledBlobDeleted", encode(event))),
            Self::StoragePoolExtended(event) => Some(("StoragePoolExtended", encode(event))),
            Self::Unknown(_) => None,
        }
    }

    fn unknown(event_type: &StructTag, contents: &[u8]) -> Self {
        Self::Unknown(UnknownEvent {
            event_type: event_type.clone(),
            contents: contents.to_vec(),
        })
    }
}

/// BCS of an event; these types hold nothing that BCS cannot express.
fn encode<T: serde::Serialize>(event: &T) -> Vec<u8> {
    bcs::to_bytes(event).unwrap_or_default()
}
