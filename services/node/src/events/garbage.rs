//! Expiry: what ends with an epoch is forgotten. Node spec 3.9.

use walrus_core::{BlobId, Epoch};

use super::Effect;
use crate::{
    blob_info::{BlobInfo, Change},
    limits::{GC_BATCH, SCAN_BATCH},
    storage::{
        Storage, StorageError,
        records::{ObjectRecord, PoolRecord, PooledObjectRecord},
        tables::Batch,
    },
};

/// Deletes the data that an event has left without a purpose: that of invalid blobs, and, if `at_once`, that of a deleted blob
/// of which nothing is registered any more (otherwise the next epoch change deletes it).
///
/// # Errors
/// [`StorageError`].
pub fn delete_data_after(
    storage: &Storage,
    effect: &Effect,
    at_once: bool,
) -> Result<(), StorageError> {
    match effect {
        Effect::Invalidated(_) => storage.delete_invalid(),
        Effect::Deleted { blob_id, epoch } if at_once => {
            let tables = &storage.tables;
            let info = tables.get::<BlobInfo>(&tables.blob_info, &blob_id.0)?;
            if info.is_some_and(|info| info.is_registered(*epoch)) {
                return Ok(());
            }
            storage.delete_data(blob_id)
        }
        _ => Ok(()),
    }
}

/// Phase 1: takes expired objects out of the records of their blobs. Each removal of an object and its effect on the blob's
/// record are one batch, so that a repetition after a crash changes nothing twice.
///
/// # Errors
/// [`StorageError`].
pub fn expire_objects(storage: &Storage, epoch: Epoch) -> Result<(), StorageError> {
    expire_pools(storage, epoch)?;
    let tables = &storage.tables;
    let mut after = None;
    loop {
        let page = tables.page::<ObjectRecord>(&tables.objects, after, GC_BATCH)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        for (id, record) in page.iter().filter(|(_, record)| record.end_epoch <= epoch) {
            let was_certified = record.certified_epoch.is_some();
            let change = if record.deletable {
                Change::RemoveDeletable { was_certified }
            } else {
                Change::RemovePermanent { was_certified }
            };
            let mut batch = tables.batch();
            batch.remove(&tables.objects, id);
            change_info(storage, &mut batch, &record.blob_id, change, record.event)?;
            batch.commit()?;
        }
    }
    let mut after = None;
    loop {
        let page = tables.page::<PooledObjectRecord>(&tables.pooled_objects, after, GC_BATCH)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        for (id, record) in &page {
            if tables.pools.contains_key(record.pool_id)? {
                continue;
            }
            let change = Change::RemovePooled {
                was_certified: record.certified_epoch.is_some(),
            };
            let mut batch = tables.batch();
            batch.remove(&tables.pooled_objects, id);
            change_info(storage, &mut batch, &record.blob_id, change, record.event)?;
            batch.commit()?;
        }
    }
    Ok(())
}

fn expire_pools(storage: &Storage, epoch: Epoch) -> Result<(), StorageError> {
    let tables = &storage.tables;
    let mut after = None;
    loop {
        let page = tables.page::<PoolRecord>(&tables.pools, after, GC_BATCH)?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = Some(*last);
        let mut batch = tables.batch();
        for (id, _) in page.iter().filter(|(_, pool)| pool.end_epoch <= epoch) {
            batch.remove(&tables.pools, id);
        }
        batch.commit()?;
    }
}

fn change_info(
    storage: &Storage,
    batch: &mut Batch<'_>,
    blob_id: &BlobId,
    change: Change,
    event: crate::event_name::EventName,
) -> Result<(), StorageError> {
    let tables = &storage.tables;
    let before = tables.get(&tables.blob_info, &blob_id.0)?;
    match BlobInfo::after(before, change, event) {
        Ok(Some(info)) => batch.insert(&tables.blob_info, &blob_id.0, &info)?,
        Ok(None) => {}
        Err(error) => tracing::error!(%blob_id, %error, "the expiry is ignored"),
    }
    Ok(())
}

/// Phase 2: deletes the data of blobs that nobody pays for in `epoch`, and records that nothing refers to.
///
/// # Errors
/// [`StorageError`].
pub fn delete_expired_data(storage: &Storage, epoch: Epoch) -> Result<(), StorageError> {
    let tables = &storage.tables;
    let mut after = None;
    loop {
        let page = tables.page::<BlobInfo>(&tables.blob_info, after, SCAN_BATCH)?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = Some(*last);
        for (id, info) in page.iter().filter(|(_, info)| !info.is_registered(epoch)) {
            storage.delete_data(&BlobId(*id))?;
            if info.may_be_forgotten(epoch) {
                tables.blob_info.remove(id)?;
            }
        }
    }
}
