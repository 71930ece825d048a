//! `encode` and `decode` need no network.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::program::{Home, names};
use serde_json::Value;
use walrus_core::{EncodingConfig, metadata::UnverifiedBlobMetadataWithId};

#[test]
fn the_slivers_of_a_file_become_files() {
    let home = Home::new();
    let data: Vec<u8> = (0..100_000_u32).map(|i| (i * 31 % 251) as u8).collect();
    let file = home.file("input", &data);
    let file = file.to_str().unwrap();
    let arguments = [
        "encode",
        file,
        "--n-shards",
        "10",
        "--out",
        "slivers",
        "--json",
    ];
    let output = home.json(&arguments);
    let blob_id = home.json(&["blob-id", file, "--n-shards", "10", "--json"])["blobId"].clone();
    assert_eq!(output["blobId"], blob_id);
    assert_eq!(output["unencodedLength"], 100_000);

    let directory = home.path().join("slivers");
    let found = names(&directory);
    assert_eq!(found.len(), 21, "{found:?}");
    assert!(
        found.contains(&"secondary-0009.bcs".to_owned()),
        "{found:?}"
    );
    let config = EncodingConfig::new(10).unwrap();
    let bytes = fs::read(directory.join("metadata.bcs")).unwrap();
    let metadata = UnverifiedBlobMetadataWithId::from_bcs(&bytes, &config).unwrap();
    let metadata = metadata.verify(&config).unwrap();
    assert_eq!(metadata.blob_id().to_string(), blob_id.as_str().unwrap());

    // What is there already is not touched.
    let refused = home.fail(&arguments[..6]);
    assert!(refused.contains("slivers"), "{refused}");
    assert_eq!(names(&directory), found);
}

#[test]
fn a_file_comes_back_from_the_slivers_that_are_left() {
    let home = Home::new();
    let data: Vec<u8> = (0..100_000_u32).map(|i| (i * 31 % 251) as u8).collect();
    home.file("input", &data);
    home.succeed(&["encode", "input", "--n-shards", "10", "--out", "slivers"]);
    let slivers = home.path().join("slivers");
    // Four primary slivers are enough: one of those left is damaged.
    for index in [0, 2, 3, 5, 8] {
        fs::remove_file(slivers.join(format!("primary-{index:04}.bcs"))).unwrap();
    }
    let damaged = slivers.join("primary-0001.bcs");
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[100] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    for index in 0..9 {
        fs::remove_file(slivers.join(format!("secondary-{index:04}.bcs"))).unwrap();
    }
    let output = home.json(&["decode", "slivers", "--out", "output", "--json"]);
    assert_eq!(output["unencodedLength"], 100_000);
    assert_eq!(fs::read(home.path().join("output")).unwrap(), data);

    // One less is too few, and then the older file stays.
    fs::remove_file(slivers.join("primary-0009.bcs")).unwrap();
    let error = home.fail(&["decode", "slivers", "--out", "output"]);
    assert!(error.contains("needed"), "{error}");
    assert_eq!(fs::read(home.path().join("output")).unwrap(), data);
    let error = home.fail(&["decode", "absent", "--out", "output"]);
    assert!(error.contains("absent"), "{error}");
    assert_eq!(names(home.path()), ["input", "output", "slivers"]);
}

#[test]
fn input_that_cannot_be_encoded_leaves_nothing_behind() {
    let home = Home::new();
    let absent = home.fail(&["encode", "absent", "--n-shards", "10", "--out", "slivers"]);
    assert!(absent.contains("absent"), "{absent}");
    let directory = home.fail(&["encode", ".", "--n-shards", "10", "--out", "slivers"]);
    assert!(directory.contains("is a directory"), "{directory}");
    let file = home.file("large", b"");
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    let large = home.fail(&["encode", "large", "--n-shards", "10", "--out", "slivers"]);
    assert!(large.contains("more than"), "{large}");
    assert_eq!(names(home.path()), ["large"]);
}

/// Files of the system say that they have no bytes.
#[cfg(target_os = "linux")]
#[test]
fn a_file_without_a_length_is_read() {
    let home = Home::new();
    home.file("copy", &fs::read("/proc/version").unwrap());
    let blob_id = |file: &str| {
        let output = home.json(&["blob-id", file, "--n-shards", "10", "--json"]);
        assert_ne!(output["unencodedLength"], 0);
        output["blobId"].clone()
    };
    assert_eq!(blob_id("/proc/version"), blob_id("copy"));
    let said = home.fail(&["blob-id", "/proc/self/mem", "--n-shards", "10"]);
    assert!(said.contains("cannot read /proc/self/mem: "), "{said}");
}

#[test]
fn a_pipe_is_as_good_as_a_file() {
    let home = Home::new();
    let data: Vec<u8> = (0..100_000_u32).map(|i| (i * 31 % 251) as u8).collect();
    home.file("input", &data);
    let id_of = |arguments: &[&str]| {
        let input = fs::File::open(home.path().join("input")).unwrap();
        let mut cat = Command::new("cat")
            .stdin(input)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = home
            .command(arguments)
            .stdin(cat.stdout.take().unwrap())
            .output()
            .unwrap();
        assert!(cat.wait().unwrap().success());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let output: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output["unencodedLength"], 100_000);
        output["blobId"].clone()
    };
    let expected = home.json(&["blob-id", "input", "--n-shards", "10", "--json"]);
    let shards = ["/dev/stdin", "--n-shards", "10", "--json"];
    let blob_id = id_of(&[&["blob-id"], &shards[..]].concat());
    assert_eq!(blob_id, expected["blobId"]);
    let blob_id = id_of(&[&["encode", "--out", "slivers"], &shards[..]].concat());
    assert_eq!(blob_id, expected["blobId"]);
    home.succeed(&["decode", "slivers", "--out", "output"]);
    assert_eq!(fs::read(home.path().join("output")).unwrap(), data);
    assert!(home.leftovers().is_empty());
}
