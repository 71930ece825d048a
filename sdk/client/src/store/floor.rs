//! Cost floor: what blobs cost at least, by the blob IDs that are known so far. So that a store which is too expensive is refused before
//! all of it is encoded.

use std::collections::HashSet;

use walrus_core::BlobId;
use walrus_sui::contract::Prices;

use super::{Store, stage::Described};
use crate::{ClientError, StoreOptions, limits};

/// What must not be exceeded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CostLimit {
    /// FROST of the wallet.
    pub(crate) available: u64,
    /// FROST that the caller allows.
    pub(crate) max: u64,
}

impl CostLimit {
    /// The refusal of what costs so much at least.
    fn check(self, cost: u64, blobs: usize) -> Result<(), ClientError> {
        let Self { available, max } = self;
        if cost > max {
            return Err(ClientError::TooExpensive { cost, max });
        }
        if cost > available {
            let reason = format!("the first {blobs} parts alone cost that much");
            return Err(ClientError::CannotPay {
                cost,
                available,
                reason,
            });
        }
        Ok(())
    }
}

/// Adds up what blobs cost at least.
pub(super) struct CostFloor {
    limit: CostLimit,
    prices: Prices,
    epochs: u32,
    /// Whether nodes may have a blob for long enough already.
    may_be_stored: bool,
    /// Blobs that cost nothing more: of the wallet, or met before.
    free: HashSet<BlobId>,
    /// FROST that the storage of the wallet would cost, at most.
    owned: u64,
    /// Bytes of those that are to be paid.
    encoded: u64,
    blobs: usize,
}

impl CostFloor {
    /// The floor of a store that has begun.
    pub(super) async fn of(store: &Store<'_>, limit: CostLimit) -> Result<Self, ClientError> {
        let (prices, epochs) = (store.prices(), store.epochs_ahead);
        let owned = store.owned().await?;
        let sizes = owned.storage.iter().map(|owned| owned.storage.storage_size);
        let worth = sizes.map(|size| prices.storage_cost(size, epochs).unwrap_or(u64::MAX));
        let StoreOptions {
            check_status,
            deletable,
            ..
        } = store.options;
        Ok(Self {
            limit,
            prices,
            epochs,
            may_be_stored: *check_status && !deletable,
            free: owned.blobs.iter().map(|blob| blob.blob_id).collect(),
            owned: worth.fold(0, u64::saturating_add),
            encoded: 0,
            blobs: 0,
        })
    }

    /// Adds a blob.
    ///
    /// # Errors
    /// [`ClientError::TooExpensive`], [`ClientError::CannotPay`] once all so far cost more than they may, whatever follows.
    pub(super) async fn add(
        &mut self,
        store: &Store<'_>,
        blob: &Described,
    ) -> Result<(), ClientError> {
        self.blobs = self.blobs.saturating_add(1);
        let blob_id = blob.identity.blob_id;
        if !self.free.insert(blob_id) || self.is_stored(store, &blob_id).await {
            return Ok(());
        }
        self.encoded = self.encoded.saturating_add(blob.encoded_size);
        self.limit.check(self.cost(), self.blobs)
    }

    /// What is not owned, and the writes: together, as blobs that are registered together share started units.
    fn cost(&self) -> u64 {
        let storage = self.prices.storage_cost(self.encoded, self.epochs);
        let write = self.prices.write_cost(self.encoded);
        let storage = storage.unwrap_or(u64::MAX).saturating_sub(self.owned);
        storage.saturating_add(write.unwrap_or(u64::MAX))
    }

    /// Whether the network may have a blob, so that it need not be paid for. What is not found out counts as if it had.
    async fn is_stored(&self, store: &Store<'_>, blob_id: &BlobId) -> bool {
        if !self.may_be_stored {
            return false;
        }
        let status = store.client.blob_status(blob_id, limits::STATUS_TIMEOUT);
        let status = status.await;
        status.map_or(true, |status| status.initial_certified_epoch().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(owned: u64, max: u64) -> CostFloor {
        CostFloor {
            limit: CostLimit {
                available: 1_000,
                max,
            },
            prices: Prices {
                storage_price_per_unit: 10,
                write_price_per_unit: 3,
            },
            epochs: 5,
            may_be_stored: false,
            free: HashSet::new(),
            owned,
            encoded: 0,
            blobs: 0,
        }
    }

    #[test]
    fn what_is_owned_is_not_paid_and_units_are_shared() {
        let mut some = floor(0, u64::MAX);
        some.encoded = (3 << 20) / 2;
        assert_eq!(some.cost(), 2 * 53);
        some.owned = 60;
        assert_eq!(some.cost(), 2 * 53 - 60);
        some.owned = 1_000;
        assert_eq!(some.cost(), 6);
        some.encoded = u64::MAX;
        some.prices.storage_price_per_unit = u64::MAX;
        assert_eq!(some.cost(), u64::MAX);
    }

    #[test]
    fn the_refusal_says_which_limit_it_is() {
        let limit = floor(0, 500).limit;
        assert!(limit.check(500, 1).is_ok());
        let error = limit.check(501, 1).unwrap_err();
        assert!(matches!(
            error,
            ClientError::TooExpensive {
                cost: 501,
                max: 500
            }
        ));
        let error = floor(0, u64::MAX)
            .limit
            .check(1_001, 2)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("first 2 parts") && error.contains("1000"),
            "{error}"
        );
    }
}
