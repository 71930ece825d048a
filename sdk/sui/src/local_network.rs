//! Local networks as other programs find them: where one lives, and whether it is up.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

/// The name of its directory among the files of the user.
pub const DIRECTORY: &str = "localnet";
/// The file in its directory that is locked while it is up.
pub const LOCK_FILE: &str = "localnet.lock";
/// The client configuration in its directory.
pub const CLIENT_CONFIG_FILE: &str = "client_config.yaml";

/// Where a local network lives when nobody says otherwise: `~/.walrus/localnet`. `None` if there is no home directory.
pub fn default_directory() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".walrus").join(DIRECTORY))
}

/// The client configuration of the network in `directory`.
pub fn client_config_path(directory: &Path) -> PathBuf {
    directory.join(CLIENT_CONFIG_FILE)
}

/// Whether a local network is up in `directory`.
pub fn is_running(directory: &Path) -> bool {
    is_locked(&directory.join(LOCK_FILE))
}

/// Whether another process, or this one, has locked a file for itself.
pub fn is_locked(path: &Path) -> bool {
    File::open(path)
        .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
