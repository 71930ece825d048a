//! Gas table: `GAS.md` names every entry point and is as old as the contracts.

use std::collections::BTreeSet;

use walrus_contract_tests::gas::{Cost, EXEMPT, SIZES, entry_points, measure, named, parse};

const TABLE: &str = include_str!("../../GAS.md");
const HINT: &str = "run `cargo run -p walrus-contract-tests --bin gas-table`";

#[test]
fn the_table_is_as_old_as_the_contracts() {
    let table = parse(TABLE);
    let now = named(&measure(SIZES[0]).costs);
    let names: BTreeSet<_> = table.keys().collect();
    assert_eq!(names, now.keys().collect(), "{HINT}");
    let old: Vec<_> = now
        .iter()
        .filter(|(name, cost)| !is_close(&table[*name][0], cost))
        .map(|(name, cost)| format!("{name}: {cost:?}, not {:?}", table[name][0]))
        .collect();
    assert!(old.is_empty(), "{HINT}:\n{}", old.join("\n"));
}

/// Within two percent: a byte more of bytecode is no reason to write the table anew.
fn is_close(old: &Cost, new: &Cost) -> bool {
    let close = |old: u64, new: u64| old.abs_diff(new) * 50 <= old.max(new);
    close(old.computation, new.computation)
        && close(old.storage, new.storage)
        && close(old.rebate, new.rebate)
}

#[test]
fn every_entry_point_has_a_row() {
    let table = parse(TABLE);
    let exempt: BTreeSet<_> = EXEMPT.iter().map(|e| (e.0, e.1, e.2)).collect();
    let all = entry_points();
    for (package, module, function) in &exempt {
        let name = ((*package).into(), (*module).into(), (*function).into());
        assert!(all.contains(&name), "{name:?} is exempt and does not exist");
    }
    let missing: Vec<_> = all
        .iter()
        .filter(|(p, m, f)| !exempt.contains(&(p.as_str(), m.as_str(), f.as_str())))
        .filter(|(package, module, function)| {
            let long = format!("`{package}::{module}::{function}`");
            let short = format!("`{module}::{function}`");
            !table.contains_key(&long) && !table.contains_key(&short)
        })
        .collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}

#[test]
fn every_row_is_far_from_the_limits() {
    for (name, costs) in parse(TABLE) {
        for cost in costs {
            assert!(cost.computation < 2_500_000, "{name}: {cost:?}");
            assert!(cost.storage < 5_000_000_000, "{name}: {cost:?}");
        }
    }
}
