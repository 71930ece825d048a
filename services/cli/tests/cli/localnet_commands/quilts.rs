//! Quilts on a network: stored, listed, read, and names that lead nowhere.

use std::{collections::BTreeMap, fs, io::Read as _, path::Path};

use serde_json::{Value, json};
use walrus_core::{
    EncodingConfig,
    quilt::{Identifier, NewPatch, QuiltLayout, Tags},
};

use super::{SHAPE, UP};
use crate::program::{Home, names};

/// Shards of the network.
const SHARDS: u16 = 13;

#[test]
fn files_are_stored_as_one_quilt_and_read_one_by_one() {
    let home = Home::new();
    let network = home.start(&SHAPE);
    network.wait_for_line(UP);
    let photos = home.path().join("photos");
    fs::create_dir_all(photos.join("2024")).unwrap();
    let sea: Vec<u8> = (0..20_000_u32).map(|i| (i * i) as u8).collect();
    let contents: BTreeMap<&str, &[u8]> = [
        ("2024/sea.jpg", sea.as_slice()),
        ("empty", b""),
        ("sea.jpg", b"another sea"),
        ("note.txt", b"a note"),
    ]
    .into();
    for name in ["2024/sea.jpg", "empty", "sea.jpg"] {
        fs::write(photos.join(name), contents[name]).unwrap();
    }
    home.file("note.txt", contents["note.txt"]);

    let planned = home.json(&[
        "store-quilt",
        "--paths",
        "photos",
        "note.txt",
        "--epochs",
        "3",
        "--dry-run",
        "--json",
    ]);
    let stored = home.json(&[
        "store-quilt",
        "--paths",
        "photos",
        "note.txt",
        "--epochs",
        "3",
        "--json",
    ]);
    let created = &stored["blobStoreResult"]["newlyCreated"];
    let quilt_id = created["blobObject"]["blobId"].as_str().unwrap();
    assert_eq!(planned["quiltBlobOutput"]["path"], "n/a");
    assert_eq!(planned["quiltBlobOutput"]["blobId"], quilt_id);
    assert_eq!(planned["quiltBlobOutput"]["storageCost"], created["cost"]);
    let patches = stored["storedQuiltBlobs"].as_array().unwrap();
    let stored_names: Vec<_> = patches
        .iter()
        .map(|patch| patch["identifier"].as_str().unwrap())
        .collect();
    assert_eq!(stored_names, contents.keys().copied().collect::<Vec<_>>());
    let index = &planned["quiltIndex"]["v1"]["quiltPatches"];
    compare(patches, index);
    list(&home, quilt_id, index);
    read_all(&home, quilt_id, &contents);
    read_some(&home, quilt_id, patches, &contents);
    with_names_and_tags(&home);
    refuse(&home);
    do_not_leave_the_directory(&home);
    assert!(network.stop_with("INT").success());
}

/// A quilt is stored as it was planned.
fn compare(patches: &[Value], index: &Value) {
    for (patch, planned) in patches.iter().zip(index.as_array().unwrap()) {
        assert_eq!(patch["range"][1], planned["endIndex"]);
        assert_eq!(planned["tags"], json!({}));
    }
}

fn list(home: &Home, quilt_id: &str, index: &Value) {
    let listed = home.json(&["list-patches-in-quilt", quilt_id, "--json"]);
    assert_eq!(listed["V1"]["index"]["quiltPatches"], *index);
    assert_eq!(listed["V1"]["quilt_id"].as_array().unwrap().len(), 32);
    let hashes = &listed["V1"]["metadata"]["V1"]["hashes"];
    assert_eq!(hashes.as_array().unwrap().len(), usize::from(SHARDS));
    let text = home.succeed(&["resolve-quilt", quilt_id]);
    assert!(
        text.contains("2024/sea.jpg") && text.contains("4 files"),
        "{text}"
    );
    let attributes = home.succeed(&["blob-status", quilt_id]);
    assert!(attributes.contains("available"), "{attributes}");
}

