//! Amounts: what the objects of a blob come to, for comparison with the record of the blob, which is a fold over events. Node spec 3.4.
//!
//! What a record knows of the past, and its objects do not tell any more, is not compared: the latest ends that deletable objects ever
//! had, the epoch of the first certification, and which event set an end.

use std::{collections::HashMap, fmt};

use serde::Serialize;
use walrus_core::{BlobId, Epoch};
use xxhash_rust::xxh64::xxh64;

use super::{
    Storage, StorageError,
    blob_info::{BlobInfo, Counts, PermanentObjects, SeenEnds, ValidBlobInfo},
    records::{ObjectRecord, PooledObjectRecord},
    slivers::{Finding, FsckPosition, FsckStep},
};
use crate::limits::OBJECTS_COMPARED_AT_ONCE;

/// What all objects of one blob come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amounts {
    deletable: Counts,
    permanent_total: Option<PermanentObjects>,
    permanent_certified: Option<PermanentObjects>,
    pooled: Counts,
    /// The earliest certification.
    certified: Option<Epoch>,
    /// The latest ends of deletable objects.
    ends: SeenEnds,
}

/// A share of all blobs: the comparison of one is in memory, however many there are. A secret seed decides which blobs are in which, so
/// that nobody has all of his in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// Its number, from 0.
    pub(super) part: u32,
    /// Of so many.
    pub(super) parts: u32,
    /// The seed.
    pub(super) seed: u64,
}

impl Share {
    /// Everything at once.
    #[cfg(test)]
    const ALL: Self = Self {
        part: 0,
        parts: 1,
        seed: 0,
    };

    fn has(&self, blob_id: &BlobId) -> bool {
        let parts = u64::from(self.parts.max(1));
        let part = xxh64(&blob_id.0, self.seed).checked_rem(parts);
        part == Some(u64::from(self.part))
    }
}

/// A record that is not what the objects of its blob come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The blob.
    pub blob_id: BlobId,
    /// Its record, if there is one.
    pub record: Option<BlobInfo>,
    /// What its objects come to.
    pub amounts: Amounts,
}

impl fmt::Display for Amounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let permanent =
            |objects: Option<PermanentObjects>| objects.map_or(0, |objects| objects.count);
        let total = Counts {
            total: permanent(self.permanent_total),
            certified: permanent(self.permanent_certified),
        };
        let kinds = [
            ("permanent", total),
            ("deletable", self.deletable),
            ("pooled", self.pooled),
        ];
        for (position, (kind, counts)) in kinds.into_iter().enumerate() {
            let separator = if position > 0 { ", " } else { "" };
            write!(
                f,
                "{separator}{} {kind} ({} certified)",
                counts.total, counts.certified
            )?;
        }
        Ok(())
    }
}

impl FsckPosition {
    /// Where the comparison of amounts begins.
    pub(super) fn first_amounts() -> Self {
        Self::Amounts {
            part: 0,
            parts: 0,
            seed: rand::random(),
            alone: false,
        }
    }
}

impl Amounts {
    fn add_object(&mut self, record: &ObjectRecord) {
        let certified = record.certified_epoch;
        self.certify(certified);
        if record.deletable {
            count(&mut self.deletable, certified.is_some());
            let ends = &mut self.ends;
            ends.registered = ends.registered.max(Some(record.end_epoch));
            if certified.is_some() {
                ends.certified = ends.certified.max(Some(record.end_epoch));
            }
            return;
        }
        add_permanent(&mut self.permanent_total, record);
        if certified.is_some() {
            add_permanent(&mut self.permanent_certified, record);
        }
    }

    fn add_pooled_object(&mut self, record: &PooledObjectRecord) {
        self.certify(record.certified_epoch);
        count(&mut self.pooled, record.certified_epoch.is_some());
    }

    fn certify(&mut self, epoch: Option<Epoch>) {
        self.certified = match (self.certified, epoch) {
            (Some(first), Some(epoch)) => Some(first.min(epoch)),
            (first, epoch) => first.or(epoch),
        };
    }

    /// Whether a record says the same. One of a blob that was proven inconsistent says nothing.
    fn agrees_with(&self, record: Option<&BlobInfo>) -> bool {
        let record = match record {
            None => return *self == Self::default(),
            Some(BlobInfo::Invalid { .. }) => return true,
            Some(BlobInfo::Valid(record)) => record,
        };
        let same = |one: Option<PermanentObjects>, other: Option<PermanentObjects>| {
            one.map(|objects| (objects.count, objects.end_epoch))
                == other.map(|objects| (objects.count, objects.end_epoch))
        };
        let ends_fit = match record.seen_ends {
            Some(seen) => {
                self.pooled.total == 0
                    && seen.registered >= self.ends.registered
                    && seen.certified >= self.ends.certified
            }
            None => true,
        };
        ends_fit
            && record.deletable == self.deletable
            && record.pooled == self.pooled
            && same(record.permanent_total, self.permanent_total)
            && same(record.permanent_certified, self.permanent_certified)
            && record.initial_certified_epoch.is_some() == self.certified.is_some()
    }
}

