//! Reading slivers. What is damaged or gone is taken out of the index and queued for recovery by whoever finds it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::Arc,
};

use walrus_core::ShardIndex;

use super::{
    super::{
        StorageError,
        records::{Place, SegmentRecord, SegmentState, SyncReason},
        segments::{
            SegmentError,
            name::SegmentName,
            record::{Header, Kind, record_bytes},
            scan::SegmentFile,
        },
        tables::SliverKey,
    },
    Books, SliverStore,
};

/// A sliver that is moved while it is read is looked up again, so often at most.
const MAX_LOOKUPS: usize = 8;

impl SliverStore {
    pub(super) fn get(&self, key: SliverKey) -> Result<Option<Vec<u8>>, StorageError> {
        let books = self.books(key.shard)?;
        for _ in 0..MAX_LOOKUPS {
            let Some(place) = self.tables.places.get(&key)? else {
                return Ok(None);
            };
            let error = match self.read_at(&books, &key, place) {
                Ok(payload) => return Ok(Some(payload)),
                Err(error) if error.is_loss() => error,
                Err(error) => return Err(error.into()),
            };
            if self.tables.places.get(&key)? == Some(place) {
                self.find_lost(&books, &key, place, &error)?;
            }
        }
        Ok(None)
    }

    /// What follows from a sliver that cannot be read: with its file, all of that file are lost.
    pub(super) fn find_lost(
        &self,
        books: &Books,
        key: &SliverKey,
        place: Place,
        error: &SegmentError,
    ) -> Result<(), StorageError> {
        let SliverKey {
            shard,
            sliver_type,
            blob_id,
        } = key;
        tracing::error!(%error, %blob_id, %shard, %sliver_type, "a sliver is damaged");
        let gone = matches!(error, SegmentError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound);
        if gone {
            self.lose_segment(books, place.segment)?;
            return Ok(());
        }
        self.lose(books, key, place)
    }

    /// What follows from a segment whose file is gone; returns how many slivers are lost with it.
    pub(super) fn lose_segment(&self, books: &Books, number: u32) -> Result<u64, StorageError> {
        if books.segment(number).is_none() {
            return Ok(0);
        }
        // First: nothing more is to be appended to a file that nobody finds again.
        let mut change = match books.change(&self.tables) {
            // The shard was removed, and its files with it.
            Err(StorageError::NoShard(_)) => return Ok(0),
            change => change?,
        };
        change.retire_segment(number, SegmentState::Sealed);
        let emptied = change.commit()?;
        self.remove_files(&emptied)?;
        let reason = SyncReason::Lost;
        let lost = self.lose_where(books, reason, |place| place.segment == number)?;
        tracing::error!(shard = %books.shard(), segment = number, lost, "a segment is gone");
        Ok(lost)
    }

    /// Whether the file of a segment is still found at its path: one that is open is read though it was unlinked, and is lost
    /// with the process. If another file is there by now, that one counts from here on.
    ///
    /// # Errors
    /// [`SegmentError::Io`] that is a loss if it is gone.
    pub(super) fn check_path(
        &self,
        books: &Books,
        number: u32,
        record: &SegmentRecord,
    ) -> Result<(), SegmentError> {
        let key = (books.shard(), number, record.salt);
        let (Some(file), Some(path)) = (
            self.open_files.opened(key),
            self.path(books.shard(), number, record),
        ) else {
            return Ok(());
        };
        let io_error = |error| SegmentError::io(&path, error);
        let opened = file.metadata().map_err(io_error)?;
        match fs::metadata(&path) {
            Ok(found) if (found.dev(), found.ino()) == (opened.dev(), opened.ino()) => Ok(()),
            Ok(_) => {
                self.open_files.forget(key);
                Ok(())
            }
            // Whoever unlinks a segment in order takes it out of the books before.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && books.segment(number).is_none() =>
            {
                Ok(())
            }
            Err(error) => Err(io_error(error)),
        }
    }

    /// The sliver at `place`, checked.
    pub(super) fn read_at(
        &self,
        books: &Books,
        key: &SliverKey,
        place: Place,
    ) -> Result<Vec<u8>, SegmentError> {
        self.with_record(books, key, place, |segment, header| {
            segment.payload(place.offset, header)
        })
    }

    /// Whether the head of the sliver's record is at `place`.
    pub(super) fn check_head(
        &self,
        books: &Books,
        key: &SliverKey,
        place: Place,
    ) -> Result<(), SegmentError> {
        self.with_record(books, key, place, |_, _| Ok(()))
    }

    fn with_record<T>(
        &self,
        books: &Books,
        key: &SliverKey,
        place: Place,
        read: impl FnOnce(SegmentFile<'_>, &Header) -> Result<T, SegmentError>,
    ) -> Result<T, SegmentError> {
        let record = books.segment(place.segment);
        let record = record.ok_or_else(|| self.missing(books.shard(), place.segment))?;
        let (file, path) = self.open_segment(books, place.segment, &record)?;
        let segment = SegmentFile {
            file: &file,
            path: &path,
            salt: record.salt,
        };
        let end = place.offset.saturating_add(record_bytes(place.length));
        let header = segment.header_at(place.offset, end)?;
        let header = header.filter(|header| {
            header.kind == Kind::Put
                && header.blob_id == key.blob_id
                && header.sliver_type == key.sliver_type
                && header.length == place.length
        });
        let header = header.ok_or_else(|| segment.corrupt(place.offset))?;
        read(segment, &header)
    }

    fn missing(&self, shard: ShardIndex, number: u32) -> SegmentError {
        let path = PathBuf::from(format!("segment {number} of shard {shard}"));
        SegmentError::io(&path, std::io::ErrorKind::NotFound.into())
    }

    /// The path of a segment; `None` if its disk is not there.
    pub(super) fn path(
        &self,
        shard: ShardIndex,
        number: u32,
        record: &SegmentRecord,
    ) -> Option<PathBuf> {
        let name = SegmentName {
            number,
            class: record.class,
            salt: record.salt,
        };
        let directory = self.disks.shard_directory(record.disk, shard)?;
        Some(directory.join(name.file_name()))
    }

    /// Every segment by its path, with the length up to which the books know it.
    pub(in super::super) fn written_segments(&self) -> BTreeMap<PathBuf, u64> {
        let mut written = BTreeMap::new();
        for books in self.all_books() {
            for (number, record) in books.segments() {
                let path = self.path(books.shard(), number, &record);
                written.extend(path.map(|path| (path, record.end)));
            }
        }
        written
    }

    /// Opens a segment that somebody may remove meanwhile. What was opened can be read to its end, and is not kept open behind it.
    pub(super) fn open_segment(
        &self,
        books: &Books,
        number: u32,
        record: &SegmentRecord,
    ) -> Result<(Arc<File>, PathBuf), SegmentError> {
        let opened = self.open_file(books.shard(), number, record)?;
        if books.segment(number).is_none() {
            // Whoever removed it has closed the file before it was opened here.
            let key = (books.shard(), number, record.salt);
            self.open_files.forget(key);
        }
        Ok(opened)
    }

    pub(super) fn open_file(
        &self,
        shard: ShardIndex,
        number: u32,
        record: &SegmentRecord,
    ) -> Result<(Arc<File>, PathBuf), SegmentError> {
        let path = self.path(shard, number, record);
        let path = path.ok_or_else(|| self.missing(shard, number))?;
        let file = self.open_files.get((shard, number, record.salt), &path);
        let file = file.map_err(|error| SegmentError::io(&path, error))?;
        Ok((file, path))
    }
}
