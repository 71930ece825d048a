//! Storage of blobs in one transaction: bought, cut from what the sender owns, or put together from both (contracts spec 7.1 and
//! 7.2).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sui_sdk_types::{Address, ObjectReference};
use sui_transaction_builder::Argument;

use super::{BlobRegistration, TransactionError, writer::Plan};
use crate::{
    contract::Prices,
    objects::{OwnedStorage, Storage},
};

/// Where the storage of a blob comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorageSource {
    /// Bought, from the current epoch on, whichever that is when the transaction is executed.
    Buy {
        /// Number of epochs.
        epochs_ahead: u32,
    },
    /// Put together from parts of storage resources of the sender, and from what is bought beside them.
    Pieces(Vec<StoragePiece>),
}

/// A part of the storage of a blob. The pieces of a blob have as many bytes together in each epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoragePiece {
    /// Where it comes from.
    pub origin: PieceOrigin,
    /// Encoded bytes.
    pub size: u64,
    /// First epoch of it.
    pub start_epoch: u32,
    /// First epoch after it.
    pub end_epoch: u32,
}

/// Where a part of the storage of a blob comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PieceOrigin {
    /// Cut from a resource of the sender, as it was when the plan was made. What is left of it stays the sender's; time before
    /// that of the blob is over and destroyed.
    Owned(OwnedStorage),
    /// Bought. All that is bought by one transaction for the same time is bought at once, because prices are per started MiB.
    Bought,
}

impl StoragePiece {
    /// A piece that is bought.
    pub fn bought(size: u64, start_epoch: u32, end_epoch: u32) -> Self {
        Self {
            origin: PieceOrigin::Bought,
            size,
            start_epoch,
            end_epoch,
        }
    }

    /// The resource that it is cut from, if it is not bought.
    pub fn resource(&self) -> Option<&OwnedStorage> {
        match &self.origin {
            PieceOrigin::Owned(resource) => Some(resource),
            PieceOrigin::Bought => None,
        }
    }
}

/// For when storage is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Period {
    /// From the current epoch on, for so many.
    Ahead(u32),
    /// From an epoch on, up to another one.
    Between(u32, u32),
}

impl Period {
    fn epochs(self) -> u32 {
        match self {
            Self::Ahead(epochs) => epochs,
            Self::Between(start, end) => end.saturating_sub(start),
        }
    }
}

/// What pieces buy.
fn bought(pieces: &[StoragePiece]) -> impl Iterator<Item = (Period, u64)> {
    let of_sale = pieces.iter().filter(|piece| piece.resource().is_none());
    of_sale.map(|piece| {
        let period = Period::Between(piece.start_epoch, piece.end_epoch);
        (period, piece.size)
    })
}

impl BlobRegistration {
    fn bought(&self) -> Vec<(Period, u64)> {
        match &self.storage {
            StorageSource::Buy { epochs_ahead } => {
                vec![(Period::Ahead(*epochs_ahead), self.encoded_size)]
            }
            StorageSource::Pieces(pieces) => bought(pieces).collect(),
        }
    }
}

/// What one transaction buys, and what that costs.
#[derive(Default)]
struct Purchases(BTreeMap<Period, u64>);

impl Purchases {
    /// Adds bytes; what they cost more in FROST.
    fn add(&mut self, period: Period, bytes: u64, prices: &Prices) -> Option<u64> {
        let size = self.0.entry(period).or_default();
        let before = prices.storage_cost(*size, period.epochs())?;
        *size = size.checked_add(bytes)?;
        prices
            .storage_cost(*size, period.epochs())?
            .checked_sub(before)
    }

    fn add_all(
        &mut self,
        bought: impl IntoIterator<Item = (Period, u64)>,
        prices: &Prices,
    ) -> Option<u64> {
        bought.into_iter().try_fold(0u64, |sum, (period, bytes)| {
            sum.checked_add(self.add(period, bytes, prices)?)
        })
    }
}

