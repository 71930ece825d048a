//! Relocation: moves the storage of a node that does not run to another directory, and leaves a tombstone that keeps a node from
//! starting in the old one. Two nodes that go on from one state would sign as one.
//!
//! Backups in the storage share files with it. They share them in the new place as well, or are left where they are: as copies they would
//! need room that nobody has planned for.

mod book;
mod copying;
mod error;
#[cfg(unix)]
mod receiving;
mod remote;
mod sending;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use walrus_service::clock::Clock;
use walrus_sui::{Address, wallet::replace_private};

use self::copying::{Copying, shared};
#[cfg(unix)]
pub use self::receiving::Receiver;
pub use self::{error::RelocationError, sending::Sending};
use super::backup;

/// The name of the tombstone in the old directory.
const TOMBSTONE: &str = "moved.json";
/// The name of what says in the new directory when the storage came there.
pub(super) const ARRIVED: &str = "arrived.json";
/// In the new directory while it is filled: whose storage it is to be.
const UNFINISHED: &str = ".moving.json";

/// What is left where a storage was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tombstone {
    /// Where the storage is now.
    pub to: PathBuf,
    /// Whose it is.
    pub node_id: Address,
    /// When it was moved, in milliseconds since 1970.
    pub at_ms: u64,
}

/// How much was moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were there already, of a move that was cut off.
    pub kept: u64,
    /// Backups that were left in the old place, since files cannot be shared in the new one.
    #[serde(default)]
    pub backups_left: u64,
}

/// What says that the storage in `directory` was moved, if it was.
///
/// # Errors
/// If that cannot be read.
pub fn tombstone(directory: &Path) -> Result<Option<Tombstone>, RelocationError> {
    read(&directory.join(TOMBSTONE))
}

/// Whether a node may use the storage in `directory`.
///
/// # Errors
/// [`RelocationError::Gone`], [`RelocationError::Unfinished`].
pub fn check(directory: &Path) -> Result<(), RelocationError> {
    if read(&directory.join(UNFINISHED))?.is_some() {
        return Err(RelocationError::Unfinished(directory.to_owned()));
    }
    match tombstone(directory)? {
        None => Ok(()),
        Some(Tombstone { to, .. }) => Err(RelocationError::Gone {
            from: directory.to_owned(),
            to,
        }),
    }
}

/// Copies the segments of a node that runs, as far as they are written: what is left for [`relocate`] once it is stopped is little. What it
/// removes meanwhile is left out. Only looks unless `really`.
///
/// # Errors
/// [`RelocationError`].
pub fn relocate_ahead(
    from: &Path,
    to: &Path,
    node_id: Address,
    really: bool,
) -> Result<Moved, RelocationError> {
    let (from, to, goes_on) = ends(from, to, node_id)?;
    let mut files = stored(&from)?;
    files.retain(|file| file.starts_with("shards"));
    if !really {
        return count(&from, &files);
    }
    begin(&to, node_id, goes_on)?;
    let mut copying = Copying::new(&from, &to)?;
    for file in &files {
        copying.ahead(file)?;
    }
    Ok(copying.moved)
}

/// The old and the new directory, if a storage may go from the one to the other, and whether that was begun.
fn ends(
    from: &Path,
    to: &Path,
    node_id: Address,
) -> Result<(PathBuf, PathBuf, bool), RelocationError> {
    let from = from.canonicalize().map_err(RelocationError::io(from))?;
    let to = std::path::absolute(to).map_err(RelocationError::io(to))?;
    check(&from)?;
    if to.starts_with(&from) || from.starts_with(&to) {
        return Err(RelocationError::Nested { from, to });
    }
    let goes_on = check_target(&to, node_id)?;
    Ok((from, to, goes_on))
}

/// Marks a directory as the place to which the storage of a node is moved; no node starts there before it is whole.
fn begin(to: &Path, node_id: Address, goes_on: bool) -> Result<(), RelocationError> {
    fs::create_dir_all(to).map_err(RelocationError::io(to))?;
    if goes_on {
        return Ok(());
    }
    write(&to.join(UNFINISHED), &mark(to, node_id))
}

fn mark(to: &Path, node_id: Address) -> Tombstone {
    Tombstone {
        to: to.to_owned(),
        node_id,
        at_ms: Clock::system().unix_ms(),
    }
}

