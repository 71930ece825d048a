//! Registering blobs in storage that is bought or cut from what the sender owns (contracts spec 7.1 to 7.3).

use std::collections::BTreeMap;

use sui_sdk_types::{Address, ObjectReference};
use sui_transaction_builder::Argument;
use walrus_core::BlobId;

use super::{ContractWriter, ExecutedTransaction, GasCost, TransactionError, writer::Plan};
use crate::{
    contract::Prices,
    objects::{Blob, OwnedStorage, Storage},
};

/// A blob to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRegistration {
    /// The blob.
    pub blob_id: BlobId,
    /// Its root hash.
    pub root_hash: [u8; 32],
    /// Unencoded bytes.
    pub unencoded_size: u64,
    /// Encoded bytes for the current number of shards (encoding spec 7).
    pub encoded_size: u64,
    /// The encoding type's byte, 1.
    pub encoding_type: u8,
    /// Whether the owner may delete it.
    pub deletable: bool,
    /// Where the storage comes from.
    pub storage: StorageSource,
    /// Attributes to set at once.
    pub attributes: Vec<(String, String)>,
}

/// Where the storage of a blob comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageSource {
    /// Bought, from the current epoch on. All that is bought by one transaction for the same time is bought at once, because
    /// prices are per started MiB.
    Buy {
        /// Number of epochs.
        epochs_ahead: u32,
    },
    /// Cut from storage resources of the sender and joined in this order. What is left of them stays the sender's; time before
    /// that of the blob is over and destroyed.
    Owned(Vec<StoragePiece>),
}

/// A part of a storage resource that the sender owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoragePiece {
    /// The resource, as it was when the plan was made.
    pub resource: OwnedStorage,
    /// Encoded bytes of it.
    pub size: u64,
    /// First epoch of it.
    pub start_epoch: u32,
    /// First epoch after it.
    pub end_epoch: u32,
}

/// Blobs that were registered.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisteredBlobs {
    /// The blob objects, in the order of the registrations.
    pub blobs: Vec<Blob>,
    /// The transaction.
    pub transaction: ExecutedTransaction,
}

/// What each of several blobs costs in FROST that are registered by one transaction; `None` when that overflows `u64`.
///
/// Started MiB are paid once: of blobs whose storage is bought together, each pays for those that it adds.
pub fn registration_costs(registrations: &[BlobRegistration], prices: &Prices) -> Option<Vec<u64>> {
    let mut bought: BTreeMap<u32, u64> = BTreeMap::new();
    registrations
        .iter()
        .map(|blob| {
            let write = prices.write_cost(blob.encoded_size)?;
            let StorageSource::Buy { epochs_ahead } = blob.storage else {
                return Some(write);
            };
            let size = bought.entry(epochs_ahead).or_default();
            let before = prices.storage_cost(*size, epochs_ahead)?;
            *size = size.checked_add(blob.encoded_size)?;
            let after = prices.storage_cost(*size, epochs_ahead)?;
            after.checked_sub(before)?.checked_add(write)
        })
        .collect()
}

fn total_cost(
    registrations: &[BlobRegistration],
    prices: &Prices,
) -> Result<u64, TransactionError> {
    registration_costs(registrations, prices)
        .and_then(|costs| costs.into_iter().try_fold(0u64, u64::checked_add))
        .ok_or_else(|| TransactionError::build("the price exceeds 2^64 FROST"))
}

impl BlobRegistration {
    /// Whether an object is this blob, in storage as it was wanted.
    fn is(&self, blob: &Blob) -> bool {
        let storage = &blob.storage;
        blob.blob_id == self.blob_id
            && blob.deletable == self.deletable
            && match &self.storage {
                StorageSource::Buy { epochs_ahead } => {
                    storage.end_epoch.checked_sub(storage.start_epoch) == Some(*epochs_ahead)
                }
                StorageSource::Owned(pieces) => {
                    let starts = pieces.iter().map(|piece| piece.start_epoch);
                    let ends = pieces.iter().map(|piece| piece.end_epoch);
                    starts.min() == Some(storage.start_epoch)
                        && ends.max() == Some(storage.end_epoch)
                }
            }
    }
}

/// The storage that a transaction hands out to blobs.
#[derive(Default)]
struct Stock {
    /// What was bought for so many epochs, and bytes left of it.
    bought: BTreeMap<u32, (Argument, u64)>,
    /// Bytes left of the sender's resources.
    owned: BTreeMap<Address, u64>,
    /// Cut off on the way; belongs to the sender.
    cuttings: Vec<Argument>,
}

