//! Storage: what a node keeps on disk. Node spec 3.
//!
//! Everything small is in the tables of one database, with atomic batches across tables; sliver bytes are in append-only segment
//! files ([`segments`]) on one or several disks ([`disks`]). [`Storage`] joins them behind verbs, and nobody else sees a table or a file.
//!
//! * **Segments are by shard and expiry class.** What ends at about the same time lies in the same files. When the last sliver of a file
//!   is deleted, the file is unlinked: so an epoch change gives room back without copying. A blob that is extended keeps its file
//!   until compaction moves it to those of its new class.
//! * **The index is the truth.** Where a sliver lies, and how much of each segment counts, is one batch with what made it so. A batch
//!   may be lost with the power, but then all later ones are, and the event cursor with them: deletions are read from the chain
//!   again, and what was appended since is found behind the end of its segment. Nothing that was deleted comes back.
//! * **A file goes after the index.** A segment is in the books, durably, before its file is made, and out of them, durably, before
//!   it is unlinked. What is found in a directory and not in the books is left over, or belongs to a database that was lost: what
//!   of it is paid for is taken in, the rest removed.
//! * **Damage costs what is damaged.** Only the last append before a crash can be torn. Bytes that are not intact anywhere else
//!   are told, the next intact record is found behind them, the slivers that are lost are queued for recovery, and what is left
//!   of the segment moves to another. So it is with files that are cut off or gone, with shards, and with disks.
//! * **A database that is damaged** is set aside, and the node starts without one: segments are read again, the chain tells what they
//!   are for.
//! * **Room.** A sliver is refused if its disk would be left less than the reserve, or the node would hold more than its cap. The reserve
//!   is for the database: events and deletions go on.
//!
//! Both have a number of their format: the tables in the database, the segments in each record. What a newer program has
//! written is refused, and nothing of it is changed.

pub mod amounts;
mod begin;
pub mod blob_info;
mod compactor;
mod copy;
mod database;
pub mod disks;
mod event_blobs;
pub mod event_name;
mod queries;
pub mod records;
pub mod repairs;
pub mod segments;
mod slivers;
mod stripes;
mod tables;
mod transfers;
mod update;
mod verified;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use tokio::sync::{Mutex, OwnedMutexGuard};
use walrus_core::{
    BlobId, BlobMetadata, EncodingConfig, UnverifiedBlobMetadataWithId, VerifiedBlobMetadataWithId,
};
use walrus_core::{ShardIndex, bounded_bcs::BcsError, metadata::MetadataError};
use walrus_service::tables::{Batch, Bytes, TableError};

pub use self::{
    compactor::Compaction,
    queries::Page,
    slivers::{CompactStep, Comparison, Finding, FsckPosition, FsckStep, ScrubPosition, ScrubStep},
    update::Update,
};
use self::{
    disks::{Directories, DiskError, DiskStatus, Disks, FreeSpace, Room},
    records::{ShardState, SyncReason},
    repairs::Part,
    segments::{SEGMENT_BYTES, SegmentError},
    slivers::{Settings, SliverStore},
    stripes::Stripes,
    tables::{BlobKey, DiskNumber, Tables},
    verified::VerifiedMetadata,
};

/// Why the storage failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database failed, or a record in it is not what was written.
    #[error(transparent)]
    Tables(#[from] TableError),
    /// A segment file failed.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A disk is not one of this storage.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A disk has no room for a sliver, or no disk has.
    #[error(
        "no room on {}: {free} bytes are free, of which {reserve} stay free, and {needed} are needed; make room or add a disk, the node takes slivers again by itself",
        disk.display()
    )]
    Full {
        /// The directory of the disk, of that with the most room if it is about a new segment; empty if no disk takes slivers.
        disk: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that stay free for the database.
        reserve: u64,
    },
    /// The node may hold no more slivers.
    #[error(
        "slivers take {used} bytes, {cap} is the most they may (storage_max_bytes), and {needed} more are needed"
    )]
    AtCapacity {
        /// Bytes that slivers take.
        used: u64,
        /// Bytes that are needed.
        needed: u64,
        /// The most that slivers may take, in bytes.
        cap: u64,
    },
    /// There is nothing to look at.
    #[error(
        "there is no storage in {}: it has no database; is its disk mounted, and storage_path right?",
        .0.display()
    )]
    NoStorage(PathBuf),
    /// There is no storage for the shard.
    #[error("shard {0} is not stored here")]
    NoShard(ShardIndex),
    /// A file operation failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The path.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl StorageError {
    /// Whether there is no room for what was to be stored; later there may be.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::AtCapacity { .. })
    }
}

