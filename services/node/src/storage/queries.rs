//! Queries: what the tables know about blobs, objects, queues and the node itself.

use std::ops::Bound;

use walrus_core::{BlobId, Epoch};
use walrus_service::tables::{Codec, Key, Table, TableError};
use walrus_sui::Address;

use super::{
    Storage, StorageError,
    blob_info::BlobInfo,
    records::{Cursor, NodeStatus, ObjectRecord, PoolRecord, PooledObjectRecord},
    tables::{BlobKey, ObjectKey},
};
use crate::limits::SCAN_BATCH;

/// One page of a table after the other. What is written meanwhile is seen if it lies behind the page that was read last, so that
/// the entries of a page may be removed while the next one is not read yet.
pub type Page<K, V> = Result<Vec<(K, V)>, StorageError>;

/// The pages of a table, with the keys that callers know.
fn pages<K: Key, V, C: Codec<V>, T>(
    table: &Table<K, V, C>,
    key: impl Fn(K) -> T,
) -> impl Iterator<Item = Page<T, V>> {
    table.pages(SCAN_BATCH).map(move |page| {
        let entries = page?.into_iter();
        Ok(entries.map(|(k, value)| (key(k), value)).collect())
    })
}

impl Storage {
    /// How far events are processed; `None` before the first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn cursor(&self) -> Result<Option<Cursor>, StorageError> {
        Ok(self.tables.cursor.get()?)
    }

    /// The epoch of the last processed `EpochChangeStart`.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn event_epoch(&self) -> Result<Epoch, StorageError> {
        Ok(self.tables.event_epoch.get()?.unwrap_or_default())
    }

    /// The status of the node.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn node_status(&self) -> Result<NodeStatus, StorageError> {
        Ok(self.tables.status.get()?.unwrap_or_default())
    }

    /// What all objects of a blob amount to.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn blob_info(&self, blob_id: &BlobId) -> Result<Option<BlobInfo>, StorageError> {
        Ok(self.tables.blob_info.get(&BlobKey(*blob_id))?)
    }

    /// Every blob with its record.
    pub fn blob_infos(&self) -> impl Iterator<Item = Page<BlobId, BlobInfo>> {
        pages(&self.tables.blob_info, |key: BlobKey| key.0)
    }

    /// Blobs with their records: the first page of those behind `last`, or of all. None are left if it is empty.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn blob_infos_behind(
        &self,
        last: Option<BlobId>,
    ) -> Result<Vec<(BlobId, BlobInfo)>, StorageError> {
        let start = last.map_or(Bound::Unbounded, |last| Bound::Excluded(BlobKey(last)));
        let table = &self.tables.blob_info;
        let page = table
            .pages_in((start, Bound::Unbounded), SCAN_BATCH)
            .next()
            .transpose()?;
        let entries = page.into_iter().flatten();
        Ok(entries.map(|(key, info)| (key.0, info)).collect())
    }

    /// An object with a lifetime of its own.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn object(&self, id: &Address) -> Result<Option<ObjectRecord>, StorageError> {
        Ok(self.tables.objects.get(&ObjectKey(*id))?)
    }

    /// Every object with a lifetime of its own.
    pub fn objects(&self) -> impl Iterator<Item = Page<Address, ObjectRecord>> {
        pages(&self.tables.objects, |key: ObjectKey| key.0)
    }

    /// An object in a storage pool.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn pooled_object(&self, id: &Address) -> Result<Option<PooledObjectRecord>, StorageError> {
        Ok(self.tables.pooled_objects.get(&ObjectKey(*id))?)
    }

    /// Every object in a storage pool.
    pub fn pooled_objects(&self) -> impl Iterator<Item = Page<Address, PooledObjectRecord>> {
        pages(&self.tables.pooled_objects, |key: ObjectKey| key.0)
    }

    /// A storage pool.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn pool(&self, id: &Address) -> Result<Option<PoolRecord>, StorageError> {
        Ok(self.tables.pools.get(&ObjectKey(*id))?)
    }

    /// Every storage pool.
    pub fn pools(&self) -> impl Iterator<Item = Page<Address, PoolRecord>> {
        pages(&self.tables.pools, |key: ObjectKey| key.0)
    }

    /// Every invalid blob whose data is still to be deleted.
    pub fn invalid(&self) -> impl Iterator<Item = Result<Vec<BlobId>, StorageError>> {
        let pages = self.tables.deletions.pages(SCAN_BATCH);
        pages.map(|page: Result<Vec<(BlobKey, ())>, TableError>| {
            Ok(page?.into_iter().map(|(BlobKey(id), ())| id).collect())
        })
    }
}
