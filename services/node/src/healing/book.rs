//! Books of the repair queue: what is in it, how fast it goes, and what is not to be had, for those who ask.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use walrus_core::BlobId;

use super::pace::{Done, Pace};
use crate::storage::{
    Storage, StorageError,
    records::SyncReason,
    repairs::{QueueTotals, QueuedBlob},
};

/// Blobs that are named; of more, the number is told.
const TOLD_BLOBS: usize = 3;

/// The queue of repairs, as its worker saw it last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepairQueue {
    /// Blobs of which something is missing.
    pub blobs: u64,
    /// What is missing: slivers, and whole blobs of which nobody has looked yet what is.
    pub entries: u64,
    /// The same by reason.
    pub by_reason: Vec<QueuedFor>,
    /// Blobs that leave the queue in a second, over the last minutes.
    pub blobs_per_sec: f64,
    /// Slivers that are recovered in a second.
    pub slivers_per_sec: f64,
    /// Their bytes.
    pub bytes_per_sec: u64,
    /// Seconds until the queue holds nothing but what nobody has enough of, at that pace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_secs: Option<u64>,
    /// Some of the blobs of which nobody has enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unrecoverable: Vec<String>,
}

/// What is queued for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedFor {
    /// `certified`, `fill-shards`, `lost`, `ordered` or `unrecoverable`.
    pub reason: String,
    /// Blobs.
    pub blobs: u64,
    /// Entries.
    pub entries: u64,
    /// When the oldest was queued, in milliseconds since 1970.
    pub oldest_ms: u64,
}

/// What the worker of the queue notes, and others read.
#[derive(Debug, Default)]
pub(crate) struct RepairBook(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    seen: Seen,
    pace: Pace,
}

/// What was seen in a walk through the queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) totals: QueueTotals,
    /// Some of the blobs of which nobody has enough.
    unrecoverable: Vec<BlobId>,
}

impl Seen {
    /// All of the queue.
    pub(crate) fn all(storage: &Storage) -> Result<Self, StorageError> {
        let (mut seen, mut last) = (Self::default(), None);
        loop {
            let page = storage.queued_behind(last)?;
            let Some(behind) = page.last() else {
                return Ok(seen);
            };
            last = Some(behind.blob_id);
            page.iter().for_each(|queued| seen.add(queued));
        }
    }

    pub(crate) fn add(&mut self, queued: &QueuedBlob) {
        self.totals.add(queued);
        let is_given_up = queued.reason() == Some(SyncReason::Unrecoverable);
        if is_given_up && self.unrecoverable.len() < TOLD_BLOBS {
            self.unrecoverable.push(queued.blob_id);
        }
    }

    /// Blobs of which nobody has enough.
    fn given_up(&self) -> u64 {
        let totals = self.totals.by_reason.get(&SyncReason::Unrecoverable);
        totals.map_or(0, |totals| totals.blobs)
    }