fn read_all(home: &Home, quilt_id: &str, contents: &BTreeMap<&str, &[u8]>) {
    let out = home.path().join("out");
    let read = home.json(&[
        "read-quilt",
        "--quilt-id",
        quilt_id,
        "--out",
        "out",
        "--json",
    ]);
    assert_eq!(read["out"], "out");
    assert_eq!(
        read["retrievedBlobs"].as_array().unwrap().len(),
        contents.len()
    );
    for (name, content) in contents {
        assert_eq!(fs::read(out.join(name)).unwrap(), *content, "{name}");
    }
    assert_eq!(names(&out), ["2024", "empty", "note.txt", "sea.jpg"]);
    // The same as an archive, in a file and at once.
    let arguments = ["read-quilt", "--quilt-id", quilt_id, "--tar"];
    let told = home.json(&[&arguments[..], &["all.tar", "--json"]].concat());
    assert_eq!(
        told["retrievedBlobs"].as_array().unwrap().len(),
        contents.len()
    );
    let at_once = home.run(&[&arguments[..], &["-"]].concat());
    assert!(at_once.stdout == fs::read(home.path().join("all.tar")).unwrap());
    assert_eq!(unpacked(&at_once.stdout), owned(contents));
    let read = home.json(&["read-quilt", "--quilt-id", quilt_id, "--json"]);
    for blob in read["retrievedBlobs"].as_array().unwrap() {
        let name = blob["identifier"].as_str().unwrap();
        let bytes: Vec<u8> = serde_json::from_value(blob["blob"].clone()).unwrap();
        assert_eq!(bytes, contents[name], "{name}");
        assert_eq!(blob["tags"], json!({}));
    }
}

/// The files of an archive.
fn unpacked(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), content)
    });
    entries.collect()
}

fn owned(contents: &BTreeMap<&str, &[u8]>) -> BTreeMap<String, Vec<u8>> {
    let contents = contents.iter();
    contents
        .map(|(name, content)| ((*name).to_owned(), content.to_vec()))
        .collect()
}

fn read_some(home: &Home, quilt_id: &str, patches: &[Value], contents: &BTreeMap<&str, &[u8]>) {
    let one = home.run(&[
        "read-quilt",
        "--quilt-id",
        quilt_id,
        "--identifier",
        "2024/sea.jpg",
    ]);
    assert_eq!(one.stdout, contents["2024/sea.jpg"]);
    for patch in patches {
        let id = patch["quiltPatchId"].as_str().unwrap();
        let read = home.run(&["read-quilt", "--quilt-patch-ids", id]);
        assert!(
            read.status.success(),
            "{}",
            String::from_utf8_lossy(&read.stderr)
        );
        assert_eq!(read.stdout, contents[patch["identifier"].as_str().unwrap()]);
    }
    // What is not there is told; the rest is read.
    let arguments = [
        "read-quilt",
        "--quilt-id",
        quilt_id,
        "--identifiers",
        "nothing",
        "empty",
        "--out",
        "some",
    ];
    let some = home.run(&arguments);
    assert_eq!(some.status.code(), Some(1));
    let said = String::from_utf8_lossy(&some.stderr);
    assert!(said.contains("no patch \"nothing\""), "{said}");
    assert_eq!(names(&home.path().join("some")), ["empty"]);
    let several = home.fail(&["read-quilt", "--quilt-id", quilt_id]);
    assert!(several.contains("--out"), "{several}");
}

fn with_names_and_tags(home: &Home) {
    home.file("a", b"first");
    home.file("b", b"second");
    let stored = home.json(&[
        "json",
        r#"{"command": {"storeQuilt": {"epochs": 1, "blobs": [
            {"path": "a", "identifier": "letter one", "tags": {"kind": "letter", "year": "2024"}},
            {"path": "b", "tags": {"kind": "note"}}]}}}"#,
    ]);
    let blob = &stored["blobStoreResult"]["newlyCreated"]["blobObject"];
    let id = blob["blobId"].as_str().unwrap();
    let query = json!({"command": {"readQuilt": {"quiltId": id, "tag": ["kind", "letter"]}}});
    let read = home.json(&["json", &query.to_string()]);
    let expected = json!([{
        "blob": b"first".to_vec(), "identifier": "letter one", "tags": {"kind": "letter", "year": "2024"},
    }]);
    assert_eq!(read["retrievedBlobs"], expected);
    let none = home.fail(&["read-quilt", "--quilt-id", id, "--tag", "kind", "poem"]);
    assert!(none.contains("no patch has this tag"), "{none}");
}

