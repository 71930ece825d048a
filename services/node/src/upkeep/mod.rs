//! Upkeep: what a node compares with the outside now and then. Node spec 5.10 and 5.12.

mod blocklist;
mod differences;
mod rotation;
mod synchronizer;

pub use self::{
    blocklist::BlocklistRefresh,
    differences::differences,
    rotation::{Keys, NotUnderstood, Rotation, rotated},
    synchronizer::{ConfigSynchronizer, ConfigSynchronizerConfig, Restart},
};
pub(crate) use synchronizer::Endpoint;