    /// The queue in a sentence: how much for which reason, and which blobs are not to be had.
    pub(crate) fn sentence(&self) -> Option<String> {
        let reasons = self.totals.by_reason.iter();
        let mut parts: Vec<_> = reasons
            .map(|(reason, totals)| {
                let (blobs, entries) = (totals.blobs, totals.entries);
                format!("{}: {blobs} blobs ({entries} entries)", reason.as_str())
            })
            .collect();
        if !self.unrecoverable.is_empty() {
            let names: Vec<_> = self.unrecoverable.iter().map(BlobId::to_string).collect();
            parts.push(format!(
                "certified blobs have too few slivers anywhere: {}",
                names.join(", ")
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

impl RepairBook {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is in the queue.
    pub(crate) fn saw(&self, seen: Seen) {
        self.state().seen = seen;
    }

    /// Notes what was done.
    pub(crate) fn did(&self, done: Done) {
        self.state().pace.note(done, Instant::now());
    }

    /// Whether something is queued that the node had or should have had by now; what was certified just now may still be on its way.
    pub(crate) fn is_repairing(&self) -> bool {
        let state = self.state();
        let mut reasons = state.seen.totals.by_reason.keys();
        reasons.any(|reason| *reason != SyncReason::Certified)
    }

    /// The queue in a sentence, if there is something in it.
    pub(crate) fn sentence(&self) -> Option<String> {
        self.state().seen.sentence()
    }

    /// What there is to tell.
    pub(crate) fn queue(&self) -> RepairQueue {
        let mut state = self.state();
        let rates = state.pace.rates(Instant::now());
        let (seen, totals) = (&state.seen, &state.seen.totals);
        let waiting = totals.blobs.saturating_sub(seen.given_up());
        RepairQueue {
            blobs: totals.blobs,
            entries: totals.entries,
            by_reason: totals
                .by_reason
                .iter()
                .map(|(reason, totals)| QueuedFor {
                    reason: reason.as_str().to_owned(),
                    blobs: totals.blobs,
                    entries: totals.entries,
                    oldest_ms: totals.oldest_ms.unwrap_or_default(),
                })
                .collect(),
            blobs_per_sec: rates.blobs,
            slivers_per_sec: rates.slivers,
            bytes_per_sec: rates.bytes,
            eta_secs: time_for(waiting, rates.blobs),
            unrecoverable: seen.unrecoverable.iter().map(BlobId::to_string).collect(),
        }
    }
}

/// Seconds for so many at a rate; `None` if that cannot be told.
fn time_for(count: u64, rate: f64) -> Option<u64> {
    if count == 0 {
        return Some(0);
    }
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let time = Duration::try_from_secs_f64(f64::from(count) / rate).ok()?;
    Some(time.as_secs().max(1))
}

#[cfg(test)]
mod tests {
    use walrus_core::{ShardIndex, SliverType};

    use super::*;
    use crate::storage::repairs::{Part, RepairRecord};

    fn queued(byte: u8, reason: SyncReason, slivers: u16, since_ms: u64) -> QueuedBlob {
        let record = RepairRecord { reason, since_ms };
        let part = |shard| Part::Sliver(ShardIndex(shard), SliverType::Primary);
        QueuedBlob {
            blob_id: BlobId([byte; 32]),
            parts: (0..slivers).map(|shard| (part(shard), record)).collect(),
        }
    }

    #[test]
    fn the_queue_is_told_by_reason_with_its_oldest_entry_and_what_nobody_has() {
        let book = RepairBook::default();
        assert_eq!(book.sentence(), None);
        let mut seen = Seen::default();
        seen.add(&queued(4, SyncReason::Certified, 1, 80));
        book.saw(seen);
        assert!(!book.is_repairing(), "a client may still bring it");
        let mut seen = Seen::default();
        seen.add(&queued(1, SyncReason::Lost, 3, 70));
        seen.add(&queued(2, SyncReason::Lost, 1, 50));
        seen.add(&queued(3, SyncReason::Unrecoverable, 2, 10));
        book.saw(seen);
        for _ in 0..20 {
            book.did(Done {
                blobs: 1,
                slivers: 2,
                bytes: 1 << 20,
            });
        }
        assert!(book.is_repairing());
        let queue = book.queue();
        assert_eq!((queue.blobs, queue.entries), (3, 6));
        let lost = &queue.by_reason[0];
        assert_eq!((lost.reason.as_str(), lost.blobs), ("lost", 2));
        assert_eq!((lost.entries, lost.oldest_ms), (4, 50));
        assert_eq!(queue.unrecoverable, [BlobId([3; 32]).to_string()]);
        // Twenty in ten seconds, and two to go: what nobody has is not waited for.
        assert_eq!(queue.eta_secs, Some(1));
        let sentence = book.sentence().unwrap();
        assert!(sentence.contains("lost: 2 blobs (4 entries)"), "{sentence}");
        assert!(sentence.contains(&queue.unrecoverable[0]), "{sentence}");
    }

    #[test]
    fn no_time_is_told_of_a_queue_that_does_not_move() {
        assert_eq!(time_for(3, 0.0), None);
        assert_eq!(time_for(0, 0.0), Some(0));
        assert_eq!(time_for(100, 2.0), Some(50));
    }
}
