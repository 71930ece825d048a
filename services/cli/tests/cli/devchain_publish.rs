//! `devchain publish` and `devchain call`: Move packages from source to an object on chain, and aborts in the words of
//! the source.

use crate::program::Home;
use serde_json::Value;

const PACKAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/move");

fn package(name: &str) -> String {
    format!("{PACKAGES}/{name}")
}

/// `FILE:LINE` of the only line of a package's source that contains `text`.
fn place(package_name: &str, text: &str) -> String {
    let path = format!("{PACKAGES}/{package_name}/sources/{package_name}.move");
    let source = std::fs::read_to_string(path).unwrap();
    let mut lines = source
        .lines()
        .zip(1..)
        .filter(|(line, _)| line.contains(text));
    let (_, line) = lines.next().unwrap();
    assert!(lines.next().is_none(), "{text} is there twice");
    format!("{package_name}.move:{line}")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A published `counter`.
struct Counter<'a> {
    home: &'a Home,
    url: String,
    package: String,
}

impl Counter<'_> {
    fn arguments(&self, function: &str, arguments: &[&str]) -> Vec<String> {
        let function = format!("{}::counter::{function}", self.package);
        let mut all = vec!["devchain".to_owned(), "call".into(), function];
        all.extend(arguments.iter().map(ToString::to_string));
        let source = package("counter");
        all.extend(["--rpc-url", &self.url, "--source", &source].map(String::from));
        all
    }

    fn call(&self, function: &str, arguments: &[&str]) -> Value {
        let mut all = self.arguments(function, arguments);
        all.push("--json".into());
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        self.home.json(&all)
    }

    fn refuse(&self, function: &str, arguments: &[&str]) -> String {
        let all = self.arguments(function, arguments);
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        self.home.fail(&all)
    }
}

#[test]
fn a_package_is_compiled_published_and_called_and_its_aborts_have_names_and_lines() {
    let home = Home::new();
    let chain = home.start(&[
        "devchain",
        "--ephemeral",
        "--json",
        "--rpc-port",
        "0",
        "--faucet-port",
        "0",
    ]);
    let url = text(&chain.wait_for_json()["rpcUrl"]).to_owned();
    let published = home.json(&[
        "devchain",
        "publish",
        &package("counter"),
        "--rpc-url",
        &url,
        "--json",
    ]);
    assert_eq!(published["modules"], serde_json::json!(["counter"]));
    assert_eq!(text(&published["upgradeCap"]).len(), 66);
    let counter = Counter {
        home: &home,
        url: url.clone(),
        package: text(&published["packageId"]).to_owned(),
    };
    use_counter(&counter);

    let refused = home.fail(&[
        "devchain",
        "publish",
        &package("refuses"),
        "--rpc-url",
        &url,
    ]);
    for expected in [
        "refuses::init",
        "ENotToday (code 77",
        &format!("{} (the only place", place("refuses", "        ENotToday,")),
    ] {
        assert!(refused.contains(expected), "{expected}: {refused}");
    }
    compile_with_node_alone(&counter);
    depend_on_a_path_from_the_root(&counter);
    refuse_what_is_no_package(&home, &url);
}

