//! Embedded files of the crate: the Move sources of the packages that others depend on, and the tool around the npm build of the
//! compiler. Where these lie in the repository is known here alone.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Packages of `move/` that a Git dependency on the public repository may mean.
const PACKAGES: [&str; 5] = [
    "wal",
    "walrus",
    "wal_exchange",
    "walrus_subsidies",
    "blob_bucket",
];

/// Files of `scripts/move`: everything that the compiler needs besides what npm and cargo bring.
const SCRIPTS: [&str; 12] = [
    "publishable.mjs",
    "keep.mjs",
    "compiler.mjs",
    "framework.mjs",
    "packages.mjs",
    "bytecode.mjs",
    "paths.mjs",
    "package.json",
    "package-lock.json",
    "framework/Cargo.toml",
    "framework/Cargo.lock",
    // A crate has to have a source file.
    "framework/lib.rs",
];

/// Files of `move/framework/sui-system`, the framework package of this repository, which no crate has.
const SYSTEM_PACKAGE: [&str; 3] = [
    "Move.toml",
    "sources/staking_pool.move",
    "sources/sui_system.move",
];

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let repository = here.join("../../..").canonicalize()?;
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out.join("move_packages.rs"),
        move_packages(&repository.join("move"))?,
    )?;
    fs::write(out.join("tool.rs"), tool(&repository)?)?;
    Ok(())
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

/// `TOOL` as Rust: per file its path where the tool is installed, and its text.
fn tool(repository: &Path) -> Result<String, Box<dyn Error>> {
    let (scripts, system) = (
        repository.join("scripts/move"),
        repository.join("move/framework/sui-system"),
    );
    let scripts = SCRIPTS.map(|name| (name.to_owned(), scripts.join(name)));
    let system = SYSTEM_PACKAGE.map(|name| {
        (
            format!("framework/own/sui-system/{name}"),
            system.join(name),
        )
    });
    let mut code = String::from("const TOOL: &[(&str, &str)] = &[\n");
    for (name, file) in scripts.into_iter().chain(system) {
        writeln!(code, "({name:?}, include_str!({file:?})),")?;
    }
    code.push_str("];\n");
    Ok(code)
}
