/// A queue in a `Bag`, filled in batches and emptied by a bounded number of elements at a time.
///
/// One field per batch: however long the queue gets, adding touches two objects, and taking `n` elements at most `n` more. A
/// single vector would grow until it outgrows an object.
///
/// Invariants
/// 1. The batches `first`, `first + 1`, …, `end - 1` are in the bag, and none of them is empty.
/// 2. Within a batch the last element is the next one.
///
/// Life cycle: made by the first batch, gone with the last element.
module walrus_subsidies::batch_queue;

use sui::bag::Bag;

// === Structs ===

/// Key of the [`Ends`] of the queue.
public struct EndsKey() has copy, drop, store;

/// Key of a batch.
public struct BatchKey(u64) has copy, drop, store;

/// The numbers of the first batch and of the one that will be added next.
public struct Ends has copy, drop, store {
    first: u64,
    end: u64,
}

// === Package Functions ===

/// Adds a batch at the end, to be taken in order.
public(package) fun add<T: store>(fields: &mut Bag, mut batch: vector<T>) {
    if (batch.is_empty()) {
        batch.destroy_empty();
        return
    };
    batch.reverse();
    let mut ends = ends(fields);
    fields.add(BatchKey(ends.end), batch);
    ends.end = ends.end + 1;
    set_ends(fields, ends);
}

/// Takes up to `max` elements, in order.
public(package) fun take<T: store>(fields: &mut Bag, max: u64): vector<T> {
    let mut ends = ends(fields);
    let mut taken = vector[];
    while (taken.length() < max && ends.first < ends.end) {
        let batch: &mut vector<T> = &mut fields[BatchKey(ends.first)];
        (max - taken.length()).min(batch.length()).do!(|_| taken.push_back(batch.pop_back()));
        if (batch.is_empty()) {
            fields.remove<_, vector<T>>(BatchKey(ends.first)).destroy_empty();
            ends.first = ends.first + 1;
        }
    };
    set_ends(fields, ends);
    taken
}

/// Puts elements back that were taken; they come first again, in order.
public(package) fun put_back<T: store>(fields: &mut Bag, mut elements: vector<T>) {
    let ends = ends(fields);
    if (ends.first == ends.end) {
        add(fields, elements);
        return
    };
    elements.reverse();
    let batch: &mut vector<T> = &mut fields[BatchKey(ends.first)];
    batch.append(elements);
}

/// Drops up to `max` batches, the first ones.
public(package) fun drop_batches<T: drop + store>(fields: &mut Bag, max: u64) {
    let mut ends = ends(fields);
    (ends.end - ends.first).min(max).do!(|_| {
        let _: vector<T> = fields.remove(BatchKey(ends.first));
        ends.first = ends.first + 1;
    });
    set_ends(fields, ends);
}

// === Private Functions ===

/// The ends of the queue.
fun ends(fields: &Bag): Ends {
    if (fields.contains(EndsKey())) fields[EndsKey()] else Ends { first: 0, end: 0 }
}

/// Remembers the ends of the queue; an empty one leaves nothing behind.
fun set_ends(fields: &mut Bag, ends: Ends) {
    let known = fields.contains(EndsKey());
    if (ends.first == ends.end) {
        if (known) { let _: Ends = fields.remove(EndsKey()); }
    } else if (known) *&mut fields[EndsKey()] = ends
    else fields.add(EndsKey(), ends)
}

// === Test-Only Functions ===

/// All elements, in order.
#[test_only]
public fun elements<T: copy + store>(fields: &Bag): vector<T> {
    let Ends { first, end } = ends(fields);
    let mut all = vector[];
    (end - first).do!(|i| {
        let mut batch: vector<T> = fields[BatchKey(first + i)];
        batch.reverse();
        all.append(batch);
    });
    all
}
