/// Corners of test scenarios and of expected failures, where a machine could differ from the official one.
#[test_only]
module scenario::scenario_tests;
use scenario::things::{Self, Thing, Box, Ev};
use sui::test_scenario as ts;
use std::unit_test::{assert_eq, destroy};

#[test]
fun the_context_starts_without_a_gas_price() {
    let mut s = ts::begin(@1);
    assert_eq!(s.ctx().gas_price(), 0);
    s.end();
}

#[test]
fun the_context_starts_without_a_reference_gas_price() {
    let mut s = ts::begin(@1);
    assert_eq!(s.ctx().reference_gas_price(), 0);
    s.end();
}

#[test]
fun the_context_starts_without_a_budget() {
    let mut s = ts::begin(@1);
    assert_eq!(s.ctx().gas_budget(), 0);
    s.end();
}

#[test]
fun recent_order() {
    let mut s = ts::begin(@1);
    let a = things::new(1, s.ctx());
    let b = things::new(2, s.ctx());
    let c = things::new(3, s.ctx());
    transfer::public_transfer(c, @1);
    transfer::public_transfer(a, @1);
    transfer::public_transfer(b, @1);
    let e = s.next_tx(@1);
    assert_eq!(e.created().length(), 3);
    assert_eq!(e.written().length(), 0);
    assert_eq!(e.transferred_to_account().length(), 3);
    assert_eq!(s.ids_for_sender<Thing>().length(), 3);
    let x = s.take_from_sender<Thing>();
    let y = s.take_from_sender<Thing>();
    let z = s.take_from_sender<Thing>();
    assert_eq!(x.value(), 2);
    assert_eq!(y.value(), 1);
    assert_eq!(z.value(), 3);
    assert_eq!(s.ids_for_sender<Thing>().length(), 3);
    assert!(!s.has_most_recent_for_sender<Thing>());
    s.return_to_sender(x);
    s.return_to_sender(y);
    z.delete();
    let e = s.next_tx(@1);
    assert_eq!(e.written().length(), 2);
    assert_eq!(e.deleted().length(), 1);
    let x = s.take_from_sender<Thing>();
    assert_eq!(x.value(), 1);
    s.return_to_sender(x);
    s.end();
}

#[test]
fun wrapped_effects() {
    let mut s = ts::begin(@1);
    let t = things::new(1, s.ctx());
    let b = things::wrap(t, s.ctx());
    b.share_box();
    let e = s.next_tx(@1);
    assert_eq!(e.created().length(), 1);
    assert_eq!(e.deleted().length(), 1);
    assert_eq!(e.shared().length(), 1);
    let b = s.take_shared<Box>();
    let t = b.unwrap();
    transfer::public_transfer(t, @2);
    let e = s.next_tx(@2);
    assert_eq!(e.deleted().length(), 1);
    assert_eq!(e.written().length(), 1);
    assert_eq!(e.created().length(), 0);
    assert!(!ts::has_most_recent_shared<Box>());
    s.end();
}

#[test, expected_failure(abort_code = ts::EInvalidSharedOrImmutableUsage)]
fun shared_wrapped() {
    let mut s = ts::begin(@1);
    transfer::public_share_object(things::new(1, s.ctx()));
    s.next_tx(@1);
    let t = s.take_shared<Thing>();
    let b = things::wrap(t, s.ctx());
    b.share_box();
    s.end();
}

#[test, expected_failure(abort_code = ts::EInvalidSharedOrImmutableUsage)]
fun shared_transferred() {
    let mut s = ts::begin(@1);
    transfer::public_share_object(things::new(1, s.ctx()));
    s.next_tx(@1);
    transfer::public_transfer(s.take_shared<Thing>(), @1);
    s.end();
}

#[test]
fun shared_deleted() {
    let mut s = ts::begin(@1);
    transfer::public_share_object(things::new(1, s.ctx()));
    s.next_tx(@1);
    s.take_shared<Thing>().delete();
    let e = s.next_tx(@1);
    assert_eq!(e.deleted().length(), 1);
    s.end();
}

#[test, expected_failure(abort_code = ts::EInvalidSharedOrImmutableUsage)]
fun imm_changed() {
    let mut s = ts::begin(@1);
    transfer::public_freeze_object(things::new(1, s.ctx()));
    s.next_tx(@1);
    let mut t = s.take_immutable<Thing>();
    t.set(9);
    ts::return_immutable(t);
    s.end();
}

