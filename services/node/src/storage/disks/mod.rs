//! Disks: the directories in which segments lie, one on each disk. Node spec 3.1.
//!
//! The first is that of the storage itself, which has the database as well; others are configured besides. Each has an
//! identity (`identity`), so that a disk that is not mounted is told from an empty one, and one of another node from ours. A new segment
//! goes where the most room is. A write that would leave a disk less than the reserve is refused, so that the database can go on with
//! events and deletions; it is tried anew with each write, so that nothing has to be done when there is room again.

pub(super) mod identity;
mod space;

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use walrus_core::ShardIndex;

pub(crate) use self::identity::FILE_NAME as DISK_IDENTITY;
use self::identity::{Id, Identity};
pub use self::space::FreeSpace;
use super::{
    StorageError,
    records::DiskRecord,
    tables::{DiskNumber, Tables},
};
use crate::limits::SCAN_BATCH;

/// Why a directory is not one of the disks.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The identity cannot be read.
    #[error("{} does not say which disk this is; if it is damaged, remove it, and the directory is searched anew", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
    },
    /// The directory belongs to somebody else.
    #[error("{} is a disk of another node's storage; name another directory, or empty this one", .0.display())]
    Foreign(PathBuf),
    /// Two of the configured directories are one.
    #[error("{} is configured twice", .0.display())]
    Twice(PathBuf),
}

/// How a disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskState {
    /// It takes slivers.
    Ready,
    /// It takes none, as there is no more room than the reserve, or as the node may hold no more ([`DiskStatus::at_cap`]).
    Full,
    /// It takes none, and what is on it moves to the others.
    Draining,
    /// It has refused a write. It takes slivers only if no other does, until the next start.
    Failing,
    /// It is not there. What was on it is queued for recovery.
    Missing,
}

/// A disk as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskStatus {
    /// The directory.
    pub path: PathBuf,
    /// Bytes of segments on it.
    pub used_bytes: u64,
    /// Bytes of records in them that count.
    pub live_bytes: u64,
    /// Bytes that slivers leave free.
    pub reserve_bytes: u64,
    /// Free bytes of the file system, if it tells.
    pub free_bytes: Option<u64>,
    /// Records that were found damaged on it since the start of the process.
    pub damaged_records: u64,
    /// How it is.
    pub state: DiskState,
    /// What all slivers of the node may take, if they take so much: then no disk takes any.
    pub at_cap: Option<AtCap>,
}

/// The node holds as many slivers as it may, on all disks together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtCap {
    /// Bytes that slivers take.
    pub used: u64,
    /// The most that they may take, in bytes.
    pub cap: u64,
}

/// Which room a write may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// What is left beyond the reserve of the disk and below the cap of the node.
    Spare,
    /// All there is: what is written gives more room back than it takes.
    All,
}

/// One disk.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    pub(super) record: DiskRecord,
    /// Whether its directory is there, with its identity.
    pub(super) present: bool,
    pub(super) damaged_records: u64,
    /// Whether it has refused a write for another reason than room.
    pub(super) refuses: bool,
}

/// The disks of one storage.
#[derive(Debug)]
pub(super) struct Disks {
    disks: RwLock<BTreeMap<DiskNumber, Disk>>,
    tables: Tables,
    free_space: FreeSpace,
    reserve_bytes: u64,
}

/// The directory of the storage, and those of further disks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directories<'a> {
    pub(super) first: &'a Path,
    pub(super) further: &'a [PathBuf],
}

impl Disks {
    /// Finds the disks again, and takes new ones in.
    pub(super) fn open(
        directories: Directories<'_>,
        tables: Tables,
        free_space: FreeSpace,
        reserve_bytes: u64,
    ) -> Result<Self, StorageError> {
        let this = Self::known(tables, free_space, reserve_bytes)?;
        let storage = this.find_first(directories.first)?;
        for directory in directories.further {
            this.find(directory, storage)?;
        }
        for (_, disk) in this.snapshot().iter().filter(|(_, disk)| !disk.present) {
            tracing::error!(path = disk.record.path, "a disk is missing");
        }
        Ok(this)
    }

