//! Storage purchase and the life cycle of blobs (contracts spec 7.1 to 7.6).

use sui_sdk_types::Address;
use sui_transaction_builder::Argument;
use walrus_core::BlobId;

use super::{ContractWriter, ExecutedTransaction, TransactionError, writer::Plan};
use crate::{
    contract::Prices,
    objects::{Blob, Storage},
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
    /// Encoded bytes for the current number of shards (encoding spec 2.5).
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageSource {
    /// Bought, from the current epoch on.
    Buy {
        /// Number of epochs.
        epochs_ahead: u32,
    },
    /// A storage resource of the sender; all of it goes into the blob.
    Existing(Address),
}

/// Blobs that were registered.
#[derive(Debug, Clone, PartialEq)]
pub struct RegisteredBlobs {
    /// The blob objects, in the order of the registrations.
    pub blobs: Vec<Blob>,
    /// The transaction.
    pub transaction: ExecutedTransaction,
}

/// A certificate as the contract takes it (contracts spec 8.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobCertificate {
    /// Aggregate signature, compressed G2 (96 bytes).
    pub signature: Vec<u8>,
    /// One bit per committee member, least significant bit first.
    pub signers_bitmap: Vec<u8>,
    /// The signed message.
    pub message: Vec<u8>,
}

impl BlobRegistration {
    fn cost(&self, prices: &Prices) -> Option<u64> {
        let write = prices.write_cost(self.encoded_size)?;
        match self.storage {
            StorageSource::Buy { epochs_ahead } => prices
                .storage_cost(self.encoded_size, epochs_ahead)?
                .checked_add(write),
            StorageSource::Existing(_) => Some(write),
        }
    }
}