/// What each of several blobs costs in FROST that are registered by one transaction; `None` when that overflows `u64`.
///
/// Started MiB are paid once: of blobs whose storage is bought together, each pays for those that it adds.
pub fn registration_costs(registrations: &[BlobRegistration], prices: &Prices) -> Option<Vec<u64>> {
    let mut purchases = Purchases::default();
    let cost = |blob: &BlobRegistration| {
        let storage = purchases.add_all(blob.bought(), prices)?;
        prices.write_cost(blob.encoded_size)?.checked_add(storage)
    };
    registrations.iter().map(cost).collect()
}

/// What the bought ones of these pieces cost together in FROST; `None` when that overflows `u64`.
pub fn pieces_cost(pieces: &[StoragePiece], prices: &Prices) -> Option<u64> {
    Purchases::default().add_all(bought(pieces), prices)
}

/// The storage that a transaction hands out to blobs.
#[derive(Default)]
pub(super) struct Stock {
    /// What was bought for a time, and bytes left of it.
    bought: BTreeMap<Period, (Argument, u64)>,
    /// Bytes left of the sender's resources.
    owned: BTreeMap<Address, u64>,
    /// Cut off on the way; belongs to the sender.
    pub(super) cuttings: Vec<Argument>,
}

/// Storage for a time.
struct Part {
    start: u32,
    end: u32,
    storage: Argument,
}

