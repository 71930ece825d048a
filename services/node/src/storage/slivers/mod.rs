//! Sliver store: the bytes of slivers in segment files on one or several disks, and an index of where each lies.
//!
//! What each segment holds is counted in its books, which are written in the same batch as the index. So the index is the truth, also after
//! a crash: only what was appended last, behind the end that the books know, has to be read again. A segment without a record that
//! counts is unlinked, which is how expired slivers give their room back.
//!
//! | file | what happens there |
//! |---|---|
//! | `books` | segments and their counters; changes of a shard, one batch each |
//! | `ahead` | small slivers, durable in the database before their segments are |
//! | `writing`, `reading`, `removal` | slivers come, are served, and go |
//! | `start`, `replay` | what a crash, a lost file or an older format has left |
//! | `compaction` | what is left of a segment moves, so that it can be unlinked |
//! | `scrub`, `fsck` | looking for damage that nobody reads, and for index and files that do not agree |

mod ahead;
mod books;
mod compaction;
mod fsck;
mod reading;
mod removal;
mod replay;
mod scrub;
mod start;
mod writing;

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use walrus_core::{BlobId, ShardIndex, SliverType, VerifiedBlobMetadataWithId};

pub(super) use self::start::Settings;
use self::{
    ahead::Ahead,
    books::{Books, Change, Emptied},
    writing::Durable,
};
pub use self::{
    compaction::CompactStep,
    fsck::{Finding, FsckPosition, FsckStep},
    scrub::{Comparison, ScrubPosition, ScrubStep},
};
use super::{
    Page, Storage, StorageError,
    disks::{AtCap, DiskStatus, Disks},
    records::ShardState,
    segments::{NewSliver, open_files::OpenFiles},
    tables::{DiskNumber, ShardKey, SliverKey, Tables},
};
use crate::limits::SCAN_BATCH;

const SLIVER_TYPES: [SliverType; 2] = [SliverType::Primary, SliverType::Secondary];

#[derive(Debug, Clone)]
struct Shard {
    state: ShardState,
    books: Arc<Books>,
}

/// The shards of one node.
#[derive(Debug)]
pub(super) struct SliverStore {
    tables: Tables,
    disks: Disks,
    open_files: OpenFiles,
    ahead: Ahead,
    segment_bytes: u64,
    max_bytes: Option<u64>,
    /// Bytes of all segments, as the books count them, and of what is being written.
    used_bytes: AtomicU64,
    /// Bytes that were refused last for the cap of the node; zero if none were since the start.
    refused_bytes: AtomicU64,
    shards: RwLock<BTreeMap<ShardIndex, Shard>>,
    /// The segment that is being compacted.
    compaction: Mutex<Option<compaction::Cursor>>,
}

/// Shards and slivers.
impl Storage {
    /// Every shard with its state.
    pub fn shard_states(&self) -> BTreeMap<ShardIndex, ShardState> {
        let shards = self.slivers.read();
        let states = shards.iter().map(|(index, shard)| (*index, shard.state));
        states.collect()
    }

    /// Whether the node has shards that are not locked: those that new slivers belong in.
    pub fn keeps_shards(&self) -> bool {
        let shards = self.slivers.read();
        shards
            .values()
            .any(|shard| shard.state != ShardState::Locked)
    }

    /// The state of a shard; `None` if it is not stored here.
    pub fn shard_state(&self, shard: ShardIndex) -> Option<ShardState> {
        self.slivers.read().get(&shard).map(|shard| shard.state)
    }

