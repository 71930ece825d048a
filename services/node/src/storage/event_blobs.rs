//! Tables of event blobs: the elements that no certified event blob has, and how they are cut. Node spec 5.7.
//!
//! What the fold of the events writes (elements, cuts, the recording) is in the batch of the event; what is certified, and what is
//! gone with it, is written by the worker. They write no key in common.

use std::sync::atomic::Ordering;

use walrus_core::BlobId;
use walrus_service::tables::{Batch, Bytes};

use super::{
    Storage, StorageError,
    records::{CertifiedEventBlob, EventBlobCut, EventRecording},
    tables::BlobKey,
};
use crate::limits::{MAX_UNCERTIFIED_EVENT_BLOBS, SCAN_BATCH};

impl Storage {
    /// How far elements are recorded; `None` if none ever was.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn event_recording(&self) -> Result<Option<EventRecording>, StorageError> {
        Ok(self.tables.event_recording.get()?)
    }

    /// The newest certified event blob that is known.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn certified_event_blob(&self) -> Result<Option<CertifiedEventBlob>, StorageError> {
        Ok(self.tables.certified_event_blob.get()?)
    }

    /// Event blobs that are cut and not certified, the oldest first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn event_blob_cuts(&self) -> Result<Vec<EventBlobCut>, StorageError> {
        let mut pages = self.tables.event_cuts.pages(MAX_UNCERTIFIED_EVENT_BLOBS);
        let page = pages.next().transpose()?.unwrap_or_default();
        Ok(page.into_iter().map(|(_, cut)| cut).collect())
    }

    /// Recorded elements from an index on, each with its index.
    pub fn event_elements(
        &self,
        from: u64,
    ) -> impl Iterator<Item = Result<Vec<(u64, Bytes)>, StorageError>> {
        let pages = self.tables.event_elements.pages_in(from.., SCAN_BATCH);
        pages.map(|page| Ok(page?))
    }

    /// Event blobs of which something was stored before they were certified, with their last checkpoints.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn offered_event_blobs(&self) -> Result<Vec<(BlobId, u64)>, StorageError> {
        let mut pages = self.tables.offered_event_blobs.pages(SCAN_BATCH);
        let page = pages.next().transpose()?.unwrap_or_default();
        Ok(page.into_iter().map(|(key, last)| (key.0, last)).collect())
    }

    /// Notes, durably, that data of an event blob is about to be stored which nobody has registered.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn note_offered_event_blob(
        &self,
        blob_id: &BlobId,
        last_checkpoint: u64,
    ) -> Result<(), StorageError> {
        let mut batch = self.tables.batch();
        let table = &self.tables.offered_event_blobs;
        batch.insert(table, &BlobKey(*blob_id), &last_checkpoint)?;
        Ok(batch.commit_durably()?)
    }

    /// Forgets that data of an event blob was stored which nobody had registered.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn forget_offered_event_blob(&self, blob_id: &BlobId) -> Result<(), StorageError> {
        let mut batch = self.tables.batch();
        batch.remove(&self.tables.offered_event_blobs, &BlobKey(*blob_id));
        Ok(batch.commit()?)
    }

    /// Notes what is certified, and forgets the cuts in `done`.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn certify_event_blob(
        &self,
        certified: &CertifiedEventBlob,
        done: &[EventBlobCut],
    ) -> Result<(), StorageError> {
        let mut batch = self.tables.batch();
        batch.set(&self.tables.certified_event_blob, certified)?;
        for cut in done {
            batch.remove(&self.tables.event_cuts, &cut.first_index);
        }
        Ok(batch.commit()?)
    }

    /// Forgets elements before an index, some thousands at once; returns whether none is left.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn forget_event_elements(&self, before: u64) -> Result<bool, StorageError> {
        let table = &self.tables.event_elements;
        // Not from the first on: those that were forgotten would be in the way until the database is compacted.
        let first = self.first_element.load(Ordering::Relaxed);
        let mut pages = table.pages_in(first..before, SCAN_BATCH);
        let Some(page) = pages.next().transpose()? else {
            return Ok(true);
        };
        let is_last = page.len() < SCAN_BATCH;
        let mut batch = self.tables.batch();
        for (index, _) in &page {
            batch.remove(table, index);
        }
        batch.commit()?;
        if let Some((last, _)) = page.last() {
            let next = last.saturating_add(1);
            self.first_element.fetch_max(next, Ordering::Relaxed);
            // A page may end early because it has many bytes.
            return Ok(is_last
                && table
                    .pages_in(next..before, 1)
                    .next()
                    .transpose()?
                    .is_none());
        }
        Ok(is_last)
    }

    /// Records an element, in the batch of its event.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn record_element(
        &self,
        batch: &mut Batch,
        index: u64,
        element: Vec<u8>,
    ) -> Result<(), StorageError> {
        let element = Bytes::from(element);
        Ok(batch.insert(&self.tables.event_elements, &index, &element)?)
    }

    /// Forgets an element, in the batch of an event.
    pub(crate) fn unrecord_element(&self, batch: &mut Batch, index: u64) {
        batch.remove(&self.tables.event_elements, &index);
    }

    /// Notes how far elements are recorded, in the batch of their event.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn set_event_recording(
        &self,
        batch: &mut Batch,
        recording: &EventRecording,
    ) -> Result<(), StorageError> {
        Ok(batch.set(&self.tables.event_recording, recording)?)
    }

    /// Cuts an event blob, in the batch of the end of its last checkpoint.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn cut_event_blob(
        &self,
        batch: &mut Batch,
        cut: &EventBlobCut,
    ) -> Result<(), StorageError> {
        Ok(batch.insert(&self.tables.event_cuts, &cut.first_index, cut)?)
    }

    /// Forgets a cut, in the batch of an event.
    pub(crate) fn uncut_event_blob(&self, batch: &mut Batch, cut: &EventBlobCut) {
        batch.remove(&self.tables.event_cuts, &cut.first_index);
    }
}
