//! `devchain publish` with the Sui CLI: how it is called, what it gets to see, what becomes of its answers. A script stands for
//! the CLI, with its options, its messages and its exit codes.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Output,
};

use crate::program::{Home, Running};
use serde_json::{Value, json};

/// Files of a [`Fake`] and what it says in them.
type Answers = &'static [(&'static str, &'static str)];

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Notes every call, copies what it is to compile, and answers from files.
const SCRIPT: &str = r#"#!/bin/sh
PATH=/usr/bin:/bin
echo "$*" >> "$HERE/calls"
case "$*" in
--version) cat "$HERE/version"; exit ;;
"move --help") cat "$HERE/move-help"; exit ;;
"move build --help") cat "$HERE/build-help"; exit ;;
esac
echo "$SUI_CONFIG_DIR" > "$HERE/config-dir"
while [ $# -gt 0 ]; do
    case "$1" in
    --client.config) cp "$2" "$HERE/client.yaml"; shift ;;
    --path) cp -R "$2/.." "$HERE/seen"; shift ;;
    esac
    shift
done
sed "s|ROOT|$PWD|" "$HERE/stderr" >&2
cat "$HERE/stdout"
exit "$(cat "$HERE/status")"
"#;

const MOVE_HELP: &str = "Tool to build and test Move applications\n\nUsage: sui move [OPTIONS] <COMMAND>\n\n\
    Options:\n      --client.config <CONFIG>  Sets the file storing the state of our user accounts\n";
const BUILD_HELP: &str = "Usage: sui move build [OPTIONS]\n\nOptions:\n      --with-unpublished-dependencies\n      \
    --dump-bytecode-as-base64\n  -p, --path <PACKAGE_PATH>\n      --skip-fetch-latest-git-deps\n      --silence-warnings\n";
const ENVIRONMENT_HELP: &str = "  -e, --build-env <ENVIRONMENT>\n      --no-tree-shaking\n";
const PROGRESS: &str = "INCLUDING DEPENDENCY Sui\nINCLUDING DEPENDENCY MoveStdlib\nBUILDING wal\n";
const WARNING: &str =
    "\u{1b}[33mwarning[W09001]\u{1b}[0m: unused alias\n  ┌─ ROOT/sources/wal.move:3:5\n";
const ERROR: &str = "error[E04007]: incompatible types\n  ┌─ ROOT/sources/wal.move:9:1\n\
    Failed to build Move modules: Compilation error.\n";

/// A folder with a `sui` in it.
struct Fake<'a> {
    home: &'a Home,
    dir: PathBuf,
}

impl<'a> Fake<'a> {
    /// One that compiles the package `wal`, without environments.
    fn new(home: &'a Home, name: &str) -> Self {
        let dir = home.path().join(name);
        fs::create_dir(&dir).unwrap();
        let program = dir.join("sui");
        let script = SCRIPT.replace("$HERE", dir.to_str().unwrap());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let fake = Self { home, dir };
        fake.says("version", "sui 1.45.2-0123456789ab\n");
        fake.says("move-help", MOVE_HELP);
        fake.says("build-help", BUILD_HELP);
        fake.says("stderr", PROGRESS);
        fake.says("stdout", &wal_dump().to_string());
        fake.says("status", "0");
        fake
    }

    fn says(&self, file: &str, text: &str) {
        fs::write(self.dir.join(file), text).unwrap();
    }

    fn saw(&self, file: &str) -> String {
        fs::read_to_string(self.dir.join(file)).unwrap()
    }

    /// The last call.
    fn last_call(&self) -> String {
        self.saw("calls").lines().last().unwrap().to_owned()
    }

    /// Publishes where no other program is.
    fn publish(&self, package: &Path, url: &str, options: &[&str]) -> Output {
        let publish = [
            "devchain",
            "publish",
            package.to_str().unwrap(),
            "--rpc-url",
            url,
            "--json",
        ];
        let mut command = self.home.command(&[&publish[..], options].concat());
        command.env("PATH", &self.dir);
        command.output().unwrap()
    }

