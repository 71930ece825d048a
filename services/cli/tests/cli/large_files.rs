//! Files whose slivers do not fit in the memory meant for them: from files and pipes, to files, pipes and devices; full disks and
//! interruptions.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::program::Home;
use rand::{RngCore, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};

const UP: &str = "The network is up";

const NETWORK: [&str; 9] = [
    "localnet",
    "--nodes",
    "4",
    "--shards",
    "100",
    "--rpc-port",
    "0",
    "--faucet-port",
    "0",
];

/// About 160 MiB of slivers.
const LENGTH: usize = 36 << 20;
/// What 100 shards hold at most under one manifest: 16384 parts of 128 MiB.
const MAX_BODY: u64 = 1 << 41;

fn content(seed: u64) -> Vec<u8> {
    let mut content = vec![0; LENGTH];
    SmallRng::seed_from_u64(seed).fill_bytes(&mut content);
    content
}

fn blob_id(stored: &Value) -> String {
    let created = &stored[0]["blobStoreResult"]["newlyCreated"];
    let blob_id = created["blobObject"]["blobId"].as_str();
    blob_id
        .unwrap_or_else(|| panic!("not stored: {stored}"))
        .to_owned()
}

/// Runs a command in a shell, where `$walrus` is the program.
fn shell(home: &Home, script: &str) -> Output {
    let program = home.command(&[]);
    let mut shell = Command::new("bash");
    shell.args(["-c", script]).current_dir(home.path());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("walrus", program.get_program());
    shell.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn large_files_come_and_go_in_every_way() {
    let home = Home::new();
    let network = home.start(&NETWORK);
    network.wait_for_line(UP);
    let first = content(1);
    home.file("input", &first);

    copy_without_room(&home);
    let blob = store_without_room(&home);
    let offline = home.json(&["blob-id", "input", "--n-shards", "100", "--json"]);
    assert_eq!(offline["blobId"], blob.as_str());
    read_in_every_way(&home, &blob, &first);
    read_without_room(&home, &blob);
    store_from_pipes(&home);
    refuse_what_is_too_large(&home);
    interrupt(&home, &blob);

    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
    assert!(network.stop_with("INT").success());
}

/// The largest file that a process may write stands for a full disk. What can be read only once, and does not fit in memory, is copied
/// there first.
fn copy_without_room(home: &Home) {
    let script = r#"trap "" XFSZ; ulimit -f 1000; cat input input | "$walrus" store - --epochs 2"#;
    let output = shell(home, script);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("--spool-dir"), "{said}");
    assert!(said.contains("File too large"), "{said}");
    let script = r#"cat input input | "$walrus" store - --epochs 2 --spool-dir absent"#;
    let output = shell(home, script);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("--spool-dir") && said.contains("absent"),
        "{said}"
    );
    // Nothing is registered, let alone paid.
    let blob = home.json(&["blob-id", "input", "--n-shards", "100", "--json"]);
    let blob = blob["blobId"].as_str().unwrap();
    let arguments = [
        "blob-status",
        "--blob-id",
        blob,
        "--timeout",
        "10s",
        "--json",
    ];
    assert_eq!(home.json(&arguments)["status"], "nonexistent");
}

/// A file is stored without another one.
fn store_without_room(home: &Home) -> String {
    let script =
        r#"ulimit -f 1000; exec "$walrus" store input --epochs 2 --spool-dir absent --json"#;
    let output = shell(home, script);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    blob_id(&serde_json::from_slice(&output.stdout).unwrap())
}

