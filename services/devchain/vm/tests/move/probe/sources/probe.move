/// Small functions that the tests of the machine call.
module probe::probe;

use sui::event;

public struct PROBE has drop {}

public struct Counter has key {
    id: UID,
    hits: u64,
}

public struct Hit has copy, drop {
    by: address,
    hits: u64,
}

public enum Shape has copy, drop, store {
    Dot,
    Circle { radius: u64 },
    Box(u64, u64),
}

fun init(witness: PROBE, ctx: &mut TxContext) {
    assert!(sui::types::is_one_time_witness(&witness), 9);
    transfer::share_object(Counter { id: object::new(ctx), hits: 0 });
}

public fun forever() {
    loop {}
}

public fun down(levels: u64): u64 {
    if (levels == 0) 0 else down(levels - 1) + 1
}

public fun grow() {
    let mut numbers = vector[];
    loop {
        numbers.push_back(7u64);
    }
}

public fun hit(counter: &mut Counter, ctx: &TxContext) {
    counter.hits = counter.hits + 1;
    event::emit(Hit { by: ctx.sender(), hits: counter.hits });
}

public fun share_again(counter: Counter) {
    transfer::share_object(counter);
}

public fun delete(counter: Counter) {
    let Counter { id, hits: _ } = counter;
    id.delete();
}

public fun circle(radius: u64): Shape {
    Shape::Circle { radius }
}

public fun box(width: u64, height: u64): Shape {
    Shape::Box(width, height)
}

public fun area(shape: Shape): u64 {
    match (shape) {
        Shape::Dot => 0,
        Shape::Circle { radius } => 3 * radius * radius,
        Shape::Box(width, height) => width * height,
    }
}

public fun widen(shape: &mut Shape) {
    match (shape) {
        Shape::Box(width, _) => *width = *width + 1,
        _ => (),
    }
}

public fun fail(code: u64) {
    abort code
}

public fun sum(numbers: vector<u64>): u64 {
    let mut total = 0;
    numbers.do!(|number| total = total + number);
    total
}
