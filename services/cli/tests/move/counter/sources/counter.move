/// A counter with every way to refuse.
module counter::counter;

use std::string::String;

/// The step is zero.
const EZeroStep: u64 = 0;
/// The counter would pass its limit.
const ELimit: u64 = 1;
const ENever: u64 = 2;

#[error]
const ETooLong: vector<u8> = b"the label is too long";

public struct Counter has key, store {
    id: UID,
    label: String,
    value: u64,
    history: vector<u64>,
}

public struct Stepped has copy, drop {
    value: u64,
}

public fun new(label: String, ctx: &mut TxContext): Counter {
    assert!(label.length() <= 8, ETooLong);
    Counter { id: object::new(ctx), label, value: 0, history: vector[] }
}

public fun step(counter: &mut Counter, by: u64, limit: Option<u64>) {
    assert!(by > 0, EZeroStep);
    let value = counter.value + by;
    limit.do!(|limit| {
        if (value > limit) abort ELimit;
        if (value > 2 * limit) abort ELimit;
    });
    counter.value = value;
    counter.history.push_back(by);
    sui::event::emit(Stepped { value });
}

public fun check(counter: &Counter, history: vector<u64>) {
    assert!(counter.history == history);
}

public fun fail(code: u64) { abort code }
