//! Registering and extending blobs in storage that is bought or that the sender owns (contracts spec 7.1 to 7.3).

use serde::{Deserialize, Serialize};
use sui_sdk_types::ObjectReference;
use sui_transaction_builder::Argument;
use walrus_core::{BlobId, EncodingType};

use super::{
    ContractWriter, ExecutedTransaction, GasCost, StoragePiece, StorageSource, TransactionError,
    storage::{Stock, pieces_cost, registration_costs},
    writer::Plan,
};
use crate::{
    chain::ObjectData,
    contract::Prices,
    objects::{Blob, Storage},
};

/// A blob to register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRegistration {
    /// The blob.
    pub blob_id: BlobId,
    /// Its root hash.
    pub root_hash: [u8; 32],
    /// Unencoded bytes.
    pub unencoded_size: u64,
    /// Encoded bytes for the current number of shards (encoding spec 7).
    pub encoded_size: u64,
    /// How it is encoded.
    pub encoding_type: EncodingType,
    /// Whether the owner may delete it.
    pub deletable: bool,
    /// Where the storage comes from.
    pub storage: StorageSource,
    /// Attributes to set at once.
    pub attributes: Vec<(String, String)>,
}

/// Blobs that were registered.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisteredBlobs {
    /// The blob objects, in the order of the registrations.
    pub blobs: Vec<Blob>,
    /// The transaction.
    pub transaction: ExecutedTransaction,
    /// The version of the system object that it found, if the chain told: if somebody saw the same before, nobody registered
    /// anything in between.
    pub system_version: Option<u64>,
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
                StorageSource::Pieces(pieces) => {
                    let starts = pieces.iter().map(|piece| piece.start_epoch);
                    let ends = pieces.iter().map(|piece| piece.end_epoch);
                    starts.min() == Some(storage.start_epoch)
                        && ends.max() == Some(storage.end_epoch)
                }
            }
    }
}

