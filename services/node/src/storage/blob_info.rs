//! Blob records: what all on-chain objects with one blob ID amount to. Node spec 3.4 and 3.5.
//!
//! Pure functions: a record is a fold over the events of its blob ID. A record starts in the first form and becomes *pool-aware*
//! for ever with the first event of a storage pool that touches it, so that all nodes agree on the form.

use serde::{Deserialize, Serialize};
use walrus_core::Epoch;
use walrus_node_client::{BlobStatus, DeletableCounts};

use super::event_name::EventName;

/// How many objects of one kind there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub total: u32,
    /// Those that are certified.
    pub certified: u32,
}

/// Permanent objects of one blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermanentObjects {
    /// How many there are.
    pub count: u32,
    /// The latest end epoch among them.
    pub end_epoch: Epoch,
    /// The event that set it.
    pub event: EventName,
}

/// Latest end epochs ever seen among deletable objects; only in the form that is not pool-aware.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenEnds {
    /// Among registered objects.
    pub registered: Option<Epoch>,
    /// Among certified objects.
    pub certified: Option<Epoch>,
}

/// A record of a blob that was not proven inconsistent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidBlobInfo {
    /// Epoch of the first certification that still counts.
    pub initial_certified_epoch: Option<Epoch>,
    /// Deletable objects.
    pub deletable: Counts,
    /// Present until the record becomes pool-aware.
    pub seen_ends: Option<SeenEnds>,
    /// Permanent objects.
    pub permanent_total: Option<PermanentObjects>,
    /// Certified permanent objects.
    pub permanent_certified: Option<PermanentObjects>,
    /// Objects in storage pools.
    pub pooled: Counts,
}

/// The record of one blob ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlobInfo {
    /// Not proven inconsistent.
    Valid(ValidBlobInfo),
    /// Proven inconsistent; final.
    Invalid {
        /// Epoch of the proof.
        epoch: Epoch,
        /// The event.
        event: EventName,
    },
}

/// What an event says about the objects of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A deletable object was registered.
    RegisterDeletable {
        /// Its end.
        end_epoch: Epoch,
    },
    /// A permanent object was registered.
    RegisterPermanent {
        /// Its end.
        end_epoch: Epoch,
    },
    /// A deletable object was certified.
    CertifyDeletable {
        /// When.
        epoch: Epoch,
        /// Its end.
        end_epoch: Epoch,
    },
    /// A permanent object was certified.
    CertifyPermanent {
        /// When.
        epoch: Epoch,
        /// Its end.
        end_epoch: Epoch,
    },
    /// The lifetime of a deletable object was extended.
    ExtendDeletable {
        /// Its new end.
        end_epoch: Epoch,
    },
    /// The lifetime of a permanent object was extended.
    ExtendPermanent {
        /// Its new end.
        end_epoch: Epoch,
    },
    /// A deletable object was deleted or expired.
    RemoveDeletable {
        /// Whether it was certified.
        was_certified: bool,
    },
    /// A permanent object expired.
    RemovePermanent {
        /// Whether it was certified.
        was_certified: bool,
    },
    /// An object in a storage pool was registered.
    RegisterPooled,
    /// An object in a storage pool was certified.
    CertifyPooled {
        /// When.
        epoch: Epoch,
    },
    /// An object in a storage pool was deleted or expired.
    RemovePooled {
        /// Whether it was certified.
        was_certified: bool,
    },
    /// The blob was proven inconsistent.
    Invalidate {
        /// When.
        epoch: Epoch,
    },
}

/// A change that does not fit the record; it has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{change:?} does not fit the record of the blob")]
pub struct Misfit {
    /// The change.
    pub change: Change,
}

impl BlobInfo {
    /// The record after `change`, which `event` brought. `None` for an untracked blob that stays untracked.
    ///
    /// # Errors
    /// [`Misfit`] for a change that cannot happen to this record on a correct chain.
    pub fn after(
        before: Option<Self>,
        change: Change,
        event: EventName,
    ) -> Result<Option<Self>, Misfit> {
        if let Some(invalid @ Self::Invalid { .. }) = before {
            return Ok(Some(invalid));
        }
        if let Change::Invalidate { epoch } = change {
            return Ok(Some(Self::Invalid { epoch, event }));
        }
        let mut info = match before {
            Some(Self::Valid(info)) => info,
            _ if change.creates() => ValidBlobInfo {
                seen_ends: (!change.is_pooled()).then(SeenEnds::default),
                ..ValidBlobInfo::default()
            },
            _ => return Err(Misfit { change }),
        };
        if change.is_pooled() {
            info.seen_ends = None;
        }
        info.apply(change, event).ok_or(Misfit { change })?;
        Ok(Some(Self::Valid(info)))
    }

