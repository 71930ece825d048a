//! Storage top-up, bought beside storage that does not reach: bytes that are missing, epochs that are missing.
//!
//! Storage is priced per started MiB and epoch, so what counts of owned storage is how many of these it saves in each epoch. All
//! that may serve is laid over the time of the blob; what saves nothing is taken away again, whole resources here, and in
//! `sparing.rs` the epochs and bytes of a resource for which a started MiB is paid anyhow.

use std::{cmp::Reverse, collections::BTreeMap};

use walrus_core::Epoch;
use walrus_sui::{
    contract::{BYTES_PER_UNIT, Prices},
    objects::OwnedStorage,
    transactions::{PieceOrigin, StoragePiece},
};

use crate::limits;

/// From the first epoch up to, but not including, the second one.
type Period = (Epoch, Epoch);

/// What one transaction buys: bytes for each period.
#[derive(Debug, Clone, Default)]
pub(super) struct Purchases(BTreeMap<Period, u64>);

impl Purchases {
    fn bytes(&self, period: Period) -> u64 {
        self.0.get(&period).copied().unwrap_or_default()
    }

    /// Units times epochs that so many more bytes cost.
    pub(super) fn price(&self, period: Period, bytes: u64) -> u128 {
        let before = self.bytes(period);
        let after = before.saturating_add(bytes);
        let units = Prices::units(after).saturating_sub(Prices::units(before));
        u128::from(units) * u128::from(period.1.saturating_sub(period.0))
    }

    /// Bytes that could be bought beside these for the same price.
    pub(super) fn slack(&self, period: Period, bytes: u64) -> u64 {
        let sum = self.bytes(period).saturating_add(bytes);
        let full = sum.checked_next_multiple_of(BYTES_PER_UNIT);
        full.map_or(0, |full| full.saturating_sub(sum))
    }

    pub(super) fn add(&mut self, period: Period, bytes: u64) {
        let sum = self.0.entry(period).or_default();
        *sum = sum.saturating_add(bytes);
    }
}

/// A part of the time, and the bytes that are missing in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) start: Epoch,
    pub(super) end: Epoch,
    pub(super) missing: u64,
}

impl Gap {
    pub(super) fn period(&self) -> Period {
        (self.start, self.end)
    }
}

/// Bytes of a resource for a part of the time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) owned: &'a OwnedStorage,
    pub(super) start: Epoch,
    pub(super) end: Epoch,
    pub(super) size: u64,
}

impl Layer<'_> {
    pub(super) fn area(&self) -> u128 {
        u128::from(self.size) * u128::from(self.end.saturating_sub(self.start))
    }

    pub(super) fn covers(&self, gap: &Gap) -> bool {
        self.start <= gap.start && gap.end <= self.end
    }
}

/// Owned storage over the time of a blob, and what is missing beside it.
#[derive(Debug, Clone)]
pub(super) struct Cover<'a> {
    pub(super) layers: Vec<Layer<'a>>,
    pub(super) gaps: Vec<Gap>,
}

/// The cheapest way found to put a blob of `size` bytes together for `time`, with the units times epochs that are to be bought;
/// `None` if owned storage saves nothing.
pub(super) fn mix(
    resources: &[OwnedStorage],
    size: u64,
    time: Period,
    purchases: &Purchases,
) -> Option<Vec<StoragePiece>> {
    let mut chosen = useful(resources, size, time);
    let mut cover = Cover::of(&chosen, size, time);
    let mut price = cover.price(purchases);
    for position in (0..chosen.len()).rev() {
        let mut fewer = chosen.clone();
        fewer.remove(position);
        let without = Cover::of(&fewer, size, time);
        if without.price(purchases) <= price {
            price = without.price(purchases);
            (chosen, cover) = (fewer, without);
        }
    }
    cover.spare(purchases);
    let pieces = cover.pieces();
    let saves = !cover.layers.is_empty()
        && price_of(&pieces, purchases) < purchases.price(time, size)
        && pieces.len() <= limits::PIECES_PER_BLOB;
    saves.then_some(pieces)
}

/// Units times epochs that the bought ones of these pieces cost.
pub(super) fn price_of(pieces: &[StoragePiece], purchases: &Purchases) -> u128 {
    let bought = pieces.iter().filter(|piece| piece.resource().is_none());
    bought
        .map(|piece| purchases.price((piece.start_epoch, piece.end_epoch), piece.size))
        .sum()
}

