//! Queue of slivers that are to be made: which are wanted by whom, which come next, and how much memory they take.
//!
//! Each upload wants its slivers one after the other. Those that are made together share the work, so they are chosen in runs of
//! neighbours, from whoever has the fewest waiting. What was made is held until its upload has sent it; the sum is bounded. An upload
//! that does not come for what is ready holds up the others for [`limits::STANDSTILL`] at most: then what waits for it is dropped, and
//! made again when it comes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use walrus_core::{SliverType, sliver::SliverId};

use crate::limits;

/// Bytes of slivers of a blob.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) primary: usize,
    pub(super) secondary: usize,
}

impl Sizes {
    fn of(self, sliver: SliverId) -> usize {
        match sliver.sliver_type() {
            SliverType::Primary => self.primary,
            SliverType::Secondary => self.secondary,
        }
    }

    pub(super) fn largest(self) -> usize {
        self.primary.max(self.secondary)
    }
}

/// Names an upload.
pub(super) type UploadId = u64;

/// What an upload waits for.
#[derive(Debug, Default)]
struct Upload {
    /// Not made yet: in the order in which they come.
    wanted: VecDeque<SliverId>,
    /// How many are being made.
    making: usize,
    ready: VecDeque<(SliverId, Bytes)>,
    /// It has not come for what was ready.
    is_idle: bool,
    /// It waits, with nothing ready.
    is_starving: bool,
    /// It has taken something since it was looked at last.
    has_taken: bool,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// These are to be made, for these uploads.
    Make(Vec<(UploadId, SliverId)>),
    /// There is no room, or nobody who wants anything comes for it.
    Wait {
        /// Whether somebody waits who could go on.
        is_starving: bool,
    },
    /// Nobody wants anything.
    Nothing,
}

/// Slivers that are wanted and those that are ready.
#[derive(Debug)]
pub(super) struct Queue {
    uploads: BTreeMap<UploadId, Upload>,
    next_id: UploadId,
    sizes: Sizes,
    /// Bytes that may be held.
    budget: usize,
    /// Bytes that are being made, ready, or being sent.
    held: usize,
}

impl Queue {
    /// At least four slivers may be held, whatever the budget.
    pub(super) fn new(sizes: Sizes, budget: usize) -> Self {
        Self {
            uploads: BTreeMap::new(),
            next_id: 0,
            sizes,
            budget: budget.max(sizes.largest().saturating_mul(4)),
            held: 0,
        }
    }

    /// An upload that wants these slivers.
    pub(super) fn join(&mut self, slivers: impl IntoIterator<Item = SliverId>) -> UploadId {
        let id = self.next_id;
        self.next_id = id.saturating_add(1);
        let wanted: BTreeSet<SliverId> = slivers.into_iter().collect();
        let upload = Upload {
            wanted: wanted.into_iter().collect(),
            ..Upload::default()
        };
        self.uploads.insert(id, upload);
        id
    }

    /// An upload that is over; whether it was the last one.
    pub(super) fn leave(&mut self, id: UploadId) -> bool {
        if let Some(upload) = self.uploads.remove(&id) {
            self.release(bytes_of(&upload.ready));
        }
        self.uploads.is_empty()
    }

    /// A sliver that is ready for an upload; until [`Self::release`] its bytes are held. `None` if there is none yet: it then waits.
    pub(super) fn take(&mut self, id: UploadId) -> Option<(SliverId, Bytes)> {
        let upload = self.uploads.get_mut(&id)?;
        upload.is_idle = false;
        upload.has_taken = true;
        upload.ready.pop_front()
    }

    /// An upload that has nothing else to do waits for the next sliver; whether any will come.
    pub(super) fn starve(&mut self, id: UploadId) -> bool {
        let Some(upload) = self.uploads.get_mut(&id) else {
            return false;
        };
        upload.is_starving = upload.making > 0 || !upload.wanted.is_empty();
        upload.is_starving
    }

    /// Bytes that were sent, or are not needed.
    pub(super) fn release(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
    }

    /// A sliver was made.
    pub(super) fn made(&mut self, id: UploadId, sliver: SliverId, bytes: Bytes) {
        match self.uploads.get_mut(&id) {
            Some(upload) => {
                upload.is_starving = false;
                upload.making = upload.making.saturating_sub(1);
                upload.ready.push_back((sliver, bytes));
            }
            None => self.release(bytes.len()),
        }
    }

    /// A sliver was not made after all; who still wants it has to wait.
    pub(super) fn unmade(&mut self, id: UploadId, sliver: SliverId) {
        self.release(self.sizes.of(sliver));
        if let Some(upload) = self.uploads.get_mut(&id) {
            upload.making = upload.making.saturating_sub(1);
            upload.wanted.push_front(sliver);
        }
    }

