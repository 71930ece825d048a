/// One function per instruction, as short as they come: what each costs is in `tests/gas_table.rs`.
module meter::meter;

public struct Pair has copy, drop, store { a: u64, b: bool }

public enum Shape has copy, drop, store { Dot, Box(u64, bool) }

public fun nothing() {}
public fun load_u8(): u8 { 7 }
public fun load_u64(): u64 { 7 }
public fun load_u256(): u256 { 7 }
public fun load_bool(): bool { true }
public fun load_constant(): vector<u8> { b"12345" }
public fun add(a: u64, b: u64): u64 { a + b }
public fun xor(a: u8, b: u8): u8 { a ^ b }
public fun shift(a: u64, b: u8): u64 { a << b }
public fun less(a: u64, b: u64): bool { a < b }
public fun not(a: bool): bool { !a }
public fun cast(a: u64): u128 { a as u128 }
public fun copy_local(a: u256): u256 { a + a }
public fun equal(a: &vector<u8>, b: &vector<u8>): bool { a == b }
public fun unequal(a: u64, b: u64): bool { a != b }
public fun read(a: &vector<u64>): vector<u64> { *a }
public fun write(a: &mut u64) { *a = 5 }
public fun freeze_reference(a: &mut u64): &u64 { a }
public fun pack(a: u64, b: bool): Pair { Pair { a, b } }
public fun pack_variant(a: u64, b: bool): Shape { Shape::Box(a, b) }
public fun field(pair: &Pair): &u64 { &pair.a }
public fun length(all: &vector<u64>): u64 { all.length() }
public fun element(all: &vector<u64>, index: u64): &u64 { &all[index] }
public fun push(all: &mut vector<u64>, one: u64) { all.push_back(one) }
public fun pop(all: &mut vector<u64>): u64 { all.pop_back() }
public fun swap(all: &mut vector<u64>, i: u64, j: u64) { all.swap(i, j) }
public fun list(a: u64, b: u64): vector<u64> { vector[a, b] }
public fun call() { nothing() }
public fun stop() { abort 7 }
public fun hash(data: &vector<u8>): vector<u8> { sui::hash::keccak256(data) }