/// Copies the storage of the node `node_id` from one directory to another, compares, and puts up the tombstone. One that was cut off goes
/// on where it was. The files in the old place stay. Only looks unless `really`.
///
/// # Errors
/// [`RelocationError`].
pub fn relocate(
    from: &Path,
    to: &Path,
    node_id: Address,
    really: bool,
) -> Result<Moved, RelocationError> {
    let (from, to, goes_on) = ends(from, to, node_id)?;
    let mut files = stored(&from)?;
    files.retain(|file| !is_mark(file));
    if files.is_empty() {
        return Err(RelocationError::Nothing(from));
    }
    if !really {
        return count(&from, &files);
    }
    begin(&to, node_id, goes_on)?;
    if goes_on {
        remove_stale(&from, &to)?;
    }
    let mut copying = Copying::new(&from, &to)?;
    let (of_backups, own): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|file| file.starts_with(backup::DIRECTORY));
    for file in &own {
        copying.take(file)?;
    }
    let taken = copying.backups(of_backups)?;
    sync_directories(&to, own.iter().chain(&taken))?;
    let moved = copying.moved;
    // From here on only the new place is the node's.
    write(&from.join(TOMBSTONE), &mark(&to, node_id))?;
    finish(&to)?;
    remove_if_there(&to.join(remote::BOOK))?;
    Ok(moved)
}

/// Ends a move whose tombstone is up: a node may start in the new place.
///
/// # Errors
/// If the mark there cannot be replaced.
pub fn finish(to: &Path) -> Result<(), RelocationError> {
    let unfinished = to.join(UNFINISHED);
    if let Some(mark) = read(&unfinished)? {
        let arrived = Tombstone {
            at_ms: Clock::system().unix_ms(),
            ..mark
        };
        write(&to.join(ARRIVED), &arrived)?;
    }
    remove_if_there(&unfinished)
}

/// When the storage in `directory` came there, in milliseconds since 1970, if it was moved.
///
/// # Errors
/// If that cannot be read.
fn arrival(directory: &Path) -> Result<Option<u64>, RelocationError> {
    Ok(read(&directory.join(ARRIVED))?.map(|arrived| arrived.at_ms))
}

fn remove_if_there(path: &Path) -> Result<(), RelocationError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(RelocationError::io(path)(error))
        }
        _ => Ok(()),
    }
}

/// Whether a file steers a move, and is no part of the storage.
fn is_mark(file: &Path) -> bool {
    [ARRIVED, UNFINISHED, remote::BOOK]
        .map(Path::new)
        .contains(&file)
}

/// Removes what a move that was cut off has copied and the old place has no more: the node may have run on there, and a database
/// does not open with files of its past.
fn remove_stale(from: &Path, to: &Path) -> Result<(), RelocationError> {
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let directory = to.join(&inner);
        for entry in fs::read_dir(&directory).map_err(RelocationError::io(&directory))? {
            let entry = entry.map_err(RelocationError::io(&directory))?;
            let kind = entry.file_type().map_err(RelocationError::io(&directory))?;
            let (path, inner) = (entry.path(), inner.join(entry.file_name()));
            let source = from.join(&inner);
            let removed = if kind.is_dir() && source.is_dir() {
                open.push(inner);
                Ok(())
            } else if kind.is_dir() {
                fs::remove_dir_all(&path)
            } else if kind.is_file() && !source.is_file() && !is_mark(&inner) {
                fs::remove_file(&path)
            } else {
                Ok(())
            };
            removed.map_err(RelocationError::io(&path))?;
        }
    }
    Ok(())
}

/// Makes the entries of `to` and of every directory of `files` below it durable.
fn sync_directories<'a>(
    to: &Path,
    files: impl Iterator<Item = &'a PathBuf>,
) -> Result<(), RelocationError> {
    let above = files.flat_map(|file| file.ancestors().skip(1));
    for inner in above.collect::<BTreeSet<_>>() {
        let directory = to.join(inner);
        let sync = || fs::File::open(&directory)?.sync_all();
        sync().map_err(RelocationError::io(&directory))?;
    }
    Ok(())
}

