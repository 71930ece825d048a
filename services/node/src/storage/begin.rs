//! Beginning with a snapshot: the tables of a node that has seen no event are filled with what others have registered. Node spec 2.7 and
//! 5.9.

use walrus_service::tables::{Codec, Key, Table};

use super::{
    Storage, StorageError,
    amounts::Share,
    blob_info::BlobInfo,
    records::{Cursor, NodeStatus},
    slivers::FsckPosition,
    tables::{BlobKey, ObjectKey},
};
use crate::{
    limits::SCAN_BATCH,
    snapshots::{Record, RecordReader, SnapshotError},
};

impl Storage {
    /// Fills the tables with a snapshot, and moves the cursor to the event that it is about, which has `events_before` others before
    /// it in its checkpoint. The node is behind the chain then, as if it had been away. The cursor comes last: after a crash in the
    /// middle the node has seen no event, and begins again.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub(crate) fn begin_with<R: std::io::Read>(
        &self,
        records: RecordReader<R>,
        checkpoint: u64,
        events_before: u64,
    ) -> Result<(), SnapshotError> {
        self.clear_registrations()?;
        let head = records.head();
        let mut records = records.peekable();
        while records.peek().is_some() {
            let mut update = self.update();
            for record in records.by_ref().take(SCAN_BATCH) {
                match record? {
                    Record::Object(id, record) => update.put_object(&id, &record)?,
                    Record::Pool(id, record) => update.put_pool(&id, &record)?,
                    Record::PooledObject(id, record) => update.put_pooled_object(&id, &record)?,
                    Record::Invalid(blob_id, epoch, event) => {
                        update.put_blob_info(&blob_id, &BlobInfo::Invalid { epoch, event })?;
                    }
                }
            }
            update.commit()?;
        }
        self.sum_up()?;
        // Behind those before it, at the event itself.
        let begin = Cursor::at_checkpoint(checkpoint);
        let cursor = Cursor {
            next_index: head.next_index.saturating_sub(1),
            ..match events_before.checked_sub(1) {
                Some(last) => begin.behind_element(checkpoint, last),
                None => begin,
            }
        };
        let mut batch = self.tables.batch();
        let epoch = head.epoch.saturating_sub(1);
        batch
            .set(&self.tables.event_epoch, &epoch)
            .map_err(StorageError::from)?;
        batch
            .set(&self.tables.status, &NodeStatus::RecoveryCatchUp)
            .map_err(StorageError::from)?;
        batch
            .set(&self.tables.cursor, &cursor)
            .map_err(StorageError::from)?;
        batch.commit_durably().map_err(StorageError::from)?;
        Ok(())
    }

    fn clear_registrations(&self) -> Result<(), StorageError> {
        self.clear::<ObjectKey, _, _>(&self.tables.objects)?;
        self.clear::<ObjectKey, _, _>(&self.tables.pooled_objects)?;
        self.clear::<ObjectKey, _, _>(&self.tables.pools)?;
        self.clear::<BlobKey, _, _>(&self.tables.blob_info)
    }

    fn clear<K: Key, V, C: Codec<V>>(&self, table: &Table<K, V, C>) -> Result<(), StorageError> {
        for page in table.pages(SCAN_BATCH) {
            let mut batch = self.tables.batch();
            for (key, _) in page? {
                batch.remove(table, &key);
            }
            batch.commit()?;
        }
        Ok(())
    }

    /// Writes the records of all blobs as their objects have them.
    fn sum_up(&self) -> Result<(), StorageError> {
        let mut position = Some(FsckPosition::first_amounts());
        while let Some(FsckPosition::Amounts {
            part, parts, seed, ..
        }) = position
        {
            let share = Share { part, parts, seed };
            position = self.check_amounts(share, true, true)?.next;
        }
        Ok(())
    }
}
