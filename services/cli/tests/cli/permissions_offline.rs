//! `encode`, `decode` and `blob-id` without the right to read or write.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
};

use crate::program::{Home, names};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The command with permissions that bind: root goes on as root, without the capabilities to pass over them.
fn bound(home: &Home, arguments: &[&str]) -> Command {
    let plain = home.command(arguments);
    if fs::metadata(home.path()).unwrap().uid() != 0 {
        return plain;
    }
    let mut bound = Command::new("setpriv");
    bound
        .args(["--bounding-set", "-dac_override,-dac_read_search", "--"])
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(home.path());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => bound.env(name, value),
            None => bound.env_remove(name),
        };
    }
    bound
}

/// What a command says that is not permitted what it needs.
fn refused(home: &Home, arguments: &[&str]) -> String {
    let output = bound(home, arguments).output();
    let output = output
        .unwrap_or_else(|error| panic!("as root, this needs `setpriv` of util-linux ({error})"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    assert!(said.contains("Permission denied"), "{said}");
    assert!(output.stdout.is_empty());
    said
}

#[test]
fn input_that_may_not_be_read_is_named() {
    let home = Home::new();
    let input = home.file("input", b"secret");
    set_mode(&input, 0o000);
    for arguments in [
        &[
            "encode",
            "input",
            "--n-shards",
            "10",
            "--out",
            "new/slivers",
        ][..],
        &["blob-id", "input", "--n-shards", "10"],
    ] {
        let said = refused(&home, arguments);
        assert!(said.contains("cannot read input: Permission"), "{said}");
    }
    assert_eq!(names(home.path()), ["input"]);
    assert!(home.leftovers().is_empty());
}

#[test]
fn a_place_that_may_not_be_written_to_is_named() {
    let home = Home::new();
    home.file("input", &[7; 20_000]);
    home.succeed(&["encode", "input", "--n-shards", "10", "--out", "slivers"]);
    let locked = home.path().join("locked");
    fs::create_dir(&locked).unwrap();
    set_mode(&locked, 0o555);
    for out in ["locked/slivers", "locked/new/slivers"] {
        let said = refused(
            &home,
            &["encode", "input", "--n-shards", "10", "--out", out],
        );
        assert!(said.contains(&format!("cannot write to {out}: ")), "{said}");
    }
    let said = refused(&home, &["decode", "slivers", "--out", "locked/output"]);
    assert!(said.contains("cannot write locked/output: "), "{said}");
    assert!(names(&locked).is_empty());
    assert_eq!(names(home.path()), ["input", "locked", "slivers"]);
    set_mode(&locked, 0o755);
}

#[test]
fn slivers_that_may_not_be_read_are_passed_over_or_named() {
    let home = Home::new();
    home.file("input", &[7; 20_000]);
    home.succeed(&["encode", "input", "--n-shards", "10", "--out", "slivers"]);
    let slivers = home.path().join("slivers");
    let decode = ["decode", "slivers", "--out", "output"];
    for index in 0..6 {
        set_mode(&slivers.join(format!("primary-{index:04}.bcs")), 0o000);
    }
    // Four are left, and four are enough.
    let output = bound(&home, &decode).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    fs::remove_file(home.path().join("output")).unwrap();

    for index in 6..10 {
        set_mode(&slivers.join(format!("primary-{index:04}.bcs")), 0o000);
    }
    for index in 0..10 {
        set_mode(&slivers.join(format!("secondary-{index:04}.bcs")), 0o000);
    }
    let said = refused(&home, &decode);
    assert!(
        said.contains("primary-0000.bcs: Permission denied"),
        "{said}"
    );
    set_mode(&slivers.join("metadata.bcs"), 0o000);
    let said = refused(&home, &decode);
    assert!(said.contains("cannot read slivers/metadata.bcs"), "{said}");
    assert_eq!(names(home.path()), ["input", "slivers"]);
}