    /// Publishes successfully; the result and what was said.
    fn published(&self, package: &Path, url: &str, options: &[&str]) -> (Value, String) {
        let output = self.publish(package, url, options);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        (serde_json::from_slice(&output.stdout).unwrap(), said)
    }

    /// Fails to publish; what was said.
    fn refused(&self, package: &Path, url: &str, options: &[&str]) -> String {
        let output = self.publish(package, url, options);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(output.stdout.is_empty());
        said
    }
}

/// What the CLI prints for the package `wal`: every package of the system is named, some of which this chain lacks.
fn wal_dump() -> Value {
    let path = format!("{REPOSITORY}/move/artifacts/wal.json");
    let artifact: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let modules = artifact["packages"][0]["modules"].as_array().unwrap();
    let bytecode: Vec<_> = modules.iter().map(|one| &one["bytecode"]).collect();
    let system = ["0x1", "0x2", "0x3", "0xb", "0xdee9"].map(|id| {
        let id: walrus_sui::Address = id.parse().unwrap();
        id.to_string()
    });
    json!({"modules": bytecode, "dependencies": system, "digest": [0, 1, 2]})
}

fn wal() -> PathBuf {
    Path::new(REPOSITORY)
        .join("move/wal")
        .canonicalize()
        .unwrap()
}

fn chain(home: &Home) -> (Running, String) {
    let ports = ["--rpc-port", "0", "--faucet-port", "0"];
    let chain = home.start(&[&["devchain", "--ephemeral", "--json"], &ports[..]].concat());
    let url = chain.wait_for_json()["rpcUrl"].as_str().unwrap().to_owned();
    (chain, url)
}

#[test]
fn it_compiles_a_copy_of_the_package() {
    let home = Home::new();
    let (_chain, url) = chain(&home);
    let fake = Fake::new(&home, "bin");
    fake.says("stderr", &format!("{PROGRESS}{WARNING}"));
    let (published, said) = fake.published(&wal(), &url, &[]);
    assert_eq!(published["modules"], json!(["wal"]));
    assert_eq!(
        said,
        format!(
            "Compiling wal with sui 1.45.2-0123456789ab\nwarning[W09001]: unused alias\n  ┌─ {}/sources/wal.move:3:5\n",
            wal().display()
        )
    );

    let call = fake.last_call();
    let copy = call.rsplit(' ').next().unwrap();
    let base = copy.strip_suffix("/packages/wal").unwrap();
    assert_eq!(
        call,
        format!(
            "move --client.config {base}/config/client.yaml build --dump-bytecode-as-base64 --skip-fetch-latest-git-deps --path {copy}"
        )
    );
    assert!(fake.saw("client.yaml").contains(&format!("rpc: \"{url}\"")));
    assert!(fake.saw("config-dir").trim().ends_with("/config"));
    // Nothing of the user's was touched, nothing of the copy is left.
    assert!(home.leftovers().is_empty());
    assert!(!home.path().join(".sui").exists());
    let original = fs::read_to_string(wal().join("sources/wal.move")).unwrap();
    assert_eq!(fake.saw("seen/wal/sources/wal.move"), original);
    assert!(!wal().join("build").exists() && !wal().join("Move.lock").exists());

    // The same by name, from elsewhere.
    let other = Fake::new(&home, "other");
    let program = fake.dir.join("sui");
    other.published(&wal(), &url, &["--sui-bin", program.to_str().unwrap()]);
    assert!(!other.dir.join("calls").exists());
}

