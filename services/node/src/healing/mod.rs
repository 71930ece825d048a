//! Healing: what a node does by itself so that it holds what it should hold, and nothing else. Node spec 3.9 and 5.1 to 5.3.
//!
//! * [`Recovery`] works off the queue of slivers that are missing of certified blobs. The queue is a table that the event fold and
//!   the storage write, so that nothing is forgotten by a crash. `Deferrals` let it wait for live uploads.
//! * [`ShardSync`] brings gained shards from those who had them before; recovery does the rest.
//! * A blob that turns out to be encoded wrongly is proven to be so: [`InvalidityReporter`].
//! * [`Expiry`] deletes what nobody pays for any more.

mod book;
mod deferrals;
mod error;
mod expiry;
mod failures;
mod gather;
mod healer;
mod invalidity;
mod metadata;
mod pace;
mod peers;
mod recovery;
mod sliver;
mod transfer;
mod whole;

pub(crate) use self::{book::RepairBook, deferrals::Deferrals, healer::Healer};
pub use self::{
    book::{QueuedFor, RepairQueue},
    error::HealingError,
    expiry::Expiry,
    invalidity::InvalidityReporter,
    peers::PeerTerms,
    recovery::Recovery,
    transfer::ShardSync,
};
pub(crate) use self::{metadata::MetadataSource, peers::Peers, transfer::Transfers};
