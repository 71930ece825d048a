//! Operator: what whoever runs a node needs besides the node: keys, registration, the admin socket, a status in words.

pub(crate) mod account;
#[cfg(unix)]
pub mod admin;
pub mod backup;
#[cfg(unix)]
pub(crate) mod desk;
pub(crate) mod disk;
pub mod doctor;
pub(crate) mod explain;
#[cfg(unix)]
mod free_space;
pub(crate) mod fsck;
mod keys;
mod leaving;
mod offer;
mod own_keys;
mod problems;
pub(crate) mod push;
pub mod rejoin;
pub mod relocation;
pub(crate) mod repair;
pub(crate) mod scrub;
mod settings;
mod status;

#[cfg(unix)]
pub use self::desk::SetLogLevel;
pub use self::{
    account::{Account, Duty, KeyStanding, NextCommissionRate, Rewards, Standing, WalletStanding},
    disk::{AtCapView, DiskView, DrainRefused, is_unmarked, was_never_used},
    explain::{Explanation, MissingSliver, PeerAnswer, QueuedPart},
    fsck::{FsckReport, check_storage, check_unused},
    keys::{
        KeyFormat, KeyKind, KeysError, NETWORK_KEY_FILE, NodeKeys, PROTOCOL_KEY_FILE, convert,
        generate, write_key,
    },
    leaving::{Leaving, leaving},
    offer::{MetadataConfig, Offer, OfferError, VotingParams},
    problems::Problems,
    repair::{RepairRefused, RepairReport, RepairScope},
    scrub::ScrubState,
    settings::{SettingsError, WorkerSettings},
    status::{Status, WorkerStatus},
};

/// Whether a path of the storage directory belongs to the database or steers the process, and not to the slivers.
fn is_of_the_process(path: &std::path::Path) -> bool {
    let first = path.components().next();
    let name = first.map(|name| name.as_os_str().to_string_lossy().into_owned());
    name.is_some_and(|name| {
        let names = [
            "db",
            settings::FILE,
            scrub::FILE,
            backup::DIRECTORY,
            relocation::ARRIVED,
            // Event blobs that a node catches up with: it fetches them again.
            "events",
        ];
        names.contains(&&*name) || name.starts_with("db.") || name.ends_with(".sock")
    })
}
