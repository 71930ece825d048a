//! Catch-up: the event stream of a node that may have been away for longer than full nodes remember. Node spec 2.6 and 2.7.
//!
//! What the chain has no more is in event blobs: the newest certified one is on chain, and each names the one before. They are read
//! back to the one in which the node's events end, and replayed from there; then the chain goes on. So it is at the start, and
//! whenever a node that runs finds the chain pruned, or itself too far behind: it needs no other start for that.

mod error;
mod fetch;
mod place;

use std::{
    fs::{self, File},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};
use tokio_stream::wrappers::ReceiverStream;
use walrus_core::Epoch;
use walrus_sdk::Client;
use walrus_service::backoff::Backoff;
use walrus_sui::{
    contract::ContractReader,
    event_blobs::{Element, EventBlob, EventBlobError},
    event_stream::{EventSource, EventStream, StreamItem},
};

pub(crate) use self::place::Place;
use self::{error::CatchUpError, fetch::Fetched};
use crate::{
    limits::{CATCH_UP_QUEUE, CHAIN_RETRY_MAX, CHAIN_RETRY_MIN},
    metrics::Metrics,
    operator::Problems,
    storage::{
        Storage, StorageError,
        records::{CertifiedEventBlob, NodeStatus},
    },
    work::Work,
};

/// What catching up is called among what is wrong with a node.
const PART: &str = "catch-up";

/// What a stream of events that catches up is made from.
#[derive(Clone)]
pub(crate) struct CatchUp {
    pub(crate) reader: ContractReader,
    /// Reads event blobs, as any client would.
    pub(crate) client: Client,
    pub(crate) storage: Arc<Storage>,
    /// Where event blobs are kept until they are replayed.
    pub(crate) directory: PathBuf,
    /// Checkpoints behind the chain from which on event blobs are read though the chain has all.
    pub(crate) min_lag: u64,
    /// How often that is looked at while the node runs, if it is.
    pub(crate) while_running: Option<LagChecks>,
    pub(crate) problems: Arc<Problems>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) work: Work,
}

/// How a node that runs finds out that it has fallen behind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LagChecks {
    /// Checkpoints behind the chain from which on event blobs are read.
    pub(crate) min_lag: u64,
    /// Between two looks.
    pub(crate) interval: Duration,
}

/// Why the chain is not followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// It has what comes next no more; it has this checkpoint and those behind it.
    Pruned(u64),
    /// The node is so many checkpoints behind it, and event blobs have some of them.
    Behind(u64),
    /// Nobody listens.
    Unheard,
}

/// What says whether a node can do without the beginning of the events.
#[derive(Debug, Clone, Copy)]
struct Beginning {
    /// The epoch of the network.
    epoch: Epoch,
    /// For how many epochs ahead storage is sold.
    max_epochs_ahead: u32,
    /// Whether the node has nothing of it, and the chain has it no more.
    may_be_left_out: bool,
}

/// A stream of events, from the chain and, where that has them no more, from event blobs. Dropping it stops its task.
#[derive(Debug)]
pub(crate) struct Events {
    items: ReceiverStream<StreamItem>,
    task: JoinHandle<()>,
}