impl Difference {
    /// The record as it should be. What it knew besides, and what may be so, stays.
    pub(super) fn mended(&self) -> BlobInfo {
        let before = match self.record {
            Some(BlobInfo::Valid(record)) => Some(record),
            _ => None,
        };
        let known = before.unwrap_or_default();
        let amounts = &self.amounts;
        let is_pool_aware =
            amounts.pooled.total > 0 || before.is_some_and(|record| record.seen_ends.is_none());
        let seen = known.seen_ends.unwrap_or_default();
        let seen = SeenEnds {
            registered: seen.registered.max(amounts.ends.registered),
            certified: seen.certified.max(amounts.ends.certified),
        };
        let first = amounts.certified;
        BlobInfo::Valid(ValidBlobInfo {
            initial_certified_epoch: first
                .map(|first| known.initial_certified_epoch.unwrap_or(first)),
            deletable: amounts.deletable,
            seen_ends: (!is_pool_aware).then_some(seen),
            permanent_total: with_event(amounts.permanent_total, known.permanent_total),
            permanent_certified: with_event(amounts.permanent_certified, known.permanent_certified),
            pooled: amounts.pooled,
        })
    }
}

/// Objects with the event that set their end as a record knows it, if that is the end.
fn with_event(
    objects: Option<PermanentObjects>,
    known: Option<PermanentObjects>,
) -> Option<PermanentObjects> {
    let objects = objects?;
    let known = known.filter(|known| known.end_epoch == objects.end_epoch);
    let event = known.map_or(objects.event, |known| known.event);
    Some(PermanentObjects { event, ..objects })
}

fn count(counts: &mut Counts, is_certified: bool) {
    counts.total = counts.total.saturating_add(1);
    counts.certified = counts.certified.saturating_add(u32::from(is_certified));
}

fn add_permanent(objects: &mut Option<PermanentObjects>, record: &ObjectRecord) {
    let first = PermanentObjects {
        count: 0,
        end_epoch: record.end_epoch,
        event: record.event,
    };
    let objects = objects.get_or_insert(first);
    objects.count = objects.count.saturating_add(1);
    if record.end_epoch > objects.end_epoch {
        objects.end_epoch = record.end_epoch;
        objects.event = record.event;
    }
}

impl Storage {
    /// How many objects there are, of either kind.
    pub(super) fn count_objects(&self) -> Result<u64, StorageError> {
        let mut count = 0_u64;
        for page in self.objects() {
            count = count.saturating_add(page?.len() as u64);
        }
        for page in self.pooled_objects() {
            count = count.saturating_add(page?.len() as u64);
        }
        Ok(count)
    }

    /// The blobs of a share whose records are not what their objects come to. Reads every object: to be called where blocking is
    /// allowed. While events are processed, some of it may be their work that is half done.
    pub(super) fn differing_amounts(&self, share: Share) -> Result<Vec<Difference>, StorageError> {
        let mut amounts: HashMap<BlobId, Amounts> = HashMap::new();
        for page in self.objects() {
            for (_, record) in page?
                .iter()
                .filter(|(_, record)| share.has(&record.blob_id))
            {
                amounts
                    .entry(record.blob_id)
                    .or_default()
                    .add_object(record);
            }
        }
        for page in self.pooled_objects() {
            for (_, record) in page?
                .iter()
                .filter(|(_, record)| share.has(&record.blob_id))
            {
                let amounts = amounts.entry(record.blob_id).or_default();
                amounts.add_pooled_object(record);
            }
        }
        let mut differences = Vec::new();
        for page in self.blob_infos() {
            for (blob_id, record) in page?.into_iter().filter(|(blob_id, _)| share.has(blob_id)) {
                let amounts = amounts.remove(&blob_id).unwrap_or_default();
                if !amounts.agrees_with(Some(&record)) {
                    differences.push(Difference {
                        blob_id,
                        record: Some(record),
                        amounts,
                    });
                }
            }
        }
        let without_record = amounts.into_iter().map(|(blob_id, amounts)| Difference {
            blob_id,
            record: None,
            amounts,
        });
        differences.extend(without_record);
        Ok(differences)
    }

