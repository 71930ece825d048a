//! Comparison with the verdicts of the official runner.

use std::collections::BTreeMap;

use crate::run::Outcome;

/// The verdicts in the output of `scripts/build-move test`: test name and whether it passed.
pub fn verdicts(output: &str) -> BTreeMap<String, bool> {
    let lines = output.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let passed = match words.next()? {
            "PASS" => true,
            "FAIL" | "TIMEOUT" => false,
            _ => return None,
        };
        let name = words.next()?;
        name.contains("::").then(|| (name.to_owned(), passed))
    });
    lines.collect()
}

/// The tests with another verdict there than here, and those that only one side ran, as sentences. A test that the
/// official machine cannot run has to pass here.
pub fn differences(official: &BTreeMap<String, bool>, own: &[Outcome]) -> Vec<String> {
    let word = |passed: bool| if passed { "passes" } else { "fails" };
    let own: BTreeMap<_, _> = own.iter().map(|one| (&one.name, one)).collect();
    let mut found = Vec::new();
    for (name, outcome) in &own {
        let passed = outcome.failure.is_none();
        match official.get(*name) {
            None if outcome.own_only && passed => {}
            None if outcome.own_only => {
                found.push(format!("{name}: fails on the only machine that runs it"));
            }
            None => found.push(format!("{name}: not run on the official machine")),
            Some(there) if *there != passed => found.push(format!(
                "{name}: {} here, {} on the official machine",
                word(passed),
                word(*there)
            )),
            Some(_) => {}
        }
    }
    let missing = official.keys().filter(|name| !own.contains_key(name));
    found.extend(missing.map(|name| format!("{name}: not run here")));
    found
}
