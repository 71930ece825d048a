//! Wire forms of elements: their BCS, as node spec 2.3 lists it. Tags are declaration order.

use serde::{Deserialize, Serialize};
use sui_sdk_types::Digest;

use super::element::{Content, Element, ElementError, EventName};
use crate::events::{self as e, ContractEvent};

/// An indexed stream event.
#[derive(Serialize, Deserialize)]
pub(super) struct Indexed {
    element: Stream,
    checkpoint: u64,
    counter: u64,
    index: u64,
}

#[derive(Serialize, Deserialize)]
#[allow(clippy::large_enum_variant)]
enum Stream {
    Event(Event),
    Boundary,
}

/// An event, with its name behind its own fields.
#[derive(Serialize, Deserialize)]
struct Named<T> {
    event: T,
    tx_digest: Digest,
    sequence: u64,
}

#[derive(Serialize, Deserialize)]
enum Event {
    Blob(Blob),
    EpochChange(EpochChange),
    Package(Package),
    DenyList(DenyList),
    Protocol(Protocol),
    StoragePool(StoragePool),
}

#[derive(Serialize, Deserialize)]
enum Blob {
    Registered(Named<e::BlobRegistered>),
    Certified(Named<e::BlobCertified>),
    Deleted(Named<e::BlobDeleted>),
    InvalidBlobId(Named<e::InvalidBlobId>),
    DenyListBlobDeleted(Named<e::DenyListBlobDeleted>),
    PooledBlobRegistered(Named<e::PooledBlobRegistered>),
    PooledBlobCertified(Named<e::PooledBlobCertified>),
    PooledBlobDeleted(Named<e::PooledBlobDeleted>),
}

#[derive(Serialize, Deserialize)]
// Named as the events are.
#[allow(clippy::enum_variant_names)]
enum EpochChange {
    EpochParametersSelected(Named<e::EpochParametersSelected>),
    EpochChangeStart(Named<e::EpochChangeStart>),
    EpochChangeDone(Named<e::EpochChangeDone>),
    ShardsReceived(Named<e::ShardsReceived>),
    ShardRecoveryStart(Named<e::ShardRecoveryStart>),
}

#[derive(Serialize, Deserialize)]
#[allow(clippy::enum_variant_names)]
enum Package {
    ContractUpgraded(Named<e::ContractUpgraded>),
    ContractUpgradeProposed(Named<e::ContractUpgradeProposed>),
    ContractUpgradeQuorumReached(Named<e::ContractUpgradeQuorumReached>),
}

#[derive(Serialize, Deserialize)]
enum DenyList {
    RegisterDenyListUpdate(Named<e::RegisterDenyListUpdate>),
    DenyListUpdate(Named<e::DenyListUpdate>),
}

#[derive(Serialize, Deserialize)]
enum Protocol {
    ProtocolVersionUpdated(Named<e::ProtocolVersionUpdated>),
    PricesUpdated(Named<e::PricesUpdated>),
}

#[derive(Serialize, Deserialize)]
enum StoragePool {
    StoragePoolCreated(Named<e::StoragePoolCreated>),
    StoragePoolExtended(Named<e::StoragePoolExtended>),
}

impl<T> Named<T> {
    fn new(event: &T, name: &EventName) -> Self
    where
        T: Clone,
    {
        Self {
            event: event.clone(),
            tx_digest: Digest::new(name.tx_digest),
            sequence: name.sequence,
        }
    }

    fn content(self, wrap: impl FnOnce(T) -> ContractEvent) -> Content {
        Content::Event {
            name: EventName {
                tx_digest: self.tx_digest.into_inner(),
                sequence: self.sequence,
            },
            event: wrap(self.event),
        }
    }
}

impl TryFrom<&Element> for Indexed {
    type Error = ElementError;

    fn try_from(element: &Element) -> Result<Self, ElementError> {
        Ok(Self {
            element: match &element.content {
                Content::Boundary => Stream::Boundary,
                Content::Event { name, event } => Stream::Event(Event::of(event, name)?),
            },
            checkpoint: element.checkpoint,
            counter: element.counter,
            index: element.index,
        })
    }
}

impl From<Indexed> for Element {
    fn from(indexed: Indexed) -> Self {
        Self {
            content: match indexed.element {
                Stream::Boundary => Content::Boundary,
                Stream::Event(event) => event.content(),
            },
            checkpoint: indexed.checkpoint,
            counter: indexed.counter,
            index: indexed.index,
        }
    }
}

