/// The displays created at initialization.
#[test_only]
module walrus::display_tests;

use std::type_name;
use std::unit_test::assert_eq;
use sui::display::Display;
use sui::package::{Self, Publisher};
use sui::test_scenario;
use walrus::blob::Blob;
use walrus::display::{Self, ObjectDisplay};
use walrus::staked_wal::StakedWal;
use walrus::storage_resource::Storage;

/// Stands for a one-time witness of the package.
public struct DISPLAY_TESTS has drop {}

/// Checks version, keys in order, and the first and the last but one value.
fun check<T: key>(displays: &ObjectDisplay, name: vector<u8>, image_url: vector<u8>) {
    let display: &Display<T> = &displays.inner()[type_name::with_defining_ids<T>()];
    assert_eq!(display.version(), 1);
    let (keys, values) = (*display.fields()).into_keys_values();
    assert_eq!(
        keys,
        vector[
            b"name".to_string(),
            b"description".to_string(),
            b"image_url".to_string(),
            b"project_url".to_string(),
            b"link".to_string(),
        ],
    );
    assert_eq!(values[0], name.to_string());
    assert_eq!(values[2], image_url.to_string());
    assert_eq!(values[3], b"https://walrus.xyz/".to_string());
    assert_eq!(values[4], b"".to_string());
}

#[test]
fun every_owned_type_has_a_display() {
    let mut scenario = test_scenario::begin(@0xA);
    let publisher = package::test_claim(DISPLAY_TESTS {}, scenario.ctx());
    display::create(publisher, scenario.ctx());
    scenario.next_tx(@0xA);
    let displays = scenario.take_shared<ObjectDisplay>();
    assert_eq!(displays.inner().length(), 4);
    check<Blob>(&displays, b"Walrus Blob ({size}b)", b"https://www.walrus.xyz/walrus-blob");
    check<Storage>(
        &displays,
        b"Walrus Storage Resource ({storage_size}b)",
        b"https://www.walrus.xyz/walrus-storage",
    );
    check<StakedWal>(
        &displays,
        b"Staked WAL ({principal} FROST)",
        b"https://www.walrus.xyz/walrus-stakedwal",
    );
    let publisher: &Publisher = &displays.inner()[display::publisher_key()];
    assert!(publisher.from_package<Blob>());
    test_scenario::return_shared(displays);
    scenario.end();
}
