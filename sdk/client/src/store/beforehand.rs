//! Costs beforehand: of a request that is stored batch by batch, all of it is compared with what is allowed and with what the wallet has,
//! before the first batch is paid.

use walrus_core::{EncodingType, pricing::encoded_blob_length};
use walrus_sui::{Address, contract::Prices, money::Coin, transactions::TransactionError};

use super::register::transaction_error;
use crate::{BlobToStore, Client, ClientError, DryRun, StoreOptions};

/// What blobs cost at most: each with storage of its own. `None` beyond 64 bits.
fn at_most(blobs: &[BlobToStore], n_shards: u16, prices: &Prices, epochs: u32) -> Option<u64> {
    blobs.iter().try_fold(0_u64, |sum, blob| {
        // One that cannot be read is told in its turn; a body too large for a blob has a plan of its own.
        let length = blob.data.length().unwrap_or(0);
        let size = encoded_blob_length(n_shards, length, EncodingType::RS2).ok()?;
        let storage = prices.storage_cost(size, epochs)?;
        sum.checked_add(storage.checked_add(prices.write_cost(size)?)?)
    })
}

/// What blobs must not cost more than, if they may.
pub(crate) struct Beforehand {
    owner: Address,
    /// FROST of the wallet.
    available: u64,
    /// FROST that the caller allows.
    max: Option<u64>,
}

impl Beforehand {
    /// Looks at the sizes of blobs; `None` if they can be paid whatever the wallet owns already. To look at that takes encoding all of
    /// them once more.
    ///
    /// # Errors
    /// [`ClientError::NoSigner`], and whatever reading the chain fails with.
    pub(crate) async fn of(
        client: &Client,
        options: &StoreOptions,
        blobs: &[BlobToStore],
    ) -> Result<Option<Self>, ClientError> {
        let owner = client.writer()?.address();
        let view = client.view().await?;
        let epochs = client.epochs_ahead(options.epochs, &view).await?;
        let available = client.reader().wal_balance(owner).await?;
        let max = options.max_cost;
        let limit = max.unwrap_or(u64::MAX).min(available);
        let (n_shards, prices) = (view.current.n_shards(), view.sales.prices);
        let most = at_most(blobs, n_shards, &prices, epochs);
        let beforehand = Self {
            owner,
            available,
            max,
        };
        Ok(most.is_none_or(|most| most > limit).then_some(beforehand))
    }

    /// Refuses what costs more than the caller allows, or than the wallet has.
    ///
    /// # Errors
    /// [`ClientError::TooExpensive`], [`ClientError::Transaction`].
    pub(crate) fn check(&self, planned: &[DryRun]) -> Result<(), ClientError> {
        let costs = planned.iter().map(|planned| planned.cost);
        let cost = costs.fold(0, u64::saturating_add);
        if let Some(max) = self.max.filter(|max| cost > *max) {
            return Err(ClientError::TooExpensive { cost, max });
        }
        if cost > self.available {
            let error = TransactionError::InsufficientFunds {
                owner: self.owner,
                coin: Coin::Wal,
                needed: cost,
                available: self.available,
            };
            return Err(transaction_error("registering the blobs", error));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_blob_pays_for_started_units_of_its_own() {
        let prices = Prices {
            storage_price_per_unit: 10,
            write_price_per_unit: 3,
        };
        let blob = BlobToStore::new("", vec![1; 100]);
        let one = at_most(std::slice::from_ref(&blob), 13, &prices, 5);
        assert_eq!(one, Some(53), "one MiB for five epochs");
        assert_eq!(at_most(&vec![blob; 7], 13, &prices, 5), Some(7 * 53));
        let dear = Prices {
            storage_price_per_unit: u64::MAX,
            ..prices
        };
        let blob = BlobToStore::new("", vec![1; 100]);
        assert_eq!(at_most(&[blob], 13, &dear, 2), None);
    }
}