    /// Finds the disks that are known, and changes nothing.
    pub(super) fn inspect(
        directories: Directories<'_>,
        tables: Tables,
        free_space: FreeSpace,
        reserve_bytes: u64,
    ) -> Result<Self, StorageError> {
        let mut this = Self::known(tables, free_space, reserve_bytes)?;
        let disks = this.disks.get_mut().unwrap_or_else(PoisonError::into_inner);
        let further = directories.further.iter().map(PathBuf::as_path);
        for directory in std::iter::once(directories.first).chain(further) {
            let known = match Identity::read(directory)? {
                Some(identity) => disks
                    .values_mut()
                    .find(|disk| disk.record.identity.disk == identity.disk),
                // One that has lost the file is still the first.
                None if directory == directories.first => disks.values_mut().next(),
                None => None,
            };
            if let Some(disk) = known {
                disk.record.path = directory.display().to_string();
                disk.present = true;
            }
        }
        Ok(this)
    }

    /// The disks that the tables know of, none of them found yet.
    fn known(
        tables: Tables,
        free_space: FreeSpace,
        reserve_bytes: u64,
    ) -> Result<Self, StorageError> {
        let mut disks = BTreeMap::new();
        for page in tables.disks.pages(SCAN_BATCH) {
            disks.extend(page?.into_iter().map(|(number, record)| {
                let disk = Disk {
                    record,
                    present: false,
                    damaged_records: 0,
                    refuses: false,
                };
                (number, disk)
            }));
        }
        Ok(Self {
            disks: RwLock::new(disks),
            tables,
            free_space,
            reserve_bytes,
        })
    }

    /// The directory of the storage, which is always a disk; returns the ID of the storage.
    fn find_first(&self, directory: &Path) -> Result<Id, StorageError> {
        let found = Identity::read(directory)?;
        let identity = match found {
            Some(identity) => identity,
            None => {
                // One that has lost the file is still the first.
                let known = self.snapshot().into_iter().next();
                let identity = known.map_or_else(
                    || Identity::of_new_disk(rand::random()),
                    |(_, disk)| disk.record.identity,
                );
                identity.write(directory)?;
                identity
            }
        };
        self.note(identity, directory)?;
        Ok(identity.storage)
    }

    /// A further directory: one of the disks, a new one if nothing is known of it, or one whose disk is not there.
    fn find(&self, directory: &Path, storage: Id) -> Result<(), StorageError> {
        if let Some(identity) = Identity::read(directory)? {
            if identity.storage != storage {
                return Err(DiskError::Foreign(directory.to_owned()).into());
            }
            return self.note(identity, directory);
        }
        let path = directory.display().to_string();
        let known = self.snapshot();
        if known.iter().any(|(_, disk)| disk.record.path == path) {
            // Perhaps it is not mounted; the directory beneath must not fill up meanwhile.
            return Ok(());
        }
        fs::create_dir_all(directory).map_err(|source| DiskError::Io {
            path: directory.to_owned(),
            source,
        })?;
        let identity = Identity::of_new_disk(storage);
        identity.write(directory)?;
        self.note(identity, directory)
    }

    /// Notes that a disk is there.
    fn note(&self, identity: Identity, directory: &Path) -> Result<(), StorageError> {
        let mut disks = self.disks.write().unwrap_or_else(PoisonError::into_inner);
        let known = disks
            .iter()
            .find(|(_, disk)| disk.record.identity.disk == identity.disk);
        if known.is_some_and(|(_, disk)| disk.present) {
            return Err(DiskError::Twice(directory.to_owned()).into());
        }
        let (number, draining) = match known {
            Some((number, disk)) => (*number, disk.record.draining),
            None => {
                let last = disks.last_key_value().map(|(number, _)| number.0);
                let next = last.map_or(0, |last| last.saturating_add(1));
                (DiskNumber(next), false)
            }
        };
        let record = DiskRecord {
            identity,
            path: directory.display().to_string(),
            draining,
        };
        let mut batch = self.tables.batch();
        batch.insert(&self.tables.disks, &number, &record)?;
        batch.commit_durably()?;
        let disk = Disk {
            record,
            present: true,
            damaged_records: 0,
            refuses: false,
        };
        disks.insert(number, disk);
        Ok(())
    }

