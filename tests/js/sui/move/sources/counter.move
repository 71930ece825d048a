/// A package for the tests of the public client: objects of every ownership, events, aborts.
module counter::counter;

use std::string::String;
use sui::clock::Clock;
use sui::dynamic_field;
use sui::dynamic_object_field;
use sui::event;
use sui::random::Random;
use sui::transfer::Receiving;

const EPlain: u64 = 7;

#[error]
const ETooHigh: vector<u8> = b"the counter is too high";

/// Shared.
public struct Counter has key {
    id: UID,
    value: u64,
    stamped_ms: u64,
}

/// Owned, can be sent to other objects.
public struct Item has key, store {
    id: UID,
    weight: u8,
    name: String,
}

/// Owned, receives items.
public struct Shelf has key {
    id: UID,
}

public struct Incremented has copy, drop {
    counter: ID,
    by: u64,
    value: u64,
}

public fun create(ctx: &mut TxContext) {
    transfer::share_object(Counter { id: object::new(ctx), value: 0, stamped_ms: 0 });
}

public fun increment(counter: &mut Counter, by: u64) {
    counter.value = counter.value + by;
    event::emit(Incremented { counter: object::id(counter), by, value: counter.value });
}

public fun value(counter: &Counter): u64 {
    counter.value
}

public fun stamp(counter: &mut Counter, clock: &Clock) {
    counter.stamped_ms = clock.timestamp_ms();
}

entry fun roll(counter: &mut Counter, random: &Random, ctx: &mut TxContext) {
    let mut generator = random.new_generator(ctx);
    counter.value = generator.generate_u64_in_range(1, 6);
}

public fun fail_plain(_counter: &mut Counter) {
    abort EPlain
}

public fun fail_with_words(counter: &mut Counter) {
    assert!(counter.value > 1_000_000, ETooHigh);
}

public fun item(weight: u8, name: String, ctx: &mut TxContext): Item {
    Item { id: object::new(ctx), weight, name }
}

public fun weight(item: &Item): u8 {
    item.weight
}

public fun destroy(item: Item) {
    let Item { id, .. } = item;
    id.delete();
}

public fun label(counter: &mut Counter, key: u64, text: String) {
    dynamic_field::add(&mut counter.id, key, text);
}

public fun attach(counter: &mut Counter, key: String, item: Item) {
    dynamic_object_field::add(&mut counter.id, key, item);
}

public fun shelf(ctx: &mut TxContext) {
    transfer::transfer(Shelf { id: object::new(ctx) }, ctx.sender());
}

public fun take(shelf: &mut Shelf, item: Receiving<Item>): Item {
    transfer::public_receive(&mut shelf.id, item)
}
