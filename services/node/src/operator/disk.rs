//! Disks, as their operator sees them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::storage::{
    Storage, StorageError, StorageOptions,
    disks::{DISK_IDENTITY, DiskState, DiskStatus},
};

/// How a disk is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskView {
    /// The directory.
    pub path: PathBuf,
    /// `ready`, `full`, `draining` or `missing`.
    pub state: String,
    /// Bytes of the files of slivers on it.
    pub used_bytes: u64,
    /// Bytes in them that count.
    pub live_bytes: u64,
    /// Bytes that slivers leave free.
    pub reserve_bytes: u64,
    /// Free bytes, if the file system tells.
    pub free_bytes: Option<u64>,
    /// Records that were found damaged since the start.
    pub damaged_records: u64,
    /// Told if the node holds as many slivers as it may, on all disks together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_cap: Option<AtCapView>,
}

/// How much a node that may hold no more has, and may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AtCapView {
    /// Bytes that slivers take.
    pub used_bytes: u64,
    /// The most that they may take (`storage_max_bytes`).
    pub max_bytes: u64,
}

impl From<&DiskStatus> for DiskView {
    fn from(disk: &DiskStatus) -> Self {
        let state = match disk.state {
            DiskState::Ready => "ready",
            DiskState::Full => "full",
            DiskState::Draining => "draining",
            DiskState::Failing => "failing",
            DiskState::Missing => "missing",
        };
        Self {
            path: disk.path.clone(),
            state: state.to_owned(),
            used_bytes: disk.used_bytes,
            live_bytes: disk.live_bytes,
            reserve_bytes: disk.reserve_bytes,
            free_bytes: disk.free_bytes,
            damaged_records: disk.damaged_records,
            at_cap: disk.at_cap.map(|at_cap| AtCapView {
                used_bytes: at_cap.used,
                max_bytes: at_cap.cap,
            }),
        }
    }
}

impl DiskView {
    /// What is wrong with the disks and with the room on all of them, in sentences. That records were damaged is wrong as long as the node
    /// `is_repairing` something; afterwards it is a number of the disk.
    pub fn problems(disks: &[Self], is_repairing: bool) -> Vec<String> {
        let at_cap = disks.iter().find_map(|disk| disk.at_cap);
        let at_cap = at_cap.map(|AtCapView { used_bytes, max_bytes }| {
            format!(
                "the node is full: slivers take {used_bytes} bytes, {max_bytes} is the most they may (storage_max_bytes), and uploads and recoveries \
                 that need more are refused; raise storage_max_bytes and start the node again, or wait for blobs to expire"
            )
        });
        let each = disks.iter().filter_map(|disk| disk.problem(is_repairing));
        at_cap.into_iter().chain(each).collect()
    }

    /// What is wrong with the disk, in a sentence, if anything is.
    fn problem(&self, is_repairing: bool) -> Option<String> {
        let path = self.path.display();
        match self.state.as_str() {
            "missing" => Some(format!(
                "the disk {path} is not there: mount it and start the node again, or give it up with `walrus-node disk remove --lost`"
            )),
            "failing" => Some(format!(
                "the disk {path} has refused a write: look at the system's log for its errors; move what is on it with `walrus-node disk remove`, or \
                 start the node again once it is mended"
            )),
            "full" if self.at_cap.is_some() && !self.is_at_reserve() => None,
            "full" => Some(format!(
                "the disk {path} is full: no more is free than the {} bytes that are kept so; add a disk, or make room",
                self.reserve_bytes
            )),
            _ if self.damaged_records > 0 && is_repairing => Some(format!(
                "the disk {path} had {} damaged records, which are being recovered: look at its health",
                self.damaged_records
            )),
            _ => None,
        }
    }
}

impl DiskView {
    /// Whether no more is free than what is kept so.
    fn is_at_reserve(&self) -> bool {
        self.free_bytes
            .is_some_and(|free| free <= self.reserve_bytes)
    }
}

