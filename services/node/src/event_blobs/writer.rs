//! Event blob writer: makes event blobs of what is recorded, stores the node's part of them, and votes for them. Node spec 5.7.
//!
//! Whether the node has voted is asked of the chain, each time: so it votes once, whenever it is stopped and started.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::watch;
use walrus_core::{BlobId, Epoch};
use walrus_service::{
    backoff::Backoff,
    worker::{Failure, Status, Step, Worker},
};
use walrus_sui::{
    Address,
    chain::ChainError,
    transactions::{ContractWriter, EventBlobVote, TransactionError},
};

use super::{
    encode::{Assembled, EncodingError},
    vote::{Duty, Standing},
};
use crate::{
    blobs::Holdings,
    limits::{CHAIN_RETRY_MAX, CHAIN_RETRY_MIN, EVENT_BLOB_POLL, MAX_EVENT_BLOB_VOTES},
    metrics::Metrics,
    storage::{
        Storage, StorageError,
        records::{CertifiedEventBlob, EventBlobCut},
    },
    work::{Work, WorkError},
};

/// Why an event blob is not certified yet.
#[derive(Debug, thiserror::Error)]
enum WritingError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    #[error(transparent)]
    Work(#[from] WorkError),
    #[error("cannot read what became of event blobs: {0}")]
    Chain(#[from] ChainError),
    #[error("cannot vote for event blob {blob_id}: {source}")]
    Vote {
        blob_id: BlobId,
        source: Box<TransactionError>,
    },
}

impl WritingError {
    /// Whether the node must not go on.
    fn is_fatal(&self) -> bool {
        let is_fatal = |error: &StorageError| !error.is_full();
        match self {
            Self::Storage(error) | Self::Encoding(EncodingError::Storage(error)) => is_fatal(error),
            Self::Encoding(_) | Self::Work(_) | Self::Chain(_) | Self::Vote { .. } => false,
        }
    }
}

/// Votes that were sent for one event blob.
#[derive(Debug, Clone, Copy)]
struct Sent {
    last_checkpoint: u64,
    epoch: Epoch,
    times: u32,
}

/// Makes event blobs, one after the other.
pub(crate) struct EventBlobWriter {
    pub(crate) holdings: Holdings,
    pub(crate) writer: ContractWriter,
    /// The node's capability.
    pub(crate) cap: Address,
    /// Where blobs are put together.
    pub(crate) directory: PathBuf,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) work: Work,
    /// Changes when there may be something to do.
    moved: watch::Receiver<u64>,
    sent: Option<Sent>,
    /// Whether the node waits for an epoch, or for others, with its first event blob.
    waits: bool,
}

impl EventBlobWriter {
    /// What it is called in lists of workers.
    pub(crate) const NAME: &'static str = "event-blobs";

    /// A writer that looks for something to do when `moved` changes.
    pub(crate) fn new(
        holdings: Holdings,
        (writer, cap): (ContractWriter, Address),
        directory: PathBuf,
        metrics: Arc<Metrics>,
        work: Work,
        moved: watch::Receiver<u64>,
    ) -> Self {
        Self {
            holdings,
            writer,
            cap,
            directory,
            metrics,
            work,
            moved,
            sent: None,
            waits: false,
        }
    }

    async fn step(&mut self) -> Result<Step, WritingError> {
        let state = self.writer.reader().system_state().await?;
        let certified = state.event_blob_certification_state.latest_certified_blob;
        let certified = certified.map(|blob| CertifiedEventBlob {
            blob_id: blob.blob_id,
            last_checkpoint: blob.ending_checkpoint_sequence_number,
        });
        if let Some(certified) = certified {
            let holdings = self.holdings.clone();
            let settle = move || settle(&holdings, &certified);
            self.work.in_background(settle).await??;
        }
        let holdings = self.holdings.clone();
        let trim = move || trim(holdings.storage());
        self.work.in_background(trim).await??;
        self.show(certified.as_ref())?;
        let Some(cut) = self.oldest()? else {
            return Ok(Step::WaitAtMost(EVENT_BLOB_POLL));
        };
        let cap = self.writer.reader().node_cap(self.cap).await?;
        let standing = Standing {
            epoch: state.committee.epoch,
            is_member: self.holdings.view().is_member(),
            certified,
            voted: cap.last_event_blob_attestation,
        };
        let votes = standing.duty(&cut) == Duty::Vote;
        if votes && self.vote(&cut, &standing).await? {
            // It may have been certified before the node could wait for that.
            return Ok(Step::Again);
        }
        Ok(Step::WaitAtMost(EVENT_BLOB_POLL))
    }

    fn oldest(&self) -> Result<Option<EventBlobCut>, StorageError> {
        let cuts = self.holdings.storage().event_blob_cuts()?;
        Ok(cuts.into_iter().next())
    }

    /// Stores the node's part of a blob, and votes for it; whether the vote was taken.
    async fn vote(
        &mut self,
        cut: &EventBlobCut,
        standing: &Standing,
    ) -> Result<bool, WritingError> {
        let epoch = standing.epoch;
        let sent = self
            .sent
            .filter(|sent| sent.last_checkpoint == cut.last_checkpoint && sent.epoch == epoch);
        let times = sent.map_or(0, |sent| sent.times);
        if times >= MAX_EVENT_BLOB_VOTES {
            return Ok(false);
        }
        let vote = self.prepare(*cut, standing).await?;
        self.sent = Some(Sent {
            last_checkpoint: cut.last_checkpoint,
            epoch,
            times: times.saturating_add(1),
        });
        let blob_id = vote.blob_id;
        match self.writer.certify_event_blob(self.cap, &vote).await {
            Ok(_) => {
                tracing::info!(%blob_id, checkpoint = cut.last_checkpoint, epoch, "voted for an event blob");
                self.metrics.event_blobs.attested(cut.last_checkpoint);
                Ok(true)
            }
            Err(source) if counts_as_answer(&source) => {
                tracing::warn!(%blob_id, checkpoint = cut.last_checkpoint, epoch, error = %source, "the contract does not take the vote for an event blob");
                Ok(false)
            }
            Err(source) => Err(WritingError::Vote {
                blob_id,
                source: Box::new(source),
            }),
        }
    }

