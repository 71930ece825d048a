//! Start: the index is brought in line with what is on the disks. What it knew of and is not there is queued for recovery.
//!
//! After an orderly close this costs a look at each file's length. After a crash the ends of segments are read as well, and all of
//! the index. Segments are read as a whole only if nothing is known of them: after a lost database, or a disk that comes back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use walrus_core::ShardIndex;

use super::{
    super::{
        StorageError,
        disks::{Disks, shards_of},
        records::{Place, SegmentRecord, SegmentState, ShardState, SyncReason},
        segments::{SegmentError, name::SegmentName, open_files::OpenFiles, scan::SegmentFile},
        tables::{BlobKey, DiskNumber, ShardKey, SliverKey, Tables},
    },
    Ahead, Books, Shard, SliverStore,
};
use crate::limits::{MAX_OPEN_SEGMENTS, SCAN_BATCH, UNSYNCED_BYTES};

/// What a sliver store is opened with.
#[derive(Debug)]
pub(in super::super) struct Settings {
    pub(in super::super) tables: Tables,
    pub(in super::super) disks: Disks,
    pub(in super::super) segment_bytes: u64,
    pub(in super::super) max_bytes: Option<u64>,
}

/// What is in the directories of a shard.
#[derive(Debug, Default)]
struct Files {
    /// Whether there is a directory at all.
    exists: bool,
    by_number: BTreeMap<u32, Vec<(DiskNumber, SegmentName, u64)>>,
}

impl Files {
    /// The files that the books of the shard do not know, in the order of their numbers.
    fn unknown_to(&self, books: &Books) -> Vec<(DiskNumber, SegmentName)> {
        let files = self.by_number.values().flatten();
        let unknown = files.filter(|(disk, name, _)| {
            books.segment(name.number).is_none_or(|record| {
                record.disk != *disk || record.class != name.class || record.salt != name.salt
            })
        });
        unknown.map(|(disk, name, _)| (*disk, *name)).collect()
    }
}

impl SliverStore {
    /// Opens every shard.
    pub(in super::super) fn open(settings: Settings) -> Result<Self, StorageError> {
        let clean = settings.tables.was_closed()?;
        // From here on only a start that has come to its end is one that needs no second look.
        settings.tables.mark_open()?;
        let this = Self::inspect(settings)?;
        this.restore_ahead()?;
        this.meet_unknown_shards()?;
        for books in this.all_books() {
            this.open_shard(&books, clean)?;
        }
        this.finish_first_format()?;
        let all = this.all_books().into_iter();
        let used = all.flat_map(|books| books.segments());
        let used = used.map(|(_, record)| record.end).sum();
        this.used_bytes.store(used, Ordering::Relaxed);
        Ok(this)
    }

    /// Every shard as the tables know it, without a look at the disks.
    pub(in super::super) fn inspect(settings: Settings) -> Result<Self, StorageError> {
        let Settings {
            tables,
            disks,
            segment_bytes,
            max_bytes,
        } = settings;
        Ok(Self {
            shards: RwLock::new(known_shards(&tables)?),
            tables,
            disks,
            open_files: OpenFiles::new(MAX_OPEN_SEGMENTS),
            ahead: Ahead::default(),
            segment_bytes,
            max_bytes,
            used_bytes: AtomicU64::new(0),
            refused_bytes: AtomicU64::new(0),
            compaction: Mutex::default(),
        })
    }

    /// Whether nothing is known of what happened before, so that everything that is found counts until the chain says otherwise.
    pub(super) fn knows_nothing(&self) -> Result<bool, StorageError> {
        Ok(self.tables.cursor.get()?.is_none())
    }

