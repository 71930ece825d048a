//! Operator: what whoever runs a node needs besides the node: keys, registration, the admin socket, a status in words.

#[cfg(unix)]
pub mod admin;
mod keys;
mod offer;
pub(crate) mod own_keys;
mod status;

pub use self::{
    keys::{
        KeyFormat, KeyKind, KeysError, NETWORK_KEY_FILE, NodeKeys, PROTOCOL_KEY_FILE, convert,
        generate, write_key,
    },
    offer::{MetadataConfig, Offer, OfferError, VotingParams},
    status::{Status, WorkerStatus},
};
