//! Ends of blobs that were seen: of what is over the nodes tell nothing.

use quick_cache::sync::Cache;
use walrus_sdk::{BlobId, Epoch};

use crate::limits;

/// First epochs without a blob, of as many blobs as are kept.
pub(super) struct Ends(Cache<BlobId, Epoch>);

impl Ends {
    pub(super) fn new() -> Self {
        Self(Cache::new(limits::ENDS))
    }

    /// That a blob is there until this epoch begins; of two ends the later one counts.
    pub(super) fn see(&self, blob_id: &BlobId, end_epoch: Epoch) {
        if self.0.get(blob_id).is_none_or(|known| known < end_epoch) {
            self.0.insert(*blob_id, end_epoch);
        }
    }

    /// The end of a blob that is not there in `epoch`, if that is why.
    pub(super) fn passed(&self, blob_id: &BlobId, epoch: Epoch) -> Option<Epoch> {
        self.0.get(blob_id).filter(|end| *end <= epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_expired_once_its_latest_end_has_passed() {
        let (ends, blob) = (Ends::new(), BlobId([1; 32]));
        assert_eq!(ends.passed(&blob, 9), None);
        ends.see(&blob, 5);
        ends.see(&blob, 7);
        ends.see(&blob, 6);
        assert_eq!(
            (ends.passed(&blob, 6), ends.passed(&blob, 7)),
            (None, Some(7))
        );
        assert_eq!(ends.passed(&BlobId([2; 32]), 9), None);
    }
}
