//! The build script names the revision that the program is made of, and looks again as long as Git does not tell it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// The build script as a program, beside the folder of a project that it is asked about.
struct Script {
    folder: TempDir,
    program: PathBuf,
}

impl Script {
    fn compile() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("build-script");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
        let mut compiler = Command::new("rustc");
        compiler.args(["--edition", "2024", "-o"]).arg(&program);
        assert!(compiler.arg(source).status().unwrap().success());
        fs::create_dir_all(folder.path().join("project/services/cli")).unwrap();
        Self { folder, program }
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    fn git(&self, arguments: &[&str]) -> Output {
        let author = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        let mut git = Command::new("git");
        let output = git.current_dir(self.project()).args(author).args(arguments);
        let output = output.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output
    }

    /// The version that a run names, and whether Cargo would run it with the next build whatever happens: it does where a file to
    /// look at is missing.
    fn run(&self, path: Option<&str>) -> (String, bool) {
        let (version, _, again) = self.run_with(path, None);
        (version, again)
    }

    /// The same with the time that the sources are said to be of, and what the run says about it.
    fn run_with(&self, path: Option<&str>, date: Option<&str>) -> (String, Option<String>, bool) {
        let package = self.project().join("services/cli");
        fs::write(package.join("build.rs"), "").unwrap();
        let mut script = Command::new(&self.program);
        script.env("CARGO_MANIFEST_DIR", &package);
        script.env("CARGO_PKG_VERSION", "1.2.3");
        if let Some(path) = path {
            script.env("PATH", path);
        }
        script.env_remove("SOURCE_DATE_EPOCH");
        if let Some(date) = date {
            script.env("SOURCE_DATE_EPOCH", date);
        }
        let output = script.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let after = |key: &'static str| text.lines().filter_map(move |line| line.strip_prefix(key));
        let mut versions = after("cargo::rustc-env=WALRUS_VERSION=");
        let version = versions.next().unwrap().to_owned();
        let again = after("cargo::rerun-if-changed=").any(|path| !package.join(path).exists());
        let made = after("cargo::rustc-env=WALRUS_MADE=").next();
        (version, made.map(str::to_owned), again)
    }
}

#[test]
fn the_version_gets_its_revision_as_soon_as_git_is_there() {
    let script = Script::compile();
    assert_eq!(script.run(None), ("1.2.3".to_owned(), false), "an archive");

    script.git(&["init", "--quiet"]);
    script.git(&["commit", "--quiet", "--allow-empty", "--message", "first"]);
    let without_git = script.run(Some("/nowhere"));
    assert_eq!(without_git, ("1.2.3".to_owned(), true));

    let head = script.git(&["rev-parse", "--short=12", "HEAD"]).stdout;
    let head = String::from_utf8(head).unwrap();
    let expected = format!("1.2.3-{}", head.trim());
    assert_eq!(script.run(None), (expected, false));
}

#[test]
fn the_sources_are_of_their_revision_or_of_when_packagers_say() {
    let script = Script::compile();
    assert_eq!(script.run_with(None, None).1, None, "an archive");
    let packaged = script.run_with(None, Some("1700000000")).1;
    assert_eq!(packaged.as_deref(), Some("1700000000"));

    script.git(&["init", "--quiet"]);
    script.git(&["commit", "--quiet", "--allow-empty", "--message", "first"]);
    let committed = script.git(&["show", "-s", "--format=%ct", "HEAD"]).stdout;
    let committed = String::from_utf8(committed).unwrap().trim().to_owned();
    assert_eq!(script.run_with(None, None).1, Some(committed));
    let packaged = script.run_with(None, Some("1700000000")).1;
    assert_eq!(packaged.as_deref(), Some("1700000000"));
}
