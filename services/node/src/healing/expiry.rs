//! Garbage collection: what ends with an epoch, was deleted or proven invalid is forgotten. Node spec 3.9.

use std::sync::Arc;

use walrus_core::{BlobId, Epoch};

use crate::{
    blobs::Symbols,
    storage::{
        Storage, StorageError, Update,
        blob_info::{BlobInfo, Change},
        event_name::EventName,
    },
};

/// Deletes what nobody pays for any more, on disk and in memory.
#[derive(Debug)]
pub struct Expiry {
    storage: Arc<Storage>,
    symbols: Arc<Symbols>,
}

impl Expiry {
    /// Of the blobs in `storage`, of which `symbols` keeps some in memory.
    pub fn new(storage: Arc<Storage>, symbols: Arc<Symbols>) -> Self {
        Self { storage, symbols }
    }

    /// Deletes the data of blobs that were proven invalid: of those that an event has just told of and, at the start, of what a
    /// crash has left.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn delete_invalid(&self) -> Result<(), StorageError> {
        for page in self.storage.invalid() {
            let page = page?;
            self.storage.delete_data_of(&page)?;
            for blob_id in page {
                self.symbols.forget_blob(blob_id);
            }
        }
        Ok(())
    }

    /// After an object of a blob was deleted in `epoch`: deletes the data of the blob if nothing of it is registered any more, and
    /// if that is to happen `at_once` (otherwise the next epoch change does it).
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn after_deletion(
        &self,
        blob_id: &BlobId,
        epoch: Epoch,
        at_once: bool,
    ) -> Result<(), StorageError> {
        if at_once {
            let info = self.storage.blob_info(blob_id)?;
            if !info.is_some_and(|info| info.is_registered(epoch)) {
                self.storage.delete_data(blob_id)?;
            }
        }
        self.symbols.forget_blob(*blob_id);
        Ok(())
    }

    /// Phase 1 of an epoch change: takes expired objects out of the records of their blobs. Each removal of an object and its
    /// effect on the blob's record are one batch, so that a repetition after a crash changes nothing twice. Returns how many there
    /// were.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn expire_objects(&self, epoch: Epoch) -> Result<u64, StorageError> {
        self.expire_pools(epoch)?;
        let mut expired = 0_u64;
        for page in self.storage.objects() {
            let page = page?;
            for (id, record) in page.iter().filter(|(_, record)| record.end_epoch <= epoch) {
                let was_certified = record.certified_epoch.is_some();
                let change = if record.deletable {
                    Change::RemoveDeletable { was_certified }
                } else {
                    Change::RemovePermanent { was_certified }
                };
                let mut update = self.storage.update();
                update.remove_object(id);
                self.change_info(&mut update, &record.blob_id, change, record.event)?;
                update.commit()?;
                expired = expired.saturating_add(1);
            }
        }
        for page in self.storage.pooled_objects() {
            for (id, record) in page? {
                if self.storage.pool(&record.pool_id)?.is_some() {
                    continue;
                }
                let change = Change::RemovePooled {
                    was_certified: record.certified_epoch.is_some(),
                };
                let mut update = self.storage.update();
                update.remove_pooled_object(&id);
                self.change_info(&mut update, &record.blob_id, change, record.event)?;
                update.commit()?;
                expired = expired.saturating_add(1);
            }
        }
        Ok(expired)
    }

    fn expire_pools(&self, epoch: Epoch) -> Result<(), StorageError> {
        for page in self.storage.pools() {
            let mut update = self.storage.update();
            for (id, _) in page?.iter().filter(|(_, pool)| pool.end_epoch <= epoch) {
                update.remove_pool(id);
            }
            update.commit()?;
        }
        Ok(())
    }

    fn change_info(
        &self,
        update: &mut Update<'_>,
        blob_id: &BlobId,
        change: Change,
        event: EventName,
    ) -> Result<(), StorageError> {
        let before = self.storage.blob_info(blob_id)?;
        match BlobInfo::after(before, change, event) {
            Ok(Some(info)) => update.put_blob_info(blob_id, &info)?,
            Ok(None) => {}
            Err(error) => tracing::error!(%blob_id, %error, "the expiry is ignored"),
        }
        Ok(())
    }

    /// Phase 2 of an epoch change, when shards are assigned: deletes the data of blobs that nobody pays for in `epoch`, records
    /// that nothing refers to, and what is kept in memory of anything that is not stored any more.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn delete_expired(&self, epoch: Epoch) -> Result<(), StorageError> {
        for page in self.storage.blob_infos() {
            let page = page?;
            let ended = page.iter().filter(|(_, info)| !info.is_registered(epoch));
            let blobs: Vec<_> = ended.clone().map(|(blob_id, _)| *blob_id).collect();
            self.storage.delete_data_of(&blobs)?;
            for (blob_id, info) in ended {
                if info.may_be_forgotten(epoch) {
                    self.storage.forget_blob(blob_id)?;
                }
            }
        }
        self.symbols.forget_deleted()
    }
}
