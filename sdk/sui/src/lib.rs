#![doc = include_str!("../README.md")]
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

pub mod backoff;
pub mod chain;
pub mod config;
pub mod contract;
pub mod event_blobs;
pub mod event_stream;
pub mod events;
pub mod home;
pub mod limits;
pub mod local_network;
pub mod money;
pub mod network_json;
pub mod objects;
mod public_networks;
pub mod staged;
pub mod transactions;
pub mod wallet;

pub use public_networks::is_public_network;
pub use sui_sdk_types::{
    Address, Digest, ObjectReference, Owner, PersonalMessage, StructTag, Transaction, TypeTag,
    UserSignature,
};
