/// Signing keys: which node uses, or has used, which BLS key, and with which one the next committee signs.
///
/// *Claims.* Two nodes with one key would count the same signer twice. A key is claimed with a proof of possession that names the
/// sender, so nobody can claim the key of somebody else. Claims are never given up: a node may return to a key it had, others may
/// not take it over, because signatures made with it remain.
///
/// *Superseded keys.* `staking_inner::voting_end` collects the keys of the next committee. A key announced after that is for the epoch
/// after the next one: until then the node signs, in the committee and by its pool, with the key that was collected. So that the pool
/// can go back to it when it enters the epoch, it is remembered here with the first announcement after the vote.
///
/// Invariants
/// 1. Every key that a node registered or set for its next epoch since the registry of claims exists belongs to that node only.
///    Keys are compared in their compressed form, of which a point has exactly one.
/// 2. A superseded key is the collected key of a member of the selected committee; there are none before the vote has ended.
///
/// The registry is the dynamic field `b"signing_keys"` of `Staking`, and superseded keys lie in the dynamic field `b"superseded"` beside the
/// collected ones, because the layout of the state is fixed. Keys registered before the registry existed are not in it.
///
/// Life cycle of a claim: made at registration or when a node announces its next key; never removed. Of a superseded key: from an
/// announcement after the vote to the epoch change.
///
/// Specification: contracts, sections 7.10 and 7.12 and section 13, number 19.
module walrus::signing_keys;

use sui::bls12381::UncompressedG1;
use sui::dynamic_field;
use sui::group_ops::Element;
use sui::table::{Self, Table};
use sui::vec_map::{Self, VecMap};
use walrus::extended_field::ExtendedField;

// === Errors ===

/// Another node has the key.
const EKeyInUse: u64 = 0;

// === Constants ===

/// Name of the dynamic field of `Staking` with the claims.
const KEY: vector<u8> = b"signing_keys";
/// Name of the dynamic field with the superseded keys.
const SUPERSEDED_KEY: vector<u8> = b"superseded";

// === Package Functions ===

/// Records that a node uses a key, a compressed G1 point whose possession is proven. Aborts `EKeyInUse` (0).
#[allow(deprecated_usage)]
public(package) fun claim(
    staking: &mut UID,
    public_key: vector<u8>,
    node_id: ID,
    ctx: &mut TxContext,
) {
    if (!dynamic_field::exists_(staking, KEY)) {
        dynamic_field::add(staking, KEY, table::new<vector<u8>, ID>(ctx));
    };
    let owners: &mut Table<vector<u8>, ID> = dynamic_field::borrow_mut(staking, KEY);
    if (owners.contains(public_key)) {
        assert!(owners[public_key] == node_id, EKeyInUse);
    } else {
        owners.add(public_key, node_id);
    }
}

/// Remembers the collected key of a node, unless an earlier announcement has done so. Aborts in `0x2::vec_map` when no key of the
/// node was collected.
#[allow(deprecated_usage)]
public(package) fun keep_superseded(
    collected: &mut ExtendedField<VecMap<ID, Element<UncompressedG1>>>,
    node_id: ID,
) {
    let public_key = *collected.borrow().get(&node_id);
    let mut superseded = take_superseded(collected);
    if (!superseded.contains(&node_id)) superseded.insert(node_id, public_key);
    dynamic_field::add(collected.id_mut(), SUPERSEDED_KEY, superseded);
}

/// Takes all superseded keys out.
#[allow(deprecated_usage)]
public(package) fun take_superseded(
    collected: &mut ExtendedField<VecMap<ID, Element<UncompressedG1>>>,
): VecMap<ID, Element<UncompressedG1>> {
    if (dynamic_field::exists_(collected.id(), SUPERSEDED_KEY)) dynamic_field::remove(collected.id_mut(), SUPERSEDED_KEY)
    else vec_map::empty()
}