/// Bytes times epochs of owned storage that these pieces use up from epoch `current` on.
pub(super) fn used_by(pieces: &[StoragePiece], current: Epoch) -> u128 {
    let owned = pieces.iter().filter(|piece| piece.resource().is_some());
    let used = owned.map(|piece| {
        let start = piece.start_epoch.max(current);
        u128::from(piece.size) * u128::from(piece.end_epoch.saturating_sub(start))
    });
    used.sum()
}

/// The resources that cover most, those that cover longest first.
fn useful(resources: &[OwnedStorage], size: u64, time: Period) -> Vec<&OwnedStorage> {
    let length = |owned: &OwnedStorage| {
        let storage = &owned.storage;
        let (start, end) = (
            storage.start_epoch.max(time.0),
            storage.end_epoch.min(time.1),
        );
        end.saturating_sub(start)
    };
    let area = |owned: &OwnedStorage| {
        u128::from(length(owned)) * u128::from(owned.storage.storage_size.min(size))
    };
    let mut useful: Vec<_> = resources.iter().filter(|owned| length(owned) > 0).collect();
    useful.sort_by_key(|owned| Reverse(area(owned)));
    // As many pieces may have to be bought between them.
    useful.truncate(limits::PIECES_PER_BLOB / 2);
    useful.sort_by_key(|owned| Reverse((length(owned), owned.storage.storage_size)));
    useful
}