/// What a storage is opened with.
#[derive(Debug, Clone)]
pub struct StorageOptions {
    /// The directory of the database and of the first disk.
    pub path: PathBuf,
    /// The directories of further disks.
    pub disks: Vec<PathBuf>,
    /// Memory for blocks of the database that were read, in bytes.
    pub cache_bytes: u64,
    /// The most that slivers may take on all disks together, in bytes; no bound if absent.
    pub max_bytes: Option<u64>,
    /// What slivers leave free on each disk, in bytes.
    pub reserve_bytes: u64,
    /// Size at which a segment is closed and the next one begun, in bytes.
    pub segment_bytes: u64,
    /// Tells how much room disks have.
    pub free_space: FreeSpace,
}

impl StorageOptions {
    /// One disk, without cap or reserve.
    pub fn new(path: &Path, cache_bytes: u64) -> Self {
        Self {
            path: path.to_owned(),
            disks: Vec::new(),
            cache_bytes,
            max_bytes: None,
            reserve_bytes: 0,
            segment_bytes: SEGMENT_BYTES,
            free_space: FreeSpace::default(),
        }
    }
}

/// Metadata that was stored is not what it was.
#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error(transparent)]
    Malformed(#[from] BcsError),
    #[error(transparent)]
    Invalid(#[from] MetadataError),
}

/// The storage of one node.
#[derive(Debug)]
pub struct Storage {
    tables: Tables,
    slivers: SliverStore,
    verified: VerifiedMetadata,
    events: Arc<Mutex<()>>,
    /// Shared by those who store something of a blob durably, until it is.
    storing: Stripes,
    /// No element of an event with a lower index is written down.
    first_element: AtomicU64,
}

/// The right to write what events write. Whoever processes an event has it from before the event until its writes are there, so that
/// somebody else finds no half of an event while having it.
#[derive(Debug)]
pub(crate) struct EventTurn {
    _guard: OwnedMutexGuard<()>,
}

impl Storage {
    /// Opens a storage on one disk, without cap or reserve.
    ///
    /// # Errors
    /// [`StorageError`], also if a newer program has written the directory.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, StorageError> {
        Self::open_with(StorageOptions::new(path, cache_bytes))
    }

    /// Opens a storage, creating its directories if needed, and brings the index of slivers in line with what is on the disks. What is
    /// missing is queued for recovery.
    ///
    /// # Errors
    /// [`StorageError`], also if a newer program has written the directory.
    pub fn open_with(options: StorageOptions) -> Result<Self, StorageError> {
        let tables = database::open(&options.path, options.cache_bytes)?;
        Self::join(options, tables, Disks::open, SliverStore::open)
    }

    /// Opens a storage only to look at it: nothing is made, and the index is not brought in line with what is on the disks.
    ///
    /// # Errors
    /// [`StorageError`]; [`StorageError::NoStorage`] if there is none.
    pub fn inspect(options: StorageOptions) -> Result<Self, StorageError> {
        let tables = database::inspect(&options.path, options.cache_bytes)?;
        Self::join(options, tables, Disks::inspect, SliverStore::inspect)
    }

    /// Joins the tables with the disks, as they are found, and the slivers on them.
    fn join(
        options: StorageOptions,
        tables: Tables,
        find: impl FnOnce(Directories<'_>, Tables, FreeSpace, u64) -> Result<Disks, StorageError>,
        open: impl FnOnce(Settings) -> Result<SliverStore, StorageError>,
    ) -> Result<Self, StorageError> {
        let directories = Directories {
            first: &options.path,
            further: &options.disks,
        };
        let disks = find(
            directories,
            tables.clone(),
            options.free_space,
            options.reserve_bytes,
        )?;
        let slivers = open(Settings {
            tables: tables.clone(),
            disks,
            segment_bytes: options.segment_bytes,
            max_bytes: options.max_bytes,
        })?;
        Ok(Self {
            tables,
            slivers,
            verified: VerifiedMetadata::default(),
            events: Arc::default(),
            storing: Stripes::default(),
            first_element: AtomicU64::new(0),
        })
    }

    /// Waits until nobody else has the turn to write what events write, and takes it.
    pub(crate) async fn event_turn(&self) -> EventTurn {
        EventTurn {
            _guard: Arc::clone(&self.events).lock_owned().await,
        }
    }

    /// The disks and how they are. Costs little.
    pub fn disks(&self) -> Vec<DiskStatus> {
        self.slivers.disks()
    }

    /// Sets whether what is on the disk of a directory moves to the others, by compaction; returns whether there is such a disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn set_draining(&self, directory: &Path, draining: bool) -> Result<bool, StorageError> {
        self.slivers.disk_set().set_draining(directory, draining)
    }

    /// Forgets the disk of a directory, if it is missing; returns whether it was. The next start takes the directory for a new disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn forget_disk(&self, directory: &Path) -> Result<bool, StorageError> {
        self.slivers.disk_set().forget(directory)
    }

    /// Makes everything durable and notes that the index of slivers is complete.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn close(&self) -> Result<(), StorageError> {
        self.slivers.settle_ahead()?;
        self.tables.mark_closed()
    }

    /// The metadata of a blob. A damaged record is forgotten and its blob queued for recovery, so that it is fetched again.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn metadata(
        &self,
        blob_id: &BlobId,
        config: &EncodingConfig,
    ) -> Result<Option<VerifiedBlobMetadataWithId>, StorageError> {
        let Some(bytes) = self.tables.metadata.get(&BlobKey(*blob_id))? else {
            return Ok(None);
        };
        if let Some(metadata) = self.verified.get(blob_id, &bytes, config) {
            return Ok(Some(metadata));
        }
        match verify(blob_id, &bytes, config) {
            Ok(metadata) => {
                self.verified.remember(&bytes, &metadata);
                Ok(Some(metadata))
            }
            Err(error) => {
                tracing::error!(%blob_id, %error, "stored metadata is damaged");
                let mut batch = self.tables.batch();
                batch.remove(&self.tables.metadata, &BlobKey(*blob_id));
                self.tables
                    .queue_lost(&mut batch, blob_id, Part::Whole, SyncReason::Lost)?;
                batch.commit()?;
                Ok(None)
            }
        }
    }

    /// Whether the metadata of a blob is stored, undamaged.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn has_metadata(
        &self,
        blob_id: &BlobId,
        config: &EncodingConfig,
    ) -> Result<bool, StorageError> {
        Ok(self.metadata(blob_id, config)?.is_some())
    }

    /// Whether metadata and both slivers of every shard that is kept are stored, so that nothing of a blob is missing. Shards that are
    /// locked do not count.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn holds_all(&self, blob_id: &BlobId) -> Result<bool, StorageError> {
        if !self.tables.metadata.contains(&BlobKey(*blob_id))? {
            return Ok(false);
        }
        let states = self.shard_states().into_iter();
        let kept = states.filter(|(_, state)| *state != ShardState::Locked);
        let missing = self.missing_slivers(blob_id, kept.map(|(shard, _)| shard))?;
        Ok(missing.is_empty())
    }

    /// Stores metadata durably.
    ///
    /// # Errors
    /// [`StorageError`]; [`StorageError::Full`] if the first disk has no room.
    pub fn put_metadata(&self, metadata: &VerifiedBlobMetadataWithId) -> Result<(), StorageError> {
        let _storing = self.storing.shared(metadata.blob_id());
        let mut batch = self.tables.batch();
        self.add_metadata(&mut batch, metadata)?;
        Ok(batch.commit_durably()?)
    }

    /// Writes metadata with what else is in a batch.
    fn add_metadata(
        &self,
        batch: &mut Batch,
        metadata: &VerifiedBlobMetadataWithId,
    ) -> Result<(), StorageError> {
        let (key, bytes) = (BlobKey(*metadata.blob_id()), metadata.metadata().to_bcs());
        let disks = self.slivers.disk_set();
        disks.check_room(DiskNumber::FIRST, bytes.len() as u64, Room::Spare)?;
        self.verified.remember(&bytes, metadata);
        Ok(batch.insert(&self.tables.metadata, &key, &Bytes::from(bytes))?)
    }

    /// Waits until all that can be seen of a blob by now is durable, so that it may be promised to be there.
    pub fn until_durable(&self, blob_id: &BlobId) {
        drop(self.storing.alone(blob_id));
    }

    /// Removes metadata and slivers of a blob from all shards.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn delete_data(&self, blob_id: &BlobId) -> Result<(), StorageError> {
        self.delete_data_of(&[*blob_id])
    }

    /// Removes metadata and slivers of blobs from all shards. Room is given back when a segment holds nothing else.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn delete_data_of(&self, blobs: &[BlobId]) -> Result<(), StorageError> {
        if blobs.is_empty() {
            return Ok(());
        }
        self.slivers.delete_blobs(blobs)?;
        let mut batch = self.tables.batch();
        for blob_id in blobs {
            batch.remove(&self.tables.metadata, &BlobKey(*blob_id));
            batch.remove(&self.tables.deletions, &BlobKey(*blob_id));
        }
        Ok(batch.commit()?)
    }
}

fn verify(
    blob_id: &BlobId,
    bytes: &[u8],
    config: &EncodingConfig,
) -> Result<VerifiedBlobMetadataWithId, Damage> {
    let metadata = BlobMetadata::from_bcs(bytes, config)?;
    Ok(UnverifiedBlobMetadataWithId::new(*blob_id, metadata).verify(config)?)
}
