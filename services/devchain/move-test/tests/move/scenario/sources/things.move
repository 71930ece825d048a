/// Objects for the tests to move about.
module scenario::things;
public struct Thing has key, store { id: UID, value: u64 }
public struct Box has key { id: UID, thing: Thing }
public struct Ev has copy, drop { n: u64 }
#[error]
const ERude: vector<u8> = b"rude";
public fun new(value: u64, ctx: &mut TxContext): Thing { Thing { id: object::new(ctx), value } }
public fun set(t: &mut Thing, v: u64) { t.value = v }
public fun value(t: &Thing): u64 { t.value }
public fun delete(t: Thing) { let Thing { id, .. } = t; id.delete() }
public fun wrap(thing: Thing, ctx: &mut TxContext): Box { Box { id: object::new(ctx), thing } }
public fun share_box(b: Box) { transfer::share_object(b) }
public fun unwrap(b: Box): Thing { let Box { id, thing } = b; id.delete(); thing }
public fun emit(n: u64) { sui::event::emit(Ev { n }) }
public fun n(e: &Ev): u64 { e.n }
public fun rude() { abort ERude }
public fun receive(t: &mut Thing, r: sui::transfer::Receiving<Thing>): Thing { transfer::public_receive(&mut t.id, r) }
public fun add(t: &mut Thing, k: u64, c: Thing) { sui::dynamic_object_field::add(&mut t.id, k, c) }
public fun take(t: &mut Thing, k: u64): Thing { sui::dynamic_object_field::remove(&mut t.id, k) }
