//! Stores that are killed, interrupted, or lose their nodes: the same command again goes on, and nothing is paid twice.

use std::{fs, path::Path};

use serde_json::Value;

use super::{SHAPE, UP};
use crate::program::{Home, names};

/// What is written down of stores that are not done.
fn journal(home: &Path) -> String {
    let folder = home.join(".walrus/uploads");
    let files = fs::read_dir(folder).into_iter().flatten();
    let texts = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
    texts.collect()
}

fn assert_all_is_over(home: &Home) {
    assert_eq!(names(&home.path().join(".walrus/uploads")), ["lock"]);
}

/// The command again: what it says, and the blob object.
fn go_on(home: &Home, arguments: &[&str]) -> (String, Value) {
    let output = home.run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let stored: Value = serde_json::from_slice(&output.stdout).unwrap();
    let begun = stored[0]["begun"].as_str();
    assert!(
        begun.is_some_and(|time| said.contains(time)),
        "{said} {stored}"
    );
    let created = stored[0]["blobStoreResult"]["newlyCreated"].clone();
    assert!(created["cost"].as_u64().unwrap() > 0, "{created}");
    (said, created["blobObject"].clone())
}

#[test]
fn a_store_that_is_cut_off_goes_on_and_pays_once() {
    let home = Home::new();
    let network = home.start(&SHAPE);
    network.wait_for_line(UP);
    for (number, signal) in ["KILL", "INT"].into_iter().enumerate() {
        let name = format!("film-{signal}");
        let content = vec![u8::try_from(number).unwrap(); 2_500_000];
        let file = home.file(&name, &content);
        // Without the journal nobody would look for what the wallet owns.
        let store = format!(
            "store {} --epochs 3 --ignore-resources --json",
            file.display()
        );
        let store: Vec<&str> = store.split(' ').collect();
        let output = home.signal_once(&store, signal, |_| {
            journal(home.path()).contains("\"registered\"")
        });
        assert!(!output.status.success());
        if signal == "INT" {
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains("what was paid for is kept"), "{said}");
        }
        let (said, object) = go_on(&home, &store);
        assert!(said.contains("it is paid already"), "{said}");
        let blob_id = object["blobId"].as_str().unwrap();
        let read = home.run(&["read", blob_id]);
        assert_eq!(read.stdout, content);
        let owned = home.json(&["list-blobs", "--json"]);
        assert_eq!(owned.as_array().unwrap().len(), number + 1, "{owned}");
        assert_all_is_over(&home);
    }
    without_nodes(&home);
    a_quilt(&home);
    network.stop_with("INT");
}

/// A store that has lost its nodes fails; when they are back, it goes on.
fn without_nodes(home: &Home) {
    let file = home.file("note", b"a note");
    let store = [
        "store",
        file.to_str().unwrap(),
        "--epochs",
        "3",
        "--ignore-resources",
        "--json",
    ];
    let nodes = home.json(&["localnet", "node", "list", "--json"]);
    let names: Vec<_> = nodes["nodes"].as_array().unwrap()[..2]
        .iter()
        .map(|node| node["name"].as_str().unwrap().to_owned())
        .collect();
    for name in &names {
        home.succeed(&["localnet", "node", "stop", name]);
    }
    // Otherwise nothing would be paid.
    let forced = [&store[..], &["--force"]].concat();
    let said = home.fail(&forced);
    assert!(said.contains("store it again to go on"), "{said}");
    for name in &names {
        home.succeed(&["localnet", "node", "start", name]);
    }
    go_on(home, &store);
    assert_all_is_over(home);
}

fn a_quilt(home: &Home) {
    let folder = home.path().join("many");
    fs::create_dir(&folder).unwrap();
    for name in ["a", "b"] {
        fs::write(folder.join(name), vec![7; 600_000]).unwrap();
    }
    let line = "store-quilt --paths many --epochs 3 --ignore-resources --json";
    let store: Vec<&str> = line.split(' ').collect();
    home.signal_once(&store, "KILL", |_| {
        journal(home.path()).contains("\"paying\"")
    });
    let output = home.run(&store);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.contains("Going on with"),
        "{said}"
    );
    let stored: Value = serde_json::from_slice(&output.stdout).unwrap();
    let quilt = &stored["blobStoreResult"]["newlyCreated"]["blobObject"]["blobId"];
    let owned = home.json(&["list-blobs", "--json"]);
    let same = owned
        .as_array()
        .unwrap()
        .iter()
        .filter(|blob| blob["blobId"] == *quilt);
    assert_eq!(same.count(), 1, "{owned}");
    assert_all_is_over(home);
}