/// npm and cargo brought the compiler; nobody needs them any more.
fn compile_with_node_alone(counter: &Counter<'_>) {
    let programs = counter.home.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let node = std::env::split_paths(&path)
        .map(|folder| folder.join("node"))
        .find(|file| file.is_file())
        .unwrap();
    std::os::unix::fs::symlink(node, programs.join("node")).unwrap();
    let source = package("counter");
    let arguments = ["devchain", "publish", &source, "--rpc-url", &counter.url];
    let mut command = counter.home.command(&arguments);
    let output = command.env("PATH", &programs).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

fn depend_on_a_path_from_the_root(counter: &Counter<'_>) {
    let dir = counter.home.path().join("user");
    std::fs::create_dir_all(dir.join("sources")).unwrap();
    let manifest = format!(
        "[package]\nname = \"user\"\nedition = \"2024\"\n[dependencies]\ncounter = {{ local = {:?} }}\n",
        package("counter")
    );
    std::fs::write(dir.join("Move.toml"), manifest).unwrap();
    let source = "module user::user;\nuse counter::counter::{Self, Counter};\n\
        public fun again(counter: &Counter) { counter::check(counter, vector[]) }\n";
    std::fs::write(dir.join("sources/user.move"), source).unwrap();
    let published = format!("counter={}", counter.package);
    let answer = counter.home.json(&[
        "devchain",
        "publish",
        "user",
        "--rpc-url",
        &counter.url,
        "--published",
        &published,
        "--json",
    ]);
    assert_eq!(answer["modules"], serde_json::json!(["user"]));
}

fn use_counter(counter: &Counter<'_>) {
    let made = counter.call("new", &["steps"]);
    let object = &made["created"][0];
    assert!(text(&object["type"]).ends_with("::counter::Counter"));
    let id = text(&object["objectId"]).to_owned();
    let stepped = counter.call("step", &[&id, "5", "none"]);
    assert!(text(&stepped["events"][0]).ends_with("::counter::Stepped"));
    counter.call("step", &[&id, "0x3", "some:8"]);
    counter.call("check", &[&id, "[5, 3]"]);

    let zero = counter.refuse("step", &[&id, "0", "none"]);
    assert!(zero.contains("EZeroStep (code 0; the only"), "{zero}");
    let line = place("counter", "assert!(by > 0");
    assert!(zero.contains(&format!("{line} (the only place")), "{zero}");
    assert!(zero.contains("counter::step"), "{zero}");
    let limit = counter.refuse("step", &[&id, "1", "some:8"]);
    assert!(limit.contains("ELimit (code 1"), "{limit}");
    let line = place("counter", "if (value > limit)");
    assert!(
        limit.contains("one of ") && limit.contains(&format!("{line}, ")),
        "{limit}"
    );
    let label = counter.refuse("new", &["a long label"]);
    assert!(
        label.contains("ETooLong = \"the label is too long\""),
        "{label}"
    );
    let line = place("counter", "<= 8, ETooLong");
    assert!(label.contains(&format!("{line} (exact")), "{label}");
    let history = counter.refuse("check", &[&id, "[5]"]);
    assert!(history.contains("an assertion without a code"), "{history}");
    let line = place("counter", "counter.history == history");
    assert!(history.contains(&format!("{line} (exact")), "{history}");
    let code = counter.refuse("fail", &["99"]);
    assert!(
        code.contains("code 99, of which the module has no constant"),
        "{code}"
    );
    assert!(
        code.contains("line:    unknown; the function begins at"),
        "{code}"
    );

    let number = counter.refuse("step", &[&id, "many", "none"]);
    assert!(
        number.contains("argument 2: `many` is not of type u64"),
        "{number}"
    );
    let few = counter.refuse("step", &[&id]);
    assert!(few.contains("counter::step takes 3 arguments ("), "{few}");
    let types = "::counter::Counter, u64, 0x1::option::Option<u64>), 1 were given";
    assert!(few.contains(types), "{few}");
    let absent = counter.refuse("absent", &[]);
    assert!(absent.contains("there is no function"), "{absent}");
}

fn refuse_what_is_no_package(home: &Home, url: &str) {
    let publish = |path: &str| home.fail(&["devchain", "publish", path, "--rpc-url", url]);
    let nothing = publish(".");
    assert!(nothing.contains("has no Move.toml"), "{nothing}");

    let dir = home.path().join("wrong");
    std::fs::create_dir_all(dir.join("sources")).unwrap();
    let manifest = "[package]\nname = \"wrong\"\nedition = \"2024\"\n";
    std::fs::write(dir.join("Move.toml"), manifest).unwrap();
    let source = "module wrong::wrong;\npublic fun f(): u64 { true }\n";
    std::fs::write(dir.join("sources/wrong.move"), source).unwrap();
    let wrong = publish(dir.to_str().unwrap());
    assert!(
        wrong.contains("does not compile") && wrong.contains("wrong.move"),
        "{wrong}"
    );
    assert!(!wrong.contains('\u{1b}'), "{wrong}");

    let dependency = format!("{manifest}[dependencies]\nlibrary = {{ local = \"../library\" }}\n");
    std::fs::write(dir.join("Move.toml"), dependency).unwrap();
    let library = home.path().join("library");
    std::fs::create_dir_all(&library).unwrap();
    std::fs::write(
        library.join("Move.toml"),
        "[package]\nname = \"library\"\nedition = \"2024\"\n",
    )
    .unwrap();
    let missing = publish(dir.to_str().unwrap());
    assert!(missing.contains("--published library=ID"), "{missing}");

    // What is missing depends on whether the compiler is installed already.
    let without_programs = |cache: &str| {
        let counter = package("counter");
        let mut command = home.command(&["devchain", "publish", &counter, "--rpc-url", url]);
        command
            .env("PATH", home.path())
            .env("XDG_CACHE_HOME", cache);
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    let errors = without_programs(home.path().to_str().unwrap());
    assert!(errors.contains("needs node and npm and cargo"), "{errors}");
    let errors = without_programs(env!("CARGO_TARGET_TMPDIR"));
    assert!(errors.contains("needs node, which"), "{errors}");
}