impl Plan<'_> {
    pub(super) fn reserve(
        &mut self,
        bytes: u64,
        epochs_ahead: u32,
    ) -> Result<Argument, TransactionError> {
        self.reserve_for(bytes, Period::Ahead(epochs_ahead))
    }

    fn reserve_for(&mut self, bytes: u64, period: Period) -> Result<Argument, TransactionError> {
        let mut arguments = vec![self.system(), self.ptb.pure(&bytes)?];
        let function = match period {
            Period::Ahead(epochs) => {
                arguments.push(self.ptb.pure(&epochs)?);
                "reserve_space"
            }
            Period::Between(start, end) => {
                arguments.extend([self.ptb.pure(&start)?, self.ptb.pure(&end)?]);
                "reserve_space_for_epochs"
            }
        };
        arguments.push(self.payment()?);
        self.call("system", function, arguments)
    }

    /// Buys what all of these blobs need.
    pub(super) fn buy(
        &mut self,
        registrations: &[BlobRegistration],
    ) -> Result<Stock, TransactionError> {
        self.buy_all(registrations.iter().flat_map(BlobRegistration::bought))
    }

    fn buy_all(
        &mut self,
        bought: impl Iterator<Item = (Period, u64)>,
    ) -> Result<Stock, TransactionError> {
        let mut sizes: BTreeMap<Period, u64> = BTreeMap::new();
        for (period, bytes) in bought {
            let size = sizes.entry(period).or_default();
            let sum = size.checked_add(bytes);
            *size = sum.ok_or_else(|| TransactionError::build("more than 2^64 bytes"))?;
        }
        let mut stock = Stock::default();
        for (period, size) in sizes {
            let storage = self.reserve_for(size, period)?;
            stock.bought.insert(period, (storage, size));
        }
        Ok(stock)
    }

    /// The storage of one blob.
    pub(super) fn storage_of(
        &mut self,
        blob: &BlobRegistration,
        stock: &mut Stock,
    ) -> Result<Argument, TransactionError> {
        match &blob.storage {
            StorageSource::Buy { epochs_ahead } => {
                self.take_bought(Period::Ahead(*epochs_ahead), blob.encoded_size, stock)
            }
            StorageSource::Pieces(pieces) => {
                // The time of a blob begins now at the latest.
                let begin = pieces.iter().map(|piece| piece.start_epoch).min();
                self.join(pieces, begin.unwrap_or_default(), stock)
            }
        }
    }

    fn take_bought(
        &mut self,
        period: Period,
        size: u64,
        stock: &mut Stock,
    ) -> Result<Argument, TransactionError> {
        let bought = stock.bought.get_mut(&period);
        let (storage, left) =
            bought.ok_or_else(|| TransactionError::build("no storage was bought"))?;
        self.cut_size(*storage, left, size)
    }

    /// Takes `size` of the `left` bytes of a storage resource, which keeps the others.
    fn cut_size(
        &mut self,
        storage: Argument,
        left: &mut u64,
        size: u64,
    ) -> Result<Argument, TransactionError> {
        let rest = left
            .checked_sub(size)
            .ok_or_else(|| TransactionError::build("a storage resource is smaller than needed"))?;
        *left = rest;
        if rest == 0 {
            return Ok(storage);
        }
        let arguments = vec![storage, self.ptb.pure(&rest)?];
        self.call("storage_resource", "split_by_size", arguments)
    }

    fn split_epoch(&mut self, storage: Argument, epoch: u32) -> Result<Argument, TransactionError> {
        let arguments = vec![storage, self.ptb.pure(&epoch)?];
        self.call("storage_resource", "split_by_epoch", arguments)
    }

    /// Takes a piece. What ends by epoch `over` is worth nothing and destroyed.
    fn cut(
        &mut self,
        piece: &StoragePiece,
        over: u32,
        stock: &mut Stock,
    ) -> Result<Argument, TransactionError> {
        let PieceOrigin::Owned(resource) = &piece.origin else {
            let period = Period::Between(piece.start_epoch, piece.end_epoch);
            return self.take_bought(period, piece.size, stock);
        };
        let Storage {
            id,
            start_epoch,
            end_epoch,
            storage_size,
        } = resource.storage;
        let object = self.ptb.object_reference(&resource.reference);
        let left = stock.owned.entry(id).or_insert(storage_size);
        let mut part = self.cut_size(object, left, piece.size)?;
        if piece.start_epoch > start_epoch {
            let later = self.split_epoch(part, piece.start_epoch)?;
            if piece.start_epoch <= over {
                self.call("storage_resource", "destroy", vec![part])?;
            } else {
                stock.cuttings.push(part);
            }
            part = later;
        }
        if piece.end_epoch < end_epoch {
            let rest = self.split_epoch(part, piece.end_epoch)?;
            stock.cuttings.push(rest);
        }
        Ok(part)
    }

    /// Makes one storage resource of pieces: those of the same time become one, then one follows on the other.
    fn join(
        &mut self,
        pieces: &[StoragePiece],
        over: u32,
        stock: &mut Stock,
    ) -> Result<Argument, TransactionError> {
        let borders: BTreeSet<u32> = pieces
            .iter()
            .flat_map(|piece| [piece.start_epoch, piece.end_epoch])
            .collect();
        let mut parts = Vec::new();
        for piece in pieces {
            let storage = self.cut(piece, over, stock)?;
            let (start, end) = (piece.start_epoch, piece.end_epoch);
            self.split_at(
                Part {
                    start,
                    end,
                    storage,
                },
                &borders,
                &mut parts,
            )?;
        }
        parts.sort_by_key(|part| part.start);
        let mut parts = parts.into_iter();
        let mut whole = parts
            .next()
            .ok_or_else(|| TransactionError::build("no storage for a blob"))?;
        let mut earlier: Option<Argument> = None;
        for part in parts {
            if part.start == whole.start {
                let arguments = vec![whole.storage, part.storage];
                self.call("storage_resource", "fuse_amount", arguments)?;
                continue;
            }
            earlier = Some(self.follow(earlier, whole.storage)?);
            whole = part;
        }
        self.follow(earlier, whole.storage)
    }

    /// Lets storage follow on the one before, if there is one.
    fn follow(
        &mut self,
        earlier: Option<Argument>,
        later: Argument,
    ) -> Result<Argument, TransactionError> {
        let Some(earlier) = earlier else {
            return Ok(later);
        };
        self.call("storage_resource", "fuse_periods", vec![earlier, later])?;
        Ok(earlier)
    }

    /// Splits a part at the borders inside of it.
    fn split_at(
        &mut self,
        mut part: Part,
        borders: &BTreeSet<u32>,
        parts: &mut Vec<Part>,
    ) -> Result<(), TransactionError> {
        let inside = borders
            .iter()
            .filter(|border| **border > part.start && **border < part.end);
        for border in inside.copied().collect::<Vec<_>>() {
            let storage = self.split_epoch(part.storage, border)?;
            let (start, end) = (border, part.end);
            parts.push(Part {
                end: border,
                ..part
            });
            part = Part {
                start,
                end,
                storage,
            };
        }
        parts.push(part);
        Ok(())
    }

    /// Extends a blob with storage that is put together.
    pub(super) fn extend_with(
        &mut self,
        blob: &ObjectReference,
        pieces: &[StoragePiece],
    ) -> Result<(), TransactionError> {
        let mut stock = self.buy_all(bought(pieces))?;
        let storage = self.join(pieces, 0, &mut stock)?;
        let arguments = vec![self.system(), self.ptb.object_reference(blob), storage];
        self.call("system", "extend_blob_with_resource", arguments)?;
        match stock.cuttings.is_empty() {
            true => Ok(()),
            false => self.ptb.transfer(stock.cuttings, self.sender),
        }
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::{BlobId, EncodingType};

    use super::*;

    const MIB: u64 = 1 << 20;
    const PRICES: Prices = Prices {
        storage_price_per_unit: 100,
        write_price_per_unit: 7,
    };

    fn blob(encoded_size: u64, storage: StorageSource) -> BlobRegistration {
        BlobRegistration {
            blob_id: BlobId([0; 32]),
            root_hash: [0; 32],
            unencoded_size: 1,
            encoded_size,
            encoding_type: EncodingType::RS2,
            deletable: true,
            storage,
            attributes: Vec::new(),
        }
    }

    fn buy(size: u64, epochs_ahead: u32) -> BlobRegistration {
        blob(size, StorageSource::Buy { epochs_ahead })
    }

    fn costs(blobs: &[BlobRegistration]) -> Vec<u64> {
        registration_costs(blobs, &PRICES).unwrap()
    }

    #[test]
    fn started_units_of_one_purchase_are_paid_once() {
        assert_eq!(costs(&[buy(MIB / 4, 3)]), [307]);
        // Four quarters of a MiB are one unit of storage, and four of writing.
        assert_eq!(costs(&vec![buy(MIB / 4, 3); 5]), [307, 7, 7, 7, 307]);
        // What is for another time is bought apart, and what is owned costs no storage.
        let owned = blob(MIB, StorageSource::Pieces(Vec::new()));
        let mixed = [buy(MIB / 4, 3), owned, buy(MIB / 4, 2), buy(2 * MIB, 3)];
        assert_eq!(costs(&mixed), [307, 7, 207, 614]);
        assert_eq!(
            registration_costs(&[buy(u64::MAX, 1), buy(1, 1)], &PRICES),
            None
        );
    }

    #[test]
    fn of_pieces_only_what_is_bought_is_paid_for() {
        let pieces = vec![
            StoragePiece::bought(MIB / 2, 4, 6),
            StoragePiece::bought(3 * MIB, 6, 9),
        ];
        assert_eq!(pieces_cost(&pieces, &PRICES), Some(200 + 900));
        let mixed = blob(3 * MIB, StorageSource::Pieces(pieces.clone()));
        // The second one finds half a MiB that is paid for already.
        assert_eq!(costs(&[mixed.clone(), mixed]), [1100 + 21, 900 + 21]);
        let too_much = [StoragePiece::bought(u64::MAX, 0, u32::MAX)];
        assert_eq!(pieces_cost(&too_much, &PRICES), None);
    }
}