    /// Shards that are on a disk and not in the tables: what a removal has left, or all of them if the database was lost.
    fn meet_unknown_shards(&self) -> Result<(), StorageError> {
        let mut unknown = BTreeSet::new();
        for page in self.tables.segments.pages(SCAN_BATCH) {
            unknown.extend(page?.into_iter().map(|((ShardKey(shard), _), _)| shard));
        }
        for (_, disk) in self.disks.present() {
            unknown.extend(shards_in(&shards_of(&disk))?);
        }
        let known = self.read().clone();
        unknown.retain(|shard| !known.contains_key(shard));
        let knows_nothing = self.knows_nothing()?;
        for shard in unknown {
            if knows_nothing {
                // Whether they are this node's is told by the chain; until then nothing is taken in.
                tracing::warn!(%shard, "a shard is found of which nothing is known");
                self.set_state(shard, ShardState::Locked)?;
            } else {
                tracing::info!(%shard, "what is left of a removed shard is removed");
                self.remove_rest_of(shard)?;
            }
        }
        Ok(())
    }

    fn open_shard(&self, books: &Books, clean: bool) -> Result<(), StorageError> {
        let files = self.files_of(books.shard())?;
        // Told apart before anything changes: a file whose last sliver is found lost below goes, and its row in the books with it.
        let unknown = files.unknown_to(books);
        let held = books
            .segments()
            .iter()
            .any(|(_, record)| record.live_records > 0);
        let mut gone = BTreeSet::new();
        let mut short = BTreeMap::new();
        for (number, record) in books.segments() {
            let name = SegmentName {
                number,
                class: record.class,
                salt: record.salt,
            };
            let found = files.by_number.get(&number).into_iter().flatten();
            let mut found = found.filter(|(disk, other, _)| *disk == record.disk && *other == name);
            match found.next() {
                None => {
                    gone.insert(number);
                }
                Some((_, _, bytes)) if *bytes < record.end => {
                    short.insert(number, *bytes);
                }
                Some((_, _, bytes)) => {
                    let has_more = !clean && *bytes > record.end;
                    if has_more || record.state == SegmentState::Found {
                        self.replay(books, number)?;
                    }
                }
            }
        }
        for number in short.keys() {
            self.shorten(books, *number, &short)?;
        }
        if held && !files.exists {
            // First: a shard that is complete only because nobody queued its blobs would be attested.
            self.refill(books.shard())?;
        }
        if !gone.is_empty() || !short.is_empty() || !clean {
            let reason = if files.exists {
                SyncReason::Lost
            } else {
                SyncReason::FillShards
            };
            let is_filling = !clean && self.is_filling(books.shard());
            let lost = self.lose_where(books, reason, |place| {
                is_lost(place, &gone, &short, books) || (is_filling && self.is_torn(books, place))
            })?;
            if lost > 0 {
                tracing::error!(shard = %books.shard(), lost, segments = gone.len(), cut = short.len(), "slivers are lost");
            }
        }
        // Last: of what is lost another file may have a copy, as after a backup that compaction overtook.
        self.adopt(books, &unknown)?;
        self.drop_empty(books, &gone)?;
        Ok(())
    }

    /// Whether what was written to a shard last may not have been durable.
    fn is_filling(&self, shard: ShardIndex) -> bool {
        let state = self.read().get(&shard).map(|shard| shard.state);
        state == Some(ShardState::Recovering)
    }

    /// Whether a sliver that was among the last of a segment is not what was written: a power failure may have cost its bytes, and not
    /// the index.
    fn is_torn(&self, books: &Books, place: &Place) -> bool {
        let record = books.segment(place.segment);
        let open = record.filter(|record| record.state == SegmentState::Open);
        let Some(record) =
            open.filter(|record| place.end() > record.end.saturating_sub(UNSYNCED_BYTES))
        else {
            return false;
        };
        let read = || {
            let (file, path) = self.open_segment(books, place.segment, &record)?;
            let segment = SegmentFile {
                file: &file,
                path: &path,
                salt: record.salt,
            };
            let header = segment.header_at(place.offset, place.end())?;
            let header = header.ok_or_else(|| segment.corrupt(place.offset))?;
            segment.payload(place.offset, &header).map(drop)
        };
        matches!(read(), Err::<(), SegmentError>(error) if error.is_loss())
    }

