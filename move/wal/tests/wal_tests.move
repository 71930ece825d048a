/// Supply, ownership after publishing, and burning of WAL.
#[test_only]
module wal::wal_tests;

use std::unit_test::assert_eq;
use sui::coin::{Coin, CoinMetadata};
use sui::test_scenario::{Self, Scenario};
use wal::wal::{Self, ProtectedTreasury, WAL};

const PUBLISHER: address = @0xA11CE;
const TOTAL_SUPPLY: u64 = 5_000_000_000_000_000_000;

fun published(): Scenario {
    let mut scenario = test_scenario::begin(PUBLISHER);
    wal::init_for_testing(scenario.ctx());
    scenario.next_tx(PUBLISHER);
    scenario
}

#[test]
fun publishing_mints_the_total_supply_to_the_publisher() {
    let scenario = published();
    let treasury = scenario.take_shared<ProtectedTreasury>();
    let coin = scenario.take_from_sender<Coin<WAL>>();
    assert_eq!(coin.value(), TOTAL_SUPPLY);
    assert_eq!(treasury.total_supply(), TOTAL_SUPPLY);
    scenario.return_to_sender(coin);
    test_scenario::return_shared(treasury);
    scenario.end();
}

#[test]
fun publishing_freezes_the_metadata() {
    let scenario = published();
    let metadata = scenario.take_immutable<CoinMetadata<WAL>>();
    assert_eq!(metadata.get_decimals(), 9);
    assert_eq!(metadata.get_symbol(), b"WAL".to_ascii_string());
    assert_eq!(metadata.get_name(), b"WAL Token".to_string());
    assert_eq!(metadata.get_description(), b"The native token for the Walrus Protocol.".to_string());
    test_scenario::return_immutable(metadata);
    scenario.end();
}

#[test]
fun burning_reduces_the_supply_by_the_value_burned() {
    let mut scenario = published();
    let mut treasury = scenario.take_shared<ProtectedTreasury>();
    let mut coin = scenario.take_from_sender<Coin<WAL>>();
    let part = coin.split(1_000, scenario.ctx());
    treasury.burn(part);
    assert_eq!(treasury.total_supply(), TOTAL_SUPPLY - 1_000);
    treasury.burn(coin);
    assert_eq!(treasury.total_supply(), 0);
    test_scenario::return_shared(treasury);
    scenario.end();
}
