//! `blob-id` and `convert-blob-id` need no network.

use std::{
    fs::File,
    io::{Seek as _, SeekFrom, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::Stdio,
};

use crate::program::Home;
use serde_json::Value;

fn vectors() -> Vec<Value> {
    let text = include_str!("../../../../tests/vectors/encoding.json");
    let file: Value = serde_json::from_str(text).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

/// `byte[i] = (31 i + 7 length) mod 256`, as the vector file says.
fn linear(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| ((i * 31 + 7 * length) % 256) as u8)
        .collect()
}

#[test]
fn the_blob_ids_of_the_vectors_come_out() {
    let home = Home::new();
    let mut shard_counts = Vec::new();
    for vector in vectors() {
        let length = vector["unencoded_length"].as_u64().unwrap() as usize;
        if length > 1 << 20 {
            continue;
        }
        let n_shards = vector["n_shards"].to_string();
        let file = home.file("input", &linear(length));
        let path = file.to_str().unwrap();
        let output = home.json(&["blob-id", path, "--n-shards", &n_shards, "--json"]);
        let expected = serde_json::json!({
            "blobId": vector["blob_id"],
            "file": path,
            "unencodedLength": length,
            "encodingType": "RS2",
        });
        assert_eq!(output, expected, "{}", vector["name"]);
        let text = home.succeed(&["blob-id", path, "--n-shards", &n_shards]);
        assert!(text.contains(vector["blob_id"].as_str().unwrap()), "{text}");
        shard_counts.push(n_shards);
    }
    assert!(
        shard_counts.contains(&"1000".to_owned()),
        "{shard_counts:?}"
    );
}

#[test]
fn a_decimal_blob_id_is_converted() {
    let home = Home::new();
    let decimal = "94699736893744872644295225319422424879389432225506209958748309287018296689362";
    let blob_id = home.json(&["convert-blob-id", decimal, "--json"]);
    let text = home.succeed(&["convert-blob-id", decimal]);
    assert_eq!(blob_id.as_str(), Some(text.trim()));
    assert_eq!(text.trim().len(), 43);
    assert!(
        home.fail(&["convert-blob-id", "12x"])
            .contains("`12x` is not a decimal blob ID")
    );
}

#[test]
fn what_cannot_be_encoded_is_refused_with_a_reason() {
    let home = Home::new();
    let file = home.file("input", b"text");
    let path = file.to_str().unwrap();
    let missing = home.fail(&["blob-id", "absent", "--n-shards", "1000"]);
    assert!(
        missing.contains("cannot read absent") && missing.contains("No such file"),
        "{missing}"
    );
    let directory = home.fail(&["blob-id", ".", "--n-shards", "1000"]);
    assert!(directory.contains("is a directory"), "{directory}");
    for shards in ["3", "50000"] {
        let few = home.fail(&["blob-id", path, "--n-shards", shards]);
        assert!(few.contains(shards), "{few}");
    }
    let large = home.file("large", &vec![0; 6 * 65_534 + 1]);
    let large = large.to_str().unwrap();
    let parts = home.json(&["blob-id", large, "--n-shards", "4", "--json"]);
    let lengths: Vec<_> = parts["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["length"].as_u64())
        .collect();
    assert_eq!(lengths, [Some(1 << 18), Some(6 * 65_534 + 1 - (1 << 18))]);
    let large = home.fail(&["encode", large, "--n-shards", "4", "--out", "slivers"]);
    for part in [
        "large has more than 393204 bytes (384.0 KiB)",
        "384.0 KiB take 5 shards or more",
        "`walrus store` stores it as several blobs",
    ] {
        assert!(large.contains(part), "{large}");
    }
    // Without a number of shards it takes a network.
    let offline = home.fail(&["blob-id", path]);
    assert!(offline.contains("walrus localnet"), "{offline}");
}

#[test]
fn a_reader_that_has_left_is_no_error() {
    let home = Home::new();
    let file = home.file("input", b"text");
    let path = file.to_str().unwrap();
    for arguments in [
        vec!["blob-id", path, "--n-shards", "4"],
        vec!["blob-id", path, "--n-shards", "4", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = home
            .command(&arguments)
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
    }
}

#[test]
fn standard_input_is_read_by_the_name_of_a_hyphen_whatever_it_is() {
    let home = Home::new();
    let path = home.file("input", b"headertext");
    home.file("text", b"text");
    let blob_id = |name: &str, input: Stdio| {
        let mut command = home.command(&["blob-id", name, "--n-shards", "10", "--json"]);
        let output = command.stdin(input).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let output: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output["file"], name);
        output["blobId"].as_str().unwrap().to_owned()
    };
    let (text, whole) = (
        blob_id("text", Stdio::null()),
        blob_id("input", Stdio::null()),
    );
    for name in ["-", "/dev/stdin"] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"text").unwrap();
        drop(writer);
        assert_eq!(blob_id(name, reader.into()), text, "a pipe");
        // What some programs give to those that they start; it has no name to be opened by.
        let (reader, mut writer) = UnixStream::pair().unwrap();
        writer.write_all(b"text").unwrap();
        drop(writer);
        assert_eq!(
            blob_id(name, OwnedFd::from(reader).into()),
            text,
            "a socket"
        );
        let mut file = File::open(&path).unwrap();
        assert_eq!(blob_id(name, file.try_clone().unwrap().into()), whole);
        file.seek(SeekFrom::Start(6)).unwrap();
        assert_eq!(blob_id(name, file.into()), text, "what is left of a file");
    }
}