#[test]
fn dependencies_are_where_the_chain_has_them() {
    let home = Home::new();
    let (_chain, url) = chain(&home);
    let write = |path: &str, text: &str| {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let app = "[package]\nname = \"app\"\nedition = \"2024\"\n\n[dependencies]\n\
        library = { local = \"../the/library\" }\n\n[addresses]\napp = \"0x0\"\n";
    write("app/Move.toml", app);
    write("app/sources/app.move", "module app::app;\n");
    write("app/Move.lock", "version = 3\n");
    write(
        "the/library/Move.toml",
        "[package]\nname = \"library\"\nedition = \"2024\"\n",
    );
    write("the/library/Published.toml", "[published.mainnet]\n");
    let id = format!("0x{}", "2b".repeat(32));
    let option = format!("library={id}");
    let app_folder = home.path().join("app");

    let fake = Fake::new(&home, "old");
    let missing = fake.refused(&app_folder, &url, &[]);
    assert!(missing.contains("--published library=ID"), "{missing}");
    fake.published(&app_folder, &url, &["--published", &option]);
    let root = fake.saw("seen/app/Move.toml");
    assert_eq!(root, app.replace("../the/library", "../library"));
    let library = fake.saw("seen/library/Move.toml");
    assert!(
        library.contains(&format!("published-at = \"{id}\"")),
        "{library}"
    );
    assert!(
        library.contains(&format!("[addresses]\nlibrary = \"{id}\"")),
        "{library}"
    );
    for absent in ["app/Move.lock", "library/Published.toml"] {
        assert!(!fake.dir.join("seen").join(absent).exists(), "{absent}");
    }

    let fake = Fake::new(&home, "new");
    fake.says("build-help", &format!("{BUILD_HELP}{ENVIRONMENT_HELP}"));
    fake.published(&app_folder, &url, &["--published", &option]);
    let call = fake.last_call();
    assert!(call.contains(" --no-tree-shaking "), "{call}");
    assert!(
        call.ends_with("/packages/app --build-env testnet"),
        "{call}"
    );
    assert!(!fake.saw("seen/library/Move.toml").contains("addresses"));
    let publication = fake.saw("seen/library/Published.toml");
    assert!(
        publication.starts_with("[published.testnet]\n"),
        "{publication}"
    );
    assert!(publication.contains(&format!("published-at = \"{id}\"")));
}

#[test]
fn the_public_walrus_repository_is_what_the_program_carries() {
    let home = Home::new();
    let (_chain, url) = chain(&home);
    let repository = "https://github.com/MystenLabs/walrus.git";
    let library = home.path().join("library");
    for (folder, dependencies) in [
        (&library, String::new()),
        (
            &home.path().join("app"),
            format!(
                "Walrus = {{ git = \"{repository}\", subdir = \"contracts/walrus\", rev = \"testnet\" }}\n\
                 library = {{ local = {library:?} }}\n"
            ),
        ),
    ] {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}"
        );
        fs::create_dir_all(folder.join("sources")).unwrap();
        fs::write(folder.join("Move.toml"), manifest).unwrap();
    }
    let id = |byte: &str| format!("0x{}", byte.repeat(32));
    let ids = [("walrus", "2b"), ("wal", "2c"), ("library", "2d")];
    let options: Vec<_> = ids
        .iter()
        .flat_map(|(name, byte)| ["--published".to_owned(), format!("{name}={}", id(byte))])
        .collect();
    let options: Vec<_> = options.iter().map(String::as_str).collect();

    let fake = Fake::new(&home, "bin");
    let (_, said) = fake.published(&home.path().join("app"), &url, &options);
    let line = format!(
        "Walrus: taking move/walrus, which this program carries, instead of {repository}\n"
    );
    assert_eq!(said.matches(&line).count(), 1, "{said}");
    let root = fake.saw("seen/app/Move.toml");
    assert!(!root.contains("git") && !root.contains("Walrus"), "{root}");
    assert!(
        root.contains("walrus = { local = \"../walrus\" }"),
        "{root}"
    );
    // A path that begins at the root is one, too.
    assert!(
        root.contains("library = { local = \"../library\" }"),
        "{root}"
    );
    let walrus = fake.saw("seen/walrus/Move.toml");
    assert!(
        walrus.contains(&format!("published-at = \"{}\"", id("2b"))),
        "{walrus}"
    );
    let original = Path::new(REPOSITORY).join("move/walrus/sources/blob/blob.move");
    let original = fs::read_to_string(original).unwrap();
    assert_eq!(fake.saw("seen/walrus/sources/blob/blob.move"), original);
    assert!(fake.saw("seen/wal/Move.toml").contains(&id("2c")));

    // Without a network that has it, there is nothing to link to.
    let missing = fake.refused(&home.path().join("app"), &url, &options[4..]);
    assert!(missing.contains("--published walrus=ID"), "{missing}");
}