fn refuse(home: &Home) {
    let twice = home.fail(&["store-quilt", "--paths", "a", "a", "--epochs", "1"]);
    assert!(
        twice.contains("two patches have the identifier \"a\""),
        "{twice}"
    );
    let bad = r#"{"path": "a", "identifier": "ends "}"#;
    let bad = home.fail(&["store-quilt", "--blobs", bad, "--epochs", "1"]);
    assert!(bad.contains("ends with white space"), "{bad}");
    let blob = home.json(&["store", "a", "--epochs", "1", "--json"]);
    let blob = blob[0]["blobStoreResult"]["newlyCreated"]["blobObject"]["blobId"]
        .as_str()
        .unwrap()
        .to_owned();
    let no_quilt = home.fail(&["list-patches-in-quilt", &blob]);
    assert!(no_quilt.contains("no quilt"), "{no_quilt}");
    let unknown = home.fail(&["read-quilt", "--quilt-id", &"A".repeat(43)]);
    assert!(unknown.contains("the blob ID does not exist"), "{unknown}");
    let no_patch = home.fail(&["read-quilt", "--quilt-patch-ids", &blob]);
    assert!(no_patch.contains("not the ID of a patch"), "{no_patch}");
}

/// A quilt as somebody else might store it: all names are allowed in one.
fn do_not_leave_the_directory(home: &Home) {
    let hostile = [
        "../escaped",
        "/tmp/escaped",
        "a/../../escaped",
        "link/escaped",
        "fine",
    ];
    let patch = |name: &&str| NewPatch {
        identifier: Identifier::new(*name).unwrap(),
        tags: Tags::default(),
        length: 4,
    };
    let config = EncodingConfig::new(SHARDS).unwrap();
    let layout = QuiltLayout::plan(config, hostile.iter().map(patch).collect()).unwrap();
    let quilt = layout.assemble_in_memory(|_| Ok(&b"text"[..])).unwrap();
    home.file("hostile", &quilt);
    let stored = home.json(&["store", "hostile", "--epochs", "1", "--json"]);
    let id = stored[0]["blobStoreResult"]["newlyCreated"]["blobObject"]["blobId"]
        .as_str()
        .unwrap()
        .to_owned();
    let out = home.path().join("inner/hostile");
    fs::create_dir_all(&out).unwrap();
    std::os::unix::fs::symlink(home.path(), out.join("link")).unwrap();
    let read = home.run(&["read-quilt", "--quilt-id", &id, "--out", "inner/hostile"]);
    assert_eq!(read.status.code(), Some(1));
    let said = String::from_utf8_lossy(&read.stderr);
    assert!(said.contains("4 files not read"), "{said}");
    assert_eq!(names(&out), ["fine", "link"]);
    assert_eq!(names(&home.path().join("inner")), ["hostile"]);
    // In an archive they have other names.
    let archived = home.run(&["read-quilt", "--quilt-id", &id, "--tar", "-"]);
    let archived: Vec<_> = unpacked(&archived.stdout).into_keys().collect();
    let expected = [
        "%2E%2E/escaped",
        "%2F/tmp/escaped",
        "a/%2E%2E/%2E%2E/escaped",
        "fine",
        "link/escaped",
    ];
    assert_eq!(archived, expected);
    let absent = [
        "read-quilt",
        "--quilt-id",
        &id,
        "--identifiers",
        "fine",
        "absent",
        "--tar",
        "x.tar",
    ];
    let absent = home.fail(&absent);
    assert!(absent.contains("no patch \"absent\""), "{absent}");
    assert!(!home.path().join("x.tar").exists());
    for escaped in [home.path().join("escaped"), "/tmp/escaped".into()] {
        assert!(!Path::new(&escaped).exists(), "{}", escaped.display());
    }
}
