//! Object store, as the executor reads it: live objects by id, and address balances.

use std::collections::BTreeMap;
use std::sync::Arc;

use sui_sdk_types::{Address, Object, TypeTag};

use crate::outcome::Outcome;

/// The state of the chain as the executor sees it. Implementations are consistent for the duration
/// of one call: the ledger has a single writer.
pub trait ObjectStore {
    /// The newest version of a live object. `None` for an id that never existed, was deleted or is
    /// wrapped at the moment.
    fn latest(&self, id: &Address) -> Option<Arc<Object>>;

    /// The address balance of `owner` in coin type `coin_type` (the `T` of `Balance<T>`), in the
    /// smallest unit (devchain spec 2.6). Chains without address balances keep the default.
    fn address_balance(&self, owner: &Address, coin_type: &TypeTag) -> u128 {
        let _ = (owner, coin_type);
        0
    }
}

/// A store in memory. Used by genesis, by tests and by tools.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    live: BTreeMap<Address, Arc<Object>>,
    balances: BTreeMap<(Address, TypeTag), u128>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an object in as the newest version of its id.
    pub fn insert(&mut self, object: Object) {
        self.live.insert(object.object_id(), Arc::new(object));
    }

    /// Applies what a transaction wrote and removed, and its address balance changes. A withdrawal
    /// above the balance leaves zero.
    pub fn apply(&mut self, outcome: &Outcome) {
        for object in outcome.written.values() {
            self.insert(object.clone());
        }
        for id in &outcome.removed {
            self.live.remove(id);
        }
        for change in &outcome.address_balance_changes {
            let balance = self
                .balances
                .entry((change.owner, change.coin_type.clone()))
                .or_default();
            *balance = balance.saturating_add_signed(change.amount);
        }
    }

    /// The live objects in id order.
    pub fn live(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.live.values()
    }
}

impl ObjectStore for MemoryStore {
    fn latest(&self, id: &Address) -> Option<Arc<Object>> {
        self.live.get(id).cloned()
    }

    fn address_balance(&self, owner: &Address, coin_type: &TypeTag) -> u128 {
        self.balances
            .get(&(*owner, coin_type.clone()))
            .copied()
            .unwrap_or_default()
    }
}
