//! Digests of what is certified, which are the same on all nodes.

use walrus_core::Epoch;
use xxhash_rust::xxh64::Xxh64;

use super::label;
use crate::{
    metrics::CheckMetrics,
    storage::{Storage, StorageError, blob_info::BlobInfo},
};

/// XXH64, seeded with the epoch, over IDs in their order: of what was certified before the epoch and is so in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// Of blobs.
    pub blobs: u64,
    /// How many these are.
    pub scanned: u64,
    /// Of their objects with lifetimes of their own.
    pub objects: u64,
    /// Of their objects in storage pools.
    pub pooled_objects: u64,
}

/// Makes the digests for the beginning of `epoch`, after what ends with it was taken out of the records, and before any other
/// event is applied. Reads every record: to be called where blocking is allowed.
///
/// # Errors
/// [`StorageError`].
pub fn digests(storage: &Storage, epoch: Epoch) -> Result<Digests, StorageError> {
    let seeded = || Xxh64::new(u64::from(epoch));
    let (mut blobs, mut scanned) = (seeded(), 0_u64);
    for page in storage.blob_infos() {
        for (blob_id, info) in page? {
            if is_settled(&info, epoch) {
                blobs.update(&blob_id.0);
                scanned = scanned.saturating_add(1);
            }
        }
    }
    let before = |certified: Option<Epoch>| certified.is_some_and(|certified| certified < epoch);
    let mut objects = seeded();
    for page in storage.objects() {
        for (id, record) in page? {
            if before(record.certified_epoch) && record.end_epoch > epoch {
                objects.update(id.as_bytes());
            }
        }
    }
    let mut pooled_objects = seeded();
    for page in storage.pooled_objects() {
        for (id, record) in page? {
            if before(record.certified_epoch) {
                pooled_objects.update(id.as_bytes());
            }
        }
    }
    Ok(Digests {
        blobs: blobs.digest(),
        scanned,
        objects: objects.digest(),
        pooled_objects: pooled_objects.digest(),
    })
}

/// Whether a blob was certified before `epoch` and is so in it.
pub(super) fn is_settled(info: &BlobInfo, epoch: Epoch) -> bool {
    let BlobInfo::Valid(valid) = info else {
        return false;
    };
    let before = valid.initial_certified_epoch;
    before.is_some_and(|certified| certified < epoch) && info.is_certified(epoch)
}

impl Digests {
    /// Publishes the digests of `epoch`.
    pub(crate) fn publish(&self, epoch: Epoch, metrics: &CheckMetrics) {
        let label = label(epoch);
        for (gauges, digest) in [
            (&metrics.blobs, self.blobs),
            (&metrics.objects, self.objects),
            (&metrics.pooled_objects, self.pooled_objects),
        ] {
            // All 64 bits count; what is compared may as well be negative.
            let value = i64::from_ne_bytes(digest.to_ne_bytes());
            gauges.with_label_values(&[&label]).set(value);
        }
        let scanned = i64::try_from(self.scanned).unwrap_or(i64::MAX);
        metrics.scanned.with_label_values(&[&label]).set(scanned);
    }
}