#[test]
fn what_is_wrong_with_the_code_is_said_and_no_other_compiler_is_asked() {
    let home = Home::new();
    let (_chain, url) = chain(&home);
    let fake = Fake::new(&home, "bin");
    fake.says("stderr", &format!("{PROGRESS}{ERROR}"));
    fake.says("stdout", "");
    fake.says("status", "1");
    let said = fake.refused(&wal(), &url, &[]);
    let place = format!("{}/sources/wal.move:9:1", wal().display());
    for expected in ["Error: wal does not compile:", "error[E04007]", &place] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(
        !said.contains("npm") && !said.contains("BUILDING"),
        "{said}"
    );
}

#[test]
fn one_that_cannot_compile_here_is_replaced_by_the_npm_build_unless_it_was_asked_for() {
    let home = Home::new();
    let (_chain, url) = chain(&home);
    let cases: [(&str, Answers, &str); 7] = [
        (
            "old",
            &[("version", "sui 1.44.9-abc\n")],
            "sui 1.44.9-abc is too old",
        ),
        (
            "other",
            &[("version", "SUI - a user interface\n")],
            "does not answer --version",
        ),
        (
            "bare",
            &[("build-help", "Usage: sui move build\n")],
            "has no option --dump-bytecode-as-base64",
        ),
        (
            "offline",
            &[
                ("status", "1"),
                ("stdout", ""),
                (
                    "stderr",
                    "FETCHING GIT DEPENDENCY https://x/sui.git\nFailed to fetch Sui: no network\n",
                ),
            ],
            "Failed to fetch Sui: no network",
        ),
        (
            "flags",
            &[
                ("status", "2"),
                ("stdout", ""),
                ("stderr", "error: unexpected argument '--path' found\n"),
            ],
            "error: unexpected argument '--path' found",
        ),
        (
            "garbage",
            &[("stdout", "{\"modules\": [")],
            "its answer is not understood",
        ),
        (
            "module",
            &[("stdout", "{\"modules\": [\"AAAA\"], \"dependencies\": []}")],
            "bytecode is malformed",
        ),
    ];
    for (name, answers, reason) in cases {
        let fake = Fake::new(&home, name);
        for (file, text) in answers {
            fake.says(file, text);
        }
        // There is no node here, which shows that it is looked for.
        let said = fake.refused(&wal(), &url, &[]);
        assert!(said.contains(reason), "{name}: {said}");
        assert!(said.contains("taking the npm build"), "{name}: {said}");
        assert!(needs_node(&said), "{name}: {said}");
        let said = fake.refused(&wal(), &url, &["--compiler", "sui"]);
        assert!(said.contains(reason), "{name}: {said}");
        assert!(!said.contains("npm build"), "{name}: {said}");
    }
}

#[test]
fn the_choice_is_obeyed() {
    let home = Home::new();
    let (_chain, url) = chain(&home);
    let fake = Fake::new(&home, "bin");
    let said = fake.refused(&wal(), &url, &["--compiler", "npm"]);
    assert!(needs_node(&said), "{said}");
    assert!(!fake.dir.join("calls").exists());
    // A name that is wrong is a mistake, even if another compiler could do it.
    for options in [
        &["--sui-bin", "/nowhere/sui"][..],
        &["--compiler", "sui", "--sui-bin", "/nowhere/sui"],
    ] {
        let said = fake.refused(&wal(), &url, options);
        assert!(said.contains("/nowhere/sui cannot be run"), "{said}");
    }
    fs::remove_file(fake.dir.join("sui")).unwrap();
    let said = fake.refused(&wal(), &url, &["--compiler", "sui"]);
    assert!(
        said.contains("there is no Sui CLI: sui cannot be run"),
        "{said}"
    );
    let said = fake.refused(&wal(), &url, &[]);
    assert!(
        !said.contains("Sui CLI") && said.contains("needs node"),
        "{said}"
    );
}

/// Whether the npm build of the compiler was looked for: without node it cannot run, and where it is not installed yet, its
/// installation needs more.
fn needs_node(said: &str) -> bool {
    said.contains("compiling Move needs node") && said.contains("which cannot be run here")
}
