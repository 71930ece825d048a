//! Storage splitting: what is cut from the storage that the wallet owns, so that no more goes into a blob than it needs.

use std::collections::BTreeSet;

use walrus_core::Epoch;
use walrus_sui::{
    Address,
    objects::{OwnedStorage, Storage},
    transactions::{PieceOrigin, StoragePiece},
};

use super::{
    mixing::{Purchases, mix, price_of, used_by},
    plan::Terms,
};
use crate::limits;

/// The storage of a wallet, less what blobs have taken.
#[derive(Debug, Clone)]
pub(super) struct Stock {
    resources: Vec<OwnedStorage>,
    current: Epoch,
    end: Epoch,
    /// Pieces that the transaction can still take.
    room: usize,
    /// Whether storage may be bought beside what is owned.
    mixes: bool,
    /// What the transaction buys so far.
    purchases: Purchases,
    /// Units times epochs that this costs.
    price: u128,
    /// Bytes times epochs that blobs have taken of owned storage.
    used: u128,
}

/// What the stock has for a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Offer {
    /// These pieces, some of which may have to be bought.
    Pieces(Vec<StoragePiece>),
    /// Nothing that would do: all of it is to be bought.
    Buy,
    /// Something, but the transaction cannot take more pieces.
    Later,
}

impl Stock {
    /// What of `resources` can serve a store on these terms.
    pub(super) fn new(resources: Vec<OwnedStorage>, terms: Terms) -> Self {
        let (current, end) = (terms.current, terms.end);
        let mut stock = Self {
            resources,
            current,
            end,
            room: limits::PIECES_PER_TRANSACTION,
            mixes: true,
            purchases: Purchases::default(),
            price: 0,
            used: 0,
        };
        stock
            .resources
            .retain(|owned| owned.storage.end_epoch > current && owned.storage.storage_size > 0);
        stock
    }

    /// The same without buying anything beside what is owned: a blob is in storage of the wallet, or in new storage.
    #[must_use]
    pub(super) fn unmixed(mut self) -> Self {
        self.mixes = false;
        self
    }

    /// What is left.
    pub(super) fn into_rest(self) -> Vec<OwnedStorage> {
        self.resources
    }

    /// What all blobs so far cost, in units times epochs, and what they use up of owned storage, in bytes times epochs.
    pub(super) fn price(&self) -> (u128, u128) {
        (self.price, self.used)
    }

    /// Takes what a blob of `size` encoded bytes needs: from one resource if there is one that is large and long enough, else
    /// from several that are together, else from what saves most of new storage. What is bought anyhow comes first.
    pub(super) fn take(&mut self, size: u64) -> Offer {
        let time = (self.current, self.end);
        let costs = self.purchases.price(time, size) > 0;
        let offer = costs.then(|| self.cheapest(size)).flatten();
        let Some(pieces) = offer else {
            self.price = self.price.saturating_add(self.purchases.price(time, size));
            self.purchases.add(time, size);
            return Offer::Buy;
        };
        let Some(room) = self.room.checked_sub(parts(&pieces)) else {
            return Offer::Later;
        };
        self.room = room;
        self.settle(&pieces);
        Offer::Pieces(pieces)
    }

    /// What costs least; of what costs the same, what uses up least of owned storage.
    fn cheapest(&self, size: u64) -> Option<Vec<StoragePiece>> {
        let owned = self
            .of_one(size)
            .or_else(|| self.by_amount(size))
            .or_else(|| self.by_period(size));
        let cost = |pieces: &Vec<StoragePiece>| {
            let price = price_of(pieces, &self.purchases);
            (price, used_by(pieces, self.current))
        };
        // Of equals the first.
        let offers = owned.into_iter().chain(self.mixed(size));
        offers.min_by_key(cost)
    }

