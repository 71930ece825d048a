//! `decode` of a directory that is not as `encode` made it: the blob comes out, or an error names the files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::program::{Home, names};

const DECODE: [&str; 4] = ["decode", "slivers", "--out", "output"];

struct Slivers {
    home: Home,
    data: Vec<u8>,
}

impl Slivers {
    /// Of 10 primary slivers 4 are needed, of 10 secondary ones 7.
    fn new() -> Self {
        let home = Home::new();
        let data: Vec<u8> = (0..100_000_u32).map(|i| (i * 31 % 251) as u8).collect();
        home.file("input", &data);
        home.succeed(&["encode", "input", "--n-shards", "10", "--out", "slivers"]);
        Self { home, data }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("slivers").join(name)
    }

    fn sliver(&self, sliver_type: &str, index: usize) -> PathBuf {
        self.path(&format!("{sliver_type}-{index:04}.bcs"))
    }

    fn remove(&self, sliver_type: &str, indices: impl IntoIterator<Item = usize>) {
        for index in indices {
            fs::remove_file(self.sliver(sliver_type, index)).unwrap();
        }
    }

    fn comes_back(&self) {
        self.home.succeed(&DECODE);
        let output = self.home.path().join("output");
        assert!(fs::read(&output).unwrap() == self.data);
        fs::remove_file(output).unwrap();
    }

    fn is_refused(&self, parts: &[&str]) {
        let said = self.home.fail(&DECODE);
        for part in parts {
            assert!(said.contains(part), "no `{part}` in: {said}");
        }
        assert_eq!(names(self.home.path()), ["input", "slivers"]);
        assert!(self.home.leftovers().is_empty());
    }
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn metadata_that_is_missing_or_wrong_is_named() {
    let slivers = Slivers::new();
    let metadata = slivers.path("metadata.bcs");
    let right = fs::read(&metadata).unwrap();
    let hint = "take metadata.bcs from another copy of the directory";
    fs::remove_file(&metadata).unwrap();
    slivers.is_refused(&["cannot read slivers/metadata.bcs: No such file", hint]);
    fs::create_dir(&metadata).unwrap();
    slivers.is_refused(&["cannot read slivers/metadata.bcs: ", hint]);
    fs::remove_dir(&metadata).unwrap();

    for length in [0, 10, right.len() / 2, right.len() - 1] {
        fs::write(&metadata, &right[..length]).unwrap();
        slivers.is_refused(&["metadata.bcs", hint]);
    }
    fs::write(&metadata, [&right[..], b"more"].concat()).unwrap();
    slivers.is_refused(&["metadata.bcs", hint]);
    // In the blob ID, in the length of the blob, in a hash.
    for position in [5, 36, 100, right.len() - 1] {
        fs::write(&metadata, &right).unwrap();
        edit(&metadata, |bytes| bytes[position] ^= 1);
        slivers.is_refused(&["metadata.bcs", hint]);
    }
    fs::write(&metadata, &right).unwrap();
    slivers.comes_back();
}

#[test]
fn metadata_of_another_blob_is_suspected() {
    let slivers = Slivers::new();
    let home = &slivers.home;
    let metadata = slivers.path("metadata.bcs");
    for other in [&[7; 100_000][..], b"short"] {
        home.file("other", other);
        home.succeed(&["encode", "other", "--n-shards", "10", "--out", "wrong"]);
        fs::copy(home.path().join("wrong/metadata.bcs"), &metadata).unwrap();
        fs::remove_dir_all(home.path().join("wrong")).unwrap();
        fs::remove_file(home.path().join("other")).unwrap();
        slivers.is_refused(&["none of the slivers", "metadata.bcs of another blob"]);
    }
}

#[test]
fn slivers_that_are_damaged_are_passed_over_while_enough_are_left() {
    let slivers = Slivers::new();
    slivers.remove("secondary", 0..10);
    let sliver = |index| slivers.sliver("primary", index);
    edit(&sliver(0), |bytes| bytes.truncate(50));
    edit(&sliver(1), |bytes| bytes.push(0));
    edit(&sliver(2), |bytes| bytes[100] ^= 0x80);
    fs::write(sliver(3), b"").unwrap();
    // Under the name of another one.
    fs::rename(sliver(4), sliver(5)).unwrap();
    fs::create_dir(sliver(4)).unwrap();
    // What does not belong there at all.
    fs::write(slivers.path("notes.txt"), b"notes").unwrap();
    fs::write(slivers.path("primary-9999.bcs"), b"").unwrap();
    slivers.comes_back();

    slivers.remove("primary", [6]);
    slivers.is_refused(&[
        "3 usable primary slivers, 4 needed",
        "primary-0000.bcs has 50 bytes instead of ",
        "primary-0001.bcs has ",
        "primary-0002.bcs is damaged",
        "primary-0003.bcs has 0 bytes instead of ",
        "primary-0004.bcs is no file",
        "primary-0005.bcs is damaged",
        "1 is missing",
        "take slivers of blob ",
        "from another copy of the directory",
    ]);
}

#[test]
fn too_few_slivers_are_counted() {
    let slivers = Slivers::new();
    slivers.remove("primary", 3..10);
    slivers.comes_back();
    slivers.remove("secondary", 0..5);
    slivers.is_refused(&[
        "3 usable primary slivers, 4 needed",
        "7 are missing",
        "take slivers of blob ",
    ]);
    slivers.remove("primary", 0..3);
    slivers.is_refused(&["5 usable secondary slivers, 7 needed", "5 are missing"]);
    // However many there are, the list ends.
    for index in 0..10 {
        fs::write(slivers.sliver("secondary", index), b"short").unwrap();
        fs::write(slivers.sliver("primary", index), b"short").unwrap();
    }
    slivers.is_refused(&["none of the slivers", "and 2 more"]);
}

#[test]
fn a_directory_without_slivers_is_named() {
    let home = Home::new();
    home.file("file", b"text");
    fs::create_dir(home.path().join("empty")).unwrap();
    for (directory, why) in [
        ("absent", "cannot read slivers from absent: No such file"),
        ("file", "cannot read slivers from file: it is no directory"),
        ("empty", "cannot read empty/metadata.bcs: No such file"),
    ] {
        let said = home.fail(&["decode", directory, "--out", "output"]);
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(names(home.path()), ["empty", "file"]);
}
