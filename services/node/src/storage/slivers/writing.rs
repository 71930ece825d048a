//! Writing slivers: each once, behind the others of its shard and expiry class, with one synchronization for each file.
//!
//! Small slivers of one upload share one synchronization, that of the database ([`ahead`]).
//! What fills a shard may be synchronized later, since nobody was told that it is here: a power failure costs it at most the last
//! `UNSYNCED_BYTES`, which the next start looks through.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use walrus_core::{Epoch, ShardIndex, SliverType};
use walrus_service::tables::Batch;

use super::{
    super::{
        StorageError,
        disks::{Room, create_directory, sync_directory},
        records::{Place, SegmentRecord, SegmentState},
        segments::{
            NewSliver, SegmentError,
            class::class_of,
            name::SegmentName,
            record::{Header, record_bytes},
            scan::SegmentFile,
        },
        tables::{BlobKey, SliverKey},
    },
    Books, Change, Emptied, SliverStore, ahead,
};

/// Records are put together up to so many bytes before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// A sliver with its key and the head of its record.
pub(super) struct Item<'a> {
    pub(super) key: SliverKey,
    pub(super) header: Header,
    pub(super) payload: &'a [u8],
}

/// So much of a shard may be written without being durable; well below `UNSYNCED_BYTES`, with the slivers that were written last.
const SYNC_BYTES: u64 = 16 << 20;

/// When what is written is made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durable {
    /// Before the writing returns.
    Now,
    /// With the next [`SliverStore::sync`] of the shard.
    Later,
    /// In the database with the change, in rows of this number; in its segment like [`Durable::Later`].
    Ahead(u64),
}

/// What came of slivers that were to be stored.
#[derive(Debug, Default)]
struct Appended {
    /// The types of those that were not there.
    stored: Vec<SliverType>,
    /// Bytes of their records.
    bytes: u64,
    /// Segments that hold nothing any more.
    emptied: Vec<Emptied>,
    /// Whether anything was committed.
    is_new: bool,
}

/// Slivers of one shard, each with its class.
type Classed<'a> = Vec<(Epoch, Item<'a>)>;

/// What is to be stored in one shard, by its class.
type ByClass<'a> = BTreeMap<Epoch, Vec<Item<'a>>>;