#[test]
fun imm_returned() {
    let mut s = ts::begin(@1);
    transfer::public_freeze_object(things::new(1, s.ctx()));
    let e = s.next_tx(@1);
    assert_eq!(e.frozen().length(), 1);
    let t = s.take_immutable<Thing>();
    ts::return_immutable(t);
    s.end();
}

#[test, expected_failure(abort_code = ts::EInvalidSharedOrImmutableUsage)]
fun imm_deleted() {
    let mut s = ts::begin(@1);
    transfer::public_freeze_object(things::new(1, s.ctx()));
    s.next_tx(@1);
    s.take_immutable<Thing>().delete();
    s.end();
}

#[test, expected_failure(abort_code = ts::EEmptyInventory)]
fun empty() {
    let s = ts::begin(@1);
    let t = s.take_from_sender<Thing>();
    t.delete();
    s.end();
}

#[test, expected_failure(abort_code = ts::ECantReturnObject)]
fun cant_return() {
    let mut s = ts::begin(@1);
    let t = things::new(1, s.ctx());
    s.return_to_sender(t);
    s.end();
}

#[test, expected_failure(abort_code = ts::EObjectNotFound)]
fun not_found() {
    let mut s = ts::begin(@1);
    let t = things::new(1, s.ctx());
    let i = object::id(&t);
    transfer::public_transfer(t, @1);
    let t = s.take_from_sender_by_id<Thing>(i);
    t.delete();
    s.end();
}

#[test]
fun receiving() {
    let mut s = ts::begin(@1);
    let p = things::new(1, s.ctx());
    let pid = object::id(&p);
    let c = things::new(2, s.ctx());
    transfer::public_transfer(c, pid.to_address());
    transfer::public_transfer(p, @1);
    s.next_tx(@1);
    let mut p = s.take_from_sender<Thing>();
    assert_eq!(ts::receivable_object_ids_for_owner_id<Thing>(pid).length(), 1);
    let r = ts::most_recent_receiving_ticket<Thing>(&pid);
    let c = p.receive(r);
    assert_eq!(c.value(), 2);
    transfer::public_transfer(c, @1);
    s.return_to_sender(p);
    let e = s.next_tx(@1);
    assert_eq!(e.written().length(), 2);
    assert_eq!(ts::receivable_object_ids_for_owner_id<Thing>(pid).length(), 0);
    assert_eq!(s.ids_for_sender<Thing>().length(), 2);
    s.end();
}

#[test, expected_failure(abort_code = ts::EReceivingTicketAlreadyAllocated)]
fun ticket_twice() {
    let mut s = ts::begin(@1);
    let p = things::new(1, s.ctx());
    let pid = object::id(&p);
    let c = things::new(2, s.ctx());
    let cid = object::id(&c);
    transfer::public_transfer(c, pid.to_address());
    transfer::public_transfer(p, @1);
    s.next_tx(@1);
    let a = ts::receiving_ticket_by_id<Thing>(cid);
    let b = ts::receiving_ticket_by_id<Thing>(cid);
    destroy(a);
    destroy(b);
    s.end();
}

#[test]
fun ticket_returned() {
    let mut s = ts::begin(@1);
    let p = things::new(1, s.ctx());
    let pid = object::id(&p);
    let c = things::new(2, s.ctx());
    let cid = object::id(&c);
    transfer::public_transfer(c, pid.to_address());
    transfer::public_transfer(p, @1);
    s.next_tx(@1);
    let a = ts::receiving_ticket_by_id<Thing>(cid);
    ts::return_receiving_ticket(a);
    let a = ts::receiving_ticket_by_id<Thing>(cid);
    destroy(a);
    s.next_tx(@1);
    let a = ts::receiving_ticket_by_id<Thing>(cid);
    let mut p = s.take_from_sender<Thing>();
    p.receive(a).delete();
    s.return_to_sender(p);
    s.end();
}

#[test, expected_failure]
fun received_by_other() {
    let mut s = ts::begin(@1);
    let p = things::new(1, s.ctx());
    let c = things::new(2, s.ctx());
    let cid = object::id(&c);
    transfer::public_transfer(c, @9);
    transfer::public_transfer(p, @1);
    s.next_tx(@1);
    let a = ts::receiving_ticket_by_id<Thing>(cid);
    let mut p = s.take_from_sender<Thing>();
    p.receive(a).delete();
    s.return_to_sender(p);
    s.end();
}