    /// Puts a blob together and stores the node's part of it.
    async fn prepare(
        &self,
        cut: EventBlobCut,
        standing: &Standing,
    ) -> Result<EventBlobVote, WritingError> {
        let (holdings, certified) = (self.holdings.clone(), standing.certified);
        let (directory, epoch) = (self.directory.clone(), standing.epoch);
        let prepare = move || {
            let (storage, config) = (holdings.storage(), *holdings.encoding());
            let blob = Assembled::new(storage, &directory, config, &cut, certified.as_ref())?;
            let blob_id = *blob.metadata.blob_id();
            // Before there is anything: nobody else would know what belongs to no registered blob.
            storage.note_offered_event_blob(&blob_id, cut.last_checkpoint)?;
            let shards = holdings.view().own_shards.clone();
            blob.store(storage, shards)?;
            Ok::<_, WritingError>(EventBlobVote {
                blob_id,
                root_hash: blob.metadata.metadata().root_hash().bytes(),
                size: blob.bytes(),
                encoding_type: blob.metadata.metadata().encoding_type().id(),
                last_checkpoint: cut.last_checkpoint,
                epoch,
            })
        };
        self.work.run(prepare).await
    }

    fn show(&mut self, certified: Option<&CertifiedEventBlob>) -> Result<(), StorageError> {
        let storage = self.holdings.storage();
        let cuts = storage.event_blob_cuts()?;
        let recording = storage.event_recording()?;
        let metrics = &self.metrics.event_blobs;
        self.waits = recording.is_some_and(|recording| !recording.aligned);
        if let Some(recording) = recording {
            let first = cuts.first().map(|cut| cut.first_index);
            let first = first.unwrap_or(recording.blob.first_index);
            if certified.is_some() {
                metrics.certified(first.saturating_sub(1));
            }
            metrics.in_progress(recording.next_index.saturating_sub(1));
            let cut = cuts.last().map(|cut| cut.end_index);
            metrics.cut(cut.unwrap_or(first).saturating_sub(1), cuts.len());
        }
        Ok(())
    }
}

/// Whether the contract has said that the vote does not count, so that sending it again does not help.
fn counts_as_answer(error: &TransactionError) -> bool {
    const ANSWERS: [&str; 4] = [
        "EInvalidIdEpoch",
        "ENotCommitteeMember",
        "ERepeatedAttestation",
        "EIncorrectAttestation",
    ];
    error.move_abort().is_some_and(|abort| {
        ANSWERS
            .iter()
            .any(|name| abort.is("system_state_inner", name))
    })
}

/// Takes note of the newest certified event blob: what was recorded for it goes, and what was stored of others. Blocks.
fn settle(holdings: &Holdings, certified: &CertifiedEventBlob) -> Result<(), StorageError> {
    let storage = holdings.storage();
    let known = storage.certified_event_blob()?;
    if known.is_none_or(|known| known.last_checkpoint < certified.last_checkpoint) {
        let cuts = storage.event_blob_cuts()?;
        let last = certified.last_checkpoint;
        // Otherwise the recorder begins again behind it.
        let fits = cuts.iter().any(|cut| cut.last_checkpoint == last);
        let done: Vec<_> = cuts
            .into_iter()
            .filter(|cut| fits && cut.last_checkpoint <= last)
            .collect();
        storage.certify_event_blob(certified, &done)?;
        tracing::info!(blob_id = %certified.blob_id, checkpoint = last, "an event blob is certified");
    }
    for (blob_id, last_checkpoint) in storage.offered_event_blobs()? {
        if last_checkpoint > certified.last_checkpoint {
            continue;
        }
        // Another one than that of the quorum; nobody will register it.
        if blob_id != certified.blob_id && storage.blob_info(&blob_id)?.is_none() {
            tracing::warn!(%blob_id, checkpoint = last_checkpoint, "an event blob of this node is not the one that was certified");
            storage.delete_data(&blob_id)?;
        }
        if storage.blob_info(&blob_id)?.is_some() || blob_id != certified.blob_id {
            storage.forget_offered_event_blob(&blob_id)?;
        }
    }
    Ok(())
}

/// Forgets elements before those that may still go into a blob of this node. Blocks.
fn trim(storage: &Storage) -> Result<(), StorageError> {
    let Some(recording) = storage.event_recording()? else {
        return Ok(());
    };
    let cuts = storage.event_blob_cuts()?;
    let first = cuts.first().map(|cut| cut.first_index);
    let first = first.unwrap_or(recording.blob.first_index);
    while !storage.forget_event_elements(first)? {}
    Ok(())
}

impl Worker for EventBlobWriter {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn status(&self) -> Status {
        let note = "begins with the next event blob that others certify or, if there is none, with the next epoch";
        Status {
            note: self.waits.then_some(note.into()),
            ..Status::default()
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(CHAIN_RETRY_MIN, CHAIN_RETRY_MAX)
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        self.moved.mark_unchanged();
        match self.step().await {
            Ok(step) => Ok(step),
            Err(error) if error.is_fatal() => Err(error.into()),
            Err(error) => Ok(Step::RetryOrWait(error.into())),
        }
    }

    async fn wait(&mut self) {
        // The recorder keeps the other end.
        if self.moved.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
