//! Limit tests: the bounds of what a transaction leaves behind, at their edges.
#![allow(clippy::unwrap_used)]

use sui_sdk_types::{Address, Digest, ExecutionError, Owner, StructTag};

use super::settle::check_limits;
use super::{object_bytes, unit_limit};
use crate::changes::{Changes, move_object};
use crate::inputs::Inputs;
use crate::limits::*;
use crate::stamp::Stamp;

/// New objects with contents of these lengths.
fn written(lengths: impl IntoIterator<Item = usize>) -> Changes {
    let stamp = Stamp {
        version: 1,
        digest: Digest::ZERO,
    };
    let mut changes = Changes::default();
    for (number, length) in lengths.into_iter().enumerate() {
        let mut contents = vec![0; length];
        let (id, _) = contents.split_at_mut(8);
        id.copy_from_slice(&(number as u64).to_be_bytes());
        let owner = Owner::Address(Address::ZERO);
        let object = move_object(StructTag::gas_coin(), true, contents, owner, stamp).unwrap();
        changes.written.insert(object.object_id(), object);
    }
    changes
}

fn refusal(changes: Changes) -> Option<ExecutionError> {
    let checked = check_limits(changes, &Inputs::none());
    checked.err().map(|failure| *failure.error)
}

#[test]
fn an_object_is_so_large() {
    let largest = MAX_OBJECT_BYTES as usize;
    assert_eq!(refusal(written([largest])), None);
    assert_eq!(
        refusal(written([largest + 1])),
        Some(ExecutionError::ObjectTooBig {
            object_size: MAX_OBJECT_BYTES + 1,
            max_object_size: MAX_OBJECT_BYTES,
        })
    );
}

#[test]
fn all_written_objects_are_so_large() {
    let large = 250_000;
    let others = vec![large; 19];
    let bytes = |changes: &Changes| changes.written.values().map(object_bytes).sum::<u64>();
    let (taken, envelope) = (
        bytes(&written(others.clone())),
        bytes(&written([large])) - large as u64,
    );
    let rest = (MAX_WRITTEN_BYTES - taken - envelope) as usize;
    let with = |length| written(others.iter().copied().chain([length]));
    assert_eq!(bytes(&with(rest)), MAX_WRITTEN_BYTES);
    assert_eq!(refusal(with(rest)), None);
    assert_eq!(
        refusal(with(rest + 1)),
        Some(ExecutionError::WrittenObjectsTooLarge {
            object_size: MAX_WRITTEN_BYTES + 1,
            max_object_size: MAX_WRITTEN_BYTES,
        })
    );
}

#[test]
fn effects_are_so_large() {
    // 2000 bytes, and 128 for every new object.
    let most = (MAX_EFFECTS_BYTES - 2000) / 128;
    let objects = |count: u64| written((0..count).map(|_| 32));
    assert_eq!(refusal(objects(most)), None);
    assert_eq!(
        refusal(objects(most + 1)),
        Some(ExecutionError::EffectsTooLarge {
            current_size: 2000 + 128 * (most + 1),
            max_size: MAX_EFFECTS_BYTES,
        })
    );
}

#[test]
fn a_budget_buys_so_many_units() {
    for price in [1, 1000, GAS_PRICE_BOUND - 1] {
        let most = MAX_GAS_UNITS * price;
        assert_eq!(unit_limit(most - price, price), MAX_GAS_UNITS - 1);
        assert_eq!(unit_limit(most, price), MAX_GAS_UNITS);
        assert_eq!(unit_limit(most + price, price), MAX_GAS_UNITS);
    }
}
