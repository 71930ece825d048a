//! The address table of compiled modules is rewritten, and nothing else.

use sui_sdk_types::Address;
use walrus_artifacts::{BytecodeError, Package, WAL_PLACEHOLDER, replace_address};

fn address(text: &'static str) -> Address {
    Address::from_static(text)
}

#[test]
fn walrus_links_against_a_published_wal_by_its_address_table_alone() {
    let published = address("0xabcdef");
    let original = Package::walrus().unwrap();
    let mut linked = original.clone();
    linked.link(WAL_PLACEHOLDER, published).unwrap();

    assert!(linked.dependencies.contains(&published));
    assert!(!linked.dependencies.contains(&WAL_PLACEHOLDER));
    let mut rewritten = 0;
    for ((name, before), (_, after)) in original.modules.iter().zip(&linked.modules) {
        assert_eq!(before.len(), after.len(), "{name}");
        let changed = before.iter().zip(after).filter(|(a, b)| a != b).count();
        // The two IDs differ in their last three bytes.
        assert!(
            changed == 0 || changed == 3,
            "{name}: {changed} bytes changed"
        );
        rewritten += usize::from(changed > 0);
    }
    assert!(rewritten > 0);
}

#[test]
fn rewriting_back_gives_the_original() {
    let (_, original) = Package::wal().unwrap().modules.pop().unwrap();
    let (from, to) = (address("0x2"), address("0x1234"));
    let mut module = original.clone();
    assert_eq!(replace_address(&mut module, from, to), Ok(1));
    assert_ne!(module, original);
    assert_eq!(replace_address(&mut module, from, to), Ok(0));
    assert_eq!(replace_address(&mut module, to, from), Ok(1));
    assert_eq!(module, original);
}

#[test]
fn a_package_without_the_placeholder_is_not_linked() {
    let mut wal = Package::wal().unwrap();
    let error = wal.link(WAL_PLACEHOLDER, address("0x5")).unwrap_err();
    assert!(error.to_string().contains("does not refer to"), "{error}");
}

#[test]
fn damaged_modules_are_refused_without_a_panic() {
    let (_, original) = Package::wal().unwrap().modules.pop().unwrap();
    let (from, to) = (address("0x2"), address("0x3"));
    assert_eq!(
        replace_address(&mut [], from, to),
        Err(BytecodeError::Truncated)
    );
    assert_eq!(
        replace_address(&mut [0; 64], from, to),
        Err(BytecodeError::Magic)
    );
    let mut version = original.clone();
    version[4] = 99;
    assert!(matches!(
        replace_address(&mut version, from, to),
        Err(BytecodeError::Version(_))
    ));
    // The address table lies in the first half of the file: without it, it does not fit.
    let mut header = original[..40].to_vec();
    assert!(replace_address(&mut header, from, to).is_err());
    for length in 0..original.len() {
        let _ = replace_address(&mut original[..length].to_vec(), from, to);
    }
    for index in 0..64 {
        let mut damaged = original.clone();
        damaged[index] ^= 0xff;
        let _ = replace_address(&mut damaged, from, to);
    }
}
