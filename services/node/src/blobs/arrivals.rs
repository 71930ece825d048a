//! Live uploads: of which blobs slivers are arriving just now. Node spec 4.6.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::time::Instant;
use walrus_core::BlobId;

use crate::limits::UPLOAD_PAUSE;

/// When the last new sliver of a blob came from a client; those of long ago are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    of: HashMap<BlobId, Instant>,
    /// When those of long ago were forgotten last: not with each sliver, of which there are thousands a second.
    swept: Option<Instant>,
}

impl Arrivals {
    /// A client sent a sliver that was not there before.
    pub(crate) fn note(&self, blob_id: BlobId, now: Instant) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !last.swept.is_some_and(|swept| is_recent(swept, now)) {
            last.swept = Some(now);
            last.of.retain(|_, then| is_recent(*then, now));
        }
        last.of.insert(blob_id, now);
    }

    /// Whether a client is likely to send more.
    pub(crate) fn goes_on(&self, blob_id: &BlobId, now: Instant) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.of
            .get(blob_id)
            .is_some_and(|then| is_recent(*then, now))
    }
}

fn is_recent(then: Instant, now: Instant) -> bool {
    now.saturating_duration_since(then) < UPLOAD_PAUSE
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_upload_goes_on_until_nothing_came_for_a_while() {
        let arrivals = Arrivals::default();
        let (blob, other) = (BlobId([1; 32]), BlobId([2; 32]));
        let start = Instant::now();
        assert!(!arrivals.goes_on(&blob, start));
        arrivals.note(blob, start);
        let almost = start + UPLOAD_PAUSE - Duration::from_millis(1);
        assert!(arrivals.goes_on(&blob, almost));
        assert!(!arrivals.goes_on(&blob, start + UPLOAD_PAUSE));
        assert!(!arrivals.goes_on(&other, almost));
        arrivals.note(blob, almost);
        assert!(arrivals.goes_on(&blob, start + UPLOAD_PAUSE));
    }

    #[test]
    fn what_was_long_ago_takes_no_memory() {
        let arrivals = Arrivals::default();
        let start = Instant::now();
        for index in 0..100 {
            arrivals.note(BlobId([index; 32]), start);
        }
        arrivals.note(BlobId([200; 32]), start + UPLOAD_PAUSE);
        assert_eq!(arrivals.0.into_inner().unwrap().of.len(), 1);
    }
}