impl<'a> Cover<'a> {
    fn of(resources: &[&'a OwnedStorage], size: u64, time: Period) -> Self {
        let whole = Gap {
            start: time.0,
            end: time.1,
            missing: size,
        };
        let mut cover = Self {
            layers: Vec::new(),
            gaps: vec![whole],
        };
        for owned in resources {
            cover.lay(owned);
        }
        cover
    }

    /// Lays a resource where it covers most.
    fn lay(&mut self, owned: &'a OwnedStorage) {
        let storage = &owned.storage;
        self.split(storage.start_epoch);
        self.split(storage.end_epoch);
        let heights = self
            .gaps
            .iter()
            .map(|gap| gap.missing.min(storage.storage_size));
        let runs = heights
            .filter(|height| *height > 0)
            .flat_map(|height| self.runs(owned, height));
        let Some(best) = runs.max_by_key(|layer| (layer.area(), Reverse(layer.start))) else {
            return;
        };
        for gap in self.gaps.iter_mut().filter(|gap| best.covers(gap)) {
            gap.missing = gap.missing.saturating_sub(best.size);
        }
        self.layers.push(best);
    }

    /// Times without a break in which at least `height` bytes are missing and the resource is there.
    fn runs(&self, owned: &'a OwnedStorage, height: u64) -> Vec<Layer<'a>> {
        let storage = &owned.storage;
        let mut runs: Vec<Layer<'a>> = Vec::new();
        let fits = |gap: &&Gap| {
            let there = storage.start_epoch <= gap.start && gap.end <= storage.end_epoch;
            there && gap.missing >= height
        };
        for gap in self.gaps.iter().filter(fits) {
            match runs.last_mut().filter(|run| run.end == gap.start) {
                Some(run) => run.end = gap.end,
                None => runs.push(Layer {
                    owned,
                    start: gap.start,
                    end: gap.end,
                    size: height,
                }),
            }
        }
        runs
    }

    fn split(&mut self, at: Epoch) {
        let inside = |gap: &Gap| gap.start < at && at < gap.end;
        let Some(position) = self.gaps.iter().position(inside) else {
            return;
        };
        if let Some(gap) = self.gaps.get_mut(position) {
            let later = Gap { start: at, ..*gap };
            gap.end = at;
            self.gaps.insert(position.saturating_add(1), later);
        }
    }

    /// What is missing, in periods as long as possible.
    pub(super) fn bought(&self) -> Vec<Gap> {
        let mut bought: Vec<Gap> = Vec::new();
        for gap in self.gaps.iter().filter(|gap| gap.missing > 0) {
            let follows = |last: &&mut Gap| last.end == gap.start && last.missing == gap.missing;
            match bought.last_mut().filter(follows) {
                Some(last) => last.end = gap.end,
                None => bought.push(*gap),
            }
        }
        bought
    }

    pub(super) fn price(&self, purchases: &Purchases) -> u128 {
        let bought = self.bought();
        let prices = bought
            .iter()
            .map(|gap| purchases.price(gap.period(), gap.missing));
        prices.sum()
    }

    fn pieces(&self) -> Vec<StoragePiece> {
        let owned = self.layers.iter().map(|layer| StoragePiece {
            origin: PieceOrigin::Owned(layer.owned.clone()),
            size: layer.size,
            start_epoch: layer.start,
            end_epoch: layer.end,
        });
        let bought = self.bought().into_iter();
        let bought = bought.map(|gap| StoragePiece::bought(gap.missing, gap.start, gap.end));
        let mut pieces: Vec<_> = owned.chain(bought).collect();
        pieces.sort_by_key(|piece| piece.start_epoch);
        pieces
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::samples::{Short, owned, short};

    const MIB: u64 = BYTES_PER_UNIT;

    fn mixed(resources: &[OwnedStorage], size: u64, time: Period) -> Option<Vec<Short>> {
        mix(resources, size, time, &Purchases::default()).map(|pieces| short(&pieces))
    }

    #[test]
    fn missing_bytes_are_bought_up_to_the_full_unit() {
        let resources = [owned(1, 8, 12, 7 * MIB)];
        let pieces = mixed(&resources, 8_100_404, (10, 12));
        let bought = (0, MIB, 10, 12);
        assert_eq!(pieces, Some(vec![(1, 8_100_404 - MIB, 10, 12), bought]));
    }

    #[test]
    fn missing_epochs_are_bought_before_and_after() {
        let after = mixed(&[owned(1, 10, 12, 12_000)], 8_000, (10, 14));
        assert_eq!(after, Some(vec![(1, 8_000, 10, 12), (0, 8_000, 12, 14)]));
        let before = mixed(&[owned(1, 12, 20, 5 * MIB)], 4 * MIB, (10, 15));
        assert_eq!(
            before,
            Some(vec![(0, 4 * MIB, 10, 12), (1, 4 * MIB, 12, 15)])
        );
        let both = mixed(&[owned(1, 11, 12, MIB)], MIB, (10, 15));
        assert_eq!(
            both,
            Some(vec![(0, MIB, 10, 11), (1, MIB, 11, 12), (0, MIB, 12, 15)])
        );
    }

    #[test]
    fn bytes_and_epochs_may_be_missing_together() {
        let resources = [owned(1, 8, 14, 2 * MIB), owned(2, 11, 13, 9 * MIB)];
        let pieces = mixed(&resources, 3 * MIB, (10, 15));
        let expected = [
            (1, 2 * MIB, 10, 14),
            (0, MIB, 10, 11),
            (2, MIB, 11, 13),
            (0, MIB, 13, 14),
            (0, 3 * MIB, 14, 15),
        ];
        assert_eq!(pieces, Some(expected.to_vec()));
    }

    #[test]
    fn storage_that_saves_no_unit_stays_with_the_wallet() {
        // 12 000 bytes less are the same unit.
        assert_eq!(mixed(&[owned(1, 8, 15, 12_000)], 663_552, (10, 15)), None);
        // A unit that is paid for anyhow has room.
        let mut purchases = Purchases::default();
        purchases.add((10, 15), MIB / 2);
        let resources = [owned(1, 8, 15, MIB / 5)];
        assert_eq!(mix(&resources, MIB / 4, (10, 15), &purchases), None);
        // One is enough, and the smaller one is left alone.
        let resources = [owned(1, 8, 15, 2 * MIB), owned(2, 8, 15, 10)];
        assert_eq!(
            mixed(&resources, 3 * MIB, (10, 15)),
            Some(vec![(1, 2 * MIB, 10, 15), (0, MIB, 10, 15)])
        );
    }

    #[test]
    fn storage_is_taken_only_for_epochs_in_which_it_saves_a_unit() {
        // Five bytes more than a unit: both together save one in the first epoch, and in no other.
        let resources = [owned(1, 10, 15, 2), owned(2, 10, 11, 3)];
        let expected = [
            (1, 2, 10, 11),
            (2, 3, 10, 11),
            (0, MIB, 10, 11),
            (0, MIB + 5, 11, 15),
        ];
        let pieces = mixed(&resources, MIB + 5, (10, 15)).map(|mut pieces| {
            pieces.sort_by_key(|piece| (piece.2, piece.0 == 0, piece.0));
            pieces
        });
        assert_eq!(pieces, Some(expected.to_vec()));
        // In the middle it takes more than before and after.
        let resources = [owned(1, 10, 15, MIB), owned(2, 12, 13, MIB / 2)];
        let pieces = mixed(&resources, 2 * MIB + MIB / 2, (10, 15)).unwrap();
        let taken = |epoch: u32| -> u64 {
            let owned = pieces.iter().filter(|piece| piece.0 > 0);
            let there = owned.filter(|piece| piece.2 <= epoch && epoch < piece.3);
            there.map(|piece| piece.1).sum()
        };
        let half = MIB / 2;
        let expected = [half, half, MIB + half, half, half];
        assert_eq!((10..15).map(taken).collect::<Vec<_>>(), expected);
    }

    /// Bytes that are missing in an epoch if all that is owned is used.
    fn lacking(resources: &[OwnedStorage], size: u64, epoch: Epoch) -> u64 {
        let there = resources.iter().map(|owned| &owned.storage);
        let there = there.filter(|s| s.start_epoch <= epoch && epoch < s.end_epoch);
        let bytes: u64 = there.map(|storage| storage.storage_size).sum();
        size.saturating_sub(bytes)
    }

    /// Bytes times epochs that any way takes of owned storage which saves all that can be saved.
    fn least_used(resources: &[OwnedStorage], size: u64, time: Period) -> u128 {
        let taken = |epoch| {
            let bought = Prices::units(lacking(resources, size, epoch)) * MIB;
            u128::from(size.saturating_sub(bought))
        };
        (time.0..time.1).map(taken).sum()
    }

    /// Whether a piece could be smaller, begin later or end earlier for the same price.
    fn is_idle(pieces: &[StoragePiece], piece: &StoragePiece) -> bool {
        let bought = |epoch: u32| -> u64 {
            let there = |p: &&StoragePiece| p.start_epoch <= epoch && epoch < p.end_epoch;
            let bought = pieces.iter().filter(|p| p.resource().is_none());
            bought.filter(there).map(|p| p.size).sum()
        };
        let costs = |epoch: u32, more: u64| {
            Prices::units(bought(epoch) + more) > Prices::units(bought(epoch))
        };
        let mut epochs = piece.start_epoch..piece.end_epoch;
        let smaller = !epochs.clone().any(|epoch| costs(epoch, 1));
        let (first, last) = (epochs.next(), epochs.next_back());
        let mut ends = first.into_iter().chain(last);
        smaller || ends.any(|epoch| !costs(epoch, piece.size))
    }

    /// Units times epochs that remain if all that is owned is used, however it is cut.
    fn least(resources: &[OwnedStorage], size: u64, time: Period) -> u128 {
        let units = |epoch| u128::from(Prices::units(lacking(resources, size, epoch)));
        (time.0..time.1).map(units).sum()
    }

    fn resources(max: usize) -> impl Strategy<Value = Vec<OwnedStorage>> {
        let resource = (0_u32..8, 1_u32..8, 1..4 * MIB);
        let all = proptest::collection::vec(resource, 0..max);
        all.prop_map(|all| {
            let numbered = (1..).zip(all);
            let owned =
                |(number, (start, length, size))| owned(number, start, start + length, size);
            numbered.map(owned).collect()
        })
    }

    proptest! {
        #[test]
        fn a_mix_covers_exactly_takes_what_is_there_and_costs_less(
            resources in resources(7), size in 1..6 * MIB, start in 0_u32..6, length in 1_u32..6,
        ) {
            let time = (start, start + length);
            let none = Purchases::default();
            let anew = none.price(time, size);
            let least = least(&resources, size, time);
            let Some(pieces) = mix(&resources, size, time, &none) else {
                // With one resource the best way is always found.
                prop_assert!(resources.len() != 1 || least == anew);
                return Ok(());
            };
            let price = price_of(&pieces, &none);
            prop_assert!(least <= price && price < anew, "{least} {price} {anew}");
            prop_assert!(resources.len() != 1 || least == price);
            let (used, least_used) = (used_by(&pieces, start), least_used(&resources, size, time));
            // What cannot be cut from a resource as it should be is taken whole; of two it always can.
            prop_assert!(least != price || used >= least_used);
            prop_assert!(least != price || resources.len() > 2 || used == least_used);
            for piece in pieces.iter().filter(|piece| piece.resource().is_some()) {
                prop_assert!(!is_idle(&pieces, piece), "{piece:?} of {pieces:?}");
            }
            for epoch in time.0..time.1 {
                let there = pieces.iter().filter(|p| p.start_epoch <= epoch && epoch < p.end_epoch);
                prop_assert_eq!(there.map(|piece| piece.size).sum::<u64>(), size);
            }
            for owned in &resources {
                let from = |piece: &&StoragePiece| piece.resource() == Some(owned);
                let taken: u64 = pieces.iter().filter(from).map(|piece| piece.size).sum();
                prop_assert!(taken <= owned.storage.storage_size);
                for piece in pieces.iter().filter(from) {
                    prop_assert!(owned.storage.start_epoch <= piece.start_epoch);
                    prop_assert!(piece.end_epoch <= owned.storage.end_epoch);
                }
            }
        }
    }
}