    /// Whether an object with this blob ID pays for storage in `epoch`.
    pub fn is_registered(&self, epoch: Epoch) -> bool {
        let Self::Valid(info) = self else {
            return false;
        };
        info.permanent_total.is_some_and(|p| p.end_epoch > epoch)
            || (info.deletable.total > 0
                && info
                    .seen_ends
                    .is_none_or(|seen| seen.registered.is_some_and(|end| end > epoch)))
            || info.pooled.total > 0
    }

    /// The first epoch in which nothing of the blob is paid for, unless it is extended; `None` if its objects do not tell.
    pub fn known_end(&self) -> Option<Epoch> {
        let Self::Valid(info) = self else {
            return None;
        };
        let deletable = info.seen_ends.and_then(|seen| seen.registered);
        let is_open = info.pooled.total > 0 || (info.deletable.total > 0 && deletable.is_none());
        let permanent = info.permanent_total.map(|objects| objects.end_epoch);
        permanent.max(deletable).filter(|_| !is_open)
    }

    /// Whether the blob must be available in `epoch`.
    pub fn is_certified(&self, epoch: Epoch) -> bool {
        let Self::Valid(info) = self else {
            return false;
        };
        info.initial_certified_epoch
            .is_some_and(|first| first <= epoch)
            && (info
                .permanent_certified
                .is_some_and(|p| p.end_epoch > epoch)
                || (info.deletable.certified > 0
                    && info
                        .seen_ends
                        .is_none_or(|seen| seen.certified.is_some_and(|end| end > epoch)))
                || info.pooled.certified > 0)
    }

    /// Whether its slivers go with a shard that has another owner from `epoch` on: it was certified before, and still is.
    pub fn is_synced_in(&self, epoch: Epoch) -> bool {
        let before = matches!(self, Self::Valid(info) if info.initial_certified_epoch.is_some_and(|first| first < epoch));
        before && self.is_certified(epoch)
    }

    /// Whether the blob was proven inconsistent.
    pub fn is_invalid(&self) -> bool {
        matches!(self, Self::Invalid { .. })
    }

    /// Whether the record itself may go.
    pub fn may_be_forgotten(&self, epoch: Epoch) -> bool {
        match self {
            Self::Invalid { .. } => false,
            Self::Valid(info) => {
                info.deletable.total == 0
                    && info.permanent_total.is_none()
                    && info.pooled.total == 0
                    && !self.is_registered(epoch)
            }
        }
    }

    /// The status that clients are told. Node spec 1.15.
    pub fn status(&self, epoch: Epoch) -> BlobStatus {
        let info = match self {
            Self::Invalid { event, .. } => {
                return BlobStatus::Invalid {
                    event: (*event).into(),
                };
            }
            Self::Valid(info) => info,
        };
        let deletable_counts = info.deletable_counts(epoch);
        let initial_certified_epoch = info.initial_certified_epoch;
        let alive = |objects: Option<PermanentObjects>| objects.filter(|p| p.end_epoch > epoch);
        let permanent = alive(info.permanent_certified)
            .map(|objects| (objects, true))
            .or_else(|| alive(info.permanent_total).map(|objects| (objects, false)));
        if let Some((objects, is_certified)) = permanent {
            return BlobStatus::Permanent {
                end_epoch: objects.end_epoch,
                is_certified,
                status_event: objects.event.into(),
                deletable_counts,
                initial_certified_epoch,
            };
        }
        if deletable_counts == DeletableCounts::default() {
            return BlobStatus::Nonexistent;
        }
        BlobStatus::Deletable {
            initial_certified_epoch,
            deletable_counts,
        }
    }
}

impl Change {
    fn creates(self) -> bool {
        matches!(
            self,
            Self::RegisterDeletable { .. } | Self::RegisterPermanent { .. } | Self::RegisterPooled
        )
    }

    fn is_pooled(self) -> bool {
        matches!(
            self,
            Self::RegisterPooled | Self::CertifyPooled { .. } | Self::RemovePooled { .. }
        )
    }
}

impl ValidBlobInfo {
    fn deletable_counts(&self, epoch: Epoch) -> DeletableCounts {
        let alive =
            |seen: Option<Option<Epoch>>| seen.is_none_or(|end| end.is_some_and(|end| end > epoch));
        let count = |alive: bool, deletable: u32, pooled: u32| {
            (if alive { deletable } else { 0 }).saturating_add(pooled)
        };
        DeletableCounts {
            count_deletable_total: count(
                alive(self.seen_ends.map(|seen| seen.registered)),
                self.deletable.total,
                self.pooled.total,
            ),
            count_deletable_certified: count(
                alive(self.seen_ends.map(|seen| seen.certified)),
                self.deletable.certified,
                self.pooled.certified,
            ),
        }
    }

