//! What the program carries besides its code: the revision it was built from, and the Move sources of the packages that others
//! depend on.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Packages of `move/` that a Git dependency on the public repository may mean.
const PACKAGES: [&str; 5] = [
    "wal",
    "walrus",
    "wal_exchange",
    "walrus_subsidies",
    "blob_bucket",
];

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let repository = here.join("../..").canonicalize()?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=WALRUS_VERSION={}", version(&repository)?);
    let out = PathBuf::from(env::var("OUT_DIR")?).join("move_packages.rs");
    fs::write(out, move_packages(&repository.join("move"))?)?;
    Ok(())
}

/// `<semver>-<revision>`; the version alone where there is no Git, as in an unpacked archive.
fn version(repository: &Path) -> Result<String, Box<dyn Error>> {
    let version = env::var("CARGO_PKG_VERSION")?;
    let Some(revision) = revision(repository) else {
        return Ok(version);
    };
    Ok(format!("{version}-{revision}"))
}

fn revision(repository: &Path) -> Option<String> {
    let git = |arguments: &[&str]| -> Option<String> {
        let mut command = Command::new("git");
        command.current_dir(repository).args(arguments);
        let output = command.output().ok().filter(|one| one.status.success())?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    // An archive may have been unpacked inside somebody else's repository.
    let top = Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize();
    if top.ok()? != repository {
        return None;
    }
    // Each of them changes when another revision is checked out or made.
    for file in ["HEAD", "logs/HEAD"] {
        let path = repository.join(git(&["rev-parse", "--git-path", file])?);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

/// `PACKAGES` as Rust: per package its name, and per file its path in the package and its text.
fn move_packages(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut code = String::from("const PACKAGES: &[(&str, &[(&str, &str)])] = &[\n");
    for name in PACKAGES {
        let package = folder.join(name);
        println!("cargo::rerun-if-changed={}", package.display());
        let mut files = vec![package.join("Move.toml")];
        sources(&package.join("sources"), &mut files)?;
        files.sort();
        writeln!(code, "({name:?}, &[")?;
        for file in files {
            let inside = file.strip_prefix(&package)?;
            writeln!(code, "({inside:?}, include_str!({file:?})),")?;
        }
        writeln!(code, "]),")?;
    }
    code.push_str("];\n");
    Ok(code)
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|one| one == "move") {
            files.push(path);
        }
    }
    Ok(())
}
