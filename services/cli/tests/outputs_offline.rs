//! Where `encode` and `decode` write: what is there already, what is missing, what is no file.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod program;

use std::{
    fs,
    os::unix::fs::{FileTypeExt, symlink},
    process::Command,
};

use program::{Home, names};

/// A home with `input` and its `slivers`.
fn home_with_slivers() -> (Home, Vec<u8>) {
    let home = Home::new();
    let data: Vec<u8> = (0..50_000_u32).map(|i| (i * 31 % 251) as u8).collect();
    home.file("input", &data);
    home.succeed(&["encode", "input", "--n-shards", "10", "--out", "slivers"]);
    (home, data)
}

#[test]
fn an_output_that_cannot_be_is_refused_with_a_reason() {
    let (home, _) = home_with_slivers();
    home.file("file", b"older");
    for (out, why) in [
        (
            "absent/output",
            "cannot write absent/output: its directory does not exist",
        ),
        (
            "file/output",
            "cannot write file/output: its directory does not exist",
        ),
        ("slivers", "cannot write slivers: it is a directory"),
        (".", "cannot write .: it is a directory"),
        ("new/", "cannot write new/: it is the name of a directory"),
    ] {
        let said = home.fail(&["decode", "slivers", "--out", out]);
        assert!(said.contains(why), "{said}");
    }
    let before = names(&home.path().join("slivers"));
    for (out, why) in [
        (
            "slivers",
            "slivers is not empty; name a new directory with --out",
        ),
        (
            "file",
            "file is no directory; name a new directory with --out",
        ),
        (
            "file/slivers",
            "cannot write to file/slivers: file is no directory",
        ),
        (".", ". is not empty; name a new directory with --out"),
    ] {
        let said = home.fail(&["encode", "input", "--n-shards", "10", "--out", out]);
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(names(home.path()), ["file", "input", "slivers"]);
    assert_eq!(fs::read(home.path().join("file")).unwrap(), b"older");
    assert_eq!(names(&home.path().join("slivers")), before);
}

#[test]
fn directories_above_the_slivers_are_made_and_go_if_the_encoding_fails() {
    let home = Home::new();
    home.file("input", b"text");
    let out = "new/deeper/slivers";
    home.succeed(&["encode", "input", "--n-shards", "10", "--out", out]);
    assert_eq!(names(&home.path().join(out)).len(), 21);
    fs::remove_dir_all(home.path().join("new")).unwrap();

    // A limit of the shell makes writing fail, as a full disk does.
    let walrus = home.command(&[]).get_program().to_owned();
    let script = r#"trap "" XFSZ; ulimit -f 0; exec "$0" encode input --n-shards 10 --out new/deeper/slivers"#;
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(walrus)
        .current_dir(home.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(names(home.path()), ["input"]);
}

#[test]
fn what_is_empty_and_what_a_link_names_is_written_to() {
    let (home, data) = home_with_slivers();
    let path = |name| home.path().join(name);
    fs::create_dir(path("empty")).unwrap();
    symlink("empty", path("link")).unwrap();
    home.succeed(&["encode", "input", "--n-shards", "10", "--out", "link"]);
    assert_eq!(names(&path("empty")), names(&path("slivers")));
    assert!(path("link").is_symlink());

    home.file("older", b"older");
    symlink("older", path("newer")).unwrap();
    home.succeed(&["decode", "slivers", "--out", "newer"]);
    assert!(path("newer").is_symlink());
    assert!(fs::read(path("older")).unwrap() == data);
}

#[test]
fn a_pipe_or_a_device_is_written_to_and_stays_what_it_is() {
    let (home, data) = home_with_slivers();
    let pipe = home.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    let output = home.json(&["decode", "slivers", "--out", "pipe", "--json"]);
    assert_eq!(output["unencodedLength"], 50_000);
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    assert!(reader.join().unwrap() == data);

    // Standard output has the blob and nothing else.
    let output = home.run(&["decode", "slivers", "--out", "/dev/stdout"]);
    assert!(output.status.success());
    assert!(output.stdout == data);

    // Behind a link, so that no device is at risk.
    symlink("/dev/full", home.path().join("full")).unwrap();
    let said = home.fail(&["decode", "slivers", "--out", "full"]);
    assert!(
        said.contains("cannot write full") && said.contains("No space left"),
        "{said}"
    );
    assert_eq!(names(home.path()), ["full", "input", "pipe", "slivers"]);
    assert!(home.leftovers().is_empty());
}
