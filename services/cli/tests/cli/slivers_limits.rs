//! `encode`, `blob-id` and `decode` at the limits of the system and with input that is wrong: a clear error, and
//! nothing is left.
#![cfg(unix)]

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::program::{Home, names};

fn input(home: &Home, length: u64) {
    let data: Vec<u8> = (0..length).map(|i| ((i * i) >> 7) as u8).collect();
    home.file("input", &data);
}

/// The command under limits that a shell sets.
fn limited(home: &Home, limits: &str, arguments: &[&str]) -> Command {
    let plain = home.command(arguments);
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("{limits}; exec \"$0\" \"$@\""))
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(home.path())
        .stdin(Stdio::null());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

fn fails(mut command: Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    errors
}

#[test]
fn files_that_cannot_grow_end_the_encoding_and_leave_nothing() {
    let home = Home::new();
    input(&home, 1_000_000);
    let encode = ["encode", "input", "--n-shards", "10", "--out", "slivers"];
    // Slivers have 143 and 250 kB.
    let error = fails(limited(&home, "ulimit -f 100", &encode));
    assert!(error.contains("writing primary sliver"), "{error}");
    assert_eq!(names(home.path()), ["input"]);
    assert!(home.leftovers().is_empty());

    home.succeed(&encode);
    let decode = ["decode", "slivers", "--out", "output"];
    let error = fails(limited(&home, "ulimit -f 100", &decode));
    assert!(error.contains("output: File too large"), "{error}");
    assert_eq!(names(home.path()), ["input", "slivers"]);

    // What goes to a pipe is in a temporary file first. Nobody reads the pipe.
    let pipe = Command::new("mkfifo")
        .arg(home.path().join("pipe"))
        .status();
    assert!(pipe.unwrap().success());
    let decode = ["decode", "slivers", "--out", "pipe"];
    let error = fails(limited(&home, "ulimit -f 100", &decode));
    assert!(
        error.contains("--spool-dir") && error.contains("File too large"),
        "{error}"
    );
    assert!(home.leftovers().is_empty());
}

#[test]
fn few_open_files_are_enough() {
    let home = Home::new();
    input(&home, 300_000);
    // 66 recovery rows grow at the same time.
    let encode = ["encode", "input", "--n-shards", "100", "--out", "slivers"];
    let output = limited(&home, "ulimit -n 40", &encode).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let slivers = home.path().join("slivers");
    assert_eq!(names(&slivers).len(), 201);
    // From recovery rows alone, each of them verified.
    for index in 0..34 {
        fs::remove_file(slivers.join(format!("primary-{index:04}.bcs"))).unwrap();
    }
    home.succeed(&["decode", "slivers", "--out", "output"]);
    let read = |name| fs::read(home.path().join(name)).unwrap();
    assert!(read("output") == read("input"));
}

#[test]
fn blob_ids_of_wrong_input_are_refused() {
    let home = Home::new();
    let file = home.file("large", b"");
    let file = fs::File::options().write(true).open(file).unwrap();
    // More than 16 384 parts of 1 MiB, the largest power of two that fits one blob.
    file.set_len((16 << 30) + 1).unwrap();
    for (input, expected) in [
        ("absent", "absent"),
        (".", "is a directory"),
        ("large", "more than 17179869184 bytes"),
    ] {
        let error = home.fail(&["blob-id", input, "--n-shards", "10"]);
        assert!(error.contains(expected), "{error}");
    }
    let one_blob = ["encode", "large", "--n-shards", "10", "--out", "slivers"];
    let error = home.fail(&one_blob);
    assert!(error.contains("more than 1834952 bytes"), "{error}");
    assert_eq!(names(home.path()), ["large"]);
    assert!(home.leftovers().is_empty());
}

#[test]
fn wrong_slivers_and_targets_are_refused() {
    let home = Home::new();
    input(&home, 20_000);
    home.succeed(&["encode", "input", "--n-shards", "10", "--out", "slivers"]);
    let slivers = home.path().join("slivers");
    for index in 0..10 {
        let name = format!("secondary-{index:04}.bcs");
        fs::File::options()
            .write(true)
            .open(slivers.join(name))
            .unwrap()
            .set_len(100)
            .unwrap();
    }
    for index in 3..10 {
        fs::remove_file(slivers.join(format!("primary-{index:04}.bcs"))).unwrap();
    }
    let error = home.fail(&["decode", "slivers", "--out", "output"]);
    assert!(
        error.contains("3 usable primary slivers, 4 needed"),
        "{error}"
    );
    let metadata = slivers.join("metadata.bcs");
    let bytes = fs::read(&metadata).unwrap();
    fs::write(&metadata, &bytes[..bytes.len() / 2]).unwrap();
    let error = home.fail(&["decode", "slivers", "--out", "output"]);
    assert!(error.contains("metadata.bcs"), "{error}");
    assert_eq!(names(home.path()), ["input", "slivers"]);
}