    /// What is cheapest for a blob of `size` bytes, if owned storage saves anything.
    fn mixed(&self, size: u64) -> Option<Vec<StoragePiece>> {
        let mix = || {
            mix(
                &self.resources,
                size,
                (self.current, self.end),
                &self.purchases,
            )
        };
        let pieces = self.mixes.then(mix).flatten();
        pieces.filter(|pieces| parts(pieces) <= limits::PIECES_PER_TRANSACTION)
    }

    /// Takes pieces, and buys those that are not owned.
    fn settle(&mut self, pieces: &[StoragePiece]) {
        let price = price_of(pieces, &self.purchases);
        self.price = self.price.saturating_add(price);
        self.used = self.used.saturating_add(used_by(pieces, self.current));
        for piece in pieces {
            match &piece.origin {
                PieceOrigin::Owned(resource) => self.reduce(resource.storage.id, piece.size),
                PieceOrigin::Bought => self
                    .purchases
                    .add((piece.start_epoch, piece.end_epoch), piece.size),
            }
        }
    }

    fn reduce(&mut self, id: Address, size: u64) {
        for owned in &mut self.resources {
            if owned.storage.id == id {
                let left = owned.storage.storage_size.saturating_sub(size);
                owned.storage.storage_size = left;
            }
        }
        self.resources
            .retain(|owned| owned.storage.storage_size > 0);
    }

    /// Resources that cover all of the time.
    fn covering(&self) -> impl Iterator<Item = &OwnedStorage> {
        let (current, end) = (self.current, self.end);
        let covers = move |s: &Storage| s.start_epoch <= current && s.end_epoch >= end;
        self.resources
            .iter()
            .filter(move |owned| covers(&owned.storage))
    }

    /// The smallest resource that fits; of equals the one that ends first.
    fn of_one(&self, size: u64) -> Option<Vec<StoragePiece>> {
        let owned = self
            .covering()
            .filter(|owned| owned.storage.storage_size >= size)
            .min_by_key(|owned| (owned.storage.storage_size, owned.storage.end_epoch))?;
        let start = owned.storage.start_epoch;
        Some(vec![piece(owned, size, start, self.end)])
    }

    /// Several resources that cover the time and have enough bytes together, the largest first.
    fn by_amount(&self, size: u64) -> Option<Vec<StoragePiece>> {
        let mut covering: Vec<_> = self.covering().collect();
        covering.sort_by_key(|owned| std::cmp::Reverse(owned.storage.storage_size));
        covering.truncate(limits::PIECES_PER_BLOB);
        let mut missing = size;
        let mut chosen = Vec::new();
        for owned in covering {
            if missing == 0 {
                break;
            }
            let taken = owned.storage.storage_size.min(missing);
            missing -= taken;
            chosen.push((owned, taken));
        }
        if missing > 0 {
            return None;
        }
        // Amounts of the same time can be joined: what differs in the past is cut off.
        let mut starts = chosen.iter().map(|(owned, _)| owned.storage.start_epoch);
        let first = starts.next()?;
        let start = match starts.all(|start| start == first) {
            true => first,
            false => self.current,
        };
        let pieces = chosen.into_iter();
        Some(
            pieces
                .map(|(owned, taken)| piece(owned, taken, start, self.end))
                .collect(),
        )
    }

    /// Takes what extends a blob of `size` bytes from epoch `from` on, some of which may have to be bought; `None` if all is to
    /// be bought. An extension is a transaction of its own.
    pub(super) fn extend(&mut self, size: u64, from: Epoch) -> Option<Vec<StoragePiece>> {
        let none = Purchases::default();
        let mix = || mix(&self.resources, size, (from, self.end), &none);
        let mut pieces = self.chain(size, from).or_else(mix)?;
        // An extension begins where the blob ends.
        pieces.first_mut()?.start_epoch = from;
        for piece in &pieces {
            if let Some(resource) = piece.resource() {
                self.reduce(resource.storage.id, piece.size);
            }
        }
        Some(pieces)
    }

