/// Shared blobs and their funds.
#[test_only]
module walrus::shared_blob_tests;

use std::unit_test::assert_eq;
use sui::balance;
use sui::coin;
use sui::test_scenario;
use walrus::shared_blob::{Self, SharedBlob};
use walrus::system_state_inner;
use walrus::test_system;

/// Shares a certified blob with `funds` FROST and extends it by `epochs` as somebody else; returns what remains.
fun extend(funds: u64, added: u64, epochs: u32): u64 {
    let mut scenario = test_scenario::begin(@0xA);
    let mut system = test_system::new(scenario.ctx());
    let mut blob = test_system::register(&mut system, false, scenario.ctx());
    test_system::certify(&system, &mut blob);
    shared_blob::new_funded(blob, coin::mint_for_testing(funds, scenario.ctx()), scenario.ctx());

    scenario.next_tx(@0xB);
    let mut shared = scenario.take_shared<SharedBlob>();
    shared.fund(coin::mint_for_testing(added, scenario.ctx()));
    shared.extend(&mut system, epochs, scenario.ctx());
    assert_eq!(shared.blob().end_epoch(), 24 + epochs);
    let remaining = shared.funds().value();
    test_scenario::return_shared(shared);
    std::unit_test::destroy(system);
    scenario.end();
    remaining
}

#[test]
fun anybody_extends_with_the_funds_and_the_rest_stays() {
    assert_eq!(extend(12, 3, 2), 5);
}

#[test, expected_failure(abort_code = balance::ENotEnough, location = sui::balance)]
fun missing_funds_fail_the_extension() {
    extend(4, 0, 1);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun extension_by_nothing_is_rejected() {
    extend(4, 0, 0);
}

#[test]
fun blobs_are_shared_without_funds_too() {
    let mut scenario = test_scenario::begin(@0xA);
    let mut system = test_system::new(scenario.ctx());
    let blob = test_system::register(&mut system, false, scenario.ctx());
    let object_id = blob.object_id();
    blob.share(scenario.ctx());
    scenario.next_tx(@0xB);
    let shared = scenario.take_shared<SharedBlob>();
    assert_eq!(shared.blob().object_id(), object_id);
    assert_eq!(shared.funds().value(), 0);
    test_scenario::return_shared(shared);
    std::unit_test::destroy(system);
    scenario.end();
}
