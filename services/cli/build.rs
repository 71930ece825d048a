//! Version of the program: with the revision it was built from.

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::Command,
};

/// A file that is never there: Cargo runs a script that names one with each build.
const NEVER_THERE: &str = "git-has-no-answer-yet";

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let repository = here.join("../..").canonicalize()?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=WALRUS_VERSION={}", version(&repository)?);
    Ok(())
}

/// `<semver>-<revision>`; the version alone where there is no repository, as in an unpacked archive.
fn version(repository: &Path) -> Result<String, Box<dyn Error>> {
    let version = env::var("CARGO_PKG_VERSION")?;
    let Some(revision) = revision(repository) else {
        return Ok(version);
    };
    Ok(format!("{version}-{revision}"))
}

fn revision(repository: &Path) -> Option<String> {
    // An archive may have been unpacked inside somebody else's repository.
    if !repository.join(".git").exists() {
        return None;
    }
    let git = |arguments: &[&str]| -> Option<String> {
        let mut command = Command::new("git");
        command.current_dir(repository).args(arguments);
        let output = command.output().ok().filter(|one| one.status.success())?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let Some(revision) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        // Git is not installed, or does not trust the owner of the files: it is asked again until it answers.
        println!("cargo::rerun-if-changed={NEVER_THERE}");
        return None;
    };
    // Each of them changes when another revision is checked out or made.
    for file in ["HEAD", "logs/HEAD"] {
        let path = repository.join(git(&["rev-parse", "--git-path", file])?);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    Some(revision)
}