    /// Resources that follow on each other and are each large enough.
    fn by_period(&self, size: u64) -> Option<Vec<StoragePiece>> {
        self.chain(size, self.current)
    }

    /// The same from any epoch on.
    fn chain(&self, size: u64, from: Epoch) -> Option<Vec<StoragePiece>> {
        let mut pieces: Vec<StoragePiece> = Vec::new();
        let mut covered = from;
        while covered < self.end {
            if pieces.len() == limits::PIECES_PER_BLOB {
                return None;
            }
            let next = self
                .resources
                .iter()
                .filter(|owned| owned.storage.storage_size >= size)
                .filter(|owned| owned.storage.start_epoch <= covered)
                .filter(|owned| owned.storage.end_epoch > covered)
                .max_by_key(|owned| owned.storage.end_epoch)?;
            let start = match pieces.is_empty() {
                true => next.storage.start_epoch,
                false => covered,
            };
            covered = next.storage.end_epoch.min(self.end);
            pieces.push(piece(next, size, start, covered));
        }
        Some(pieces)
    }
}

fn piece(owned: &OwnedStorage, size: u64, start_epoch: Epoch, end_epoch: Epoch) -> StoragePiece {
    StoragePiece {
        origin: PieceOrigin::Owned(owned.clone()),
        size,
        start_epoch,
        end_epoch,
    }
}

