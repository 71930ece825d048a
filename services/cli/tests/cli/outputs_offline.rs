//! Where results go: files, directories, devices, pipes and terminals; what is there already, what is missing, what is full.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::{FileTypeExt, symlink},
    process::{Command, Stdio},
};

use crate::program::{Home, names};

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

#[test]
fn a_result_that_has_no_room_is_an_error_of_every_command() {
    let (home, _) = home_with_slivers();
    let decimal = "94699736893744872644295225319422424879389432225506209958748309287018296689362";
    for arguments in [
        &["blob-id", "input", "--n-shards", "10"][..],
        &["encode", "input", "--n-shards", "10", "--out", "new"],
        &["decode", "slivers", "--out", "output"],
        &["convert-blob-id", decimal],
        &["--help"],
        &["store", "--help"],
        &["--version"],
    ] {
        for json in [&[][..], &["--json"]] {
            let full = fs::File::options().write(true).open("/dev/full").unwrap();
            let mut command = home.command(arguments);
            command.args(json).stdout(full).stderr(Stdio::piped());
            let output = command.spawn().unwrap().wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
            let expected = "Error: cannot write to standard output: No space left";
            assert_eq!(said.matches(expected).count(), 1, "{arguments:?}: {said}");
            // What was made is there all the same.
            if let Some(made) = ["new", "output"]
                .iter()
                .find(|name| arguments.contains(name))
            {
                let made = home.path().join(made);
                assert!(made.exists());
                fs::remove_dir_all(&made)
                    .or_else(|_| fs::remove_file(&made))
                    .unwrap();
            }
        }
    }
}

/// The spans of a trace.
fn spans(document: &str) -> Vec<serde_json::Value> {
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    let spans = &document["resourceSpans"][0]["scopeSpans"][0]["spans"];
    spans.as_array().unwrap().clone()
}

#[test]
fn a_trace_goes_into_a_file_or_to_a_collector() {
    let home = Home::new();
    home.file("input", b"text");
    let encode = ["encode", "input", "--n-shards", "10", "--out", "slivers"];
    home.succeed(&[&encode[..], &["--trace-cli", "file=trace.json"]].concat());
    let trace = || fs::read_to_string(home.path().join("trace.json")).unwrap();
    let spans_of_encode = spans(&trace());
    let (phase, command) = (&spans_of_encode[0], &spans_of_encode[1]);
    assert_eq!(
        (&phase["name"], &command["name"]),
        (&"encode".into(), &"walrus".into())
    );
    assert_eq!(phase["parentSpanId"], command["spanId"]);
    assert_eq!(command["attributes"][0]["value"]["stringValue"], "encode");

    // A failure is in it, also where the options are in an object.
    let object = r#"{"traceCli": {"file": "trace.json"}, "command": {"blobId": {"file": "absent", "nShards": 10}}}"#;
    home.fail(&["json", object]);
    let failed = &spans(&trace())[0]["status"];
    assert_eq!(failed["code"], 2);
    assert!(
        failed["message"]
            .as_str()
            .unwrap()
            .contains("cannot read absent"),
        "{failed}"
    );
    let said = home.fail(&[&encode[..], &["--trace-cli", "file=absent/trace"]].concat());
    assert!(
        said.contains("cannot write the trace to absent/trace"),
        "{said}"
    );

    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", collector.local_addr().unwrap());
    let taken = std::thread::spawn(move || take_one_request(&collector));
    let blob_id = [
        "blob-id",
        "input",
        "--n-shards",
        "10",
        "--trace-cli",
        "otlp",
    ];
    let mut command = home.command(&blob_id);
    let output = command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let (head, body) = taken.join().unwrap();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
    assert_eq!(spans(&body).len(), 2);
    // Nobody there any more: that is said, and nothing else is different.
    let mut command = home.command(&blob_id);
    let output = command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("did not take the trace"), "{said}");
}

