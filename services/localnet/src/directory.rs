//! Directory of a local network: its files, and the lock on them.
//!
//! ```text
//! DIR/localnet.lock          held while the network is up
//! DIR/localnet.sock          takes orders about the nodes while the network is up
//! DIR/chain/                 the chain's log
//! DIR/nodes/N/               configuration, keys, certificate, wallet and storage of node N
//! DIR/tls/                   the authority that signs the certificates of nodes and chain
//! DIR/wallet/                a funded Sui wallet (client.yaml, sui.keystore)
//! DIR/client_config.yaml     the client configuration
//! DIR/network.json           everything another tool needs to know
//! ```

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    path::{self, Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use tempfile::TempDir;
use walrus_sui::local_network;

#[cfg(unix)]
use crate::leftovers;

/// What lives in a directory. The name of the lock file tells, so that neither is taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A chain with storage nodes.
    Network,
    /// A chain alone.
    Chain,
}

impl Kind {
    fn lock_file(self) -> &'static str {
        match self {
            Self::Network => local_network::LOCK_FILE,
            Self::Chain => "devchain.lock",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Network => "local network",
            Self::Chain => "development chain",
        }
    }

    /// Where it lives when nobody says otherwise, below the home directory.
    fn default_name(self) -> &'static str {
        match self {
            Self::Network => local_network::DIRECTORY,
            Self::Chain => "devchain",
        }
    }

    /// What a user can do whose directory is of no use.
    fn ways_out(self) -> &'static str {
        match self {
            Self::Network => {
                "choose another directory with --dir, or keep nothing with --ephemeral"
            }
            Self::Chain => {
                "choose another directory with --dir, or keep the chain in memory with --ephemeral"
            }
        }
    }

    /// Why a file or directory of it is of no use.
    pub(crate) fn unusable(self, verb: &str, path: &Path, error: &io::Error) -> anyhow::Error {
        anyhow!(
            "cannot {verb} {}: {error}; {}",
            path.display(),
            self.ways_out()
        )
    }

    /// How the name of a temporary directory begins; letters and digits follow.
    pub(crate) fn temporary_prefix(self) -> String {
        format!("walrus-{}-", self.default_name())
    }

    pub(crate) fn default_directory(self) -> Option<PathBuf> {
        std::env::home_dir().map(|home| home.join(".walrus").join(self.default_name()))
    }

    pub(crate) fn is_running(self, dir: &Path) -> bool {
        local_network::is_locked(&self.lock_path(dir))
    }

    pub(crate) fn lock_path(self, dir: &Path) -> PathBuf {
        dir.join(self.lock_file())
    }
}

/// A directory that this process has for itself.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Released when dropped.
    _lock: File,
    /// Removed when dropped.
    _temporary: Option<TempDir>,
}

impl Directory {
    /// Takes the directory, or a temporary one; those of dead processes beside that go.
    ///
    /// # Errors
    /// If somebody has it, it holds anything else, or nothing can be written there.
    pub(crate) fn take(kind: Kind, path: Option<&Path>) -> anyhow::Result<Self> {
        let temporary = match path {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix(&kind.temporary_prefix())
                    .tempdir()
                    .with_context(|| {
                        format!(
                            "cannot create a temporary directory in {}; choose another place with TMPDIR",
                            std::env::temp_dir().display()
                        )
                    })?,
            ),
        };
        let path = match (path, &temporary) {
            (Some(path), _) => path,
            (None, Some(temporary)) => temporary.path(),
            (None, None) => bail!("no directory for the local network"),
        };
        // It is named in files that are read by programs in other folders.
        let path =
            path::absolute(path).with_context(|| format!("the directory {}", path.display()))?;
        fs::create_dir_all(&path).map_err(|error| kind.unusable("create", &path, &error))?;
        ensure_ours(kind, &path)?;
        let lock = take_lock(kind, &path)?;
        #[cfg(unix)]
        if temporary.is_some() {
            leftovers::sweep(kind, &path);
        }
        Ok(Self {
            path,
            _lock: lock,
            _temporary: temporary,
        })
    }

    /// Removes what an interrupted start left behind: only what this directory's own networks write.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        for dir in [
            self.path.join("chain"),
            self.path.join("nodes"),
            self.path.join("tls"),
            self.path.join("wallet"),
        ] {
            match fs::remove_dir_all(&dir) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {}", dir.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn chain(&self) -> PathBuf {
        self.path.join("chain")
    }

    /// Where the wallets of the publisher are.
    pub(crate) fn sub_wallets(&self) -> PathBuf {
        self.path.join("sub-wallets")
    }

    /// Where the publisher keeps its state: stores that are not done, and keys.
    pub(crate) fn publisher(&self) -> PathBuf {
        self.path.join("publisher")
    }

    /// Where the authority is.
    pub(crate) fn tls(&self) -> PathBuf {
        self.path.join("tls")
    }

    pub(crate) fn node(&self, index: u16) -> PathBuf {
        self.path.join("nodes").join(index.to_string())
    }

    pub(crate) fn wallet(&self) -> PathBuf {
        self.path.join("wallet").join("client.yaml")
    }
}

