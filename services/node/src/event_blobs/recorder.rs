//! Recorder: the part of the fold of events that writes elements down, and cuts event blobs. Node spec 5.7.
//!
//! Nodes agree on where the first event blob begins because they have seen the first event, or because others have certified one. Where
//! neither is so, as in a network that is older than its event blobs, those that have not seen the first event begin behind the
//! checkpoint in which an epoch begins, with each epoch again until there is a certified one.

use std::sync::Arc;

use walrus_core::Epoch;
use walrus_service::{
    follow::{Cursor, Event},
    tables::Batch,
};
use walrus_sui::{
    event_blobs::{
        Content, Element, ElementError, EventName, HEADER_BYTES, MAX_CHECKPOINTS,
        MAX_PAYLOAD_BYTES, entry_bytes,
    },
    events::{BlobCertified, ContractEvent},
};

use crate::{
    limits::MAX_UNCERTIFIED_EVENT_BLOBS,
    signal::Signal,
    storage::{
        Storage, StorageError,
        records::{EventBlobCut, EventRecording, OpenEventBlob},
    },
};

/// Why events are not recorded any further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// An event has no form in an event blob.
    #[error("element {index} of the events cannot be written down: {source}")]
    Element {
        /// Its index.
        index: u64,
        /// Why.
        source: ElementError,
    },
}

/// When an event blob is complete. All nodes of a network have the same rule, or certify nothing together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CutRule {
    /// Bytes, the header counted, above which it is cut.
    pub(crate) bytes: u64,
    /// Checkpoints at which it is cut.
    pub(crate) checkpoints: u64,
}

impl Default for CutRule {
    fn default() -> Self {
        Self {
            bytes: MAX_PAYLOAD_BYTES,
            checkpoints: MAX_CHECKPOINTS,
        }
    }
}

impl CutRule {
    /// Whether a blob ends with the end of `checkpoint`.
    fn cuts(&self, blob: &OpenEventBlob, checkpoint: u64) -> bool {
        let checkpoints = checkpoint
            .saturating_add(1)
            .saturating_sub(blob.first_checkpoint);
        blob.bytes > self.bytes || checkpoints >= self.checkpoints
    }

    /// The rule by which what other nodes have not certified so far is given up by a node that began somewhere: what they certify
    /// next began before that, and is decided some time after its end.
    fn patient(&self) -> Self {
        Self {
            bytes: self.bytes.saturating_mul(2),
            checkpoints: self.checkpoints.saturating_mul(2),
        }
    }
}

/// Records elements and cuts event blobs; each write is in the batch of the event, or of the end of the checkpoint.
#[derive(Debug)]
pub(crate) struct Recorder {
    storage: Arc<Storage>,
    recording: EventRecording,
    rule: CutRule,
    /// Tells that there may be something to certify.
    moved: Arc<Signal>,
    /// Whether that is to be told once what is written down is committed.
    has_news: bool,
}