    /// Has a shard that has lost everything filled again, as one that the node has just gained.
    fn refill(&self, shard: ShardIndex) -> Result<(), StorageError> {
        tracing::error!(%shard, "a shard has lost its directory");
        let state = self.read().get(&shard).map(|shard| shard.state);
        match state {
            Some(ShardState::Active) => self.set_state(shard, ShardState::Recovering),
            _ => Ok(()),
        }
    }

    /// Notes that a file is shorter than it was.
    fn shorten(
        &self,
        books: &Books,
        number: u32,
        short: &BTreeMap<u32, u64>,
    ) -> Result<(), StorageError> {
        let Some(end) = short.get(&number).copied() else {
            return Ok(());
        };
        let mut change = books.change(&self.tables)?;
        change.retire_segment(number, SegmentState::Quarantined);
        if let Some(record) = change.segment(number) {
            change.set_segment(number, SegmentRecord { end, ..record });
        }
        change.commit()?;
        Ok(())
    }

    /// Takes segments out of the books that hold nothing, or whose file is gone.
    fn drop_empty(&self, books: &Books, gone: &BTreeSet<u32>) -> Result<(), StorageError> {
        let mut change = books.change(&self.tables)?;
        for (number, record) in books.segments() {
            if gone.contains(&number) || record.live_records == 0 {
                let state = SegmentState::Sealed;
                change.set_segment(
                    number,
                    SegmentRecord {
                        live_records: 0,
                        state,
                        ..record
                    },
                );
            }
        }
        if change.is_empty() {
            return Ok(());
        }
        let emptied = change.commit()?;
        self.remove_files(&emptied)
    }

    /// Files that are not in the books are read from the front, and what counts of them is taken in.
    fn adopt(
        &self,
        books: &Books,
        unknown: &[(DiskNumber, SegmentName)],
    ) -> Result<(), StorageError> {
        for (disk, name) in unknown {
            let number = self.make_room_for(books, *disk, *name)?;
            tracing::info!(shard = %books.shard(), segment = number, "a segment is found that is not in the books");
            let mut change = books.change(&self.tables)?;
            let next = number.checked_add(1);
            if change.writer.next.is_some_and(|last| last <= number) {
                change.writer.next = next;
            }
            let record = SegmentRecord {
                disk: *disk,
                class: name.class,
                salt: name.salt,
                end: 0,
                live_bytes: 0,
                live_records: 0,
                state: SegmentState::Found,
            };
            change.begin_segment(number, record)?;
            drop(change);
            self.replay(books, number)?;
        }
        Ok(())
    }

    /// The number of a file that is found: its own, or a new one if another segment has that by now.
    fn make_room_for(
        &self,
        books: &Books,
        disk: DiskNumber,
        name: SegmentName,
    ) -> Result<u32, StorageError> {
        if books.segment(name.number).is_none() {
            return Ok(name.number);
        }
        let directory = self
            .disks
            .shard_directory(disk, books.shard())
            .unwrap_or_default();
        let mut writer = books.lock();
        let number = writer.next;
        let number = number.ok_or_else(|| SegmentError::Exhausted(directory.clone()))?;
        writer.next = number.checked_add(1);
        let path = directory.join(name.file_name());
        let renamed = SegmentName { number, ..name };
        fs::rename(&path, directory.join(renamed.file_name()))
            .map_err(|source| StorageError::Io { path, source })?;
        Ok(number)
    }