    /// What to make next. If `at_once`, in whatever room there is; else only if that is worth reading all of the blob again.
    pub(super) fn next(&mut self, at_once: bool) -> Next {
        let active = || self.uploads.values().filter(|upload| !upload.is_idle);
        let wanted: usize = active()
            .flat_map(|upload| &upload.wanted)
            .map(|sliver| self.sizes.of(*sliver))
            .fold(0, usize::saturating_add);
        if wanted == 0 {
            let is_over = self.uploads.values().all(|upload| upload.wanted.is_empty());
            return match is_over {
                true => Next::Nothing,
                false => Next::Wait { is_starving: false },
            };
        }
        let room = self.budget.saturating_sub(self.held);
        let worth = wanted.min(self.budget / 4 * 3);
        if room < worth && !(at_once && room >= self.sizes.largest()) {
            let is_starving = active().any(|upload| upload.is_starving);
            return Next::Wait { is_starving };
        }
        let chosen = self.choose(room);
        let bytes = chosen
            .iter()
            .map(|(_, sliver)| self.sizes.of(*sliver))
            .sum();
        self.held = self.held.saturating_add(bytes);
        Next::Make(chosen)
    }

    /// Takes slivers of one type out of what is wanted: run by run, of whoever has the fewest.
    fn choose(&mut self, room: usize) -> Vec<(UploadId, SliverId)> {
        let (mut chosen, mut room, mut sliver_type) = (Vec::new(), room, None);
        let mut supplied: BTreeMap<UploadId, usize> = BTreeMap::new();
        loop {
            let of_type = |sliver: &SliverId| sliver_type.is_none_or(|t| t == sliver.sliver_type());
            let next = self
                .uploads
                .iter()
                .filter(|(_, upload)| !upload.is_idle)
                .filter_map(|(id, upload)| {
                    let first = upload.wanted.front().filter(|first| of_type(first))?;
                    let supply = supplied.get(id).copied().unwrap_or(0);
                    Some((supply.saturating_add(upload.ready.len()), *id, *first))
                })
                .min();
            let Some((_, id, first)) = next else {
                return chosen;
            };
            sliver_type = Some(first.sliver_type());
            let (run, size) = (run_of(first), self.sizes.of(first));
            let Some(upload) = self.uploads.get_mut(&id) else {
                return chosen;
            };
            while let Some(sliver) = upload.wanted.front().copied() {
                if run_of(sliver) != run {
                    break;
                }
                let Some(left) = room.checked_sub(size) else {
                    return chosen;
                };
                room = left;
                upload.wanted.pop_front();
                upload.making = upload.making.saturating_add(1);
                chosen.push((id, sliver));
                let supply = supplied.entry(id).or_default();
                *supply = supply.saturating_add(1);
            }
        }
    }

    /// Somebody starves for long. If there is no room for a single sliver, what is ready for uploads that have taken nothing since this was
    /// called last is dropped; they have to want it again.
    pub(super) fn reclaim(&mut self) {
        let is_full = self.budget.saturating_sub(self.held) < self.sizes.largest();
        let mut dropped = 0_usize;
        for upload in self.uploads.values_mut() {
            let has_taken = std::mem::take(&mut upload.has_taken);
            if has_taken || !is_full || upload.ready.is_empty() {
                continue;
            }
            dropped = dropped.saturating_add(bytes_of(&upload.ready));
            let again = upload.ready.drain(..).map(|(sliver, _)| sliver);
            let wanted: BTreeSet<SliverId> = again.chain(upload.wanted.drain(..)).collect();
            upload.wanted = wanted.into_iter().collect();
            upload.is_idle = true;
        }
        self.release(dropped);
    }
}

/// Slivers with the same number of their type are made at the price of few.
fn run_of(sliver: SliverId) -> (SliverType, u16) {
    (
        sliver.sliver_type(),
        sliver.index().get() / limits::SLIVER_RUN,
    )
}

fn bytes_of(ready: &VecDeque<(SliverId, Bytes)>) -> usize {
    ready.iter().map(|(_, bytes)| bytes.len()).sum()
}

#[cfg(test)]
mod tests {
    use walrus_core::SliverIndex;

    use super::*;

    const SIZES: Sizes = Sizes {
        primary: 20,
        secondary: 10,
    };

    fn primary(indices: impl IntoIterator<Item = u16>) -> Vec<SliverId> {
        let of = |index| SliverId::Primary(SliverIndex(index));
        indices.into_iter().map(of).collect()
    }

