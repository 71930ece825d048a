/// Which node uses, or has used, which BLS key.
///
/// Two nodes with one key would count the same signer twice. A key is claimed with a proof of possession that names the sender, so
/// nobody can claim the key of somebody else. Claims are never given up: a node may return to a key it had, others may not
/// take it over, because signatures made with it remain.
///
/// Invariant: every key that a node registered or set for its next epoch since this registry exists belongs to that node only.
/// Keys are compared in their compressed form, of which a point has exactly one.
///
/// The registry is the dynamic field `b"signing_keys"` of `Staking`, because the layout of the state is fixed. Keys registered
/// before it existed are not in it.
///
/// Life cycle of a claim: made at registration or when a node announces its next key; never removed.
///
/// Specification: contracts, section 13, number 19.
module walrus::signing_keys;

use sui::dynamic_field;
use sui::table::{Self, Table};

// === Errors ===

/// Another node has the key.
const EKeyInUse: u64 = 0;

// === Constants ===

/// Name of the dynamic field.
const KEY: vector<u8> = b"signing_keys";

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