fn read_in_every_way(home: &Home, blob: &str, content: &[u8]) {
    let plain = home.run(&["read", blob]);
    assert!(plain.status.success());
    assert!(plain.stdout == content);
    let out = home.file("out", b"older");
    let output = home.json(&["read", blob, "--out", "out", "--json"]);
    assert_eq!(output, json!({"out": "out", "blobId": blob}));
    assert!(fs::read(&out).unwrap() == content);

    let script = format!(
        r#"set -o pipefail; "$walrus" read {blob} --json | python3 -c 'import base64, hashlib, json, sys
print(hashlib.sha256(base64.b64decode(json.load(sys.stdin)["blob"])).hexdigest())'"#
    );
    // Where there is no Python nothing can be said about the JSON.
    if Command::new("python3").arg("--version").output().is_ok() {
        let output = shell(home, &script);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let sum = shell(home, "sha256sum < input | cut -d ' ' -f 1");
        assert_eq!(output.stdout, sum.stdout);
    }
    // To a pipe, and to somebody who has seen enough.
    let script = format!(
        r#"mkfifo pipe && {{ cmp pipe input & }} && "$walrus" read {blob} --out pipe && wait $! && rm pipe"#
    );
    let output = shell(home, &script);
    assert!(output.status.success(), "{output:?}");
    let script = format!(r#"set -o pipefail; "$walrus" read {blob} | head -c 5 > start"#);
    let output = shell(home, &script);
    assert!(output.status.success(), "{output:?}");
    assert!(fs::read(home.path().join("start")).unwrap() == content[..5]);
}

fn read_without_room(home: &Home, blob: &str) {
    let out = home.file("out", b"older");
    let script = format!(r#"trap "" XFSZ; ulimit -f 1000; exec "$walrus" read {blob} --out out"#);
    let output = shell(home, &script);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("File too large"), "{said}");
    assert_eq!(fs::read(&out).unwrap(), b"older");
    for (out, why) in [
        ("/dev/full", "No space left"),
        ("absent/out", "its directory does not exist"),
        (".", "it is a directory"),
    ] {
        let said = home.fail(&["read", blob, "--out", out]);
        assert!(
            said.contains("cannot write") && said.contains(why),
            "{said}"
        );
    }
    assert_partial_free(home.path());
}

fn assert_partial_free(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.contains("partial"), "{name}");
    }
}

/// What can be read only once is copied: two pipes of which one fits in memory, and standard input.
fn store_from_pipes(home: &Home) {
    let second = content(2);
    home.file("second", &second);
    let script = r#""$walrus" store <(cat second) <(echo short) --epochs 2 --json"#;
    let output = shell(home, script);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let stored: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(home.run(&["read", &blob_id(&stored)]).stdout == second);
    let short = json!([stored[1]]);
    assert_eq!(home.run(&["read", &blob_id(&short)]).stdout, b"short\n");
    let mut store = home
        .command(&["store", "-", "--epochs", "2", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = store.stdin.take().unwrap();
    input.write_all(b"said to standard input").unwrap();
    drop(input);
    let output = store.wait_with_output().unwrap();
    let stored: Value = serde_json::from_slice(&output.stdout).unwrap();
    let read = home.run(&["read", &blob_id(&stored)]).stdout;
    assert_eq!(read, b"said to standard input");
}

fn refuse_what_is_too_large(home: &Home) {
    let large = home.file("large", b"");
    let file = fs::File::options().write(true).open(large).unwrap();
    file.set_len(MAX_BODY + 1).unwrap();
    let said = home.fail(&["store", "large", "--epochs", "2"]);
    let expected = format!("large has more than {MAX_BODY} bytes");
    assert!(said.contains(&expected), "{said}");
    let said = home.fail(&[
        "encode",
        "/dev/zero",
        "--n-shards",
        "100",
        "--out",
        "slivers",
    ]);
    assert!(
        said.contains("/dev/zero is a device and has no end"),
        "{said}"
    );
}

fn interrupt(home: &Home, blob: &str) {
    // It waits for a pipe that is opened and not written to.
    assert!(shell(home, "mkfifo silent").status.success());
    let store = home
        .command(&["store", "silent", "--epochs", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pipe = fs::File::options()
        .write(true)
        .open(home.path().join("silent"));
    let id = store.id();
    assert!(shell(home, &format!("kill -INT {id}")).status.success());
    let output = store.wait_with_output().unwrap();
    drop(pipe);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("interrupted; nothing was paid"), "{said}");

    home.file("third", &content(3));
    for (command, signal) in [
        ("store third --epochs 2", "INT"),
        ("store third --epochs 2", "KILL"),
        (&*format!("read {blob} --out interrupted"), "INT"),
        (&*format!("read {blob} --out interrupted"), "KILL"),
    ] {
        // At any moment: somewhere between the start and the end.
        for pause in ["0.1", "0.4", "0.8"] {
            let script = format!(
                r#""$walrus" {command} >/dev/null 2>&1 & sleep {pause}; kill -{signal} $!; wait $!"#
            );
            shell(home, &script);
            assert!(
                home.leftovers().is_empty(),
                "{command}: {:?}",
                home.leftovers()
            );
            assert_partial_free(home.path());
        }
    }
    // What an earlier one has paid for is of use.
    let stored = home.json(&["store", "third", "--epochs", "2", "--json"]);
    assert!(stored[0]["blobStoreResult"].is_object(), "{stored}");
}
