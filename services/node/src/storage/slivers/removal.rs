//! Removing slivers: of blobs that nobody pays for, of records that are damaged, and of whole shards. A segment without a record that
//! counts is unlinked.

use std::{collections::BTreeSet, fs, io, path::Path, sync::atomic::Ordering};

use walrus_core::{BlobId, ShardIndex};

use super::{
    super::{
        StorageError,
        disks::sync_directory,
        records::{Place, SegmentState, SyncReason},
        tables::{ShardKey, SliverKey},
    },
    Books, Emptied, SLIVER_TYPES, SliverStore,
};
use crate::limits::{MAX_REMOVALS_AT_ONCE, SCAN_BATCH};

impl SliverStore {
    /// Removes the slivers of blobs from every shard, also from those that are locked.
    pub(in super::super) fn delete_blobs(&self, blobs: &[BlobId]) -> Result<(), StorageError> {
        for blobs in blobs.chunks(MAX_REMOVALS_AT_ONCE) {
            let mut emptied = Vec::new();
            for books in self.all_books() {
                emptied.extend(self.delete_from(&books, blobs)?);
            }
            self.remove_files(&emptied)?;
        }
        Ok(())
    }

    fn delete_from(&self, books: &Books, blobs: &[BlobId]) -> Result<Vec<Emptied>, StorageError> {
        let mut change = match books.change(&self.tables) {
            // The shard is gone, and its slivers with it.
            Err(StorageError::NoShard(_)) => return Ok(Vec::new()),
            change => change?,
        };
        for blob_id in blobs {
            for sliver_type in SLIVER_TYPES {
                change.take(&SliverKey {
                    shard: books.shard(),
                    sliver_type,
                    blob_id: *blob_id,
                })?;
            }
        }
        if change.is_empty() {
            return Ok(Vec::new());
        }
        change.commit()
    }

    /// Takes a sliver whose bytes are not what was written out of the index, queues its blob, and has the others of its segment
    /// move on.
    pub(super) fn lose(
        &self,
        books: &Books,
        key: &SliverKey,
        place: Place,
    ) -> Result<(), StorageError> {
        let mut change = books.change(&self.tables)?;
        if change.place(key)? != Some(place) {
            return Ok(());
        }
        change.lose(key, SyncReason::Lost)?;
        change.retire_segment(place.segment, SegmentState::Quarantined);
        if let Some(record) = change.segment(place.segment) {
            self.disks.count_damage(record.disk, 1);
        }
        let emptied = change.commit()?;
        self.remove_files(&emptied)
    }

    /// Takes the slivers of a segment for which `is_lost` out of the index; returns how many.
    pub(super) fn lose_where(
        &self,
        books: &Books,
        reason: SyncReason,
        is_lost: impl Fn(&Place) -> bool,
    ) -> Result<u64, StorageError> {
        let mut lost = 0_u64;
        let prefix = ShardKey(books.shard());
        for page in self.tables.places.pages_with(&prefix, SCAN_BATCH) {
            let page = page?;
            let mut found = page.iter().filter(|(_, place)| is_lost(place)).peekable();
            if found.peek().is_none() {
                continue;
            }
            let mut change = books.change(&self.tables)?;
            for (key, place) in found {
                // Somebody may have moved or removed it meanwhile.
                if change.place(key)? != Some(*place) {
                    continue;
                }
                if let Some(record) = change.segment(place.segment) {
                    self.disks.count_damage(record.disk, 1);
                }
                change.lose(key, reason)?;
                lost = lost.saturating_add(1);
            }
            let emptied = change.commit()?;
            self.remove_files(&emptied)?;
        }
        Ok(lost)
    }

    /// Unlinks segments that have left the books. What a crash leaves is found at the next start.
    pub(super) fn remove_files(&self, emptied: &[Emptied]) -> Result<(), StorageError> {
        if emptied.is_empty() {
            return Ok(());
        }
        // After a power failure the database must not know of a file that is gone.
        self.tables.sync()?;
        let mut directories = BTreeSet::new();
        for emptied in emptied {
            let (shard, number) = (emptied.shard, emptied.number);
            if let Some(path) = self.path(shard, number, &emptied.record) {
                match fs::remove_file(&path) {
                    Err(source) if source.kind() != io::ErrorKind::NotFound => {
                        return Err(StorageError::Io { path, source });
                    }
                    _ => directories.extend(path.parent().map(Path::to_owned)),
                }
            }
            self.open_files.forget((shard, number, emptied.record.salt));
            self.used_bytes
                .fetch_sub(emptied.record.end, Ordering::Relaxed);
        }
        // Nor may a file come back whose blobs nobody knows of any more: it would be taken for one that events are still to tell of.
        for path in directories {
            match sync_directory(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(StorageError::Io { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes a shard with everything in it. A crash in between leaves rows or files of a shard that is not there; the next start
    /// goes on with them.
    pub(super) fn remove(&self, shard: ShardIndex) -> Result<(), StorageError> {
        let removed = self.write().remove(&shard);
        if let Some(removed) = removed {
            removed.books.lock().retired = true;
            for (number, record) in removed.books.segments() {
                self.open_files.forget((shard, number, record.salt));
                self.used_bytes.fetch_sub(record.end, Ordering::Relaxed);
            }
        }
        let mut batch = self.tables.batch();
        batch.remove(&self.tables.shards, &ShardKey(shard));
        batch.commit()?;
        self.remove_rest_of(shard)
    }

    /// Removes rows and files of a shard that is not there any more.
    pub(super) fn remove_rest_of(&self, shard: ShardIndex) -> Result<(), StorageError> {
        let places = &self.tables.places;
        for page in places.pages_with(&ShardKey(shard), SCAN_BATCH) {
            let mut batch = self.tables.batch();
            for (key, _) in page? {
                batch.remove(places, &key);
            }
            batch.commit()?;
        }
        let segments = &self.tables.segments;
        for page in segments.pages_with(&ShardKey(shard), SCAN_BATCH) {
            let mut batch = self.tables.batch();
            for (key, _) in page? {
                batch.remove(segments, &key);
            }
            batch.commit()?;
        }
        self.tables.sync()?;
        for (disk, _) in self.disks.present() {
            let Some(path) = self.disks.shard_directory(disk, shard) else {
                continue;
            };
            match fs::remove_dir_all(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(StorageError::Io { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }
}
