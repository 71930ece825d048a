//! Coins whose balance is known without asking: those that the transaction before has left.

use std::sync::{Arc, Mutex, PoisonError};

use sui_sdk_types::ObjectReference;

use crate::{
    chain::{CoinObject, ObjectData},
    limits,
};

/// A few coins as they were seen last. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownCoins(Arc<Mutex<Vec<CoinObject>>>);

impl KnownCoins {
    /// Notes the coins among the objects that a transaction left. Which coin a reference names follows from its digest.
    pub(super) fn note(&self, objects: &[ObjectData]) {
        let coins = objects.iter().filter(|object| object.is_coin());
        let coins = coins.filter_map(|object| object.as_coin().ok());
        self.remember(coins);
    }

    pub(super) fn remember(&self, coins: impl IntoIterator<Item = CoinObject>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(coins);
        let surplus = known.len().saturating_sub(limits::KNOWN_COINS);
        known.drain(..surplus);
    }

    /// The balance of a coin at this version.
    pub(super) fn balance(&self, reference: &ObjectReference) -> Option<u64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = known.iter();
        let coin = known.find(|coin| coin.reference == *reference)?;
        Some(coin.balance)
    }
}