/// Whether a move to `to` has been begun; an error if something else is there.
fn check_target(to: &Path, node_id: Address) -> Result<bool, RelocationError> {
    let occupied = |found: String| RelocationError::Occupied {
        path: to.to_owned(),
        found,
    };
    if let Some(mark) = read(&to.join(UNFINISHED))? {
        if mark.node_id == node_id {
            return Ok(true);
        }
        return Err(occupied(format!("a move of the node {}", mark.node_id)));
    }
    let entries = match fs::read_dir(to) {
        Ok(mut entries) => entries.next(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(RelocationError::io(to)(error)),
    };
    match entries {
        None => Ok(false),
        Some(entry) => {
            let name = entry.map_err(RelocationError::io(to))?.file_name();
            Err(occupied(name.to_string_lossy().into_owned()))
        }
    }
}

/// Every file below `from`, by its path from there, but sockets.
fn stored(from: &Path) -> Result<Vec<PathBuf>, RelocationError> {
    let mut files = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let directory = from.join(&inner);
        let entries = match fs::read_dir(&directory) {
            // A node that runs has removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound && inner != Path::new("") => {
                continue;
            }
            entries => entries.map_err(RelocationError::io(&directory))?,
        };
        for entry in entries {
            let entry = entry.map_err(RelocationError::io(&directory))?;
            let kind = entry.file_type().map_err(RelocationError::io(&directory))?;
            let path = inner.join(entry.file_name());
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn count(from: &Path, files: &[PathBuf]) -> Result<Moved, RelocationError> {
    let mut moved = Moved::default();
    let mut seen = BTreeSet::new();
    for file in files {
        let path = from.join(file);
        let metadata = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata.map_err(RelocationError::io(&path))?,
        };
        moved.files = moved.files.saturating_add(1);
        if shared(&metadata).is_none_or(|file| seen.insert(file)) {
            moved.bytes = moved.bytes.saturating_add(metadata.len());
        }
    }
    Ok(moved)
}

fn read(path: &Path) -> Result<Option<Tombstone>, RelocationError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RelocationError::io(path)(error)),
    };
    match serde_json::from_str(&text) {
        Ok(tombstone) => Ok(Some(tombstone)),
        Err(error) => Err(RelocationError::Malformed {
            path: path.to_owned(),
            reason: error.to_string(),
        }),
    }
}

