//! Balance changes: signed coin totals per address (devchain spec 2.9, last paragraph).

use std::collections::BTreeMap;

use sui_sdk_types::{Address, BalanceChange, Object, Owner, TypeTag};

use crate::changes::Changes;
use crate::inputs::{Inputs, coin_balance};

/// Coins written minus coins read, plus deposits into address balances.
pub(crate) fn compute(inputs: &Inputs, changes: &Changes) -> Vec<BalanceChange> {
    let mut totals: BTreeMap<(Address, TypeTag), i128> = BTreeMap::new();
    for object in changes.written.values() {
        add(&mut totals, object, 1);
    }
    let touched = changes
        .written
        .keys()
        .copied()
        .chain(changes.removed(inputs));
    for id in touched {
        if let Some(object) = changes.before(inputs, &id) {
            add(&mut totals, object, -1);
        }
    }
    for ((owner, coin_type), amount) in &changes.balances {
        *totals.entry((*owner, coin_type.clone())).or_default() += amount;
    }
    totals
        .into_iter()
        .filter(|(_, amount)| *amount != 0)
        .map(|((address, coin_type), amount)| BalanceChange {
            address,
            coin_type,
            amount,
        })
        .collect()
}

fn add(totals: &mut BTreeMap<(Address, TypeTag), i128>, object: &Object, sign: i128) {
    let Some(coin_type) = object
        .as_struct()
        .and_then(|value| value.object_type().is_coin())
    else {
        return;
    };
    let address = match object.owner() {
        Owner::Address(owner) | Owner::ConsensusAddress { owner, .. } => *owner,
        Owner::Object(parent) => *parent,
        _ => return,
    };
    if let Some(balance) = coin_balance(object) {
        *totals.entry((address, coin_type.clone())).or_default() += sign * i128::from(balance);
    }
}