    fn make(queue: &mut Queue, at_once: bool) -> Vec<(UploadId, u16)> {
        let Next::Make(chosen) = queue.next(at_once) else {
            panic!("nothing is made");
        };
        for (id, sliver) in &chosen {
            let bytes = vec![0; SIZES.of(*sliver)];
            queue.made(*id, *sliver, bytes.into());
        }
        let short = |(id, sliver): (UploadId, SliverId)| (id, sliver.index().get());
        chosen.into_iter().map(short).collect()
    }

    #[test]
    fn whoever_has_the_fewest_gets_a_run_as_long_as_there_is_room() {
        let mut queue = Queue::new(SIZES, 20 * 20);
        let a = queue.join(primary(0..40));
        let b = queue.join(primary(40..50));
        let first: Vec<_> = (0..16).map(|index| (a, index)).collect();
        let second = (40..44).map(|index| (b, index));
        assert_eq!(
            make(&mut queue, false),
            first.into_iter().chain(second).collect::<Vec<_>>()
        );
        assert_eq!(queue.next(true), Next::Wait { is_starving: false });
        // What is being sent is held as well.
        for _ in 0..4 {
            queue.take(b).unwrap();
        }
        assert_eq!(queue.next(true), Next::Wait { is_starving: false });
        queue.release(4 * 20);
        // It does not pay yet, but somebody may wait.
        assert!(queue.take(b).is_none());
        assert!(queue.starve(b));
        assert_eq!(queue.next(false), Next::Wait { is_starving: true });
        assert_eq!(
            make(&mut queue, true),
            (44..48).map(|index| (b, index)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn one_type_at_a_time() {
        let mut queue = Queue::new(SIZES, 10_000);
        let secondary = SliverId::Secondary(SliverIndex(3));
        let a = queue.join(primary(0..2).into_iter().chain([secondary]));
        assert_eq!(make(&mut queue, false), [(a, 0), (a, 1)]);
        assert_eq!(make(&mut queue, false), [(a, 3)]);
        assert_eq!(queue.next(false), Next::Nothing);
        let taken: Vec<_> = std::iter::from_fn(|| queue.take(a)).collect();
        assert_eq!(taken.len(), 3);
        assert!(!queue.starve(a), "there is no more");
    }

    #[test]
    fn who_does_not_come_for_what_is_ready_has_to_want_it_again() {
        let mut queue = Queue::new(SIZES, 80);
        let slow = queue.join(primary(0..4));
        let all_of_slow: Vec<_> = (0..4).map(|index| (slow, index)).collect();
        assert_eq!(make(&mut queue, false), all_of_slow);
        let quick = queue.join(primary(8..13));
        assert!(queue.take(quick).is_none());
        assert!(queue.starve(quick));
        assert_eq!(queue.next(true), Next::Wait { is_starving: true });
        queue.reclaim();
        let most_of_quick: Vec<_> = (8..12).map(|index| (quick, index)).collect();
        assert_eq!(make(&mut queue, false), most_of_quick);
        // Who takes something keeps the rest, and so does everybody while there is room.
        assert!(queue.take(quick).is_some());
        queue.reclaim();
        queue.release(20);
        queue.reclaim();
        assert_eq!(queue.uploads[&quick].ready.len(), 3);
        assert_eq!(make(&mut queue, true), [(quick, 12)]);
        // Nothing more is made for who stands still.
        assert_eq!(queue.next(true), Next::Wait { is_starving: false });
        assert!(queue.take(slow).is_none());
        assert!(queue.starve(slow));
        assert_eq!(queue.next(true), Next::Wait { is_starving: true });
        // Who leaves makes room.
        assert!(!queue.leave(quick));
        assert_eq!(make(&mut queue, false), all_of_slow);
        assert!(queue.leave(slow));
        assert_eq!(queue.held, 0);
        assert_eq!(queue.next(false), Next::Nothing);
    }

    #[test]
    fn what_is_made_for_somebody_who_left_is_not_held() {
        let mut queue = Queue::new(SIZES, 80);
        let a = queue.join(primary(0..3));
        let Next::Make(chosen) = queue.next(false) else {
            panic!("nothing is made");
        };
        assert!(queue.leave(a));
        let b = queue.join(primary(0..1));
        for (id, sliver) in chosen.into_iter().take(2) {
            queue.made(id, sliver, vec![0; 20].into());
        }
        queue.unmade(a, SliverId::Primary(SliverIndex(2)));
        assert_eq!(queue.held, 0);
        assert!(matches!(queue.next(false), Next::Make(_)));
        assert!(queue.starve(b), "it is being made");
        queue.unmade(b, SliverId::Primary(SliverIndex(0)));
        assert_eq!(make(&mut queue, false), [(b, 0)]);
    }
}