fn write(path: &Path, mark: &Tombstone) -> Result<(), RelocationError> {
    let text = serde_json::to_vec_pretty(mark).map_err(|error| RelocationError::Malformed {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(replace_private(path, &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(dir: &Path) -> PathBuf {
        let from = dir.join("old");
        fs::create_dir_all(from.join("shards/3")).unwrap();
        fs::write(from.join("shards/3/0"), [7; 5000]).unwrap();
        fs::write(from.join("workers.json"), "{}").unwrap();
        from
    }

    #[test]
    fn what_was_moved_is_there_and_no_node_starts_in_the_old_place() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (filled(dir.path()), dir.path().join("new/deep"));
        let looked = relocate(&from, &to, Address::TWO, false).unwrap();
        assert_eq!((looked.files, looked.bytes), (2, 5002));
        assert!(!to.exists());
        check(&from).unwrap();
        relocate(&from, &to, Address::TWO, true).unwrap();
        assert_eq!(fs::read(to.join("shards/3/0")).unwrap(), [7; 5000]);
        check(&to).unwrap();
        let gone = check(&from).unwrap_err();
        assert!(
            gone.is_refusal() && gone.to_string().contains("new/deep"),
            "{gone}"
        );
        let twice = relocate(&from, &dir.path().join("third"), Address::TWO, true);
        assert!(matches!(twice, Err(RelocationError::Gone { .. })));
    }

    #[test]
    fn a_move_that_was_cut_off_goes_on_and_another_nodes_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (filled(dir.path()), dir.path().join("new"));
        // As it is after a crash: the mark, one whole file, half of another.
        fs::create_dir_all(to.join("shards/3")).unwrap();
        write(&to.join(UNFINISHED), &mark(&to, Address::TWO)).unwrap();
        fs::write(to.join("workers.json"), "{}").unwrap();
        fs::write(to.join("shards/3/0"), [7; 100]).unwrap();
        // Of the past: the node has run on in the old place.
        fs::create_dir_all(to.join("db/past")).unwrap();
        fs::write(to.join("db/past/0.jnl"), "old").unwrap();
        fs::write(to.join("shards/3/stale"), "old").unwrap();
        let refused = check(&to).unwrap_err();
        assert!(
            refused.is_refusal() && refused.to_string().contains("walrus-node move --to"),
            "{refused}"
        );
        let other = relocate(&from, &to, Address::THREE, true).unwrap_err();
        assert!(matches!(other, RelocationError::Occupied { .. }), "{other}");
        let moved = relocate(&from, &to, Address::TWO, true).unwrap();
        assert_eq!((moved.files, moved.kept), (2, 1));
        assert_eq!(fs::read(to.join("shards/3/0")).unwrap(), [7; 5000]);
        assert!(!to.join(UNFINISHED).exists());
        assert!(!to.join("db").exists() && !to.join("shards/3/stale").exists());
        check(&to).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn what_backups_share_with_the_storage_they_share_in_the_new_place() {
        use std::os::unix::fs::MetadataExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (filled(dir.path()), dir.path().join("new"));
        for backup in ["1", "2"] {
            let inner = from
                .join(backup::DIRECTORY)
                .join(backup)
                .join("disks/0/shards/3");
            fs::create_dir_all(&inner).unwrap();
            fs::hard_link(from.join("shards/3/0"), inner.join("0")).unwrap();
            fs::write(inner.join("alone"), backup).unwrap();
        }
        let looked = relocate(&from, &to, Address::TWO, false).unwrap();
        assert_eq!((looked.files, looked.bytes), (6, 5004));
        // As a move that was cut off has left it: linked to something that is no more.
        fs::create_dir_all(to.join("shards/3")).unwrap();
        write(&to.join(UNFINISHED), &mark(&to, Address::TWO)).unwrap();
        let stale = to.join(backup::DIRECTORY).join("1/disks/0/shards/3");
        fs::create_dir_all(&stale).unwrap();
        fs::write(stale.join("0"), "old").unwrap();
        fs::hard_link(stale.join("0"), to.join("shards/3/0")).unwrap();
        let moved = relocate(&from, &to, Address::TWO, true).unwrap();
        assert_eq!((moved.files, moved.bytes, moved.backups_left), (6, 5004, 0));
        let own = fs::metadata(to.join("shards/3/0")).unwrap();
        assert_eq!(own.nlink(), 3);
        for backup in ["1", "2"] {
            let inner = to
                .join(backup::DIRECTORY)
                .join(backup)
                .join("disks/0/shards/3");
            assert_eq!(fs::metadata(inner.join("0")).unwrap().ino(), own.ino());
            assert_eq!(fs::read(inner.join("0")).unwrap(), [7; 5000]);
            assert_eq!(fs::read_to_string(inner.join("alone")).unwrap(), backup);
        }
    }

    #[test]
    fn what_is_copied_ahead_is_not_copied_again_unless_it_has_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (filled(dir.path()), dir.path().join("new"));
        fs::write(from.join("shards/3/1"), [1; 100]).unwrap();
        fs::write(from.join("shards/3/2"), [2; 100]).unwrap();
        let looked = relocate_ahead(&from, &to, Address::TWO, false).unwrap();
        assert_eq!((looked.files, looked.bytes), (3, 5200));
        assert!(!to.exists());
        relocate_ahead(&from, &to, Address::TWO, true).unwrap();
        assert!(check(&to).unwrap_err().is_refusal());
        check(&from).unwrap();
        // The node has appended to one, and removed another.
        fs::write(from.join("shards/3/1"), [1; 200]).unwrap();
        fs::remove_file(from.join("shards/3/2")).unwrap();
        let again = relocate_ahead(&from, &to, Address::TWO, true).unwrap();
        assert_eq!((again.files, again.kept), (2, 1));
        fs::write(from.join("shards/3/1"), [1; 300]).unwrap();
        let moved = relocate(&from, &to, Address::TWO, true).unwrap();
        assert_eq!((moved.files, moved.kept), (3, 1));
        assert_eq!(fs::read(to.join("shards/3/1")).unwrap(), [1; 300]);
        assert!(!to.join("shards/3/2").exists());
        check(&to).unwrap();
    }

    #[test]
    fn what_is_not_safe_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let from = filled(dir.path());
        let inside = relocate(&from, &from.join("in"), Address::TWO, true);
        assert!(inside.unwrap_err().is_refusal());
        let occupied = dir.path().join("occupied");
        fs::create_dir(&occupied).unwrap();
        fs::write(occupied.join("mine"), "").unwrap();
        let refused = relocate(&from, &occupied, Address::TWO, true).unwrap_err();
        assert!(
            refused.is_refusal() && refused.to_string().contains("mine"),
            "{refused}"
        );
        let empty = dir.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let nothing = relocate(&empty, &dir.path().join("x"), Address::TWO, true);
        assert!(matches!(nothing, Err(RelocationError::Nothing(_))));
        fs::write(from.join(TOMBSTONE), "{").unwrap();
        let malformed = check(&from).unwrap_err();
        assert!(matches!(malformed, RelocationError::Malformed { .. }));
    }
}
