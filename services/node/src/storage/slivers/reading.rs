//! Reading slivers. What is damaged or gone is taken out of the index and queued for recovery by whoever finds it.

use std::{fs::File, path::PathBuf, sync::Arc};

use walrus_core::ShardIndex;

use super::{
    super::{
        StorageError,
        records::{Place, SegmentRecord, SyncReason},
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
            let lost = self.lose_where(books, SyncReason::Certified, |other| {
                other.segment == place.segment
            })?;
            tracing::error!(%shard, segment = place.segment, lost, "a segment is gone");
            return Ok(());
        }
        self.lose(books, key, place)
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