impl Recorder {
    /// Goes on with what is recorded, if that is up to `cursor`; what is not begins with the next checkpoint.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn at(
        cursor: &Cursor,
        storage: Arc<Storage>,
        rule: CutRule,
        moved: Arc<Signal>,
    ) -> Result<Self, StorageError> {
        let recorded = storage.event_recording()?;
        let recording = match recorded.filter(|known| known.next_index == cursor.next_index) {
            Some(known) => known,
            None => begin(cursor, storage.event_epoch()?),
        };
        Ok(Self {
            storage,
            recording,
            rule,
            moved,
            has_news: false,
        })
    }

    /// Leaves out the elements before `next`, the first one that is to be had.
    pub(crate) fn leave_out(&mut self, next: u64) {
        self.recording.next_index = next;
        self.recording.counter = None;
        self.recording.aligned = false;
    }

    /// Records an event, which is the next one.
    ///
    /// # Errors
    /// [`RecordError`].
    pub(crate) fn event(&mut self, batch: &mut Batch, event: &Event) -> Result<(), RecordError> {
        let content = Content::Event {
            name: EventName {
                tx_digest: event.tx_digest,
                sequence: event.sequence,
            },
            event: event.event.clone(),
        };
        self.record(batch, content, event.position.checkpoint)?;
        if let ContractEvent::EpochChangeStart(start) = &event.event {
            self.recording.epoch = start.epoch;
            if self.begins_with_epoch()? {
                for cut in self.storage.event_blob_cuts()? {
                    self.storage.uncut_event_blob(batch, &cut);
                }
                // What comes behind this checkpoint is the first that is recorded.
                self.recording.counter = None;
                self.recording.aligned = false;
            }
            // What was voted for in the epoch before is to be voted for again.
            self.has_news = true;
        }
        if let ContractEvent::BlobCertified(certified) = &event.event
            && !certified.deletable
            && self.is_offered(certified)?
        {
            self.has_news = true;
        }
        Ok(self.storage.set_event_recording(batch, &self.recording)?)
    }

    /// Whether this node's first event blob is to be one that begins with an epoch: nobody has certified another one, and it has not
    /// recorded all events from the first on.
    fn begins_with_epoch(&self) -> Result<bool, StorageError> {
        if self.storage.certified_event_blob()?.is_some() {
            return Ok(false);
        }
        let cuts = self.storage.event_blob_cuts()?;
        let first = cuts.first().map(|cut| cut.first_index);
        let first = first.unwrap_or(self.recording.blob.first_index);
        Ok(first > 0 || !self.recording.aligned)
    }

    /// What was written down is committed.
    pub(crate) fn committed(&mut self) {
        if std::mem::take(&mut self.has_news) {
            self.moved.announce();
        }
    }

    /// Whether the node has voted for a blob, or is about to.
    fn is_offered(&self, certified: &BlobCertified) -> Result<bool, StorageError> {
        let offered = self.storage.offered_event_blobs()?;
        Ok(offered
            .iter()
            .any(|(blob_id, _)| *blob_id == certified.blob_id))
    }

    /// Records the end of a checkpoint, and cuts the blob if it is complete with it.
    ///
    /// # Errors
    /// [`RecordError`].
    pub(crate) fn end_checkpoint(
        &mut self,
        batch: &mut Batch,
        checkpoint: u64,
    ) -> Result<(), RecordError> {
        let certified = self.storage.certified_event_blob()?;
        let certified = certified.map(|certified| certified.last_checkpoint);
        match certified {
            Some(last) if last >= checkpoint => {
                // Other nodes are further: nobody asks for what is recorded.
                for cut in self.storage.event_blob_cuts()? {
                    self.storage.uncut_event_blob(batch, &cut);
                }
                self.recording.aligned = last == checkpoint;
                self.skip(checkpoint, self.recording.aligned);
            }
            _ if self.recording.counter.is_none() => {
                // Only an epoch that began in this checkpoint is another one than that of the blob.
                let began = self.recording.blob.epoch != self.recording.epoch;
                self.recording.aligned = certified.is_none() && began;
                self.skip(checkpoint, true);
            }
            Some(last) if self.begins_before(last)? => {
                self.begin_behind(batch, last)?;
                self.record_end(batch, checkpoint)?;
            }
            _ => self.record_end(batch, checkpoint)?,
        }
        Ok(self.storage.set_event_recording(batch, &self.recording)?)
    }

    /// Leaves a checkpoint out; the blob begins behind it, if what comes then `is_recorded`.
    fn skip(&mut self, checkpoint: u64, is_recorded: bool) {
        let recording = &mut self.recording;
        recording.next_index = recording.next_index.saturating_add(1);
        recording.counter = is_recorded.then_some(0);
        recording.blob = open_blob(recording.next_index, checkpoint, recording.epoch);
    }

    /// Whether what is recorded is to begin behind checkpoint `last`, with which a certified blob ends, and does not.
    fn begins_before(&self, last: u64) -> Result<bool, StorageError> {
        let recording = &self.recording;
        if !recording.aligned {
            return Ok(recording.blob.first_checkpoint <= last.saturating_add(1));
        }
        let cuts = self.storage.event_blob_cuts()?;
        let first = cuts.first().map(|cut| cut.first_checkpoint);
        Ok(first.unwrap_or(recording.blob.first_checkpoint) <= last)
    }

    fn record_end(&mut self, batch: &mut Batch, checkpoint: u64) -> Result<(), RecordError> {
        self.record(batch, Content::Boundary, checkpoint)?;
        self.recording.counter = Some(0);
        self.finish(batch, checkpoint)
    }

    /// Writes the next element down.
    fn record(
        &mut self,
        batch: &mut Batch,
        content: Content,
        checkpoint: u64,
    ) -> Result<(), RecordError> {
        let recording = &mut self.recording;
        let index = recording.next_index;
        recording.next_index = index.saturating_add(1);
        let Some(counter) = recording.counter else {
            return Ok(());
        };
        let element = Element {
            content,
            checkpoint,
            counter,
            index,
        };
        let malformed = |source| RecordError::Element { index, source };
        let bytes = element.to_bytes().map_err(malformed)?;
        recording.blob.bytes = recording
            .blob
            .bytes
            .saturating_add(entry_bytes(bytes.len()));
        recording.counter = Some(counter.saturating_add(1));
        self.storage.record_element(batch, index, bytes)?;
        Ok(())
    }

    /// Cuts the blob, if it is complete with the end of `checkpoint`, which is written down.
    fn finish(&mut self, batch: &mut Batch, checkpoint: u64) -> Result<(), RecordError> {
        let recording = &mut self.recording;
        let blob = recording.blob;
        let rule = match recording.aligned {
            true => self.rule,
            false => self.rule.patient(),
        };
        if !rule.cuts(&blob, checkpoint) {
            return Ok(());
        }
        let next = open_blob(recording.next_index, checkpoint, recording.epoch);
        if recording.aligned {
            if self.storage.event_blob_cuts()?.len() >= MAX_UNCERTIFIED_EVENT_BLOBS {
                tracing::error!(
                    blobs = MAX_UNCERTIFIED_EVENT_BLOBS,
                    "no more event blobs are made until some are certified"
                );
                recording.aligned = false;
            } else {
                let cut = EventBlobCut {
                    first_index: blob.first_index,
                    end_index: recording.next_index,
                    first_checkpoint: blob.first_checkpoint,
                    last_checkpoint: checkpoint,
                    epoch: blob.epoch,
                };
                self.storage.cut_event_blob(batch, &cut)?;
                self.has_news = true;
            }
        }
        recording.blob = next;
        Ok(())
    }

    /// Begins again with the first element behind checkpoint `last`, and cuts what is recorded behind it as if it had been so from
    /// the start.
    fn begin_behind(&mut self, batch: &mut Batch, last: u64) -> Result<(), RecordError> {
        let cuts = self.storage.event_blob_cuts()?;
        let recording = self.recording;
        let first = cuts.first().filter(|_| recording.aligned);
        let (from, mut epoch) = match first {
            Some(cut) => (cut.first_index, cut.epoch),
            None => (recording.blob.first_index, recording.blob.epoch),
        };
        tracing::warn!(
            checkpoint = last,
            "other nodes have certified an event blob that ends here, where none of this node does: it begins again behind it"
        );
        for cut in &cuts {
            self.storage.uncut_event_blob(batch, cut);
        }
        self.recording.aligned = true;
        self.recording.next_index = recording.next_index;
        self.recording.blob = open_blob(recording.next_index, last, recording.epoch);
        let (storage, end) = (Arc::clone(&self.storage), recording.next_index);
        let mut begun = false;
        for page in storage.event_elements(from) {
            for (index, bytes) in page?.into_iter().take_while(|(index, _)| *index < end) {
                let element = Element::from_bytes(&bytes)
                    .map_err(|source| RecordError::Element { index, source })?;
                if element.checkpoint <= last {
                    storage.unrecord_element(batch, index);
                } else if !begun {
                    begun = true;
                    self.recording.blob = open_blob(index, last, epoch);
                }
                if let Some(begins) = begun_epoch(&element) {
                    epoch = begins;
                }
                if begun {
                    self.recording.epoch = epoch;
                    self.count_again(batch, &element, bytes.len())?;
                }
            }
        }
        self.recording.next_index = end;
        self.recording.epoch = recording.epoch;
        Ok(())
    }

    /// Counts an element that is written down already, and cuts the blob if it is complete with it.
    fn count_again(
        &mut self,
        batch: &mut Batch,
        element: &Element,
        bytes: usize,
    ) -> Result<(), RecordError> {
        let recording = &mut self.recording;
        recording.next_index = element.index.saturating_add(1);
        recording.blob.bytes = recording.blob.bytes.saturating_add(entry_bytes(bytes));
        if element.is_boundary() {
            self.finish(batch, element.checkpoint)?;
        }
        Ok(())
    }
}

/// A blob without elements, of which that with `index` is to be the first, behind checkpoint `last`.
fn open_blob(index: u64, last: u64, epoch: Epoch) -> OpenEventBlob {
    OpenEventBlob {
        first_index: index,
        first_checkpoint: last.saturating_add(1),
        epoch,
        bytes: HEADER_BYTES as u64,
    }
}

/// The epoch that an element begins, if it does.
fn begun_epoch(element: &Element) -> Option<Epoch> {
    match &element.content {
        Content::Event {
            event: ContractEvent::EpochChangeStart(start),
            ..
        } => Some(start.epoch),
        _ => None,
    }
}

/// A recording of which there is nothing yet. One that begins with the first element of all is where that of the others is; any
/// other begins with the next checkpoint, and has to wait for a blob that they certify.
fn begin(cursor: &Cursor, epoch: Epoch) -> EventRecording {
    let is_first = cursor.next_index == 0;
    EventRecording {
        blob: OpenEventBlob {
            first_index: cursor.next_index,
            first_checkpoint: cursor.next.checkpoint,
            epoch,
            bytes: HEADER_BYTES as u64,
        },
        next_index: cursor.next_index,
        counter: is_first.then_some(0),
        epoch,
        aligned: is_first,
    }
}