    fn files_of(&self, shard: ShardIndex) -> Result<Files, StorageError> {
        let mut files = Files::default();
        for (disk, _) in self.disks.present() {
            let Some(directory) = self.disks.shard_directory(disk, shard) else {
                continue;
            };
            let Some(entries) = entries(&directory)? else {
                continue;
            };
            files.exists = true;
            for entry in entries {
                let name = entry.file_name();
                let Some(name) = name.to_str().and_then(SegmentName::parse) else {
                    continue;
                };
                let metadata = entry.metadata();
                let metadata = metadata.map_err(|source| StorageError::Io {
                    path: entry.path(),
                    source,
                })?;
                let numbered = files.by_number.entry(name.number).or_default();
                numbered.push((disk, name, metadata.len()));
            }
        }
        Ok(files)
    }

    /// What the index of the first format knew of and the files do not have is lost; then that index is emptied.
    fn finish_first_format(&self) -> Result<(), StorageError> {
        let first = &self.tables.first_places;
        let mut have_files = BTreeMap::new();
        for page in first.pages(SCAN_BATCH) {
            let mut batch = self.tables.batch();
            for (key, _) in page? {
                batch.remove(first, &key);
                if self.tables.places.contains(&key)? || !self.is_wanted(&key)? {
                    continue;
                }
                let has_files = match have_files.get(&key.shard) {
                    Some(has_files) => *has_files,
                    None => {
                        let has_files = self.files_of(key.shard)?.exists;
                        if !has_files {
                            self.refill(key.shard)?;
                        }
                        have_files.insert(key.shard, has_files);
                        has_files
                    }
                };
                let reason = if has_files {
                    SyncReason::Lost
                } else {
                    SyncReason::FillShards
                };
                self.tables
                    .queue_lost(&mut batch, &key.blob_id, key.part(), reason)?;
            }
            batch.commit()?;
        }
        Ok(())
    }

    /// Whether the blob of a sliver is paid for, as far as events tell.
    pub(super) fn is_wanted(&self, key: &SliverKey) -> Result<bool, StorageError> {
        let epoch = self.tables.event_epoch.get()?.unwrap_or_default();
        let info = self.tables.blob_info.get(&BlobKey(key.blob_id))?;
        Ok(info.is_some_and(|info| info.is_registered(epoch)))
    }
}

fn is_lost(place: &Place, gone: &BTreeSet<u32>, short: &BTreeMap<u32, u64>, books: &Books) -> bool {
    let until = place.end();
    gone.contains(&place.segment)
        || short.get(&place.segment).is_some_and(|end| until > *end)
        || books
            .segment(place.segment)
            .is_none_or(|record| until > record.end)
}

fn known_shards(tables: &Tables) -> Result<BTreeMap<ShardIndex, Shard>, StorageError> {
    let mut shards = BTreeMap::new();
    for page in tables.shards.pages(SCAN_BATCH) {
        for (ShardKey(shard), state) in page? {
            let mut segments = BTreeMap::new();
            for page in tables.segments.pages_with(&ShardKey(shard), SCAN_BATCH) {
                let page = page?.into_iter();
                segments.extend(page.map(|((_, number), record)| (number, record)));
            }
            let books = Arc::new(Books::new(shard, segments));
            shards.insert(shard, Shard { state, books });
        }
    }
    Ok(shards)
}

/// The shards that have a directory.
fn shards_in(directory: &Path) -> Result<Vec<ShardIndex>, StorageError> {
    let entries = entries(directory)?.unwrap_or_default();
    let names = entries.into_iter().map(|entry| entry.file_name());
    let shards = names.filter_map(|name| {
        let name = name.to_str()?;
        let number: u16 = name.parse().ok()?;
        (number.to_string() == name).then_some(ShardIndex(number))
    });
    Ok(shards.collect())
}

/// What is in a directory; `None` if there is none.
fn entries(directory: &Path) -> Result<Option<Vec<fs::DirEntry>>, StorageError> {
    let read = || fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>();
    match read() {
        Ok(entries) => Ok(Some(entries)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StorageError::Io {
            path: directory.to_owned(),
            source,
        }),
    }
}