    pub(super) fn snapshot(&self) -> Vec<(DiskNumber, Disk)> {
        let disks = self.disks.read().unwrap_or_else(PoisonError::into_inner);
        let disks = disks.iter().map(|(number, disk)| (*number, disk.clone()));
        disks.collect()
    }

    /// The directory of a disk; `None` if it is not there.
    pub(super) fn directory(&self, number: DiskNumber) -> Option<PathBuf> {
        let disks = self.disks.read().unwrap_or_else(PoisonError::into_inner);
        let disk = disks.get(&number).filter(|disk| disk.present)?;
        Some(PathBuf::from(&disk.record.path))
    }

    /// The directory of a shard on a disk; `None` if the disk is not there.
    pub(super) fn shard_directory(&self, number: DiskNumber, shard: ShardIndex) -> Option<PathBuf> {
        Some(shards_of(&self.directory(number)?).join(shard.get().to_string()))
    }

    /// The disks that are there, with their directories.
    pub(super) fn present(&self) -> Vec<(DiskNumber, PathBuf)> {
        let disks = self.snapshot().into_iter();
        let present = disks.filter(|(_, disk)| disk.present);
        present
            .map(|(number, disk)| (number, PathBuf::from(disk.record.path)))
            .collect()
    }

    /// Whether a disk may take `needed` bytes more of slivers.
    ///
    /// # Errors
    /// [`StorageError::Full`] if not.
    pub(super) fn check_room(
        &self,
        number: DiskNumber,
        needed: u64,
        room: Room,
    ) -> Result<(), StorageError> {
        let reserve = match room {
            Room::Spare => self.reserve_bytes,
            Room::All => 0,
        };
        let Some(disk) = self.directory(number) else {
            let disk = PathBuf::new();
            return Err(StorageError::Full {
                disk,
                free: 0,
                needed,
                reserve,
            });
        };
        // One that does not tell is written to until it says no.
        let free = self.free_space.of(&disk).unwrap_or(u64::MAX);
        if free.saturating_sub(reserve) < needed {
            return Err(StorageError::Full {
                disk,
                free,
                needed,
                reserve,
            });
        }
        Ok(())
    }

    /// The error of a disk on which a write has found no room.
    pub(super) fn no_room(&self, number: DiskNumber, needed: u64) -> StorageError {
        let disk = self.directory(number).unwrap_or_default();
        StorageError::Full {
            free: self.free_space.of(&disk).unwrap_or(0),
            disk,
            needed,
            reserve: self.reserve_bytes,
        }
    }

    /// The disk that has the most room for a new segment.
    ///
    /// # Errors
    /// [`StorageError::Full`], that of the disk with the most room, if none has enough.
    pub(super) fn choose(&self, needed: u64, room: Room) -> Result<DiskNumber, StorageError> {
        let disks = self.snapshot().into_iter();
        let best = disks
            .filter(|(_, disk)| disk.present && !disk.record.draining)
            .map(|(number, disk)| {
                let free = self.free_space.of(Path::new(&disk.record.path));
                let room = free.unwrap_or(0);
                (!disk.refuses, room, Reverse(number))
            })
            .max();
        let Some((.., Reverse(number))) = best else {
            let (disk, reserve) = (PathBuf::new(), self.reserve_bytes);
            return Err(StorageError::Full {
                disk,
                free: 0,
                needed,
                reserve,
            });
        };
        self.check_room(number, needed, room)?;
        Ok(number)
    }