impl futures::Stream for Events {
    type Item = StreamItem;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<StreamItem>> {
        std::pin::Pin::new(&mut self.items).poll_next(context)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl CatchUp {
    /// The events from a place on.
    pub(crate) fn events(self, place: Place) -> Events {
        let (sender, items) = mpsc::channel(CATCH_UP_QUEUE);
        let task = tokio::spawn(self.run(place, sender));
        Events {
            items: ReceiverStream::new(items),
            task,
        }
    }

    async fn run(self, mut place: Place, sender: mpsc::Sender<StreamItem>) {
        if self.lag(&place, self.min_lag).await.is_some()
            && !self.replay_once(&mut place, &sender).await
        {
            return;
        }
        loop {
            let goes_on = match self.follow_chain(&mut place, &sender).await {
                Left::Pruned(lowest) => self.replay_until_done(&mut place, lowest, &sender).await,
                Left::Behind(checkpoints) => {
                    tracing::warn!(
                        checkpoints,
                        "the node has fallen behind the chain: it catches up by event blobs"
                    );
                    self.replay_once(&mut place, &sender).await
                }
                Left::Unheard => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Sends what the chain has from the place on, until there is a reason to leave it.
    async fn follow_chain(&self, place: &mut Place, sender: &mpsc::Sender<StreamItem>) -> Left {
        let source = EventSource::from(&self.reader.packages());
        let mut chain = EventStream::start(self.reader.chain().clone(), source, place.next);
        let mut looks = self.while_running.map(LagChecks::looks);
        loop {
            let item = tokio::select! {
                item = chain.next_item() => item,
                min_lag = next_look(&mut looks) => {
                    match self.lag_that_event_blobs_shorten(place, min_lag).await {
                        Some(lag) => return Left::Behind(lag),
                        None => continue,
                    }
                }
            };
            let Some(item) = item else {
                return Left::Unheard;
            };
            if let StreamItem::Pruned { lowest, .. } = item {
                return Left::Pruned(lowest);
            }
            place.behind(&item);
            if sender.send(item).await.is_err() {
                return Left::Unheard;
            }
        }
    }

    /// How many checkpoints the place is behind the chain, if more than `min_lag`, and if the chain has what comes next.
    async fn lag(&self, place: &Place, min_lag: u64) -> Option<u64> {
        let (chain, next) = (self.reader.chain(), place.next.checkpoint);
        let lag = chain.latest_checkpoint().await.ok()?.saturating_sub(next);
        let is_far = lag > min_lag && chain.lowest_checkpoint().await.ok()? <= next;
        is_far.then_some(lag)
    }

    /// Like [`Self::lag`]; `None` as well if no event blob goes on behind the place.
    async fn lag_that_event_blobs_shorten(&self, place: &Place, min_lag: u64) -> Option<u64> {
        let lag = self.lag(place, min_lag).await?;
        let state = self.reader.system_state().await.ok()?;
        let newest = state.event_blob_certification_state.latest_certified_blob?;
        let is_shorter = newest.ending_checkpoint_sequence_number > place.next.checkpoint;
        is_shorter.then_some(lag)
    }

    /// Replays what event blobs have of what the chain has as well; whether anybody still listens. What fails is not tried again, unless
    /// it fails in the middle of a checkpoint.
    async fn replay_once(&self, place: &mut Place, sender: &mpsc::Sender<StreamItem>) -> bool {
        match self.replay(place, 0, sender).await {
            Ok(()) => !sender.is_closed(),
            // Of the rest of a checkpoint only event blobs tell which one is next.
            Err(error) if place.is_inside_checkpoint => {
                tracing::warn!(%error, "an event blob breaks off; it is read again");
                self.replay_until_done(place, 0, sender).await
            }
            Err(error) => {
                tracing::warn!(%error, "event blobs do not help to catch up; the events come from the chain");
                true
            }
        }
    }

    /// Replays what does not come from the chain, as often as it takes; whether anybody still listens.
    async fn replay_until_done(
        &self,
        place: &mut Place,
        lowest: u64,
        sender: &mpsc::Sender<StreamItem>,
    ) -> bool {
        let backoff = Backoff::new(CHAIN_RETRY_MIN, CHAIN_RETRY_MAX);
        let mut failures = 0_u32;
        loop {
            match self.replay(place, lowest, sender).await {
                Ok(()) => {
                    self.problems.set(PART, Vec::new());
                    return !sender.is_closed();
                }
                Err(error) => {
                    self.problems
                        .set(PART, vec![format!("events are missing: {error}")]);
                    failures = failures.saturating_add(1);
                    tokio::select! {
                        () = tokio::time::sleep(backoff.pause(failures)) => {}
                        () = sender.closed() => return false,
                    }
                }
            }
        }
    }

    /// Reads event blobs back to where the node's events end, and sends what comes then.
    async fn replay(
        &self,
        place: &mut Place,
        lowest: u64,
        sender: &mpsc::Sender<StreamItem>,
    ) -> Result<(), CatchUpError> {
        let from = place.next.checkpoint;
        let state = self.reader.system_state().await?;
        let newest = state.event_blob_certification_state.latest_certified_blob;
        let newest = newest.ok_or(CatchUpError::None { from, lowest })?;
        let last = newest.ending_checkpoint_sequence_number;
        if last < from || last.saturating_add(1) < lowest {
            let blob_id = newest.blob_id;
            return Err(CatchUpError::TooOld {
                from,
                lowest,
                blob_id,
                last,
            });
        }
        let blobs = self.fetch_back_to(place, newest.blob_id).await?;
        self.note(CertifiedEventBlob {
            blob_id: newest.blob_id,
            last_checkpoint: last,
        })?;
        if let Some(oldest) = blobs.last()
            && oldest.first_index > place.index
        {
            let is_on_chain = lowest <= from;
            let begin = Beginning {
                epoch: state.committee.epoch,
                max_epochs_ahead: state.future_accounting.length,
                may_be_left_out: place.is_fresh && !is_on_chain,
            };
            self.leave_out(place, oldest, &begin)?;
        }
        tracing::info!(
            from,
            to = last,
            blobs = blobs.len(),
            "replays events from event blobs"
        );
        for blob in blobs.into_iter().rev() {
            self.send_elements(place, &blob, sender).await?;
            // It is read again after a crash.
            if let Err(error) = fs::remove_file(&blob.path) {
                tracing::warn!(path = %blob.path.display(), %error, "an event blob that was replayed stays");
            }
        }
        Ok(())
    }

    /// Notes what is certified before it is replayed: nobody needs to record it again.
    fn note(&self, newest: CertifiedEventBlob) -> Result<(), StorageError> {
        let known = self.storage.certified_event_blob()?;
        if known.is_some_and(|known| known.last_checkpoint >= newest.last_checkpoint) {
            return Ok(());
        }
        self.storage.certify_event_blob(&newest, &[])
    }

    /// Begins with what is left, if the node has nothing of the history, and nothing from before it is stored any more. Node spec 2.7.
    fn leave_out(
        &self,
        place: &mut Place,
        oldest: &Fetched,
        begin: &Beginning,
    ) -> Result<(), CatchUpError> {
        if !begin.may_be_left_out {
            return Err(CatchUpError::Expired {
                needed: place.index,
                available: oldest.first_index,
            });
        }
        let epoch = begin.epoch;
        let first_complete_epoch = epoch
            .saturating_add(1)
            .saturating_sub(begin.max_epochs_ahead);
        if oldest.header.epoch >= first_complete_epoch {
            return Err(CatchUpError::TooShort {
                available: oldest.header.epoch,
                needed: first_complete_epoch,
            });
        }
        self.storage
            .set_node_status(NodeStatus::RecoveryCatchUpWithIncompleteHistory {
                first_complete_epoch,
                epoch_at_start: epoch,
            })?;
        place.leave_out(oldest.first_index, oldest.first_checkpoint);
        Ok(())
    }

    /// Sends the elements of a blob from the place on.
    async fn send_elements(
        &self,
        place: &mut Place,
        fetched: &Fetched,
        sender: &mpsc::Sender<StreamItem>,
    ) -> Result<(), CatchUpError> {
        let blob_id = fetched.blob_id;
        let file = File::open(&fetched.path).map_err(|source| CatchUpError::Io {
            directory: self.directory.clone(),
            source,
        })?;
        let (elements, mut read) = mpsc::channel::<Result<Element, EventBlobError>>(CATCH_UP_QUEUE);
        let reading = move || {
            let blob = match EventBlob::open(file) {
                Ok(blob) => blob,
                Err(error) => return drop(elements.blocking_send(Err(error))),
            };
            for element in blob {
                if elements.blocking_send(element).is_err() {
                    return;
                }
            }
        };
        // Ends by itself, with the file or with the queue.
        drop(self.work.in_background(reading));
        while let Some(element) = read.recv().await {
            let element = element.map_err(|source| CatchUpError::Malformed { blob_id, source })?;
            if element.index < place.index {
                continue;
            }
            if element.index > place.index {
                return Err(CatchUpError::Gap {
                    blob_id,
                    found: element.index,
                    expected: place.index,
                });
            }
            place.behind_element(&element);
            let item = StreamItem::Element(Box::new(element));
            if sender.send(item).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl LagChecks {
    /// The first look is after an interval: at the start there is one of its own.
    fn looks(self) -> (Self, Interval) {
        let first = Instant::now().checked_add(self.interval);
        let mut looks = interval_at(first.unwrap_or_else(Instant::now), self.interval);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        (self, looks)
    }
}

/// Waits for the next look; returns how far behind is too far. Without looks it waits for ever.
async fn next_look(looks: &mut Option<(LagChecks, Interval)>) -> u64 {
    match looks {
        Some((checks, interval)) => {
            interval.tick().await;
            checks.min_lag
        }
        None => std::future::pending().await,
    }
}
