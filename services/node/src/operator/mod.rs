//! Operator: what whoever runs a node needs besides the node: keys, registration, the admin socket, a status in words.

pub(crate) mod account;
#[cfg(unix)]
pub mod admin;
#[cfg(unix)]
pub(crate) mod desk;
pub mod doctor;
pub(crate) mod explain;
mod keys;
mod leaving;
mod offer;
mod own_keys;
mod problems;
pub(crate) mod repair;
mod settings;
mod status;

#[cfg(unix)]
pub use self::desk::SetLogLevel;
pub use self::{
    account::{Account, Duty, KeyStanding, Rewards, Standing, WalletStanding},
    explain::{Explanation, MissingSliver, PeerAnswer},
    keys::{
        KeyFormat, KeyKind, KeysError, NETWORK_KEY_FILE, NodeKeys, PROTOCOL_KEY_FILE, convert,
        generate, write_key,
    },
    leaving::{Leaving, leaving},
    offer::{MetadataConfig, Offer, OfferError, VotingParams},
    problems::Problems,
    repair::{RepairRefused, RepairReport, RepairScope},
    settings::{SettingsError, WorkerSettings},
    status::{Status, WorkerStatus},
};
