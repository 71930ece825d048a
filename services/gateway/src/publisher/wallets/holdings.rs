//! Objects that the main wallet keeps for the holders of keys.

use futures::future::BoxFuture;
use walrus_sdk::{Address, BlobId, BlobStatus, ChainError, TransactionError};
use walrus_sui::objects::Blob;

use super::Wallets;
use crate::{
    limits,
    publisher::{Holders, HoldingError, Holdings, UploadError},
};

impl Wallets {
    /// An object that the main wallet still has.
    async fn held(&self, object: Address) -> Result<Blob, HoldingError> {
        let reader = self.0.main.reader();
        match reader.blob(object).await {
            Ok(blob) => Ok(blob),
            Err(ChainError::ObjectNotFound { .. }) => Err(HoldingError::Gone),
            Err(error) => Err(UploadError::Failed(error.into()).into()),
        }
    }

    async fn price_of_extension(&self, object: Address, epochs: u32) -> Result<u64, HoldingError> {
        let size = self.held(object).await?.storage.storage_size;
        let prices = self.0.main.reader().prices().await;
        let prices = prices.map_err(|error| UploadError::Failed(error.into()))?;
        let cost = prices.storage_cost(size, epochs);
        Ok(cost.ok_or_else(|| UploadError::Epochs("the price exceeds 2^64 FROST".to_owned()))?)
    }

    async fn extend_held(&self, object: Address, epochs: u32) -> Result<u32, HoldingError> {
        self.0
            .main
            .extend_blob(object, epochs)
            .await
            .map_err(transaction_failed)?;
        Ok(self.held(object).await?.storage.end_epoch)
    }

    async fn change_attributes(
        &self,
        object: Address,
        attributes: Vec<(String, Option<String>)>,
    ) -> Result<(), HoldingError> {
        self.held(object).await?;
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        for (key, value) in attributes {
            match value {
                Some(value) => set.push((key, value)),
                None => removed.push(key),
            }
        }
        let main = &self.0.main;
        if !set.is_empty() {
            main.set_attributes(object, &set)
                .await
                .map_err(transaction_failed)?;
        }
        if !removed.is_empty() {
            main.remove_attributes(object, &removed)
                .await
                .map_err(transaction_failed)?;
        }
        Ok(())
    }

    async fn holders_of(&self, blob_id: BlobId) -> Result<Holders, HoldingError> {
        let client = self.client()?;
        let status = client.blob_status(&blob_id, limits::STATUS_TIMEOUT).await;
        Ok(match status.map_err(UploadError::from)? {
            BlobStatus::Nonexistent | BlobStatus::Invalid { .. } => Holders::default(),
            BlobStatus::Permanent {
                end_epoch,
                deletable_counts,
                ..
            } => Holders {
                permanent_until: Some(end_epoch),
                deletable: deletable_counts.count_deletable_total,
            },
            BlobStatus::Deletable {
                deletable_counts, ..
            } => Holders {
                permanent_until: None,
                deletable: deletable_counts.count_deletable_total,
            },
        })
    }
}

/// What a failed transaction of the main wallet means.
fn transaction_failed(error: TransactionError) -> HoldingError {
    if matches!(error, TransactionError::InsufficientFunds { .. }) {
        return UploadError::Funds(error.into()).into();
    }
    match error.move_abort() {
        Some(_) => HoldingError::Unsuitable(error.to_string()),
        None => UploadError::Failed(error.into()).into(),
    }
}

impl Holdings for Wallets {
    fn extension_price(
        &self,
        object: Address,
        epochs: u32,
    ) -> BoxFuture<'_, Result<u64, HoldingError>> {
        Box::pin(self.price_of_extension(object, epochs))
    }

    fn extend(&self, object: Address, epochs: u32) -> BoxFuture<'_, Result<u32, HoldingError>> {
        Box::pin(self.extend_held(object, epochs))
    }

    fn delete(&self, object: Address) -> BoxFuture<'_, Result<(), HoldingError>> {
        Box::pin(async move {
            self.held(object).await?;
            let deleted = self.0.main.delete_blobs(&[object]).await;
            deleted.map(|_| ()).map_err(transaction_failed)
        })
    }

    fn set_attributes(
        &self,
        object: Address,
        attributes: Vec<(String, Option<String>)>,
    ) -> BoxFuture<'_, Result<(), HoldingError>> {
        Box::pin(self.change_attributes(object, attributes))
    }

    fn holders(&self, blob_id: BlobId) -> BoxFuture<'_, Result<Holders, HoldingError>> {
        Box::pin(self.holders_of(blob_id))
    }
}
