//! Overlay: the indexes plus transactions that are executed and not yet committed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sui_devchain_executor::{ObjectStore, Outcome};
use sui_sdk_types::{Address, Object, TypeTag};

use super::Indexes;

/// A copy-on-write view for building a checkpoint, or for a simulation at the current time.
#[derive(Debug)]
pub(crate) struct Overlay<'a> {
    base: &'a Indexes,
    live: HashMap<Address, Option<Arc<Object>>>,
    balances: BTreeMap<(Address, TypeTag), u128>,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(base: &'a Indexes) -> Self {
        Self {
            base,
            live: HashMap::new(),
            balances: BTreeMap::new(),
        }
    }

    /// Makes the effects of a transaction visible.
    pub(crate) fn apply(&mut self, outcome: &Outcome) {
        for (id, object) in &outcome.written {
            self.live.insert(*id, Some(Arc::new(object.clone())));
        }
        for id in &outcome.removed {
            self.live.insert(*id, None);
        }
        for change in &outcome.address_balance_changes {
            let before = self.address_balance(&change.owner, &change.coin_type);
            self.balances.insert(
                (change.owner, change.coin_type.clone()),
                before.saturating_add_signed(change.amount),
            );
        }
    }
}

impl ObjectStore for Overlay<'_> {
    fn latest(&self, id: &Address) -> Option<Arc<Object>> {
        match self.live.get(id) {
            Some(object) => object.clone(),
            None => self.base.latest(id),
        }
    }

    fn address_balance(&self, owner: &Address, coin_type: &TypeTag) -> u128 {
        self.balances
            .get(&(*owner, coin_type.clone()))
            .copied()
            .unwrap_or_else(|| self.base.address_balance(owner, coin_type))
    }
}
