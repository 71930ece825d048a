//! Comparing outcomes with the output of the official runner.

use sui_devchain_move_test::{
    Outcome,
    official::{differences, verdicts},
};

const OUTPUT: &str = "
walrus: running unit tests
PASS    walrus::blob_tests::certifies
FAIL    walrus::blob_tests::refuses
TIMEOUT walrus::blob_tests::loops
FAIL walrus (it does not compile)

1 passed, 2 failed
";

fn outcome(name: &str, passed: bool) -> Outcome {
    Outcome {
        name: format!("walrus::blob_tests::{name}"),
        failure: (!passed).then(|| "why".to_owned()),
        own_only: false,
    }
}

#[test]
fn only_lines_about_tests_are_verdicts() {
    let found: Vec<_> = verdicts(OUTPUT).into_iter().collect();
    let name = |name: &str| format!("walrus::blob_tests::{name}");
    assert_eq!(
        found,
        [
            (name("certifies"), true),
            (name("loops"), false),
            (name("refuses"), false)
        ]
    );
}

#[test]
fn the_same_verdicts_have_no_differences() {
    let own = [
        outcome("certifies", true),
        outcome("refuses", false),
        outcome("loops", false),
    ];
    assert!(differences(&verdicts(OUTPUT), &own).is_empty());
}

#[test]
fn other_verdicts_and_tests_of_one_side_are_differences() {
    let own = [
        outcome("certifies", false),
        outcome("refuses", true),
        outcome("another", true),
    ];
    assert_eq!(
        differences(&verdicts(OUTPUT), &own),
        [
            "walrus::blob_tests::another: not run on the official machine",
            "walrus::blob_tests::certifies: fails here, passes on the official machine",
            "walrus::blob_tests::refuses: passes here, fails on the official machine",
            "walrus::blob_tests::loops: not run here",
        ]
    );
}

#[test]
fn a_test_only_for_this_machine_has_to_pass_here() {
    let only_here = |name: &str, passed| Outcome {
        own_only: true,
        ..outcome(name, passed)
    };
    let verdicts = Default::default();
    assert!(differences(&verdicts, &[only_here("verifies", true)]).is_empty());
    assert_eq!(
        differences(&verdicts, &[only_here("verifies", false)]),
        ["walrus::blob_tests::verifies: fails on the only machine that runs it"]
    );
}