/// Into how many parts a transaction cuts pieces: at each border of one, all others are cut.
fn parts(pieces: &[StoragePiece]) -> usize {
    let ends = |piece: &StoragePiece| [piece.start_epoch, piece.end_epoch];
    let borders: BTreeSet<Epoch> = pieces.iter().flat_map(ends).collect();
    let within = |piece: &StoragePiece| {
        let inside = |border: &&Epoch| (piece.start_epoch..piece.end_epoch).contains(*border);
        borders.iter().filter(inside).count()
    };
    pieces.iter().map(within).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples::{Short, owned, short};

    const TERMS: Terms = Terms {
        current: 10,
        end: 15,
        deletable: true,
        use_certified: true,
        gives_away: false,
    };

    /// Resource, bytes and time of the pieces for a blob.
    fn take(stock: &mut Stock, size: u64) -> Vec<Short> {
        match stock.take(size) {
            Offer::Pieces(pieces) => short(&pieces),
            other => panic!("{other:?}"),
        }
    }

    /// Number, bytes and end of what is left.
    fn rest(stock: Stock) -> Vec<(u8, u64, u32)> {
        let short = |owned: OwnedStorage| {
            let storage = owned.storage;
            let id = storage.id.into_inner()[0];
            (id, storage.storage_size, storage.end_epoch)
        };
        stock.into_rest().into_iter().map(short).collect()
    }

    #[test]
    fn a_small_blob_takes_what_it_needs_of_a_large_resource() {
        let mut stock = Stock::new(vec![owned(1, 8, 30, 800_000_000)], TERMS);
        assert_eq!(take(&mut stock, 663_552), [(1, 663_552, 8, 15)]);
        assert_eq!(take(&mut stock, 1_000), [(1, 1_000, 8, 15)]);
        assert_eq!(rest(stock), [(1, 800_000_000 - 664_552, 30)]);
    }

    #[test]
    fn what_is_bought_anyhow_is_used_before_what_is_owned() {
        // A started MiB has room for the next blob, and for a part of the one after it.
        let resources = vec![owned(1, 8, 15, 700_000)];
        let mut stock = Stock::new(resources, TERMS);
        assert_eq!(stock.take(900_000), Offer::Buy);
        assert_eq!(stock.take(100_000), Offer::Buy);
        let room = (1 << 20) - 1_000_000;
        let pieces = [(1, 650_000 - room, 10, 15), (0, room, 10, 15)];
        assert_eq!(take(&mut stock, 650_000), pieces);
        assert_eq!(rest(stock), [(1, 50_000 + room, 15)]);
    }

    #[test]
    fn the_smallest_that_fits_is_used_and_of_equals_the_one_that_ends_first() {
        let resources = vec![
            owned(1, 8, 15, 500),
            owned(2, 8, 20, 200),
            owned(3, 8, 16, 200),
            owned(4, 8, 14, 150),
        ];
        let mut stock = Stock::new(resources, TERMS);
        assert_eq!(take(&mut stock, 190), [(3, 190, 8, 15)]);
        assert_eq!(take(&mut stock, 200), [(2, 200, 8, 15)]);
        assert_eq!(take(&mut stock, 10), [(3, 10, 8, 15)]);
        assert_eq!(rest(stock), [(1, 500, 15), (4, 150, 14)]);
    }

    #[test]
    fn small_pieces_are_joined_when_none_is_large_enough() {
        let resources = vec![
            owned(1, 8, 15, 60),
            owned(2, 8, 20, 30),
            owned(3, 8, 15, 20),
        ];
        let mut stock = Stock::new(resources, TERMS);
        assert_eq!(take(&mut stock, 85), [(1, 60, 8, 15), (2, 25, 8, 15)]);
        assert_eq!(rest(stock), [(2, 5, 20), (3, 20, 15)]);
        // Those that began at different times are cut to the time that is left.
        let resources = vec![owned(1, 8, 15, 60), owned(2, 9, 15, 30)];
        let mut stock = Stock::new(resources, TERMS);
        assert_eq!(take(&mut stock, 90), [(1, 60, 10, 15), (2, 30, 10, 15)]);
        assert!(rest(stock).is_empty());
    }

    #[test]
    fn times_that_follow_on_each_other_are_joined() {
        let resources = vec![
            owned(1, 8, 12, 60),
            owned(2, 11, 20, 70),
            owned(3, 8, 11, 90),
        ];
        let mut stock = Stock::new(resources, TERMS);
        assert_eq!(take(&mut stock, 60), [(1, 60, 8, 12), (2, 60, 12, 15)]);
        assert_eq!(rest(stock), [(2, 10, 20), (3, 90, 11)]);
    }

    #[test]
    fn an_extension_begins_where_the_blob_ends() {
        let resources = vec![owned(1, 8, 14, 60), owned(2, 14, 20, 70)];
        let mut stock = Stock::new(resources, TERMS);
        let pieces = stock.extend(60, 12).unwrap();
        assert_eq!(short(&pieces), [(1, 60, 12, 14), (2, 60, 14, 15)]);
        assert_eq!(stock.extend(60, 12), None);
        assert_eq!(rest(stock), [(2, 10, 20)]);
    }

    #[test]
    fn what_is_over_begins_later_or_is_too_little_is_left_alone() {
        let resources = vec![
            owned(1, 2, 10, 900),
            owned(2, 11, 20, 900),
            owned(3, 8, 14, 900),
            owned(4, 8, 15, 50),
        ];
        let mut stock = Stock::new(resources, TERMS);
        // Of 2 and 3 together the time is whole, so this one can be served ...
        assert_eq!(take(&mut stock, 900), [(3, 900, 8, 14), (2, 900, 14, 15)]);
        // ... and nothing else.
        assert_eq!(stock.take(51), Offer::Buy);
        assert_eq!(rest(stock), [(4, 50, 15)]);
    }

    #[test]
    fn a_transaction_takes_so_many_pieces_and_no_more() {
        let count = u8::try_from(limits::PIECES_PER_TRANSACTION + 1).unwrap();
        let resources = (0..count).map(|number| owned(number, 8, 15, 10)).collect();
        let mut stock = Stock::new(resources, TERMS);
        for _ in 0..limits::PIECES_PER_TRANSACTION {
            assert_eq!(take(&mut stock, 10).len(), 1);
        }
        assert_eq!(stock.take(10), Offer::Later);
        assert_eq!(rest(stock).len(), 1);
    }
}