impl SliverStore {
    /// Stores what is absent of `slivers`.
    pub(super) fn put(
        &self,
        shard: ShardIndex,
        slivers: &[NewSliver<'_>],
        durable: Durable,
    ) -> Result<(), StorageError> {
        let books = self.books(shard)?;
        let items = self.items(shard, slivers)?;
        let change = books.change(&self.tables)?;
        let by_class = absent(&change, items)?;
        let emptied = self.append_all(change, &by_class, (Room::Spare, durable))?;
        self.sync_much(&books)?;
        self.remove_files(&emptied)
    }

    /// Stores what is absent of the slivers of some shards, and what else is in `batch`, with one synchronization; returns their
    /// types.
    pub(super) fn put_small(
        &self,
        batch: Batch,
        slivers: BTreeMap<ShardIndex, Vec<NewSliver<'_>>>,
    ) -> Result<Vec<SliverType>, StorageError> {
        let mut shards = Vec::with_capacity(slivers.len());
        for (shard, slivers) in &slivers {
            shards.push((self.books(*shard)?, self.items(*shard, slivers)?));
        }
        let writing = self.ahead.write();
        let appended = self.append_small(batch, &mut shards, writing.number)?;
        drop(writing);
        if appended.is_new {
            // Not while others wait for the shards: all who wait for it share it.
            self.tables.sync_shared()?;
        }
        let many = self.ahead.note(appended.bytes);
        for (books, _) in &shards {
            self.sync_much(books)?;
        }
        self.remove_files(&appended.emptied)?;
        if many {
            self.settle_ahead()?;
        }
        Ok(appended.stored)
    }

    /// Appends what is absent of small slivers, and commits it with what else is in `batch`; so it is with what was appended before
    /// something failed.
    fn append_small(
        &self,
        mut batch: Batch,
        shards: &mut [(Arc<Books>, Classed<'_>)],
        row: u64,
    ) -> Result<Appended, StorageError> {
        let terms = (Room::Spare, Durable::Ahead(row));
        let mut appended = Appended::default();
        let mut changes = Vec::with_capacity(shards.len());
        let mut ended = Ok(());
        // By ascending shards, as everybody who wants several of them: so nobody waits for who waits for him.
        for (books, items) in shards {
            let mut change = books.change(&self.tables)?;
            for (class, items) in absent(&change, std::mem::take(items))? {
                ended = ended.and_then(|()| self.append(&mut change, class, &items, terms));
                if ended.is_ok() {
                    let types = items.iter().map(|item| item.key.sliver_type);
                    appended.stored.extend(types);
                    let written = items.iter().map(|item| item.header.record_bytes());
                    appended.bytes = appended.bytes.saturating_add(written.sum());
                }
            }
            changes.push(change);
        }
        let mut written = Vec::with_capacity(changes.len());
        for change in &mut changes {
            written.push(change.write_to(&mut batch)?);
        }
        appended.is_new = !batch.is_empty();
        batch.commit()?;
        for (change, gone) in changes.into_iter().zip(written) {
            change.was_committed(&gone);
            appended.emptied.extend(gone);
        }
        ended.map(|()| appended)
    }

    /// Slivers with their classes and the heads of their records. Hashing takes long, and needs nobody to wait.
    fn items<'a>(
        &self,
        shard: ShardIndex,
        slivers: &[NewSliver<'a>],
    ) -> Result<Classed<'a>, StorageError> {
        let mut items = Vec::with_capacity(slivers.len());
        for sliver in slivers {
            let key = SliverKey {
                shard,
                sliver_type: sliver.sliver_type,
                blob_id: sliver.blob_id,
            };
            let header = Header::put(sliver.blob_id, sliver.sliver_type, sliver.payload)?;
            let class = self.class(&sliver.blob_id)?;
            let payload = sliver.payload;
            items.push((
                class,
                Item {
                    key,
                    header,
                    payload,
                },
            ));
        }
        Ok(items)
    }

    /// Synchronizes a shard of which much is not.
    fn sync_much(&self, books: &Books) -> Result<(), StorageError> {
        let unsynced: u64 = books.lock().unsynced.values().sum();
        if unsynced >= SYNC_BYTES {
            self.sync(books.shard())?;
        }
        Ok(())
    }

    /// Makes durable what was written to a shard to be so later.
    pub(super) fn sync(&self, shard: ShardIndex) -> Result<(), StorageError> {
        let books = self.books(shard)?;
        let _syncing = books.syncing();
        let unsynced = std::mem::take(&mut books.lock().unsynced);
        for number in unsynced.keys() {
            let synced = self.sync_segment(&books, *number);
            if synced.is_err() {
                books.lock().unsynced.extend(&unsynced);
            }
            synced?;
        }
        Ok(())
    }

    fn sync_segment(&self, books: &Books, number: u32) -> Result<(), StorageError> {
        // One that left the books holds nothing.
        let Some(record) = books.segment(number) else {
            return Ok(());
        };
        let synced = self.open_segment(books, number, &record);
        let synced = synced.and_then(|(file, path)| {
            let (file, path, salt) = (&*file, &*path, record.salt);
            SegmentFile { file, path, salt }.sync()
        });
        match synced {
            Err(error) if error.is_loss() => self.lose_segment(books, number).map(drop),
            Err(error) if error.is_no_space() => Err(self.disks.no_room(record.disk, 0)),
            synced => Ok(synced?),
        }
    }

    /// Appends slivers by their classes, and commits the change.
    pub(super) fn append_all(
        &self,
        mut change: Change<'_>,
        by_class: &BTreeMap<Epoch, Vec<Item<'_>>>,
        terms: (Room, Durable),
    ) -> Result<Vec<Emptied>, StorageError> {
        let mut failed = None;
        for (class, items) in by_class {
            if let Err(error) = self.append(&mut change, *class, items, terms) {
                failed = Some(error);
                break;
            }
        }
        // Also what was written before something failed: the bytes are there. Not synchronized: after a crash the end of each
        // segment is read again.
        let emptied = if change.is_empty() {
            Vec::new()
        } else {
            change.commit()?
        };
        failed.map_or(Ok(emptied), Err)
    }

    /// The expiry class of the slivers of a blob, as far as events tell by now.
    pub(super) fn class(&self, blob_id: &walrus_core::BlobId) -> Result<Epoch, StorageError> {
        let info = self.tables.blob_info.get(&BlobKey(*blob_id))?;
        let now = self.tables.event_epoch.get()?.unwrap_or_default();
        Ok(class_of(info.and_then(|info| info.known_end()), now))
    }

    /// Appends slivers of one class; the change notes where they are.
    fn append(
        &self,
        change: &mut Change<'_>,
        class: Epoch,
        items: &[Item<'_>],
        (room, durable): (Room, Durable),
    ) -> Result<(), StorageError> {
        let needed = items.iter().map(|item| item.header.record_bytes()).sum();
        self.take_room(needed, room)?;
        let terms = (needed, room, durable);
        let mut result = self.append_in_room(change, class, items, terms);
        if matches!(&result, Err(error) if !error.is_full()) {
            // The disk is noted, so that another one is tried.
            result = self.append_in_room(change, class, items, terms);
        }
        if result.is_err() {
            self.used_bytes.fetch_sub(needed, Ordering::Relaxed);
        }
        result
    }

    /// Counts bytes that are about to be written.
    fn take_room(&self, needed: u64, room: Room) -> Result<(), StorageError> {
        let used = self.used_bytes.fetch_add(needed, Ordering::Relaxed);
        match self.max_bytes {
            Some(cap) if room == Room::Spare && used.saturating_add(needed) > cap => {
                self.used_bytes.fetch_sub(needed, Ordering::Relaxed);
                self.refused_bytes.store(needed, Ordering::Relaxed);
                Err(StorageError::AtCapacity { used, needed, cap })
            }
            _ => Ok(()),
        }
    }

    fn append_in_room(
        &self,
        change: &mut Change<'_>,
        class: Epoch,
        items: &[Item<'_>],
        (needed, room, durable): (u64, Room, Durable),
    ) -> Result<(), StorageError> {
        let (number, file, path) = self.active(change, class, needed, room)?;
        let Some(record) = change.segment(number) else {
            return Err(StorageError::NoShard(change.shard()));
        };
        let segment = SegmentFile {
            file: &file,
            path: &path,
            salt: record.salt,
        };
        let written = match durable {
            Durable::Now | Durable::Later => write_items(segment, record.end, items, durable),
            Durable::Ahead(row) => {
                let records = records(segment, record.end, items);
                let written = segment.write(&records, record.end);
                let key = ahead::key(row, change.shard(), number, record.end);
                if written.is_ok() {
                    change.keep_ahead(key, records.into());
                }
                written
            }
        };
        if let Err(error) = written {
            // What is half written must not be taken for records after a crash.
            let cut = segment.truncate(record.end);
            if error.is_no_space() && cut.is_ok() {
                return Err(self.disks.no_room(record.disk, needed));
            }
            // Nor is anything appended behind what may be there.
            tracing::error!(%error, path = %path.display(), "a disk refuses a write");
            self.disks.note_refusal(record.disk);
            change.writer.active.remove(&class);
            return Err(error.into());
        }
        match durable {
            // All of the file is.
            Durable::Now => {
                change.writer.unsynced.remove(&number);
            }
            Durable::Later | Durable::Ahead(_) => {
                let unsynced = change.writer.unsynced.entry(number).or_default();
                *unsynced = unsynced.saturating_add(needed);
            }
        }
        let mut end = record.end;
        for item in items {
            let place = Place {
                segment: number,
                offset: end,
                length: item.header.length,
            };
            change.put(item.key, place)?;
            end = end.saturating_add(record_bytes(place.length));
        }
        if let Some(record) = change.segment(number) {
            change.set_segment(number, SegmentRecord { end, ..record });
        }
        Ok(())
    }

    /// The segment of a class to which `needed` bytes can be appended, begun if needed.
    fn active(
        &self,
        change: &mut Change<'_>,
        class: Epoch,
        needed: u64,
        room: Room,
    ) -> Result<(u32, Arc<File>, PathBuf), StorageError> {
        if let Some(number) = change.writer.active.get(&class).copied()
            && let Some(record) = change.segment(number)
        {
            let has_room = record.end < self.segment_bytes;
            if has_room
                && !self.disks.is_draining(record.disk)
                && self.disks.check_room(record.disk, needed, room).is_ok()
                && let Ok((file, path)) = self.open_file(change.shard(), number, &record)
            {
                return Ok((number, file, path));
            }
            if change.writer.unsynced.remove(&number).is_some()
                && let Ok((file, path)) = self.open_file(change.shard(), number, &record)
            {
                // What is sealed is not looked through after a power failure.
                let salt = record.salt;
                let (file, path) = (&*file, &*path);
                SegmentFile { file, path, salt }.sync()?;
            }
            change.retire_segment(number, SegmentState::Sealed);
        }
        self.begin_segment(change, class, needed, room)
    }

    fn begin_segment(
        &self,
        change: &mut Change<'_>,
        class: Epoch,
        needed: u64,
        room: Room,
    ) -> Result<(u32, Arc<File>, PathBuf), StorageError> {
        let shard = change.shard();
        let disk = self.disks.choose(needed, room)?;
        let directory = self.disks.shard_directory(disk, shard).unwrap_or_default();
        let number = change.writer.next;
        let number = number.ok_or_else(|| SegmentError::Exhausted(directory.clone()))?;
        let record = SegmentRecord {
            disk,
            class,
            salt: Some(rand::random()),
            end: 0,
            live_bytes: 0,
            live_records: 0,
            state: SegmentState::Open,
        };
        change.writer.next = number.checked_add(1);
        change.begin_segment(number, record)?;
        let name = SegmentName {
            number,
            class,
            salt: record.salt,
        };
        let path = directory.join(name.file_name());
        let create = || {
            create_directory(&directory)?;
            let file = File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path)?;
            sync_directory(&directory)?;
            Ok(file)
        };
        let file = match create().map_err(|error| SegmentError::io(&path, error)) {
            Ok(file) => file,
            Err(error) => {
                change.abandon_segment(number)?;
                if error.is_no_space() {
                    return Err(self.disks.no_room(disk, needed));
                }
                tracing::error!(%error, "a disk refuses a new segment");
                self.disks.note_refusal(disk);
                return Err(error.into());
            }
        };
        change.writer.active.insert(class, number);
        Ok((
            number,
            self.open_files.insert((shard, number, record.salt), file),
            path,
        ))
    }
}

/// Those of the items that are not there, each once.
fn absent<'a>(change: &Change<'_>, items: Classed<'a>) -> Result<ByClass<'a>, StorageError> {
    let (mut by_class, mut seen) = (ByClass::new(), HashSet::new());
    for (class, item) in items {
        if seen.insert(item.key) && change.place(&item.key)?.is_none() {
            by_class.entry(class).or_default().push(item);
        }
    }
    Ok(by_class)
}

/// The records of small items, as they are behind `end` of a segment.
fn records(segment: SegmentFile<'_>, mut end: u64, items: &[Item<'_>]) -> Vec<u8> {
    let mut records = Vec::new();
    for item in items {
        records.extend_from_slice(&item.header.encode(segment.seal(end)));
        records.extend_from_slice(item.payload);
        end = end.saturating_add(item.header.record_bytes());
    }
    records
}

fn write_items(
    segment: SegmentFile<'_>,
    mut end: u64,
    items: &[Item<'_>],
    durable: Durable,
) -> Result<(), SegmentError> {
    let mut buffer: Vec<u8> = Vec::new();
    let mut written = end;
    for item in items {
        buffer.extend_from_slice(&item.header.encode(segment.seal(end)));
        end = end.saturating_add(item.header.record_bytes());
        if buffer.len().saturating_add(item.payload.len()) <= WRITE_BYTES {
            buffer.extend_from_slice(item.payload);
            continue;
        }
        segment.write_both(&buffer, item.payload, written)?;
        let bytes = buffer.len().saturating_add(item.payload.len());
        written = written.saturating_add(bytes as u64);
        buffer.clear();
    }
    segment.write(&buffer, written)?;
    match durable {
        Durable::Now => segment.sync(),
        Durable::Later | Durable::Ahead(_) => Ok(()),
    }
}