impl Event {
    fn of(event: &ContractEvent, name: &EventName) -> Result<Self, ElementError> {
        use ContractEvent as C;
        Ok(match event {
            C::BlobRegistered(event) => Self::Blob(Blob::Registered(Named::new(event, name))),
            C::BlobCertified(event) => Self::Blob(Blob::Certified(Named::new(event, name))),
            C::BlobDeleted(event) => Self::Blob(Blob::Deleted(Named::new(event, name))),
            C::InvalidBlobId(event) => Self::Blob(Blob::InvalidBlobId(Named::new(event, name))),
            C::DenyListBlobDeleted(event) => {
                Self::Blob(Blob::DenyListBlobDeleted(Named::new(event, name)))
            }
            C::PooledBlobRegistered(event) => {
                Self::Blob(Blob::PooledBlobRegistered(Named::new(event, name)))
            }
            C::PooledBlobCertified(event) => {
                Self::Blob(Blob::PooledBlobCertified(Named::new(event, name)))
            }
            C::PooledBlobDeleted(event) => {
                Self::Blob(Blob::PooledBlobDeleted(Named::new(event, name)))
            }
            C::EpochParametersSelected(event) => Self::EpochChange(
                EpochChange::EpochParametersSelected(Named::new(event, name)),
            ),
            C::EpochChangeStart(event) => {
                Self::EpochChange(EpochChange::EpochChangeStart(Named::new(event, name)))
            }
            C::EpochChangeDone(event) => {
                Self::EpochChange(EpochChange::EpochChangeDone(Named::new(event, name)))
            }
            C::ShardsReceived(event) => {
                Self::EpochChange(EpochChange::ShardsReceived(Named::new(event, name)))
            }
            C::ShardRecoveryStart(event) => {
                Self::EpochChange(EpochChange::ShardRecoveryStart(Named::new(event, name)))
            }
            C::ContractUpgraded(event) => {
                Self::Package(Package::ContractUpgraded(Named::new(event, name)))
            }
            C::ContractUpgradeProposed(event) => {
                Self::Package(Package::ContractUpgradeProposed(Named::new(event, name)))
            }
            C::ContractUpgradeQuorumReached(event) => Self::Package(
                Package::ContractUpgradeQuorumReached(Named::new(event, name)),
            ),
            C::RegisterDenyListUpdate(event) => {
                Self::DenyList(DenyList::RegisterDenyListUpdate(Named::new(event, name)))
            }
            C::DenyListUpdate(event) => {
                Self::DenyList(DenyList::DenyListUpdate(Named::new(event, name)))
            }
            C::ProtocolVersionUpdated(event) => {
                Self::Protocol(Protocol::ProtocolVersionUpdated(Named::new(event, name)))
            }
            C::PricesUpdated(event) => {
                Self::Protocol(Protocol::PricesUpdated(Named::new(event, name)))
            }
            C::StoragePoolCreated(event) => {
                Self::StoragePool(StoragePool::StoragePoolCreated(Named::new(event, name)))
            }
            C::StoragePoolExtended(event) => {
                Self::StoragePool(StoragePool::StoragePoolExtended(Named::new(event, name)))
            }
            C::Unknown(event) => {
                let event_type = event.event_type.to_string();
                return Err(ElementError::Unknown { event_type });
            }
        })
    }

    fn content(self) -> Content {
        use ContractEvent as C;
        match self {
            Self::Blob(Blob::Registered(event)) => event.content(C::BlobRegistered),
            Self::Blob(Blob::Certified(event)) => event.content(C::BlobCertified),
            Self::Blob(Blob::Deleted(event)) => event.content(C::BlobDeleted),
            Self::Blob(Blob::InvalidBlobId(event)) => event.content(C::InvalidBlobId),
            Self::Blob(Blob::DenyListBlobDeleted(event)) => event.content(C::DenyListBlobDeleted),
            Self::Blob(Blob::PooledBlobRegistered(event)) => event.content(C::PooledBlobRegistered),
            Self::Blob(Blob::PooledBlobCertified(event)) => event.content(C::PooledBlobCertified),
            Self::Blob(Blob::PooledBlobDeleted(event)) => event.content(C::PooledBlobDeleted),
            Self::EpochChange(EpochChange::EpochParametersSelected(event)) => {
                event.content(C::EpochParametersSelected)
            }
            Self::EpochChange(EpochChange::EpochChangeStart(event)) => {
                event.content(C::EpochChangeStart)
            }
            Self::EpochChange(EpochChange::EpochChangeDone(event)) => {
                event.content(C::EpochChangeDone)
            }
            Self::EpochChange(EpochChange::ShardsReceived(event)) => {
                event.content(C::ShardsReceived)
            }
            Self::EpochChange(EpochChange::ShardRecoveryStart(event)) => {
                event.content(C::ShardRecoveryStart)
            }
            Self::Package(Package::ContractUpgraded(event)) => event.content(C::ContractUpgraded),
            Self::Package(Package::ContractUpgradeProposed(event)) => {
                event.content(C::ContractUpgradeProposed)
            }
            Self::Package(Package::ContractUpgradeQuorumReached(event)) => {
                event.content(C::ContractUpgradeQuorumReached)
            }
            Self::DenyList(DenyList::RegisterDenyListUpdate(event)) => {
                event.content(C::RegisterDenyListUpdate)
            }
            Self::DenyList(DenyList::DenyListUpdate(event)) => event.content(C::DenyListUpdate),
            Self::Protocol(Protocol::ProtocolVersionUpdated(event)) => {
                event.content(C::ProtocolVersionUpdated)
            }
            Self::Protocol(Protocol::PricesUpdated(event)) => event.content(C::PricesUpdated),
            Self::StoragePool(StoragePool::StoragePoolCreated(event)) => {
                event.content(C::StoragePoolCreated)
            }
            Self::StoragePool(StoragePool::StoragePoolExtended(event)) => {
                event.content(C::StoragePoolExtended)
            }
        }
    }
}
