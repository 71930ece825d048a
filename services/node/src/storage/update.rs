//! Updates: writes to the tables that happen together or not at all.

use std::borrow::BorrowMut;

use futures::Stream;
use walrus_core::{BlobId, Epoch};
use walrus_service::{
    follow::{Fold, Follower},
    tables::Batch,
};
use walrus_sui::{Address, event_stream::StreamItem, events::EventPosition};

use super::{
    Storage, StorageError,
    blob_info::BlobInfo,
    records::{Cursor, NodeStatus, ObjectRecord, PoolRecord, PooledObjectRecord},
    tables::{BlobKey, ObjectKey, Tables},
};

/// Writes that happen together when [`Update::commit`] is called, or not at all; those of an event with somebody else's batch.
#[derive(Debug)]
pub struct Update<'a, B = Batch> {
    pub(super) tables: &'a Tables,
    pub(super) batch: B,
}

impl Storage {
    /// An update without writes.
    pub fn update(&self) -> Update<'_> {
        Update {
            tables: &self.tables,
            batch: self.tables.batch(),
        }
    }

    /// A batch without writes.
    pub fn batch(&self) -> Batch {
        self.tables.batch()
    }

    /// An update that somebody else writes, with what else is in the batch.
    pub fn update_in<'a>(&'a self, batch: &'a mut Batch) -> Update<'a, &'a mut Batch> {
        Update {
            tables: &self.tables,
            batch,
        }
    }

    /// A worker that has `fold` write what events do, each together with the cursor; `stream` is asked for the events from where
    /// the cursor is, or from the first checkpoint.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn follow<F: Fold, S: Stream<Item = StreamItem> + Send + 'static>(
        &self,
        first_checkpoint: u64,
        fold: F,
        stream: impl FnOnce(EventPosition) -> S,
    ) -> Result<Follower<F, S>, StorageError> {
        let (database, cursor) = self.tables.cursor_parts();
        let follower = Follower::new(database, cursor, first_checkpoint, fold, stream);
        Ok(follower?)
    }

    /// Writes the status of the node.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn set_node_status(&self, status: NodeStatus) -> Result<(), StorageError> {
        let mut batch = self.tables.batch();
        batch.set(&self.tables.status, &status)?;
        Ok(batch.commit()?)
    }

    /// Forgets a blob to which nothing refers any more.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn forget_blob(&self, blob_id: &BlobId) -> Result<(), StorageError> {
        let mut batch = self.tables.batch();
        batch.remove(&self.tables.blob_info, &BlobKey(*blob_id));
        Ok(batch.commit()?)
    }
}

/// Every verb fails if what it writes cannot be encoded.
impl<B: BorrowMut<Batch>> Update<'_, B> {
    /// Moves the event cursor.
    pub fn set_cursor(&mut self, cursor: &Cursor) -> Result<(), StorageError> {
        Ok(self.batch.borrow_mut().set(&self.tables.cursor, cursor)?)
    }

    /// Sets the event epoch.
    pub fn set_event_epoch(&mut self, epoch: Epoch) -> Result<(), StorageError> {
        Ok(self
            .batch
            .borrow_mut()
            .set(&self.tables.event_epoch, &epoch)?)
    }

    /// Writes what all objects of a blob amount to.
    pub fn put_blob_info(&mut self, blob_id: &BlobId, info: &BlobInfo) -> Result<(), StorageError> {
        let key = BlobKey(*blob_id);
        Ok(self
            .batch
            .borrow_mut()
            .insert(&self.tables.blob_info, &key, info)?)
    }

    /// Writes an object with a lifetime of its own.
    pub fn put_object(&mut self, id: &Address, record: &ObjectRecord) -> Result<(), StorageError> {
        let key = ObjectKey(*id);
        Ok(self
            .batch
            .borrow_mut()
            .insert(&self.tables.objects, &key, record)?)
    }

    /// Removes an object with a lifetime of its own.
    pub fn remove_object(&mut self, id: &Address) {
        self.batch
            .borrow_mut()
            .remove(&self.tables.objects, &ObjectKey(*id));
    }

    /// Writes an object in a storage pool.
    pub fn put_pooled_object(
        &mut self,
        id: &Address,
        record: &PooledObjectRecord,
    ) -> Result<(), StorageError> {
        let (table, key) = (&self.tables.pooled_objects, ObjectKey(*id));
        Ok(self.batch.borrow_mut().insert(table, &key, record)?)
    }

    /// Removes an object in a storage pool.
    pub fn remove_pooled_object(&mut self, id: &Address) {
        let table = &self.tables.pooled_objects;
        self.batch.borrow_mut().remove(table, &ObjectKey(*id));
    }

    /// Writes a storage pool.
    pub fn put_pool(&mut self, id: &Address, pool: &PoolRecord) -> Result<(), StorageError> {
        let key = ObjectKey(*id);
        Ok(self
            .batch
            .borrow_mut()
            .insert(&self.tables.pools, &key, pool)?)
    }

    /// Removes a storage pool.
    pub fn remove_pool(&mut self, id: &Address) {
        self.batch
            .borrow_mut()
            .remove(&self.tables.pools, &ObjectKey(*id));
    }

    /// Queues the deletion of the data of an invalid blob; [`Storage::delete_data`] takes it out again.
    pub fn queue_deletion(&mut self, blob_id: &BlobId) -> Result<(), StorageError> {
        let key = BlobKey(*blob_id);
        Ok(self
            .batch
            .borrow_mut()
            .insert(&self.tables.deletions, &key, &())?)
    }
}

impl Update<'_> {
    /// Writes everything; it survives the death of the process, though perhaps not that of the machine (then the chain is
    /// replayed from the older cursor that goes with the older records).
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn commit(self) -> Result<(), StorageError> {
        Ok(self.batch.commit()?)
    }
}