/// A directory with files of somebody else is left alone.
fn ensure_ours(kind: Kind, dir: &Path) -> anyhow::Result<()> {
    let mut found = fs::read_dir(dir).map_err(|error| kind.unusable("read", dir, &error))?;
    let empty = found.next().is_none();
    if !empty && !kind.lock_path(dir).exists() {
        bail!(
            "{} is not empty and holds no {}; {}",
            dir.display(),
            kind.name(),
            kind.ways_out()
        );
    }
    Ok(())
}

fn take_lock(kind: Kind, dir: &Path) -> anyhow::Result<File> {
    let path = kind.lock_path(dir);
    let mut lock = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| kind.unusable("write to", &path, &error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // The owner's process ID is a courtesy; without it the message is still right.
            let _ = lock.read_to_string(&mut owner);
            bail!(
                "a {} is already running in {} (process {}); stop it, or {}",
                kind.name(),
                dir.display(),
                owner.trim(),
                kind.ways_out()
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_owner_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!local_network::is_running(dir.path()));
        let owner = Directory::take(Kind::Network, Some(dir.path())).unwrap();
        assert!(local_network::is_running(dir.path()));
        let refused = Directory::take(Kind::Network, Some(dir.path()))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("already running"), "{refused}");
        drop(owner);
        assert!(!local_network::is_running(dir.path()));
        Directory::take(Kind::Network, Some(dir.path())).unwrap();
    }

    #[test]
    fn a_directory_with_other_files_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("chain")).unwrap();
        let refused = Directory::take(Kind::Network, Some(dir.path()))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("not empty"), "{refused}");
        assert!(dir.path().join("chain").exists());
    }

    #[test]
    fn a_chain_and_a_network_do_not_share_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        drop(Directory::take(Kind::Chain, Some(dir.path())).unwrap());
        let refused = Directory::take(Kind::Network, Some(dir.path())).unwrap_err();
        assert!(
            refused.to_string().contains("holds no local network"),
            "{refused}"
        );
    }

    #[test]
    fn a_directory_that_cannot_be_made_or_written_names_the_ways_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"").unwrap();
        // As somebody who may write anywhere, too: a lock that is a directory.
        let locked = dir.path().join("locked");
        fs::create_dir_all(locked.join("localnet.lock")).unwrap();
        for path in [file.join("below"), file, locked] {
            let refused = Directory::take(Kind::Network, Some(&path)).unwrap_err();
            let refused = refused.to_string();
            assert!(
                refused.contains("--dir") && refused.contains("--ephemeral"),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_directory_is_known_by_a_path_that_is_right_everywhere() {
        let here = std::env::current_dir().unwrap();
        let dir = tempfile::tempdir_in(&here).unwrap();
        let relative = dir.path().strip_prefix(&here).unwrap();
        let directory = Directory::take(Kind::Network, Some(relative)).unwrap();
        assert_eq!(directory.path(), dir.path());
    }

    #[test]
    fn a_temporary_directory_goes_with_its_network() {
        let directory = Directory::take(Kind::Network, None).unwrap();
        let path = directory.path().to_owned();
        assert!(path.exists());
        drop(directory);
        assert!(!path.exists());
    }
}
