//! Price of a store, before there is anything to store.

use walrus_core::{
    EncodingType,
    manifest::{PartPlan, max_body_length},
    pricing::encoded_blob_length,
};

use crate::{Client, ClientError, EpochsAhead};

impl Client {
    /// What storing a body of `bytes` bytes costs, in FROST, as one blob or as several under a manifest, if all of its storage is bought: more than that is never paid at today's
    /// prices. A store that may not cost more says so with [`max_cost`](crate::StoreBlob::max_cost).
    ///
    /// # Errors
    /// [`ClientError::BlobTooLarge`], [`ClientError::NoEpochs`], [`ClientError::TooManyEpochs`], [`ClientError::PriceOverflow`]; and
    /// that the chain cannot be read.
    pub async fn price_of(
        &self,
        bytes: u64,
        epochs: impl Into<EpochsAhead>,
    ) -> Result<u64, ClientError> {
        let view = self.view().await?;
        let epochs = self.epochs_ahead(epochs.into(), &view).await?;
        let config = view.current.config;
        let prices = view.sales.prices;
        let price = |length| {
            let encoded = encoded_blob_length(config.n_shards(), length, EncodingType::RS2).ok()?;
            let storage = prices.storage_cost(encoded, epochs)?;
            storage.checked_add(prices.write_cost(encoded)?)
        };
        let cost = if bytes <= config.max_blob_size() {
            price(bytes)
        } else {
            let plan = PartPlan::new(&config, bytes).ok_or_else(|| ClientError::BlobTooLarge {
                size: bytes,
                max: max_body_length(&config),
            })?;
            let mut lengths = plan.blob_lengths();
            lengths.try_fold(0_u64, |sum, length| sum.checked_add(price(length)?))
        };
        cost.ok_or(ClientError::PriceOverflow)
    }
}
