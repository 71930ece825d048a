/// The sizes of the deny lists of nodes that are away.
///
/// A node that is in neither of two committees earns nothing that its deny list could reduce, so the list is shed from the state that
/// every epoch change goes through. The node itself keeps its list and its sequence number. When it comes back, its list must
/// come back with it: else it would be paid as if it stored what it refuses to store, until it happens to change its list.
///
/// Invariants
/// 1. One entry per node, in ascending order of node IDs.
/// 2. At most `MAX_LISTS` entries, of which one epoch change adds at most `MAX_ADDED`, whatever strangers do: its transaction has little
///    room. The smallest lists, which matter least, go first.
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
const MAX_LISTS: u64 = 100;
/// The most lists that are kept of those that are shed together.
const MAX_ADDED: u64 = 20;

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

/// Keeps lists that are shed, of each node one: the first `MAX_ADDED` that are not empty.
#[allow(deprecated_usage)]
public(package) fun keep(sizes: &mut ExtendedField<VecMap<ID, u64>>, shed: vector<AbsentDenyList>) {
    let mut shed = shed.filter!(|list| list.size > 0);
    if (shed.is_empty()) return;
    while (shed.length() > MAX_ADDED) { shed.pop_back(); };
    if (!dynamic_field::exists_(sizes.id(), KEY)) {
        dynamic_field::add(sizes.id_mut(), KEY, vector<AbsentDenyList>[]);
    };
    shed.merge_sort_by!(|a, b| sort::key(&a.node_id) <= sort::key(&b.node_id));
    let lists: &mut vector<AbsentDenyList> = dynamic_field::borrow_mut(sizes.id_mut(), KEY);
    *lists = largest(merge(lists, &shed));
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

/// Both sorted lists as one; of a node that is in both, what `newer` has.
fun merge(older: &vector<AbsentDenyList>, newer: &vector<AbsentDenyList>): vector<AbsentDenyList> {
    let mut merged = vector[];
    let mut next = 0;
    newer.do_ref!(|list| {
        let key = sort::key(&list.node_id);
        while (next < older.length() && sort::key(&older[next].node_id) < key) {
            merged.push_back(older[next]);
            next = next + 1;
        };
        if (next < older.length() && older[next].node_id == list.node_id) next = next + 1;
        merged.push_back(*list);
    });
    while (next < older.length()) {
        merged.push_back(older[next]);
        next = next + 1;
    };
    merged
}

/// The `MAX_LISTS` largest lists, in the order they are in; of equals the last ones.
fun largest(lists: vector<AbsentDenyList>): vector<AbsentDenyList> {
    if (lists.length() <= MAX_LISTS) return lists;
    let surplus = lists.length() - MAX_LISTS;
    let mut sizes = lists.map_ref!(|list| list.size);
    sizes.merge_sort_by!(|a, b| *a <= *b);
    let limit = sizes[surplus - 1];
    let mut equals = surplus - sizes.count!(|size| *size < limit);
    lists.filter!(|list| {
        let goes = list.size < limit || (list.size == limit && equals > 0);
        if (list.size == limit && goes) equals = equals - 1;
        !goes
    })
}
