/// The sizes of the deny lists of nodes that are away.
///
/// A node that is in neither of two committees earns nothing that its deny list could reduce, so the list is shed from the state that
/// every epoch change goes through. The node itself keeps its list and its sequence number. When it comes back, its list must
/// come back with it: else it would be paid as if it stored what it refuses to store, until it happens to change its list.
///
/// Invariants
/// 1. One entry per node, in ascending order of node IDs.
/// 2. At most `MAX_LISTS` entries; the smallest lists, which matter least, go first.
///
/// The lists are the dynamic field `b"absent"` beside the recorded sizes, because the layout of the state is fixed. It is created
/// with the first list that is shed.
///
/// Life cycle of an entry: from the epoch change at which a node's list is shed to the one at which the node is a member again.
///
/// Specification: contracts, section 8.7 and section 13, number 11.
module walrus::absent_deny_lists;

use sui::dynamic_field;
use sui::vec_map::VecMap;
use walrus::bls_aggregate::BlsCommittee;
use walrus::extended_field::ExtendedField;
use walrus::sort;

// === Constants ===

/// Name of the dynamic field.
const KEY: vector<u8> = b"absent";
/// The most lists; 40 bytes each.
const MAX_LISTS: u64 = 1000;

// === Structs ===

/// The deny list of a node, with its size in encoded bytes.
public struct AbsentDenyList has copy, drop, store {
    node_id: ID,
    size: u64,
}

// === Constructors ===

/// The deny list of a node.
public(package) fun new(node_id: ID, size: u64): AbsentDenyList {
    AbsentDenyList { node_id, size }
}

// === Package Functions ===

/// The node, and the size of its list in encoded bytes.
public(package) fun parts(list: &AbsentDenyList): (ID, u64) {
    (list.node_id, list.size)
}

/// Keeps lists that are shed.
#[allow(deprecated_usage)]
public(package) fun keep(sizes: &mut ExtendedField<VecMap<ID, u64>>, shed: vector<AbsentDenyList>) {
    if (shed.is_empty()) return;
    if (!dynamic_field::exists_(sizes.id(), KEY)) {
        dynamic_field::add(sizes.id_mut(), KEY, vector<AbsentDenyList>[]);
    };
    let lists: &mut vector<AbsentDenyList> = dynamic_field::borrow_mut(sizes.id_mut(), KEY);
    shed.do!(|list| {
        let position = position(lists, &list.node_id);
        if (position < lists.length() && lists[position].node_id == list.node_id) {
            *&mut lists[position] = list;
            return
        };
        lists.insert(list, position);
        if (lists.length() > MAX_LISTS) drop_smallest(lists);
    })
}

/// Takes out the lists of the members of `committee`, by one merge of the two sorted lists.
#[allow(deprecated_usage)]
public(package) fun take(
    sizes: &mut ExtendedField<VecMap<ID, u64>>,
    committee: &BlsCommittee,
): vector<AbsentDenyList> {
    if (!dynamic_field::exists_(sizes.id(), KEY)) return vector[];
    let lists: &vector<AbsentDenyList> = dynamic_field::borrow(sizes.id(), KEY);
    let (mut absent, mut back) = (vector[], vector[]);
    let members = committee.members();
    let mut next = 0;
    lists.do_ref!(|list| {
        let key = sort::key(&list.node_id);
        while (next < members.length() && sort::key(&members[next].node_id()) < key) next = next + 1;
        if (next < members.length() && members[next].node_id() == list.node_id) back.push_back(*list)
        else absent.push_back(*list);
    });
    if (!back.is_empty()) *dynamic_field::borrow_mut(sizes.id_mut(), KEY) = absent;
    back
}

// === Private Functions ===

/// The number of lists of nodes with smaller IDs.
fun position(lists: &vector<AbsentDenyList>, node_id: &ID): u64 {
    let key = sort::key(node_id);
    let (mut low, mut high) = (0, lists.length());
    while (low < high) {
        let middle = (low + high) / 2;
        if (sort::key(&lists[middle].node_id) < key) low = middle + 1 else high = middle;
    };
    low
}

/// Drops the first of the smallest lists.
fun drop_smallest(lists: &mut vector<AbsentDenyList>) {
    let mut smallest = 0;
    lists.length().do!(|i| if (lists[i].size < lists[smallest].size) smallest = i);
    lists.remove(smallest);
}