impl Plan<'_> {
    pub(super) fn reserve(
        &mut self,
        bytes: u64,
        epochs_ahead: u32,
    ) -> Result<Argument, TransactionError> {
        let arguments = vec![
            self.system(),
            self.ptb.pure(&bytes)?,
            self.ptb.pure(&epochs_ahead)?,
            self.payment()?,
        ];
        self.call("system", "reserve_space", arguments)
    }

    /// Buys what all of these blobs need.
    fn buy(&mut self, registrations: &[BlobRegistration]) -> Result<Stock, TransactionError> {
        let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
        for blob in registrations {
            if let StorageSource::Buy { epochs_ahead } = blob.storage {
                let size = sizes.entry(epochs_ahead).or_default();
                let sum = size.checked_add(blob.encoded_size);
                *size = sum.ok_or_else(|| TransactionError::build("more than 2^64 bytes"))?;
            }
        }
        let mut stock = Stock::default();
        for (epochs_ahead, size) in sizes {
            let storage = self.reserve(size, epochs_ahead)?;
            stock.bought.insert(epochs_ahead, (storage, size));
        }
        Ok(stock)
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
        let Storage {
            id,
            start_epoch,
            end_epoch,
            storage_size,
        } = piece.resource.storage;
        let object = self.ptb.object_reference(&piece.resource.reference);
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

    /// Makes one storage resource of pieces.
    fn join(
        &mut self,
        pieces: &[StoragePiece],
        over: u32,
        stock: &mut Stock,
    ) -> Result<Argument, TransactionError> {
        let (first, others) = pieces
            .split_first()
            .ok_or_else(|| TransactionError::build("no storage for a blob"))?;
        let storage = self.cut(first, over, stock)?;
        for piece in others {
            let part = self.cut(piece, over, stock)?;
            let fuse = match piece.start_epoch == first.start_epoch {
                true => "fuse_amount",
                false => "fuse_periods",
            };
            self.call("storage_resource", fuse, vec![storage, part])?;
        }
        Ok(storage)
    }

    fn register(
        &mut self,
        blob: &BlobRegistration,
        stock: &mut Stock,
    ) -> Result<Argument, TransactionError> {
        let storage = match &blob.storage {
            StorageSource::Buy { epochs_ahead } => {
                let (storage, left) = stock
                    .bought
                    .get_mut(epochs_ahead)
                    .ok_or_else(|| TransactionError::build("no storage was bought"))?;
                self.cut_size(*storage, left, blob.encoded_size)?
            }
            StorageSource::Owned(pieces) => {
                // The time of a blob begins now at the latest.
                let begin = pieces.iter().map(|piece| piece.start_epoch).min();
                self.join(pieces, begin.unwrap_or_default(), stock)?
            }
        };
        let arguments = vec![
            self.system(),
            storage,
            self.ptb.pure(&blob.blob_id.0)?,
            self.ptb.pure(&blob.root_hash)?,
            self.ptb.pure(&blob.unencoded_size)?,
            self.ptb.pure(&blob.encoding_type)?,
            self.ptb.pure(&blob.deletable)?,
            self.payment()?,
        ];
        let object = self.call("system", "register_blob", arguments)?;
        for (key, value) in &blob.attributes {
            self.set_attribute(object, key, value)?;
        }
        Ok(object)
    }

    /// Extends a blob with storage of the sender.
    fn extend_with(
        &mut self,
        blob: &ObjectReference,
        pieces: &[StoragePiece],
    ) -> Result<(), TransactionError> {
        let mut stock = Stock::default();
        let storage = self.join(pieces, 0, &mut stock)?;
        let arguments = vec![self.system(), self.ptb.object_reference(blob), storage];
        self.call("system", "extend_blob_with_resource", arguments)?;
        match stock.cuttings.is_empty() {
            true => Ok(()),
            false => self.ptb.transfer(stock.cuttings, self.sender),
        }
    }

    fn register_all(&mut self, registrations: &[BlobRegistration]) -> Result<(), TransactionError> {
        let mut stock = self.buy(registrations)?;
        let mut objects = registrations
            .iter()
            .map(|blob| self.register(blob, &mut stock))
            .collect::<Result<Vec<_>, _>>()?;
        objects.append(&mut stock.cuttings);
        self.ptb.transfer(objects, self.sender)
    }
}