/// Head and body of a request, which is answered.
fn take_one_request(listener: &TcpListener) -> (String, String) {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(&stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.parse().unwrap())
    });
    let mut body = vec![0; length.unwrap()];
    reader.read_exact(&mut body).unwrap();
    (&stream)
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        .unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// Runs a command as a shell does with this behind it.
fn redirected(home: &Home, arguments: &[&str], redirection: &str) -> std::process::Output {
    let walrus = home.command(&[]).get_program().to_owned();
    let script = format!(r#"exec "$0" "$@" {redirection}"#);
    let mut command = home.command_of("sh", &["-c", &script]);
    command.arg(walrus).args(arguments).output().unwrap()
}

#[test]
fn a_result_that_can_go_nowhere_is_refused_before_anything_is_done() {
    let (home, _) = home_with_slivers();
    let no_network = ["--config", "absent"];
    for arguments in [
        &["store", "input", "--epochs", "1"][..],
        &["get-wal"],
        &["info"],
        &["blob-id", "input", "--n-shards", "10"],
        &["decode", "slivers", "--out", "-"],
        &[
            "encode",
            "input",
            "--n-shards",
            "10",
            "--out",
            "new",
            "--json",
        ],
        &["json", r#"{"config": "absent", "command": "info"}"#],
        &["--help"],
        &["--version"],
    ] {
        let needs_network = ["store", "get-wal", "info"].contains(&arguments[0]);
        let options = if needs_network { &no_network[..] } else { &[] };
        let arguments = [arguments, options].concat();
        for closed in [">&-", "1</dev/null"] {
            let output = redirected(&home, &arguments, closed);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
            assert!(
                said.contains("standard output is closed"),
                "{arguments:?}: {said}"
            );
        }
    }
    assert_eq!(names(home.path()), ["input", "slivers"]);
    // What goes elsewhere, and what nobody wants, is done.
    let encode = ["encode", "input", "--n-shards", "10", "--out", "new"];
    assert!(redirected(&home, &encode, ">&-").status.success());
    let decode = ["decode", "slivers", "--out", "output"];
    assert!(redirected(&home, &decode, ">&-").status.success());
    let blob_id = ["blob-id", "input", "--n-shards", "10"];
    for wanted in [">/dev/null", "1<>/dev/null", "2>&-", "<&-"] {
        assert!(
            redirected(&home, &blob_id, wanted).status.success(),
            "{wanted}"
        );
    }
}

#[test]
fn a_closed_input_is_no_empty_blob() {
    let home = Home::new();
    let blob_id = ["blob-id", "-", "--n-shards", "10"];
    for closed in ["<&-", "0>/dev/null"] {
        for arguments in [&blob_id[..], &["json"]] {
            let output = redirected(&home, arguments, closed);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("standard input is closed"), "{said}");
        }
    }
    assert!(redirected(&home, &blob_id, "</dev/null").status.success());
}

#[test]
fn a_blob_goes_to_standard_output_by_the_name_of_a_hyphen() {
    let (home, data) = home_with_slivers();
    let output = home.run(&["decode", "slivers", "--out", "-"]);
    assert!(output.status.success());
    assert!(output.stdout == data);
    let output = home.run(&["decode", "slivers", "--out", "-", "--json"]);
    assert!(output.stdout == data, "the document is not in the blob");
    let said: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(said["unencodedLength"], 50_000);
    home.succeed(&["decode", "slivers", "--out", "./-"]);
    assert_eq!(names(home.path()), ["-", "input", "slivers"]);
}

/// Characters with which a name would colour, overwrite or reorder what a terminal shows.
const ODD: &str = "a\u{1b}[31m\r\n\u{9b}\u{202e}\u{7f}b";

fn is_printable(text: &str) -> bool {
    text.chars()
        .all(|c| (!c.is_control() || c == '\n') && c != '\u{202e}')
}

#[test]
fn names_of_files_do_not_control_the_terminal() {
    let home = Home::new();
    home.file(ODD, b"text");
    let slivers = format!("{ODD}-slivers");
    let absent = format!("{ODD}/absent");
    let shown = r"a\u{1b}[31m\r\n\u{9b}\u{202e}\u{7f}b";
    for (arguments, code) in [
        (&["blob-id", ODD, "--n-shards", "10"][..], 0),
        (&["encode", ODD, "--n-shards", "10", "--out", &slivers], 0),
        (&["decode", &slivers, "--out", ODD], 0),
        (&["encode", ODD, "--n-shards", "10", "--out", &slivers], 1),
        (&["encode", ODD, "--n-shards", "10", "--out", ODD], 1),
        (&["decode", ODD, "--out", "new"], 1),
        (&["decode", &slivers, "--out", &absent], 1),
        (&["blob-id", &absent, "--n-shards", "10"], 1),
        (&["info", "--config", &absent], 1),
        (&["store", "x", "--epochs", ODD], 2),
        (&["blob-id", ODD, ODD], 2),
        (&[ODD], 2),
    ] {
        let output = home.run(arguments);
        let text = format!(
            "{}{}",
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap()
        );
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(is_printable(&text), "{arguments:?}: {text:?}");
        assert!(text.contains(shown), "{arguments:?}: {text}");
        // No line begins in the middle of a name.
        assert!(!text.contains("\n\\u{9b}"), "{text}");
    }
    let text = home.succeed(&["blob-id", ODD, "--n-shards", "10", "--json"]);
    assert!(is_printable(&text), "{text:?}");
    let output: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(output["file"], ODD);
}