#[test]
fun child_objects() {
    let mut s = ts::begin(@1);
    let mut p = things::new(1, s.ctx());
    let c = things::new(2, s.ctx());
    p.add(5, c);
    transfer::public_transfer(p, @1);
    let e = s.next_tx(@1);
    assert_eq!(e.created().length(), 1);
    assert_eq!(s.ids_for_sender<Thing>().length(), 1);
    let mut p = s.take_from_sender<Thing>();
    let c = p.take(5);
    transfer::public_transfer(c, @1);
    s.return_to_sender(p);
    s.next_tx(@1);
    assert_eq!(s.ids_for_sender<Thing>().length(), 2);
    let c = s.take_from_sender<Thing>();
    let mut p = s.take_from_sender<Thing>();
    p.add(1, c);
    s.return_to_sender(p);
    s.next_tx(@1);
    assert_eq!(s.ids_for_sender<Thing>().length(), 1);
    s.end();
}

#[test, expected_failure(abort_code = ts::EInvalidSharedOrImmutableUsage)]
fun shared_becomes_child() {
    let mut s = ts::begin(@1);
    transfer::public_share_object(things::new(1, s.ctx()));
    s.next_tx(@1);
    let c = s.take_shared<Thing>();
    let mut p = things::new(1, s.ctx());
    p.add(1, c);
    transfer::public_transfer(p, @1);
    s.end();
}

#[test]
fun events() {
    let mut s = ts::begin(@1);
    things::emit(4);
    things::emit(5);
    assert_eq!(sui::event::num_events(), 2);
    let evs = sui::event::events_by_type<Ev>();
    assert_eq!(evs.length(), 2);
    assert_eq!(evs[1].n(), 5);
    let e = s.next_tx(@1);
    assert_eq!(e.num_user_events(), 2);
    assert_eq!(sui::event::num_events(), 0);
    s.end();
}

#[test, expected_failure(abort_code = things::ERude)]
fun clever() {
    things::rude();
}

#[test, expected_failure]
fun bare_assert() {
    assert!(false);
}

#[test, expected_failure(vector_error, minor_status = 1, location = Self)]
fun vec_err_minor() {
    let v = vector<u64>[];
    let _ = v[3];
}

#[test, expected_failure(arithmetic_error, location = Self)]
fun cast() {
    let x = 300u64;
    let _ = x as u8;
}

#[test, expected_failure(arithmetic_error, location = Self)]
fun shift() {
    let x = 70u8;
    let _ = 1u64 << x;
}

#[test]
fun epochs() {
    let mut s = ts::begin(@1);
    s.next_epoch(@2);
    s.later_epoch(50, @3);
    assert_eq!(s.ctx().epoch(), 2);
    assert_eq!(s.ctx().epoch_timestamp_ms(), 50);
    assert_eq!(s.sender(), @3);
    s.end();
}

#[test]
fun last_id() {
    let mut s = ts::begin(@1);
    let t = things::new(1, s.ctx());
    assert_eq!(s.ctx().last_created_object_id(), object::id(&t).to_address());
    t.delete();
    s.end();
}

#[test]
fun system_objects() {
    let mut s = ts::begin(@0);
    s.create_system_objects();
    s.next_tx(@0);
    let mut c = s.take_shared<sui::clock::Clock>();
    c.increment_for_testing(5);
    ts::return_shared(c);
    let r = s.take_shared<sui::random::Random>();
    ts::return_shared(r);
    s.end();
}

#[test]
fun generator() {
    let mut g = sui::random::new_generator_from_seed_for_testing(b"abc");
    assert_eq!(g.generate_u8_in_range(3, 3), 3);
}

#[test]
fun dummy() {
    let mut c = tx_context::dummy();
    let t = things::new(1, &mut c);
    assert_eq!(c.get_ids_created(), 1);
    t.delete();
    assert_eq!(c.sender(), @0);
}

#[random_test]
fun rnd(a: u8, b: vector<u8>, c: address, d: u256, e: bool) {
    assert!(a as u64 <= 255 && b.length() < 1000 && (e || !e));
    let _ = c;
    let _ = d;
}
