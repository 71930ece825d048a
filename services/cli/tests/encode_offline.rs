//! `encode` needs no network.
#![allow(clippy::unwrap_used)]

mod program;

use std::{fs, path::Path};

use program::Home;
use walrus_core::{EncodingConfig, metadata::UnverifiedBlobMetadataWithId};

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

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

#[test]
fn an_interrupted_encoding_leaves_nothing_behind() {
    let home = Home::new();
    let file = home.file("input", b"");
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(256 << 20)
        .unwrap();
    let running = home.start(&["encode", "input", "--n-shards", "1000", "--out", "slivers"]);
    while names(home.path()) == ["input"] {
        std::thread::yield_now();
    }
    let status = running.stop_with("INT");
    assert_eq!(status.code(), Some(1), "{status}");
    assert_eq!(names(home.path()), ["input"]);
    assert!(home.leftovers().is_empty());
}