impl ContractWriter {
    /// Buys storage without a blob.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn reserve_space(
        &self,
        encoded_size: u64,
        epochs_ahead: u32,
    ) -> Result<Storage, TransactionError> {
        let cost = self
            .reader()
            .prices()
            .await?
            .storage_cost(encoded_size, epochs_ahead);
        let cost = cost.ok_or_else(|| TransactionError::build("the price exceeds 2^64 FROST"))?;
        let executed = self
            .run(Some(cost), |plan| {
                plan.ptb.make_unique();
                let storage = plan.reserve(encoded_size, epochs_ahead)?;
                plan.ptb.transfer(vec![storage], plan.sender)
            })
            .await?;
        let id = executed.created_one("storage_resource", "Storage")?;
        Ok(self.reader().chain().object(id).await?.decode()?)
    }

    /// Registers blobs in one transaction, with storage from where each of them says; pays in WAL.
    ///
    /// # Errors
    /// [`TransactionError`]; one that [is stale](TransactionError::is_stale) if storage of the sender is not any more what it
    /// was when the registrations were planned.
    pub async fn register_blobs(
        &self,
        registrations: &[BlobRegistration],
    ) -> Result<RegisteredBlobs, TransactionError> {
        let cost = self.price_of(registrations).await?;
        let plan = |plan: &mut Plan<'_>| plan.register_all(registrations);
        let transaction = if registrations.iter().any(BlobRegistration::names_objects) {
            self.clone().with_one_attempt().run(Some(cost), plan).await
        } else {
            self.run(Some(cost), plan).await
        }?;
        let blobs = self.registered(registrations, &transaction).await?;
        Ok(RegisteredBlobs { blobs, transaction })
    }

    /// Extends a certified blob with storage of the sender that follows on its own and has the same size. What is left of the
    /// resources stays the sender's.
    ///
    /// # Errors
    /// [`TransactionError`]; one that [is stale](TransactionError::is_stale) if blob or storage are not any more what they were.
    pub async fn extend_blob_with_storage(
        &self,
        blob: &ObjectReference,
        pieces: &[StoragePiece],
    ) -> Result<ExecutedTransaction, TransactionError> {
        let once = self.clone().with_one_attempt();
        once.run(None, |plan| plan.extend_with(blob, pieces)).await
    }

    /// The gas that [`ContractWriter::register_blobs`] would take now. Nothing is sent.
    ///
    /// # Errors
    /// [`TransactionError`], as registering would have them.
    pub async fn estimate_registration(
        &self,
        registrations: &[BlobRegistration],
    ) -> Result<GasCost, TransactionError> {
        let cost = self.price_of(registrations).await?;
        self.estimate(Some(cost), |plan| plan.register_all(registrations))
            .await
    }

    async fn price_of(&self, registrations: &[BlobRegistration]) -> Result<u64, TransactionError> {
        if registrations.is_empty() {
            return Err(TransactionError::build("no blob to register"));
        }
        total_cost(registrations, &self.reader().prices().await?)
    }

    /// Reads the new blob objects and puts them into the order of the registrations.
    async fn registered(
        &self,
        registrations: &[BlobRegistration],
        transaction: &ExecutedTransaction,
    ) -> Result<Vec<Blob>, TransactionError> {
        let ids = transaction.created("blob", "Blob");
        let objects = self.reader().chain().objects(&ids).await?;
        let mut created = objects
            .iter()
            .flatten()
            .map(|object| object.decode::<Blob>())
            .collect::<Result<Vec<_>, _>>()?;
        registrations
            .iter()
            .map(|wanted| {
                let position = created.iter().position(|blob| wanted.is(blob));
                position
                    .map(|index| created.swap_remove(index))
                    .ok_or_else(|| {
                        transaction.unexpected(format!("new blob object for {}", wanted.blob_id))
                    })
            })
            .collect()
    }
}

impl BlobRegistration {
    /// Whether only a new plan helps when an object has changed.
    fn names_objects(&self) -> bool {
        matches!(self.storage, StorageSource::Owned(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn blob(encoded_size: u64, storage: StorageSource) -> BlobRegistration {
        BlobRegistration {
            blob_id: BlobId([0; 32]),
            root_hash: [0; 32],
            unencoded_size: 1,
            encoded_size,
            encoding_type: 1,
            deletable: true,
            storage,
            attributes: Vec::new(),
        }
    }

    #[test]
    fn started_units_of_one_purchase_are_paid_once() {
        let prices = Prices {
            storage_price_per_unit: 100,
            write_price_per_unit: 7,
        };
        let buy = |size, epochs_ahead| blob(size, StorageSource::Buy { epochs_ahead });
        let costs = |blobs: &[BlobRegistration]| registration_costs(blobs, &prices).unwrap();
        assert_eq!(costs(&[buy(MIB / 4, 3)]), [307]);
        // Four quarters of a MiB are one unit of storage, and four of writing.
        assert_eq!(costs(&vec![buy(MIB / 4, 3); 5]), [307, 7, 7, 7, 307]);
        // What is for another time is bought apart, and what is owned costs no storage.
        let owned = blob(MIB, StorageSource::Owned(Vec::new()));
        let mixed = [buy(MIB / 4, 3), owned, buy(MIB / 4, 2), buy(2 * MIB, 3)];
        assert_eq!(costs(&mixed), [307, 7, 207, 614]);
        assert_eq!(
            registration_costs(&[buy(u64::MAX, 1), buy(1, 1)], &prices),
            None
        );
    }
}
