//! Compiled Move modules: whatever is read is written the same way again.

use sui_devchain_vm::package::Module;
use walrus_artifacts::Package;
use walrus_fuzz::edited;

#[test]
fn bytecode() {
    let mut packages = walrus_artifacts::framework().unwrap();
    packages.push(Package::walrus().unwrap());
    let seeds: Vec<Vec<u8>> = packages.iter().flat_map(Package::bytecode).collect();
    assert!(seeds.iter().all(|seed| Module::parse(seed).is_ok()));
    super::fuzz!(4000, move |bytes: &[u8]| {
        let Ok(module) = Module::parse(&edited(&seeds, bytes)) else {
            return;
        };
        let written = module.to_bytes();
        let again = Module::parse(&written).expect("what was written is read");
        assert_eq!(again.to_bytes(), written);
    });
}
