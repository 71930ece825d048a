/// Keys that the next committee signs with although their nodes have announced others since.
///
/// `staking_inner::voting_end` collects the keys of the next committee. A key announced after that is for the epoch after the
/// next one: until then the node signs, in the committee and by its pool, with the key that was collected. So that the pool can
/// go back to it when it enters the epoch, it is remembered here with the first announcement after the vote.
///
/// Invariant: an entry is the collected key of a member of the selected committee; there are none before the vote has ended.
///
/// The keys lie in the dynamic field `b"superseded"` beside the collected ones, because the layout of the state is fixed.
///
/// Life cycle of an entry: from an announcement after the vote to the epoch change.
///
/// Specification: contracts, sections 7.10 and 7.12.
module walrus::superseded_keys;

use sui::bls12381::UncompressedG1;
use sui::dynamic_field;
use sui::group_ops::Element;
use sui::vec_map::{Self, VecMap};
use walrus::extended_field::ExtendedField;

// === Constants ===

/// Name of the dynamic field.
const KEY: vector<u8> = b"superseded";

// === Package Functions ===

/// Remembers the collected key of a node, unless an earlier announcement has done so. Aborts in `0x2::vec_map` when no key of the
/// node was collected.
#[allow(deprecated_usage)]
public(package) fun remember(
    collected: &mut ExtendedField<VecMap<ID, Element<UncompressedG1>>>,
    node_id: ID,
) {
    let public_key = *collected.borrow().get(&node_id);
    if (!dynamic_field::exists_(collected.id(), KEY)) {
        dynamic_field::add(collected.id_mut(), KEY, vec_map::empty<ID, Element<UncompressedG1>>());
    };
    let superseded: &mut VecMap<ID, Element<UncompressedG1>> =
        dynamic_field::borrow_mut(collected.id_mut(), KEY);
    if (!superseded.contains(&node_id)) superseded.insert(node_id, public_key);
}

/// Takes all entries out.
#[allow(deprecated_usage)]
public(package) fun take(
    collected: &mut ExtendedField<VecMap<ID, Element<UncompressedG1>>>,
): VecMap<ID, Element<UncompressedG1>> {
    if (dynamic_field::exists_(collected.id(), KEY)) dynamic_field::remove(collected.id_mut(), KEY)
    else vec_map::empty()
}
