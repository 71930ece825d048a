//! Files that become shorter or longer while `encode` and `blob-id` read them: an error, and nothing is left.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    io::Write,
};

use crate::program::{Home, names};

/// Whether a process has read so much that it must have begun to read its input.
fn reads(id: u32) -> bool {
    const MORE_THAN_THE_PROGRAM: u64 = 16 << 20;
    let counts = fs::read_to_string(format!("/proc/{id}/io")).unwrap_or_default();
    let read = counts.lines().find_map(|line| line.strip_prefix("rchar: "));
    read.is_some_and(|bytes| bytes.parse::<u64>().unwrap() > MORE_THAN_THE_PROGRAM)
}

/// What `encode` and `blob-id` say about a file of so many zeros that something happens to.
fn disturbed(length: u64, disturb: fn(&mut File), expected: &str) {
    let home = Home::new();
    let blob_id = ["blob-id", "input", "--n-shards", "1000"];
    let encode = [
        "encode",
        "input",
        "--n-shards",
        "1000",
        "--out",
        "new/slivers",
    ];
    for (arguments, failed) in [
        (&blob_id[..], "cannot read input: "),
        (&encode[..], "cannot encode input: "),
    ] {
        let input = home.path().join("input");
        File::create(&input).unwrap().set_len(length).unwrap();
        let output = home.disturb_once(arguments, reads, |_| {
            disturb(&mut File::options().append(true).open(&input).unwrap());
        });
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(failed), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(output.stdout.is_empty());
        assert_eq!(names(home.path()), ["input"]);
        assert!(home.leftovers().is_empty());
    }
}

#[test]
fn a_file_that_is_truncated_is_no_blob() {
    let truncate = |file: &mut File| file.set_len(1).unwrap();
    disturbed(8 << 30, truncate, "it was truncated while being read");
}

#[test]
fn a_file_that_grows_is_no_blob() {
    let append = |file: &mut File| file.write_all(b"more").unwrap();
    disturbed(
        128 << 20,
        append,
        "the blob changed while being read: it had 134217728 bytes and has 134217732",
    );
}