/// Whether a storage that nobody uses has never used a directory as a disk: nothing marks it as one, and no disk of the storage was there when
/// it was used last. A directory that is not there may be a disk that is not mounted.
///
/// # Errors
/// [`StorageError`].
pub fn was_never_used(options: StorageOptions, directory: &Path) -> Result<bool, StorageError> {
    if !is_unmarked(directory) {
        return Ok(false);
    }
    match Storage::inspect(options) {
        Ok(storage) => {
            let disks = storage.disks();
            Ok(disks.iter().all(|disk| disk.path != directory))
        }
        // It was never started.
        Err(StorageError::NoStorage(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether a directory is there, and nothing in it says that it is a disk of a node.
pub fn is_unmarked(directory: &Path) -> bool {
    directory.is_dir() && !directory.join(DISK_IDENTITY).exists()
}

/// Why nothing moves off a disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrainRefused {
    /// The node has none there.
    #[error("{path} is no disk of this node; there are {known}", path = path.display())]
    NoSuch {
        /// The directory.
        path: PathBuf,
        /// Those that there are.
        known: String,
    },
    /// Nothing would be left.
    #[error("{} is the only disk that takes slivers: add another one first", .0.display())]
    Last(PathBuf),
    /// The others are too small.
    #[error(
        "{live} bytes have to move, and the other disks have {room} beyond their reserve: add one, or make room"
    )]
    TooSmall {
        /// What counts on the disk.
        live: u64,
        /// What the others can take.
        room: u64,
    },
}

/// Whether everything on the disk at `path` can move to the others.
///
/// # Errors
/// [`DrainRefused`].
pub(crate) fn check_drain(disks: &[DiskStatus], path: &Path) -> Result<(), DrainRefused> {
    let Some(disk) = disks.iter().find(|disk| disk.path == path) else {
        let known: Vec<_> = disks
            .iter()
            .map(|disk| disk.path.display().to_string())
            .collect();
        return Err(DrainRefused::NoSuch {
            path: path.to_owned(),
            known: known.join(", "),
        });
    };
    let others: Vec<_> = disks
        .iter()
        .filter(|other| other.path != path)
        .filter(|other| matches!(other.state, DiskState::Ready | DiskState::Full))
        .collect();
    if others.is_empty() {
        return Err(DrainRefused::Last(path.to_owned()));
    }
    let spare = |other: &&DiskStatus| match other.free_bytes {
        Some(free) => free.saturating_sub(other.reserve_bytes),
        // It does not tell; it may say no later.
        None => u64::MAX,
    };
    let room = others.iter().map(spare).fold(0_u64, u64::saturating_add);
    if room < disk.live_bytes {
        let live = disk.live_bytes;
        return Err(DrainRefused::TooSmall { live, room });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::disks::AtCap;

    fn disk(path: &str, state: DiskState, live: u64, free: u64) -> DiskStatus {
        DiskStatus {
            path: path.into(),
            used_bytes: live,
            live_bytes: live,
            reserve_bytes: 10,
            free_bytes: Some(free),
            damaged_records: 0,
            state,
            at_cap: None,
        }
    }

    #[test]
    fn a_disk_is_drained_only_where_the_others_have_room() {
        let one = disk("/one", DiskState::Ready, 100, 5);
        let missing = disk("/gone", DiskState::Missing, 0, 900);
        let path = std::path::Path::new("/one");
        let alone = check_drain(&[one.clone(), missing], path).unwrap_err();
        assert!(matches!(alone, DrainRefused::Last(_)), "{alone}");
        let two = |free| [one.clone(), disk("/two", DiskState::Ready, 0, free)];
        check_drain(&two(110), path).unwrap();
        let small = check_drain(&two(109), path).unwrap_err();
        assert_eq!(
            small,
            DrainRefused::TooSmall {
                live: 100,
                room: 99
            }
        );
        let other = check_drain(&two(110), std::path::Path::new("/x")).unwrap_err();
        assert!(other.to_string().contains("/one, /two"), "{other}");
    }

    #[test]
    fn a_node_that_may_hold_no_more_says_so_once() {
        let full = |path| DiskStatus {
            at_cap: Some(AtCap { used: 27, cap: 20 }),
            ..disk(path, DiskState::Full, 27, 900)
        };
        let views = [full("/one"), full("/two")].map(|disk| DiskView::from(&disk));
        let problems = DiskView::problems(&views, false);
        let [sentence] = problems.as_slice() else {
            panic!("{problems:?}");
        };
        for part in ["27 bytes", "20 is the most", "raise storage_max_bytes"] {
            assert!(sentence.contains(part), "{sentence}");
        }
    }

    #[test]
    fn a_disk_was_never_used_if_neither_its_directory_nor_the_storage_knows_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two, other] = ["one", "two", "other"].map(|name| dir.path().join(name));
        let options = || StorageOptions {
            disks: vec![two.clone()],
            ..StorageOptions::new(&one, 1 << 20)
        };
        let unused = |path: &Path| was_never_used(options(), path).unwrap();
        std::fs::create_dir(&two).unwrap();
        assert!(unused(&two), "there is no storage");
        Storage::open_with(options()).unwrap().close().unwrap();
        assert!(!unused(&two));
        // As if it was not mounted: its directory is empty.
        std::fs::remove_file(two.join(DISK_IDENTITY)).unwrap();
        assert!(!unused(&two));
        assert!(!unused(&other), "what is not there may be a disk");
        std::fs::create_dir(&other).unwrap();
        assert!(unused(&other));
    }

    #[test]
    fn what_is_wrong_with_a_disk_is_told() {
        let mut view = DiskView::from(&disk("/one", DiskState::Ready, 1, 50));
        assert_eq!(view.problem(true), None);
        view.damaged_records = 2;
        assert!(view.problem(true).unwrap().contains("2 damaged"));
        assert_eq!(view.problem(false), None, "all of it is back");
        view.state = "missing".to_owned();
        assert!(view.problem(false).unwrap().contains("--lost"));
    }
}
