/// Apportionment, how many shards each node gets for its stake: the D'Hondt (Jefferson) method with a cap per node, started from a
/// Hagenbach-Bischoff assignment so that only few shards are left to hand out one by one.
///
/// Invariants
/// 1. The counts sum up to the number of shards.
/// 2. No count exceeds the cap: a tenth of the shards from 20 nodes on, twice the average share below, one shard at least. The
///    caps never leave a shard over.
///
/// Keeps no state: what a call needs lives as long as the call.
///
/// Specification: contracts, section 8.3.
module walrus::apportionment;

use std::uq64_64::{Self, UQ64_64};
use walrus::apportionment_queue;

// === Constants ===

/// From this number of nodes on, the cap does not depend on the number of nodes.
const MIN_NODES_FOR_SHARDS_LIMIT: u64 = 20;
/// The cap is this fraction of the shards.
const SHARDS_LIMIT_DENOMINATOR: u64 = 10;

// === Package Functions ===

/// The number of shards for each of `stakes`, in the same order; among equal quotients the earlier node wins. The sum of the
/// stakes must not be zero.
public(package) fun shards_per_node(stakes: &vector<u64>, n_shards: u16): vector<u16> {
    let n_nodes = stakes.length();
    let n_shards = n_shards as u64;
    let max_shards = max_shards_per_node(n_nodes, n_shards);
    let mut total_stake = 0u128;
    stakes.do_ref!(|stake| total_stake = total_stake + (*stake as u128));
    let quota = (total_stake / ((n_shards as u128) + 1) + 1) as u64;

    let mut assigned = 0;
    let mut shards = vector[];
    let mut queue = apportionment_queue::new<u64>();
    n_nodes.do!(|i| {
        let count = (stakes[i] / quota).min(max_shards);
        if (count != max_shards) queue.insert(quotient(stakes[i], count), n_nodes - i, i);
        shards.push_back(count as u16);
        assigned = assigned + count;
    });

    while (assigned != n_shards) {
        let (_, tie_breaker, i) = queue.pop_max();
        let count = (shards[i] as u64) + 1;
        *&mut shards[i] = count as u16;
        if (count != max_shards) queue.insert(quotient(stakes[i], count), tie_breaker, i);
        assigned = assigned + 1;
    };
    shards
}

/// The largest number of shards one of `n_nodes` nodes may hold. One shard at least: where there are less than 10, a tenth of
/// them is none, and nobody could hold any.
#[allow(deprecated_usage)]
public(package) fun max_shards_per_node(n_nodes: u64, n_shards: u64): u64 {
    if (n_nodes >= MIN_NODES_FOR_SHARDS_LIMIT) (n_shards / SHARDS_LIMIT_DENOMINATOR).max(1)
    else (MIN_NODES_FOR_SHARDS_LIMIT * n_shards).divide_and_round_up(
        SHARDS_LIMIT_DENOMINATOR * n_nodes,
    )
}

// === Private Functions ===

/// What a node with `count` shards offers for one more.
fun quotient(stake: u64, count: u64): UQ64_64 {
    uq64_64::from_quotient(stake as u128, (count as u128) + 1)
}
