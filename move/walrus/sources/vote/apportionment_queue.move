/// Max-heap for the apportionment of shards, ordered by priority and, among equal priorities, by a tie-breaker.
///
/// Invariant: no entry is larger than its parent; the children of entry `i` are `2i + 1` and `2i + 2`.
///
/// Life cycle: a queue lives within one apportionment and is never stored.
///
/// Specification: contracts, sections 8.3 and 8.12.
module walrus::apportionment_queue;

use std::uq64_64::UQ64_64;

// === Errors ===

/// The queue is empty.
const EPopFromEmptyHeap: u64 = 0;

// === Structs ===

/// The queue.
public struct ApportionmentQueue<T> has drop {
    entries: vector<Entry<T>>,
}

/// One value with what it is ordered by.
public struct Entry<T> has drop {
    priority: UQ64_64,
    tie_breaker: u64,
    value: T,
}

// === Constructors ===

/// Creates a queue.
///
/// #### Returns
/// A queue without entries.
///
/// #### Aborts
/// Never.
public fun new<T>(): ApportionmentQueue<T> {
    ApportionmentQueue { entries: vector[] }
}

// === Public Functions ===

/// Removes the largest entry.
///
/// #### Parameters
/// - `pq`: the queue.
///
/// #### Returns
/// Priority, tie-breaker and value of the entry with the highest priority; the highest tie-breaker among equal ones.
///
/// #### Aborts
/// - `EPopFromEmptyHeap` (0): the queue is empty.
public fun pop_max<T>(pq: &mut ApportionmentQueue<T>): (UQ64_64, u64, T) {
    assert!(!pq.entries.is_empty(), EPopFromEmptyHeap);
    let Entry { priority, tie_breaker, value } = pq.entries.swap_remove(0);
    pq.sift_down();
    (priority, tie_breaker, value)
}

/// Adds an entry.
///
/// #### Parameters
/// - `pq`: the queue.
/// - `priority`: larger ones leave the queue first.
/// - `tie_breaker`: among equal priorities, larger ones leave the queue first.
/// - `value`: what to keep.
///
/// #### Aborts
/// Never.
public fun insert<T>(
    pq: &mut ApportionmentQueue<T>,
    priority: UQ64_64,
    tie_breaker: u64,
    value: T,
) {
    pq.entries.push_back(Entry { priority, tie_breaker, value });
    let mut child = pq.entries.length() - 1;
    while (child > 0) {
        let parent = (child - 1) / 2;
        if (!pq.is_larger(child, parent)) break;
        pq.entries.swap(child, parent);
        child = parent;
    }
}

// === Private Functions ===

/// Moves the first entry down until no child is larger.
fun sift_down<T>(self: &mut ApportionmentQueue<T>) {
    let length = self.entries.length();
    let mut parent = 0;
    loop {
        let left = 2 * parent + 1;
        if (left >= length) break;
        let right = left + 1;
        let child = if (right < length && self.is_larger(right, left)) right else left;
        if (!self.is_larger(child, parent)) break;
        self.entries.swap(child, parent);
        parent = child;
    }
}

/// Whether entry `a` is larger than entry `b`.
fun is_larger<T>(self: &ApportionmentQueue<T>, a: u64, b: u64): bool {
    let (a, b) = (&self.entries[a], &self.entries[b]);
    a.priority.gt(b.priority) || (a.priority == b.priority && a.tie_breaker > b.tie_breaker)
}