impl Plan<'_> {
    fn register(
        &mut self,
        blob: &BlobRegistration,
        stock: &mut Stock,
    ) -> Result<Argument, TransactionError> {
        let storage = self.storage_of(blob, stock)?;
        let arguments = vec![
            self.system(),
            storage,
            self.ptb.pure(&blob.blob_id.0)?,
            self.ptb.pure(&blob.root_hash)?,
            self.ptb.pure(&blob.unencoded_size)?,
            self.ptb.pure(&blob.encoding_type.id())?,
            self.ptb.pure(&blob.deletable)?,
            self.payment()?,
        ];
        let object = self.call("system", "register_blob", arguments)?;
        for (key, value) in &blob.attributes {
            self.set_attribute(object, key, value)?;
        }
        Ok(object)
    }

    fn register_all(&mut self, registrations: &[BlobRegistration]) -> Result<(), TransactionError> {
        // Two programs that register the same at the same moment are to see each other, not to sign the same bytes.
        self.ptb.make_unique();
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
        let cost = priced(cost)?;
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
        let prices = self.reader().prices().await?;
        self.register_blobs_at(registrations, &prices).await
    }

    /// The same for who knows the prices.
    ///
    /// # Errors
    /// As of [`ContractWriter::register_blobs`].
    pub async fn register_blobs_at(
        &self,
        registrations: &[BlobRegistration],
        prices: &Prices,
    ) -> Result<RegisteredBlobs, TransactionError> {
        let cost = price_of(registrations, prices)?;
        let plan = |plan: &mut Plan<'_>| plan.register_all(registrations);
        let transaction = match registrations.iter().any(BlobRegistration::names_objects) {
            true => self.clone().with_one_attempt().run(Some(cost), plan).await,
            false => self.run(Some(cost), plan).await,
        }?;
        self.registered_blobs(registrations, transaction).await
    }

    /// What a transaction registered.
    pub(super) async fn registered_blobs(
        &self,
        registrations: &[BlobRegistration],
        transaction: ExecutedTransaction,
    ) -> Result<RegisteredBlobs, TransactionError> {
        let blobs = self.registered(registrations, &transaction).await?;
        let system = self.reader().objects().system;
        let mut changes = transaction.changes.iter();
        let change = changes.find(|change| change.id == system);
        Ok(RegisteredBlobs {
            blobs,
            system_version: change.and_then(|change| change.input_version),
            transaction,
        })
    }

    /// Extends a certified blob with storage that follows on its own and has the same size: cut from what the sender owns, and
    /// bought where that lacks. What is left of the resources stays the sender's.
    ///
    /// # Errors
    /// [`TransactionError`]; one that [is stale](TransactionError::is_stale) if blob or storage are not any more what they were.
    pub async fn extend_blob_with_storage(
        &self,
        blob: &ObjectReference,
        pieces: &[StoragePiece],
    ) -> Result<ExecutedTransaction, TransactionError> {
        let buys = pieces.iter().any(|piece| piece.resource().is_none());
        let cost = match buys {
            true => Some(priced(pieces_cost(pieces, &self.reader().prices().await?))?),
            false => None,
        };
        let once = self.clone().with_one_attempt();
        once.run(cost, |plan| plan.extend_with(blob, pieces)).await
    }

    /// The gas that an extension would take now: one with these pieces, or one that is bought for so many epochs if there are
    /// none, for `cost` FROST; `None` if coins are merged before. Nothing is sent.
    ///
    /// # Errors
    /// [`TransactionError`], as extending would have them.
    pub async fn estimate_extension(
        &self,
        blob: &ObjectReference,
        epochs: u32,
        pieces: &[StoragePiece],
        cost: u64,
    ) -> Result<Option<GasCost>, TransactionError> {
        let buys = pieces.is_empty() || pieces.iter().any(|piece| piece.resource().is_none());
        self.estimate(buys.then_some(cost), |plan| match pieces.is_empty() {
            false => plan.extend_with(blob, pieces),
            true => {
                let blob = plan.ptb.object_reference(blob);
                plan.extend(blob, epochs)
            }
        })
        .await
    }

    /// The gas that [`ContractWriter::register_blobs`] would take now; `None` if coins are merged before. Nothing is sent.
    ///
    /// # Errors
    /// [`TransactionError`], as registering would have them.
    pub async fn estimate_registration(
        &self,
        registrations: &[BlobRegistration],
        prices: &Prices,
    ) -> Result<Option<GasCost>, TransactionError> {
        let cost = price_of(registrations, prices)?;
        self.estimate(Some(cost), |plan| plan.register_all(registrations))
            .await
    }

    /// The new blob objects in the order of the registrations.
    async fn registered(
        &self,
        registrations: &[BlobRegistration],
        transaction: &ExecutedTransaction,
    ) -> Result<Vec<Blob>, TransactionError> {
        let ids = transaction.created("blob", "Blob");
        let is_new = |object: &ObjectData| ids.contains(&object.id);
        let told = transaction.objects.iter().filter(|object| is_new(object));
        let mut objects: Vec<_> = told.cloned().collect();
        if objects.len() < ids.len() {
            let read = self.reader().chain().objects(&ids).await?;
            objects = read.into_iter().flatten().collect();
        }
        let mut created = objects
            .iter()
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
        matches!(self.storage, StorageSource::Pieces(_))
    }
}

/// What registrations cost in FROST.
fn price_of(registrations: &[BlobRegistration], prices: &Prices) -> Result<u64, TransactionError> {
    if registrations.is_empty() {
        return Err(TransactionError::build("no blob to register"));
    }
    let costs = registration_costs(registrations, prices);
    priced(costs.and_then(|costs| costs.into_iter().try_fold(0u64, u64::checked_add)))
}

fn priced(cost: Option<u64>) -> Result<u64, TransactionError> {
    cost.ok_or_else(|| TransactionError::build("the price exceeds 2^64 FROST"))
}
