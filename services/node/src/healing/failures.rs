//! Failed recoveries: how often a blob failed, and until when it waits for the next try.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;
use walrus_core::BlobId;
use walrus_service::backoff::Backoff;

use crate::limits::MAX_REMEMBERED_FAILURES;

/// The blobs whose last recovery failed. Of more than the bound, those whose next try is nearest are forgotten: they are tried
/// earlier, and their pauses begin anew.
#[derive(Debug)]
pub(super) struct Failures {
    backoff: Backoff,
    of: HashMap<BlobId, Failed>,
}

#[derive(Debug)]
struct Failed {
    attempts: u32,
    /// Since when it has been so that nobody has enough of it, if that is so.
    hopeless_since: Option<Instant>,
    /// When the next try may begin.
    until: Instant,
}

impl Failures {
    /// None yet; `backoff` makes the pauses.
    pub(super) fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            of: HashMap::new(),
        }
    }

    /// Notes a failure; returns the pause before the next try.
    pub(super) fn note(&mut self, blob_id: BlobId, now: Instant) -> Duration {
        if self.of.len() >= MAX_REMEMBERED_FAILURES && !self.of.contains_key(&blob_id) {
            self.make_room();
        }
        let failed = self.of.entry(blob_id).or_insert(Failed {
            attempts: 0,
            hopeless_since: None,
            until: now,
        });
        failed.attempts = failed.attempts.saturating_add(1);
        let pause = self.backoff.pause(failed.attempts);
        failed.until = now.checked_add(pause).unwrap_or(now);
        pause
    }

    fn make_room(&mut self) {
        let nearest = self.of.iter().min_by_key(|(_, failed)| failed.until);
        if let Some(blob_id) = nearest.map(|(blob_id, _)| *blob_id) {
            self.of.remove(&blob_id);
        }
    }

    /// Notes whether the last failure of a blob was that nobody has enough of it; returns for how long that has been so, and how often
    /// it was tried.
    pub(super) fn note_hope(
        &mut self,
        blob_id: &BlobId,
        is_hopeless: bool,
        now: Instant,
    ) -> Option<(Duration, u32)> {
        let failed = self.of.get_mut(blob_id)?;
        if !is_hopeless {
            failed.hopeless_since = None;
            return None;
        }
        let since = *failed.hopeless_since.get_or_insert(now);
        Some((now.duration_since(since), failed.attempts))
    }

    /// The blobs of which nobody has enough.
    pub(super) fn hopeless(&self) -> impl Iterator<Item = &BlobId> {
        let hopeless = self
            .of
            .iter()
            .filter(|(_, failed)| failed.hopeless_since.is_some());
        hopeless.map(|(blob_id, _)| blob_id)
    }

    /// How many blobs there are whose last recovery failed.
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// Forgets the failures of a blob.
    pub(super) fn forget(&mut self, blob_id: &BlobId) {
        self.of.remove(blob_id);
    }

    /// Whether a blob has to wait.
    pub(super) fn waits(&self, blob_id: &BlobId, now: Instant) -> bool {
        self.of
            .get(blob_id)
            .is_some_and(|failed| failed.until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn blob(number: usize) -> BlobId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        BlobId(bytes)
    }

    #[test]
    fn pauses_grow_until_a_success() {
        let mut failures = Failures::new(Backoff::new(SECOND, SECOND * 60));
        let now = Instant::now();
        assert!(!failures.waits(&blob(1), now));
        assert_eq!(failures.note(blob(1), now), SECOND);
        assert_eq!(failures.note(blob(1), now), SECOND * 2);
        assert!(failures.waits(&blob(1), now + SECOND));
        assert!(!failures.waits(&blob(1), now + SECOND * 2));
        failures.forget(&blob(1));
        assert!(!failures.waits(&blob(1), now));
        assert_eq!(failures.note(blob(1), now), SECOND);
    }

    #[test]
    fn no_more_are_remembered_than_the_bound_and_those_go_first_whose_turn_is_next() {
        let mut failures = Failures::new(Backoff::new(SECOND, SECOND * 60));
        let start = Instant::now();
        for number in 0..MAX_REMEMBERED_FAILURES {
            let now = start + Duration::from_millis(number.try_into().unwrap());
            failures.note(blob(number), now);
        }
        failures.note(blob(MAX_REMEMBERED_FAILURES), start + SECOND * 3600);
        assert_eq!(failures.of.len(), MAX_REMEMBERED_FAILURES);
        assert!(!failures.waits(&blob(0), start));
        assert!(failures.waits(&blob(1), start));
        assert!(failures.waits(&blob(MAX_REMEMBERED_FAILURES), start));
    }
}