    /// Sets the state of a shard, creating its storage if needed. What is in a complete one is durable.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn set_shard_state(
        &self,
        shard: ShardIndex,
        state: ShardState,
    ) -> Result<(), StorageError> {
        if state == ShardState::Active && self.shard_state(shard).is_some() {
            self.slivers.sync(shard)?;
        }
        self.slivers.set_state(shard, state)
    }

    /// Removes a shard with everything in it.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn remove_shard(&self, shard: ShardIndex) -> Result<(), StorageError> {
        self.slivers.remove(shard)
    }

    /// Whether a sliver is stored.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn has_sliver(
        &self,
        shard: ShardIndex,
        blob_id: &BlobId,
        sliver_type: SliverType,
    ) -> Result<bool, StorageError> {
        let key = SliverKey {
            shard,
            sliver_type,
            blob_id: *blob_id,
        };
        Ok(self.tables.places.contains(&key)?)
    }

    /// The BCS form of a sliver (without tag); `None` if it is absent. A damaged sliver is forgotten and queued for recovery.
    ///
    /// # Errors
    /// [`StorageError`]; [`StorageError::NoShard`] if the shard is not stored here.
    pub fn sliver(
        &self,
        shard: ShardIndex,
        blob_id: &BlobId,
        sliver_type: SliverType,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        self.slivers.get(SliverKey {
            shard,
            sliver_type,
            blob_id: *blob_id,
        })
    }

    /// The length of a sliver in BCS form (without tag), in bytes, as the index knows it; `None` if it is absent.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn sliver_length(
        &self,
        shard: ShardIndex,
        blob_id: &BlobId,
        sliver_type: SliverType,
    ) -> Result<Option<u32>, StorageError> {
        let key = SliverKey {
            shard,
            sliver_type,
            blob_id: *blob_id,
        };
        let place = self.tables.places.get(&key)?;
        Ok(place.map(|place| place.length))
    }

    /// The slivers of one kind that a shard holds, with their lengths in bytes, in the order of their blob IDs behind `after`.
    pub fn stored_slivers(
        &self,
        shard: ShardIndex,
        sliver_type: SliverType,
        after: Option<BlobId>,
    ) -> impl Iterator<Item = Page<BlobId, u32>> {
        let key = |blob_id| SliverKey {
            shard,
            sliver_type,
            blob_id,
        };
        let start = match after {
            Some(after) => Bound::Excluded(key(after)),
            None => Bound::Included(key(BlobId([0; 32]))),
        };
        let end = Bound::Included(key(BlobId([u8::MAX; 32])));
        let pages = self.tables.places.pages_in((start, end), SCAN_BATCH);
        pages.map(|page| {
            let entries = page?.into_iter();
            Ok(entries
                .map(|(key, place)| (key.blob_id, place.length))
                .collect())
        })
    }

    /// Stores slivers of one shard; those that are there already are left as they are. The bytes are durable on return.
    ///
    /// # Errors
    /// [`StorageError`]; [`StorageError::NoShard`] if the shard is not stored here, [`StorageError::Full`] or
    /// [`StorageError::AtCapacity`] if there is no room.
    pub fn put_slivers(
        &self,
        shard: ShardIndex,
        slivers: &[NewSliver<'_>],
    ) -> Result<(), StorageError> {
        self.slivers.put(shard, slivers, Durable::Now)
    }

    /// Stores what one upload brings of a blob: metadata, if it is not there yet, and slivers, each but those that are there already. All of
    /// it is durable on return, with one synchronization; what is stored can be seen before, and [`Storage::until_durable`] waits for
    /// who sees it. Returns the types of the slivers that were stored. For small slivers: they are written twice.
    ///
    /// # Errors
    /// Those of [`Storage::put_slivers`] and of [`Storage::put_metadata`].
    pub fn put_together(
        &self,
        blob_id: &BlobId,
        metadata: Option<&VerifiedBlobMetadataWithId>,
        slivers: &[(ShardIndex, SliverType, &[u8])],
    ) -> Result<Vec<SliverType>, StorageError> {
        let mut by_shard: BTreeMap<ShardIndex, Vec<NewSliver<'_>>> = BTreeMap::new();
        for (shard, sliver_type, payload) in slivers {
            by_shard.entry(*shard).or_default().push(NewSliver {
                blob_id: *blob_id,
                sliver_type: *sliver_type,
                payload,
            });
        }
        let _storing = self.storing.shared(blob_id);
        let mut batch = self.tables.batch();
        if let Some(metadata) = metadata {
            self.add_metadata(&mut batch, metadata)?;
        }
        self.slivers.put_small(batch, by_shard)
    }

    /// Like [`Storage::put_slivers`] for a shard that is being filled: the bytes are durable after [`Storage::sync_shard`], or when
    /// there are many.
    ///
    /// # Errors
    /// Those of [`Storage::put_slivers`].
    pub fn fill_slivers(
        &self,
        shard: ShardIndex,
        slivers: &[NewSliver<'_>],
    ) -> Result<(), StorageError> {
        self.slivers.put(shard, slivers, Durable::Later)
    }

    /// Makes durable what [`Storage::fill_slivers`] has stored in a shard; costs nothing if that is nothing.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn sync_shard(&self, shard: ShardIndex) -> Result<(), StorageError> {
        self.slivers.sync(shard)
    }

    /// The slivers of `shards` that are missing of the blob.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn missing_slivers(
        &self,
        blob_id: &BlobId,
        shards: impl IntoIterator<Item = ShardIndex>,
    ) -> Result<Vec<(ShardIndex, SliverType)>, StorageError> {
        let mut missing = Vec::new();
        for shard in shards {
            for sliver_type in SLIVER_TYPES {
                if !self.has_sliver(shard, blob_id, sliver_type)? {
                    missing.push((shard, sliver_type));
                }
            }
        }
        Ok(missing)
    }
}

impl SliverStore {
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<ShardIndex, Shard>> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<ShardIndex, Shard>> {
        self.shards.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn books(&self, shard: ShardIndex) -> Result<Arc<Books>, StorageError> {
        let shards = self.read();
        let found = shards.get(&shard).ok_or(StorageError::NoShard(shard))?;
        Ok(Arc::clone(&found.books))
    }

    /// The books of every shard, without holding the lock.
    fn all_books(&self) -> Vec<Arc<Books>> {
        let shards = self.read();
        let books = shards.values().map(|shard| Arc::clone(&shard.books));
        books.collect()
    }

    fn set_state(&self, shard: ShardIndex, state: ShardState) -> Result<(), StorageError> {
        let mut shards = self.write();
        let mut batch = self.tables.batch();
        batch.insert(&self.tables.shards, &ShardKey(shard), &state)?;
        batch.commit()?;
        match shards.get_mut(&shard) {
            Some(known) => known.state = state,
            None => {
                let books = Arc::new(Books::new(shard, BTreeMap::new()));
                shards.insert(shard, Shard { state, books });
            }
        }
        Ok(())
    }

    /// The status of each disk.
    pub(super) fn disks(&self) -> Vec<DiskStatus> {
        let mut usage: BTreeMap<DiskNumber, (u64, u64)> = BTreeMap::new();
        for books in self.all_books() {
            for (_, record) in books.segments() {
                let (used, live) = usage.entry(record.disk).or_default();
                *used = used.saturating_add(record.end);
                *live = live.saturating_add(record.live_bytes);
            }
        }
        self.disks.status(&usage, self.at_cap())
    }

    /// Whether the node may hold no more slivers: none, or none of the size that was refused last.
    fn at_cap(&self) -> Option<AtCap> {
        let cap = self.max_bytes?;
        let used = self.used_bytes.load(Ordering::Relaxed);
        let refused = self.refused_bytes.load(Ordering::Relaxed);
        (used.saturating_add(refused.max(1)) > cap).then_some(AtCap { used, cap })
    }

    pub(super) fn disk_set(&self) -> &Disks {
        &self.disks
    }
}