    /// Compares a share, or finds out how many there are to be. What differs counts only if events stand still, which they do if the
    /// step is taken `alone`; otherwise the next step looks once more.
    pub(super) fn check_amounts(
        &self,
        share: Share,
        alone: bool,
        repair: bool,
    ) -> Result<FsckStep, StorageError> {
        let Share { part, parts, seed } = share;
        let at = |part, parts, alone| {
            Some(FsckPosition::Amounts {
                part,
                parts,
                seed,
                alone,
            })
        };
        let mut step = FsckStep::default();
        if parts == 0 {
            let parts = self.count_objects()?.div_ceil(OBJECTS_COMPARED_AT_ONCE);
            let parts = u32::try_from(parts.max(1)).unwrap_or(u32::MAX);
            step.next = at(0, parts, false);
            return Ok(step);
        }
        let differences = self.differing_amounts(share)?;
        if !differences.is_empty() && !alone {
            step.next = at(part, parts, true);
            return Ok(step);
        }
        let next = part.saturating_add(1);
        step.next = at(next, parts, false).filter(|_| next < parts);
        for difference in differences {
            if repair {
                let mut update = self.update();
                update.put_blob_info(&difference.blob_id, &difference.mended())?;
                update.commit()?;
            }
            step.checked = step.checked.saturating_add(1);
            step.findings.push(Finding::Amounts {
                blob_id: difference.blob_id,
                has_record: difference.record.is_some(),
                amounts: difference.amounts,
            });
        }
        Ok(step)
    }
}

#[cfg(test)]
mod tests {
    use walrus_sui::Address;

    use super::{super::blob_info::Change, *};
    use crate::storage::event_name::EventName;

    const BLOB: BlobId = BlobId([7; 32]);
    const EVENT: EventName = EventName {
        tx_digest: [3; 32],
        event_seq: 4,
    };

    fn object(deletable: bool, certified_epoch: Option<Epoch>, end_epoch: Epoch) -> ObjectRecord {
        ObjectRecord {
            blob_id: BLOB,
            registered_epoch: 1,
            certified_epoch,
            end_epoch,
            deletable,
            event: EVENT,
        }
    }

    fn after(changes: &[Change]) -> Option<BlobInfo> {
        changes.iter().fold(None, |info, change| {
            BlobInfo::after(info, *change, EVENT).unwrap()
        })
    }

    /// What events make of a blob agrees with the objects that they leave.
    #[test]
    fn what_events_make_of_a_blob_is_what_its_objects_come_to() {
        let record = after(&[
            Change::RegisterPermanent { end_epoch: 5 },
            Change::RegisterPermanent { end_epoch: 9 },
            Change::CertifyPermanent {
                epoch: 2,
                end_epoch: 5,
            },
            Change::RegisterDeletable { end_epoch: 12 },
            Change::RegisterDeletable { end_epoch: 4 },
            Change::CertifyDeletable {
                epoch: 3,
                end_epoch: 4,
            },
            // The one that ends with 12.
            Change::RemoveDeletable {
                was_certified: false,
            },
        ]);
        let mut amounts = Amounts::default();
        amounts.add_object(&object(false, Some(2), 5));
        amounts.add_object(&object(false, None, 9));
        amounts.add_object(&object(true, Some(3), 4));
        assert!(amounts.agrees_with(record.as_ref()), "{record:?}");
        let difference = Difference {
            blob_id: BLOB,
            record,
            amounts,
        };
        // That another one once ended later is known to the record alone.
        assert_eq!(Some(difference.mended()), record);
        let without = Difference {
            record: None,
            ..difference
        };
        assert!(amounts.agrees_with(Some(&without.mended())));
        amounts.add_object(&object(true, None, 4));
        assert!(!amounts.agrees_with(record.as_ref()));
        assert!(!amounts.agrees_with(None));
    }

    #[test]
    fn a_record_stays_aware_of_pools_and_becomes_so_with_an_object_in_one() {
        let pooled = PooledObjectRecord {
            blob_id: BLOB,
            registered_epoch: 1,
            certified_epoch: Some(2),
            pool_id: Address::ZERO,
            event: EVENT,
        };
        let mut amounts = Amounts::default();
        amounts.add_pooled_object(&pooled);
        let before = after(&[Change::RegisterDeletable { end_epoch: 5 }]);
        assert!(!amounts.agrees_with(before.as_ref()));
        let difference = Difference {
            blob_id: BLOB,
            record: before,
            amounts,
        };
        let mended = difference.mended();
        assert!(amounts.agrees_with(Some(&mended)));
        assert!(mended.is_certified(2) && !mended.is_certified(1));
        let gone = Difference {
            record: Some(mended),
            amounts: Amounts::default(),
            ..difference
        };
        assert!(!gone.amounts.agrees_with(gone.record.as_ref()));
        let mended = gone.mended();
        assert!(mended.may_be_forgotten(2));
        assert!(matches!(mended, BlobInfo::Valid(record) if record.seen_ends.is_none()));
    }

    #[test]
    fn every_blob_is_in_one_share() {
        let ids = (0..200_u8).map(|byte| BlobId([byte; 32]));
        let parts = 7;
        let shares: Vec<_> = (0..parts)
            .map(|part| Share {
                part,
                parts,
                seed: 9,
            })
            .collect();
        for id in ids {
            assert_eq!(shares.iter().filter(|share| share.has(&id)).count(), 1);
            assert!(Share::ALL.has(&id));
        }
    }
}