impl Plan<'_> {
    fn reserve(&mut self, bytes: u64, epochs_ahead: u32) -> Result<Argument, TransactionError> {
        let arguments = vec![
            self.system(),
            self.ptb.pure(&bytes)?,
            self.ptb.pure(&epochs_ahead)?,
            self.payment()?,
        ];
        self.call("system", "reserve_space", arguments)
    }

    fn register(&mut self, blob: &BlobRegistration) -> Result<Argument, TransactionError> {
        let storage = match blob.storage {
            StorageSource::Buy { epochs_ahead } => self.reserve(blob.encoded_size, epochs_ahead)?,
            StorageSource::Existing(id) => self.ptb.object(id),
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

    fn set_attribute(
        &mut self,
        blob: Argument,
        key: &str,
        value: &str,
    ) -> Result<(), TransactionError> {
        let arguments = vec![blob, self.ptb.pure(&key)?, self.ptb.pure(&value)?];
        self.call("blob", "insert_or_update_metadata_pair", arguments)?;
        Ok(())
    }

    fn certificate(
        &mut self,
        certificate: &BlobCertificate,
    ) -> Result<[Argument; 3], TransactionError> {
        Ok([
            self.ptb.pure(&certificate.signature)?,
            self.ptb.pure(&certificate.signers_bitmap)?,
            self.ptb.pure(&certificate.message)?,
        ])
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
                let storage = plan.reserve(encoded_size, epochs_ahead)?;
                plan.ptb.transfer(vec![storage], plan.sender)
            })
            .await?;
        let id = executed.created_one("storage_resource", "Storage")?;
        Ok(self.reader().chain().object(id).await?.decode()?)
    }

    /// Registers blobs in one transaction, buying their storage where asked for; pays in WAL.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn register_blobs(
        &self,
        registrations: &[BlobRegistration],
    ) -> Result<RegisteredBlobs, TransactionError> {
        if registrations.is_empty() {
            return Err(TransactionError::build("no blob to register"));
        }
        let prices = self.reader().prices().await?;
        let cost = registrations
            .iter()
            .try_fold(0u64, |sum, blob| sum.checked_add(blob.cost(&prices)?))
            .ok_or_else(|| TransactionError::build("the price exceeds 2^64 FROST"))?;
        let transaction = self
            .run(Some(cost), |plan| {
                let blobs = registrations
                    .iter()
                    .map(|blob| plan.register(blob))
                    .collect::<Result<Vec<_>, _>>()?;
                plan.ptb.transfer(blobs, plan.sender)
            })
            .await?;
        let blobs = self.registered(registrations, &transaction).await?;
        Ok(RegisteredBlobs { blobs, transaction })
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
                let position = created.iter().position(|blob| {
                    blob.blob_id == wanted.blob_id
                        && blob.deletable == wanted.deletable
                        && match wanted.storage {
                            StorageSource::Existing(id) => blob.storage.id == id,
                            StorageSource::Buy { epochs_ahead } => {
                                blob.storage.end_epoch.checked_sub(blob.storage.start_epoch)
                                    == Some(epochs_ahead)
                            }
                        }
                });
                position
                    .map(|index| created.swap_remove(index))
                    .ok_or_else(|| {
                        transaction.unexpected(format!("new blob object for {}", wanted.blob_id))
                    })
            })
            .collect()
    }

    /// Certifies blobs in one transaction.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn certify_blobs(
        &self,
        blobs: &[(Address, BlobCertificate)],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            for (object, certificate) in blobs {
                let [signature, bitmap, message] = plan.certificate(certificate)?;
                let arguments = vec![
                    plan.system(),
                    plan.ptb.object(*object),
                    signature,
                    bitmap,
                    message,
                ];
                plan.call("system", "certify_blob", arguments)?;
            }
            Ok(())
        })
        .await
    }

    /// Deletes blobs; their storage goes back to the sender.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn delete_blobs(
        &self,
        blobs: &[Address],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let mut storage = Vec::with_capacity(blobs.len());
            for blob in blobs {
                let arguments = vec![plan.system(), plan.ptb.object(*blob)];
                storage.push(plan.call("system", "delete_blob", arguments)?);
            }
            plan.ptb.transfer(storage, plan.sender)
        })
        .await
    }

    /// Destroys blob objects of any kind together with their storage.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn burn_blobs(
        &self,
        blobs: &[Address],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            for blob in blobs {
                let argument = plan.ptb.object(*blob);
                plan.call("blob", "burn", vec![argument])?;
            }
            Ok(())
        })
        .await
    }

    /// Extends a certified blob; pays in WAL.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn extend_blob(
        &self,
        blob: Address,
        epochs: u32,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let size = self.reader().blob(blob).await?.storage.storage_size;
        let cost = self.reader().prices().await?.storage_cost(size, epochs);
        let cost = cost.ok_or_else(|| TransactionError::build("the price exceeds 2^64 FROST"))?;
        self.run(Some(cost), |plan| {
            let arguments = vec![
                plan.system(),
                plan.ptb.object(blob),
                plan.ptb.pure(&epochs)?,
                plan.payment()?,
            ];
            plan.call("system", "extend_blob", arguments)?;
            Ok(())
        })
        .await
    }

    /// Reports a blob as inconsistent with a certificate of message type 2.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn invalidate_blob_id(
        &self,
        certificate: &BlobCertificate,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let [signature, bitmap, message] = plan.certificate(certificate)?;
            let arguments = vec![plan.system(), signature, bitmap, message];
            plan.call("system", "invalidate_blob_id", arguments)?;
            Ok(())
        })
        .await
    }

    /// Sets attributes; creates the map when there is none.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn set_attributes(
        &self,
        blob: Address,
        attributes: &[(String, String)],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let object = plan.ptb.object(blob);
            attributes
                .iter()
                .try_for_each(|(key, value)| plan.set_attribute(object, key, value))
        })
        .await
    }

    /// Adds the attribute map with the given pairs; aborts with `EDuplicateMetadata` when there is one.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn add_attributes(
        &self,
        blob: Address,
        attributes: &[(String, String)],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let map = plan.call("metadata", "new", vec![])?;
            for (key, value) in attributes {
                let arguments = vec![map, plan.ptb.pure(key)?, plan.ptb.pure(value)?];
                plan.call("metadata", "insert_or_update", arguments)?;
            }
            let object = plan.ptb.object(blob);
            plan.call("blob", "add_metadata", vec![object, map])?;
            Ok(())
        })
        .await
    }

    /// Removes single attributes; aborts when one is missing.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn remove_attributes(
        &self,
        blob: Address,
        keys: &[String],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let object = plan.ptb.object(blob);
            for key in keys {
                let arguments = vec![object, plan.ptb.pure(key)?];
                plan.call("blob", "remove_metadata_pair", arguments)?;
            }
            Ok(())
        })
        .await
    }

    /// Removes all attributes; aborts with `EMissingMetadata` when there are none.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn take_attributes(
        &self,
        blob: Address,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let object = plan.ptb.object(blob);
            plan.call("blob", "take_metadata", vec![object])?;
            Ok(())
        })
        .await
    }

    /// Shares a blob, so that anybody can extend it from `funds` FROST; returns the shared object.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn share_blob(&self, blob: Address, funds: u64) -> Result<Address, TransactionError> {
        let executed = self
            .run((funds > 0).then_some(funds), |plan| {
                let object = plan.ptb.object(blob);
                if funds == 0 {
                    plan.call("shared_blob", "new", vec![object])?;
                    return Ok(());
                }
                let payment = plan.payment()?;
                let mut arguments = vec![object];
                arguments.extend(plan.ptb.split(payment, &[funds])?);
                plan.call("shared_blob", "new_funded", arguments)?;
                Ok(())
            })
            .await?;
        executed.created_one("shared_blob", "SharedBlob")
    }

    /// Adds FROST to a shared blob.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn fund_shared_blob(
        &self,
        shared: Address,
        amount: u64,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(Some(amount), |plan| {
            let payment = plan.payment()?;
            let mut arguments = vec![plan.ptb.object(shared)];
            arguments.extend(plan.ptb.split(payment, &[amount])?);
            plan.call("shared_blob", "fund", arguments)?;
            Ok(())
        })
        .await
    }

    /// Extends a shared blob from its funds.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn extend_shared_blob(
        &self,
        shared: Address,
        epochs: u32,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let arguments = vec![
                plan.ptb.object(shared),
                plan.system(),
                plan.ptb.pure(&epochs)?,
            ];
            plan.call("shared_blob", "extend", arguments)?;
            Ok(())
        })
        .await
    }
}
