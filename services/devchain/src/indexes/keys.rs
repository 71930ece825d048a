//! Ordering keys.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use sui_sdk_types::framework::Coin;
use sui_sdk_types::{Address, Object, ObjectType, Owner};

/// Orders what an address owns: by type, then largest balance first, then id. Coin selection of
/// clients trusts this order (devchain spec 1.3). Page tokens are its BCS form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct OwnedKey {
    pub(crate) owner: Address,
    pub(crate) object_type: String,
    pub(crate) balance: Reverse<u64>,
    pub(crate) id: Address,
}

impl OwnedKey {
    /// The first possible key of an owner.
    pub(crate) fn first(owner: Address) -> Self {
        Self::first_of_type(owner, String::new())
    }

    /// The first possible key of an owner and any type that starts with this text.
    pub(crate) fn first_of_type(owner: Address, object_type: String) -> Self {
        Self {
            owner,
            object_type,
            balance: Reverse(u64::MAX),
            id: Address::ZERO,
        }
    }

    /// The key of an object; `None` if no address owns it.
    pub(crate) fn of(object: &Object) -> Option<Self> {
        let owner = match object.owner() {
            Owner::Address(owner) | Owner::ConsensusAddress { owner, .. } => *owner,
            _ => return None,
        };
        let ObjectType::Struct(object_type) = object.object_type() else {
            return None;
        };
        Some(Self {
            owner,
            object_type: object_type.to_string(),
            balance: Reverse(Coin::try_from_object(object).map_or(0, |coin| coin.balance())),
            id: object.object_id(),
        })
    }
}

/// The `Coin<T>` view of an object.
pub(crate) fn coin_of(object: &Object) -> Option<Coin<'_>> {
    Coin::try_from_object(object)
}
