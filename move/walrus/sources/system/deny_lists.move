/// Sizes of the nodes' deny lists, which reduce what the nodes earn, and those of nodes that are away.
///
/// A node that is in neither of two committees earns nothing that its deny list could reduce, so the list is shed from the state that
/// every epoch change goes through. The node itself keeps its list and its sequence number. When it comes back, its list must
/// come back with it: else it would be paid as if it stored what it refuses to store, until it happens to change its list.
///
/// Invariants of the lists that were shed
/// 1. One entry per node: who has an entry is no member, and only members have a list to shed.
/// 2. At most `MAX_LISTS` entries, of which one epoch change adds at most `MAX_ADDED`, whatever strangers do: its transaction has little
///    room. The smallest lists, which matter least, go first.
///
/// They are the dynamic field `b"absent"` beside the recorded sizes, because the layout of the state is fixed. It exists while there are
/// any.
///
/// Life cycle of an entry: from the epoch change at which a node's list is shed to the one at which the node is a member again.
///
/// Specification: contracts, section 8.7 and section 13, number 11.
module walrus::deny_lists;

use sui::dynamic_field;
use sui::vec_map::{Self, VecMap};
use walrus::bls_aggregate::BlsCommittee;
use walrus::extended_field::ExtendedField;

// === Constants ===

/// Name of the dynamic field.
const KEY: vector<u8> = b"absent";
/// The most lists; 40 bytes each.
const MAX_LISTS: u64 = 100;
/// The most lists that are kept of those that are shed together.
const MAX_ADDED: u64 = 20;

// === Package Functions ===

/// Records the size of a node's deny list.
public(package) fun set_size(sizes: &mut VecMap<ID, u64>, node_id: ID, size: u64) {
    if (sizes.contains(&node_id)) {
        *sizes.get_mut(&node_id) = size;
    } else {
        sizes.insert(node_id, size);
    }
}

/// Takes up the lists of nodes that are back, members of `committee`, into `sizes`, and sheds those of nodes that are neither in it nor
/// in the committee before, `previous`.
#[allow(deprecated_usage)]
public(package) fun exchange(
    sizes: &mut ExtendedField<VecMap<ID, u64>>,
    committee: &BlsCommittee,
    previous: &BlsCommittee,
) {
    let mut absent: VecMap<ID, u64> =
        if (dynamic_field::exists_(sizes.id(), KEY)) dynamic_field::remove(sizes.id_mut(), KEY)
        else vec_map::empty();
    let present = sizes.borrow_mut();
    let mut i = 0;
    while (i < absent.length()) {
        let (node_id, _) = absent.get_entry_by_idx(i);
        if (committee.contains(node_id)) {
            let (node_id, size) = absent.remove_entry_by_idx(i);
            set_size(present, node_id, size);
        } else i = i + 1;
    };
    // As long as there are not more lists than members the search is not worth its cost.
    if (present.length() > committee.n_members()) shed(present, &mut absent, committee, previous);
    if (!absent.is_empty()) dynamic_field::add(sizes.id_mut(), KEY, absent);
}

// === Private Functions ===

/// Moves lists from `present` to `absent`; of those that are not empty the first `MAX_ADDED`.
fun shed(
    present: &mut VecMap<ID, u64>,
    absent: &mut VecMap<ID, u64>,
    committee: &BlsCommittee,
    previous: &BlsCommittee,
) {
    let mut added = 0;
    let mut i = 0;
    while (i < present.length()) {
        let (node_id, _) = present.get_entry_by_idx(i);
        if (committee.contains(node_id) || previous.contains(node_id)) {
            i = i + 1;
        } else {
            let (node_id, size) = present.remove_entry_by_idx(i);
            if (size > 0 && added < MAX_ADDED) {
                set_size(absent, node_id, size);
                added = added + 1;
            }
        }
    };
    while (absent.length() > MAX_LISTS) {
        let (mut smallest, mut least) = (0, std::u64::max_value!());
        absent.length().do!(|i| {
            let (_, size) = absent.get_entry_by_idx(i);
            if (*size < least) {
                smallest = i;
                least = *size;
            }
        });
        absent.remove_entry_by_idx(smallest);
    }
}

// === Test-Only Functions ===

/// The nodes whose lists are kept, and the sizes in encoded bytes.
#[test_only]
public fun absent(sizes: &ExtendedField<VecMap<ID, u64>>): (vector<ID>, vector<u64>) {
    if (!dynamic_field::exists_with_type<_, VecMap<ID, u64>>(sizes.id(), KEY)) return (vector[], vector[]);
    (*dynamic_field::borrow<_, VecMap<ID, u64>>(sizes.id(), KEY)).into_keys_values()
}
