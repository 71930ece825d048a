//! `demo`: a whole network for one file.

use std::fs;

use crate::program::Home;
use serde_json::Value;

fn is_id(value: &Value) -> bool {
    value
        .as_str()
        .and_then(|text| text.strip_prefix("0x"))
        .is_some_and(|digits| {
            digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
}

#[test]
fn a_missing_file_is_an_error_before_anything_is_started() {
    let home = Home::new();
    for arguments in [&["demo", "absent"][..], &["demo", "absent", "--json"]] {
        let said = home.fail(arguments);
        assert!(said.contains("cannot read absent: No such file"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert!(home.fail(&["demo", "."]).contains("is a directory"));
    assert_eq!(
        fs::read_dir(home.path()).unwrap().count(),
        0,
        "nothing is left"
    );
}

#[test]
fn a_small_file_goes_all_the_way() {
    let home = Home::new();
    let file = home.file("one-byte", b"x");
    let path = file.to_str().unwrap();
    let text = home.succeed(&["demo", path, "--nodes", "4", "--shards", "13"]);
    for expected in [
        "Committee of epoch 1",
        "blob ID",
        "blob object",
        "cost",
        "identical",
        "Done in",
    ] {
        assert!(
            text.contains(expected),
            "`{expected}` is missing in:\n{text}"
        );
    }
    // A throwaway network leaves nothing behind.
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
}

#[test]
fn with_json_the_result_has_the_shape_that_scripts_rely_on() {
    let home = Home::new();
    let file = home.file("file", &vec![7; 100_000]);
    let path = file.to_str().unwrap();
    let output = home.json(&["demo", path, "--nodes", "4", "--shards", "13", "--json"]);
    let mut keys: Vec<_> = output
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["committee", "digests", "packages", "store", "timings"]
    );
    assert!(is_id(&output["packages"]["wal"]) && is_id(&output["packages"]["walrus"]));
    let committee = output["committee"].as_array().unwrap();
    assert_eq!(committee.len(), 4);
    assert!(committee.iter().all(|member| is_id(&member["nodeId"])));
    let shards: u64 = committee
        .iter()
        .map(|member| member["nShards"].as_u64().unwrap())
        .sum();
    assert_eq!(shards, 13);
    for digest in ["register", "certify"] {
        assert!(
            output["digests"][digest]
                .as_str()
                .is_some_and(|text| text.len() >= 43),
            "{output}"
        );
    }
    assert!(
        output["timings"]["boot"]
            .as_u64()
            .is_some_and(|millis| millis > 0)
    );
    assert!(output["timings"]["read"].is_u64());
    let store = output["store"].as_array().unwrap();
    assert_eq!(store.len(), 1);
    let store = store.first().unwrap();
    assert_eq!(store["path"], path);
    let created = &store["blobStoreResult"]["newlyCreated"];
    let blob = &created["blobObject"];
    assert!(is_id(&blob["id"]) && is_id(&blob["storage"]["id"]));
    assert_eq!(blob["size"], 100_000);
    assert_eq!(blob["encodingType"], "RS2");
    assert_eq!(blob["registeredEpoch"], 1);
    assert_eq!(blob["certifiedEpoch"], 1);
    assert_eq!(blob["storage"]["startEpoch"], 1);
    assert_eq!(blob["storage"]["endEpoch"], 4);
    assert!(created["cost"].as_u64().is_some_and(|cost| cost > 0));
    let length = &created["resourceOperation"]["registerFromScratch"]["encodedLength"];
    assert_eq!(length, &blob["storage"]["storageSize"]);
    let offline = home.json(&["blob-id", path, "--n-shards", "13", "--json"]);
    assert_eq!(blob["blobId"], offline["blobId"]);
}
