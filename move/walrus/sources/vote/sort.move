/// Ordering by node ID: ascending by the 32 address bytes read as a big-endian `u256`.
///
/// Committees on both sides of the protocol (BLS members, shard assignment) are kept in this order, which is what lets
/// clients use positions in one list as signer indices in the other.
///
/// Specification: contracts, sections 4.5 and 8.12.
module walrus::sort;

use sui::vec_map::{Self, VecMap};

// === Package Functions ===

/// A node ID as the number that orders nodes.
public(package) fun key(node_id: &ID): u256 {
    node_id.to_address().to_u256()
}

/// The positions of node IDs in ascending order.
public(package) fun by_node_id(node_ids: &vector<ID>): vector<u64> {
    ascending(&node_ids.map_ref!(|_| 0), &node_ids.map_ref!(|node_id| key(node_id)))
}

/// The positions of elements in ascending order of `keys`, among equal ones of `ties`. A merge sort from the bottom up: what the macro
/// of the standard library expands to takes twice the room in the package.
public(package) fun ascending(keys: &vector<u64>, ties: &vector<u256>): vector<u64> {
    let n = keys.length();
    let mut order = vector::tabulate!(n, |i| i);
    let mut width = 1;
    while (width < n) {
        let mut merged = vector[];
        let mut start = 0;
        while (start < n) {
            let (mut left, mut right) = (start, (start + width).min(n));
            let (middle, end) = (right, (right + width).min(n));
            while (left < middle || right < end) {
                let is_left = right == end || (left < middle && {
                    let (a, b) = (order[left], order[right]);
                    keys[a] < keys[b] || (keys[a] == keys[b] && ties[a] <= ties[b])
                });
                if (is_left) {
                    merged.push_back(order[left]);
                    left = left + 1;
                } else {
                    merged.push_back(order[right]);
                    right = right + 1;
                }
            };
            start = end;
        };
        order = merged;
        width = 2 * width;
    };
    order
}

// === Public Macros ===

/// Sorts a map keyed by node ID with insertion sort.
///
/// #### Parameters
/// - `$map`: the map, in any order.
///
/// #### Returns
/// The same entries, sorted by node ID. A map with fewer than two entries is returned as it is.
///
/// #### Aborts
/// Never.
public macro fun sort_vec_map_by_node_id<$V>($map: VecMap<ID, $V>): VecMap<ID, $V> {
    let map = $map;
    if (map.length() <= 1) {
        map
    } else {
        let (keys, values) = map.into_keys_values();
        let mut sorted_keys = vector<ID>[];
        let mut sorted_values = vector<$V>[];
        keys.zip_do!(values, |key, value| {
            let mut position = sorted_keys.length();
            while (
                position > 0 && sorted_keys[position - 1].to_address().to_u256() > key.to_address().to_u256()
            ) position = position - 1;
            sorted_keys.insert(key, position);
            sorted_values.insert(value, position);
        });
        vec_map::from_keys_values(sorted_keys, sorted_values)
    }
}

/// Whether a map keyed by node ID is sorted.
///
/// #### Parameters
/// - `$map`: the map to examine.
///
/// #### Returns
/// `true` if every key is smaller than the next one.
///
/// #### Aborts
/// Never.
public macro fun is_vec_map_sorted_by_node_id<$V>($map: &VecMap<ID, $V>): bool {
    let map = $map;
    let mut sorted = true;
    let mut i = 1;
    while (sorted && i < map.length()) {
        let (previous, _) = map.get_entry_by_idx(i - 1);
        let (current, _) = map.get_entry_by_idx(i);
        sorted = previous.to_address().to_u256() < current.to_address().to_u256();
        i = i + 1;
    };
    sorted
}
