//! Blob transactions: the life of registered blobs (contracts spec 7.4 to 7.6).

use serde::{Deserialize, Serialize};
use sui_sdk_types::{Address, ObjectReference};
use sui_transaction_builder::Argument;

use super::{ContractWriter, ExecutedTransaction, TransactionError, writer::Plan};
use crate::objects::check_attribute;

/// A certificate as the contract takes it (contracts spec 8.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobCertificate {
    /// Aggregate signature, compressed G2 (96 bytes).
    pub signature: Vec<u8>,
    /// One bit per committee member, least significant bit first.
    pub signers_bitmap: Vec<u8>,
    /// The signed message.
    pub message: Vec<u8>,
}

/// A certificate for a blob object, and what the same transaction does with the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certification {
    /// The blob object.
    pub object: Address,
    /// Its certificate.
    pub certificate: BlobCertificate,
    /// Attributes to set.
    pub attributes: Vec<(String, String)>,
    /// Whom the object is given to, if it does not stay the sender's.
    pub recipient: Option<Address>,
}

impl Plan<'_> {
    pub(super) fn set_attribute(
        &mut self,
        blob: Argument,
        key: &str,
        value: &str,
    ) -> Result<(), TransactionError> {
        check_attribute(key, value).map_err(TransactionError::build)?;
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

impl Plan<'_> {
    fn certify_blob(&mut self, blob: &Certification) -> Result<(), TransactionError> {
        let [signature, bitmap, message] = self.certificate(&blob.certificate)?;
        let object = self.ptb.object(blob.object);
        let arguments = vec![self.system(), object, signature, bitmap, message];
        self.call("system", "certify_blob", arguments)?;
        for (key, value) in &blob.attributes {
            self.set_attribute(object, key, value)?;
        }
        match blob.recipient {
            Some(recipient) => self.ptb.transfer(vec![object], recipient),
            None => Ok(()),
        }
    }

    /// Extends a blob, all of it bought.
    pub(super) fn extend(&mut self, blob: Argument, epochs: u32) -> Result<(), TransactionError> {
        let arguments = vec![
            self.system(),
            blob,
            self.ptb.pure(&epochs)?,
            self.payment()?,
        ];
        self.call("system", "extend_blob", arguments)?;
        Ok(())
    }
}

impl ContractWriter {
    /// Certifies blobs in one transaction, which also sets their attributes and gives them away.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn certify_blobs(
        &self,
        blobs: &[Certification],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            blobs.iter().try_for_each(|blob| plan.certify_blob(blob))
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
            let blob = plan.ptb.object(blob);
            plan.extend(blob, epochs)
        })
        .await
    }

    /// Extends a certified blob, if it is still at the version that the caller saw: whoever extended it meanwhile has paid, so
    /// the caller has to look again. Pays `cost` FROST.
    ///
    /// # Errors
    /// [`TransactionError`]; one that [is stale](TransactionError::is_stale) at another version.
    pub async fn extend_blob_as_seen(
        &self,
        blob: &ObjectReference,
        epochs: u32,
        cost: u64,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let once = self.clone().with_one_attempt();
        once.run(Some(cost), |plan| {
            let blob = plan.ptb.object_reference(blob);
            plan.extend(blob, epochs)
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
                check_attribute(key, value).map_err(TransactionError::build)?;
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
            plan.ptb.make_unique();
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
