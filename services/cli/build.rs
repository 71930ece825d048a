//! Version of the program: with the revision it was built from, and when that was made.

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::Command,
};

/// A file that is never there: Cargo runs a script that names one with each build.
const NEVER_THERE: &str = "git-has-no-answer-yet";
/// How packagers say of when the sources are (reproducible-builds.org).
const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let repository = here.join("../..").canonicalize()?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=WALRUS_VERSION={}", version(&repository)?);
    println!("cargo::rerun-if-env-changed={SOURCE_DATE_EPOCH}");
    if let Some(seconds) = made(&repository) {
        println!("cargo::rustc-env=WALRUS_MADE={seconds}");
    }
    Ok(())
}

/// When the sources were made, in seconds since 1970: what whoever builds a package says, or the time of the revision. It is never the
/// time of the build, so that the same sources give the same program.
fn made(repository: &Path) -> Option<u64> {
    let said = env::var(SOURCE_DATE_EPOCH).ok();
    let text = said.or_else(|| git(repository, &["show", "-s", "--format=%ct", "HEAD"]))?;
    text.parse().ok()
}

/// `<semver>-<revision>`; the version alone where there is no repository, as in an unpacked archive.
fn version(repository: &Path) -> Result<String, Box<dyn Error>> {
    let version = env::var("CARGO_PKG_VERSION")?;
    let Some(revision) = revision(repository) else {
        return Ok(version);
    };
    Ok(format!("{version}-{revision}"))
}

/// What Git says about the repository; nothing where there is none.
fn git(repository: &Path, arguments: &[&str]) -> Option<String> {
    // An archive may have been unpacked inside somebody else's repository.
    if !repository.join(".git").exists() {
        return None;
    }
    let mut command = Command::new("git");
    command.current_dir(repository).args(arguments);
    let output = command.output().ok().filter(|one| one.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn revision(repository: &Path) -> Option<String> {
    if !repository.join(".git").exists() {
        return None;
    }
    let Some(revision) = git(repository, &["rev-parse", "--short=12", "HEAD"]) else {
        // Git is not installed, or does not trust the owner of the files: it is asked again until it answers.
        println!("cargo::rerun-if-changed={NEVER_THERE}");
        return None;
    };
    // Each of them changes when another revision is checked out or made.
    for file in ["HEAD", "logs/HEAD"] {
        let path = repository.join(git(repository, &["rev-parse", "--git-path", file])?);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    Some(revision)
}