    /// Whether a disk is there and what is on it stays.
    pub(super) fn is_draining(&self, number: DiskNumber) -> bool {
        let disks = self.disks.read().unwrap_or_else(PoisonError::into_inner);
        disks.get(&number).is_some_and(|disk| disk.record.draining)
    }

    /// Sets whether what is on the disk of a directory moves to the others; returns whether there is such a disk.
    pub(super) fn set_draining(
        &self,
        directory: &Path,
        draining: bool,
    ) -> Result<bool, StorageError> {
        let mut disks = self.disks.write().unwrap_or_else(PoisonError::into_inner);
        let path = directory.display().to_string();
        let Some((number, disk)) = disks.iter_mut().find(|(_, disk)| disk.record.path == path)
        else {
            return Ok(false);
        };
        let record = DiskRecord {
            draining,
            ..disk.record.clone()
        };
        let mut batch = self.tables.batch();
        batch.insert(&self.tables.disks, number, &record)?;
        batch.commit_durably()?;
        disk.record = record;
        Ok(true)
    }

    /// Forgets the disk of a directory, if it is missing; returns whether it was. The next start takes the directory for a new disk.
    pub(super) fn forget(&self, directory: &Path) -> Result<bool, StorageError> {
        let mut disks = self.disks.write().unwrap_or_else(PoisonError::into_inner);
        let path = directory.display().to_string();
        let missing = disks
            .iter()
            .find(|(_, disk)| disk.record.path == path && !disk.present);
        let Some(number) = missing.map(|(number, _)| *number) else {
            return Ok(false);
        };
        let mut batch = self.tables.batch();
        batch.remove(&self.tables.disks, &number);
        batch.commit_durably()?;
        disks.remove(&number);
        Ok(true)
    }

    /// Notes that a disk has refused a write for another reason than room.
    pub(super) fn note_refusal(&self, number: DiskNumber) {
        let mut disks = self.disks.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(disk) = disks.get_mut(&number) {
            disk.refuses = true;
        }
    }

    pub(super) fn count_damage(&self, number: DiskNumber, records: u64) {
        let mut disks = self.disks.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(disk) = disks.get_mut(&number) {
            disk.damaged_records = disk.damaged_records.saturating_add(records);
        }
    }

    /// The status of each disk; `usage` tells the bytes used and live by disk, `at_cap` whether the node may hold no more.
    pub(super) fn status(
        &self,
        usage: &BTreeMap<DiskNumber, (u64, u64)>,
        at_cap: Option<AtCap>,
    ) -> Vec<DiskStatus> {
        let disks = self.snapshot().into_iter();
        let status = disks.map(|(number, disk)| {
            let path = PathBuf::from(&disk.record.path);
            let free_bytes = disk
                .present
                .then(|| self.free_space.of(&path).ok())
                .flatten();
            let state = match (disk.present, disk.record.draining, free_bytes) {
                (false, ..) => DiskState::Missing,
                (_, true, _) => DiskState::Draining,
                _ if disk.refuses => DiskState::Failing,
                (_, _, Some(free)) if free <= self.reserve_bytes => DiskState::Full,
                _ if at_cap.is_some() => DiskState::Full,
                _ => DiskState::Ready,
            };
            let (used_bytes, live_bytes) = usage.get(&number).copied().unwrap_or_default();
            DiskStatus {
                path,
                used_bytes,
                live_bytes,
                reserve_bytes: self.reserve_bytes,
                free_bytes,
                damaged_records: disk.damaged_records,
                state,
                at_cap,
            }
        });
        status.collect()
    }
}

/// Where the shards are on a disk.
pub(super) fn shards_of(disk: &Path) -> PathBuf {
    disk.join("shards")
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

/// Makes a directory and what is above it, durably.
pub(super) fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        create_directory(parent)?;
    }
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    directory.parent().map_or(Ok(()), sync_directory)
}
