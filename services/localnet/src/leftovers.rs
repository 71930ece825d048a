//! Temporary directories of networks that were killed: nobody else removes them.
//!
//! A directory is swept only if all of this holds: it has a name that [`Kind::temporary_prefix`] begins, in the directory for temporary files; it
//! is no link; it belongs to the user of this process; the lock file in it has a process ID, which is written by whoever holds the
//! lock; and nobody holds the lock. A network that is starting has either no lock file yet, or an empty one, or holds the lock.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

use crate::directory::Kind;

/// Removes the directories of dead networks beside `own`, a temporary directory of this process.
pub(crate) fn sweep(kind: Kind, own: &Path) {
    // What cannot be removed is in nobody's way, and the next one tries again.
    let _ = try_sweep(kind, own);
}

fn try_sweep(kind: Kind, own: &Path) -> io::Result<()> {
    let user = fs::symlink_metadata(own)?.uid();
    let beside = own.parent().ok_or(io::ErrorKind::NotFound)?;
    for entry in fs::read_dir(beside)? {
        let path = entry?.path();
        if path != own && is_candidate(kind, &path, user) {
            let _ = remove_if_dead(kind, &path);
        }
    }
    Ok(())
}

fn is_candidate(kind: Kind, path: &Path, user: u32) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let rest = name.and_then(|name| name.strip_prefix(&kind.temporary_prefix()));
    let is_named = rest
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric()));
    let is_own = |found: fs::Metadata| found.is_dir() && found.uid() == user;
    is_named && fs::symlink_metadata(path).is_ok_and(is_own)
}

fn remove_if_dead(kind: Kind, dir: &Path) -> io::Result<()> {
    let path = kind.lock_path(dir);
    let named = fs::symlink_metadata(&path)?;
    if !named.is_file() || named.len() == 0 {
        return Ok(());
    }
    // Held until all is gone, so that no other process sweeps here.
    let lock = File::open(&path)?;
    let opened = lock.metadata()?;
    if lock.try_lock().is_err() || (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
        return Ok(());
    }
    // Somebody who swept here before may have let go of the lock of a file that is gone.
    fs::symlink_metadata(&path)?;
    remove(dir, &path)
}

/// The lock file goes last: what is left of a removal that is interrupted can be recognized.
fn remove(dir: &Path, lock: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.path() == lock {
            continue;
        }
        // Neither follows links.
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    fs::remove_file(lock)?;
    fs::remove_dir(dir)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::symlink, path::PathBuf};

    use tempfile::TempDir;

    use super::*;

    struct Place {
        top: TempDir,
        own: PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let top = tempfile::tempdir().unwrap();
            let own = top.path().join("walrus-localnet-own");
            fs::create_dir(&own).unwrap();
            Self { top, own }
        }

        /// A directory as a network leaves it that is killed, under any name.
        fn dead(&self, name: &str) -> PathBuf {
            let dir = self.top.path().join(name);
            fs::create_dir_all(dir.join("nodes/0/storage")).unwrap();
            fs::write(dir.join("nodes/0/storage/data"), b"data").unwrap();
            fs::write(dir.join("state.json"), b"{}").unwrap();
            fs::write(dir.join("localnet.lock"), b"1\n").unwrap();
            dir
        }

        fn sweep(&self) {
            sweep(Kind::Network, &self.own);
            assert!(self.own.exists());
        }
    }

    #[test]
    fn what_a_killed_network_leaves_goes() {
        let place = Place::new();
        let dead = [
            place.dead("walrus-localnet-aB3"),
            place.dead("walrus-localnet-x"),
        ];
        place.sweep();
        assert!(dead.iter().all(|dir| !dir.exists()));
        place.sweep();
    }

    #[test]
    fn a_network_that_is_up_or_starting_stays() {
        let place = Place::new();
        let live = place.dead("walrus-localnet-live");
        let lock = File::open(live.join("localnet.lock")).unwrap();
        lock.lock().unwrap();
        let starting = place.dead("walrus-localnet-starting");
        fs::write(starting.join("localnet.lock"), b"").unwrap();
        let new = place.dead("walrus-localnet-new");
        fs::remove_file(new.join("localnet.lock")).unwrap();
        place.sweep();
        for dir in [&live, &starting, &new] {
            assert!(dir.join("nodes/0/storage/data").exists(), "{dir:?}");
        }
        drop(lock);
        place.sweep();
        assert!(!live.exists());
    }

    #[test]
    fn what_is_of_somebody_else_stays() {
        let place = Place::new();
        let others = [
            "walrus-localnet-",
            "walrus-localnet-my.backup",
            "walrus-devchain-aB3",
            "network",
        ];
        let others = others.map(|name| place.dead(name));
        place.sweep();
        assert!(others.iter().all(|dir| dir.join("state.json").exists()));
        // As if it belonged to another user.
        let dead = place.dead("walrus-localnet-aB3");
        let user = fs::metadata(&dead).unwrap().uid();
        assert!(is_candidate(Kind::Network, &dead, user));
        assert!(!is_candidate(Kind::Network, &dead, user.wrapping_add(1)));
    }

    #[test]
    fn links_are_not_followed() {
        let place = Place::new();
        let other = place.dead("other");
        symlink(&other, place.top.path().join("walrus-localnet-link")).unwrap();
        let dead = place.dead("walrus-localnet-aB3");
        symlink(&other, dead.join("nodes/0/link")).unwrap();
        symlink(other.join("state.json"), dead.join("link")).unwrap();
        let locked_elsewhere = place.dead("walrus-localnet-b");
        fs::remove_file(locked_elsewhere.join("localnet.lock")).unwrap();
        symlink(
            other.join("localnet.lock"),
            locked_elsewhere.join("localnet.lock"),
        )
        .unwrap();
        place.sweep();
        assert!(!dead.exists());
        assert!(locked_elsewhere.join("state.json").exists());
        for file in ["state.json", "localnet.lock", "nodes/0/storage/data"] {
            assert!(other.join(file).exists(), "{file}");
        }
        assert!(place.top.path().join("walrus-localnet-link").is_symlink());
    }
}