    /// `None` if the change does not fit.
    fn apply(&mut self, change: Change, event: EventName) -> Option<()> {
        match change {
            Change::RegisterDeletable { end_epoch } => {
                self.deletable.total = self.deletable.total.checked_add(1)?;
                self.see(Some(end_epoch), None);
            }
            Change::RegisterPermanent { end_epoch } => {
                add_permanent(&mut self.permanent_total, end_epoch, event)?;
            }
            Change::CertifyDeletable { epoch, end_epoch } => {
                self.certified_now(epoch, |info| certify(&mut info.deletable))?;
                self.see(None, Some(end_epoch));
            }
            Change::CertifyPermanent { epoch, end_epoch } => {
                let total = self.permanent_total?;
                let certified = self.permanent_certified.map_or(0, |objects| objects.count);
                if total.end_epoch < end_epoch || total.count <= certified {
                    return None;
                }
                self.certified_now(epoch, |info| {
                    add_permanent(&mut info.permanent_certified, end_epoch, event)
                })?;
            }
            Change::ExtendDeletable { end_epoch } => self.see(Some(end_epoch), Some(end_epoch)),
            Change::ExtendPermanent { end_epoch } => {
                raise(self.permanent_total.as_mut()?, end_epoch, event);
                raise(self.permanent_certified.as_mut()?, end_epoch, event);
            }
            Change::RemoveDeletable { was_certified } => {
                remove(&mut self.deletable, was_certified)?;
                self.uncertify_if_nothing_is_left();
            }
            Change::RemovePermanent { was_certified } => {
                remove_permanent(&mut self.permanent_total)?;
                if was_certified {
                    remove_permanent(&mut self.permanent_certified)?;
                }
                self.uncertify_if_nothing_is_left();
            }
            Change::RegisterPooled => self.pooled.total = self.pooled.total.checked_add(1)?,
            Change::CertifyPooled { epoch } => {
                self.certified_now(epoch, |info| certify(&mut info.pooled))?;
            }
            Change::RemovePooled { was_certified } => {
                remove(&mut self.pooled, was_certified)?;
                self.uncertify_if_nothing_is_left();
            }
            Change::Invalidate { .. } => return None,
        }
        Some(())
    }

    /// Runs a certification and sets the first epoch: kept as the smaller one while the blob was certified already.
    fn certified_now(
        &mut self,
        epoch: Epoch,
        certify: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<()> {
        let was_certified = BlobInfo::Valid(*self).is_certified(epoch);
        certify(self)?;
        let first = self.initial_certified_epoch.filter(|_| was_certified);
        self.initial_certified_epoch = Some(first.map_or(epoch, |first| first.min(epoch)));
        Some(())
    }

    fn see(&mut self, registered: Option<Epoch>, certified: Option<Epoch>) {
        if let Some(seen) = &mut self.seen_ends {
            seen.registered = seen.registered.max(registered);
            seen.certified = seen.certified.max(certified);
        }
    }

    fn uncertify_if_nothing_is_left(&mut self) {
        if self.deletable.certified == 0
            && self.permanent_certified.is_none()
            && self.pooled.certified == 0
        {
            self.initial_certified_epoch = None;
        }
    }
}

fn certify(counts: &mut Counts) -> Option<()> {
    if counts.certified >= counts.total {
        return None;
    }
    counts.certified = counts.certified.checked_add(1)?;
    Some(())
}

fn remove(counts: &mut Counts, was_certified: bool) -> Option<()> {
    let total = counts.total.checked_sub(1)?;
    let certified = counts.certified.checked_sub(u32::from(was_certified))?;
    if certified > total {
        return None;
    }
    *counts = Counts { total, certified };
    Some(())
}

fn add_permanent(
    objects: &mut Option<PermanentObjects>,
    end_epoch: Epoch,
    event: EventName,
) -> Option<()> {
    match objects {
        Some(objects) => {
            objects.count = objects.count.checked_add(1)?;
            raise(objects, end_epoch, event);
        }
        None => {
            *objects = Some(PermanentObjects {
                count: 1,
                end_epoch,
                event,
            });
        }
    }
    Some(())
}

fn raise(objects: &mut PermanentObjects, end_epoch: Epoch, event: EventName) {
    if end_epoch > objects.end_epoch {
        objects.end_epoch = end_epoch;
        objects.event = event;
    }
}

fn remove_permanent(objects: &mut Option<PermanentObjects>) -> Option<()> {
    let present = objects.as_mut()?;
    present.count = present.count.checked_sub(1)?;
    if present.count == 0 {
        *objects = None;
    }
    Some(())
}
