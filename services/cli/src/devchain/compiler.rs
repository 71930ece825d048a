//! The official Move compiler, as its npm build: installed once into the cache directory, run for each package.
//!
//! The scripts are those of `scripts/move` in the repository, carried in this program; versions are pinned by their lock
//! files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt, process::Command};
use walrus_sui::Address;

use crate::report::say;

/// Longest time for installing or compiling.
const DEADLINE: Duration = Duration::from_secs(600);
/// Oldest Node that the compiler runs on.
const OLDEST_NODE: u32 = 20;
/// Where caches go, instead of `~/.cache`.
const CACHE_VARIABLE: &str = "XDG_CACHE_HOME";

macro_rules! scripts {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../scripts/move/", $name)))),*]
    };
}

/// Everything that the compiler needs besides what npm and cargo bring.
const FILES: [(&str, &str); 10] = scripts![
    "publishable.mjs",
    "compiler.mjs",
    "framework.mjs",
    "packages.mjs",
    "bytecode.mjs",
    "paths.mjs",
    "package.json",
    "package-lock.json",
    "framework/Cargo.toml",
    "framework/Cargo.lock",
];
/// A crate has to have a source file.
const FRAMEWORK_LIB: (&str, &str) = (
    "framework/lib.rs",
    include_str!("../../../../scripts/move/framework/lib.rs"),
);

/// As what a package is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Published {
    /// The newest version.
    pub(crate) id: Address,
    /// The first version, which types are named by.
    pub(crate) original_id: Address,
}

/// A compiled package.
#[derive(Debug, Deserialize)]
pub(crate) struct Compiled {
    pub(crate) name: String,
    modules: Vec<CompiledModule>,
    pub(crate) dependencies: Vec<Address>,
    /// What the compiler warns of; empty when nothing.
    pub(crate) warnings: String,
    /// The sources, those of local dependencies included.
    pub(crate) sources: Vec<PackageSources>,
}

#[derive(Debug, Deserialize)]
struct CompiledModule {
    name: String,
    bytecode: String,
}

/// The Move files of a package.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PackageSources {
    /// Its ID; `None` for the package itself.
    pub(crate) id: Option<Address>,
    /// Path and text.
    pub(crate) files: BTreeMap<PathBuf, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Failed { error: String },
    Compiled(Compiled),
}

impl Compiled {
    /// Names and bytecode, dependencies first.
    pub(crate) fn modules(&self) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let decode = |module: &CompiledModule| {
            let bytes = STANDARD.decode(&module.bytecode);
            let bytes = bytes.context("the compiler's answer is malformed")?;
            Ok((module.name.clone(), bytes))
        };
        self.modules.iter().map(decode).collect()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    path: &'a Path,
    published: &'a BTreeMap<String, Published>,
    sources_only: bool,
}

/// Compiles the package in `path`.
///
/// # Errors
/// What the compiler says, or what is missing for running it.
pub(crate) async fn compile(
    path: &Path,
    published: &BTreeMap<String, Published>,
) -> anyhow::Result<Compiled> {
    ask(path, published, false).await
}

/// The sources of the package in `path` and of its local dependencies, without compiling.
pub(crate) async fn sources(
    path: &Path,
    published: &BTreeMap<String, Published>,
) -> anyhow::Result<Vec<PackageSources>> {
    Ok(ask(path, published, true).await?.sources)
}

async fn ask(
    path: &Path,
    published: &BTreeMap<String, Published>,
    sources_only: bool,
) -> anyhow::Result<Compiled> {
    ensure!(
        path.join("Move.toml").is_file(),
        "{} is not the folder of a Move package: it has no Move.toml",
        path.display()
    );
    let path = path
        .canonicalize()
        .with_context(|| format!("cannot read {}", path.display()))?;
    let tool = install().await?;
    let request = serde_json::to_vec(&Request {
        path: &path,
        published,
        sources_only,
    })?;
    let mut command = Command::new("node");
    command.arg(tool.join("publishable.mjs"));
    let output = run(command, &request).await?;
    match serde_json::from_slice(&output).context("the compiler's answer is malformed")? {
        Answer::Failed { error } => bail!("{}", without_colours(error.trim())),
        Answer::Compiled(mut compiled) => {
            compiled.warnings = without_colours(&compiled.warnings);
            Ok(compiled)
        }
    }
}

/// The compiler marks its messages with colours, which belong on a terminal only.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // ESC [ numbers m
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    plain
}

/// The folder with the installed compiler; installs it when it is not there.
async fn install() -> anyhow::Result<PathBuf> {
    check_programs().await?;
    let parent = cache_directory()?;
    let folder = parent.join(format!("move-compiler-{:016x}", fingerprint()));
    if folder.is_dir() {
        return Ok(folder);
    }
    say(format_args!(
        "Installing the Move compiler into {} (once)",
        folder.display()
    ));
    let unwritable = || format!("cannot write in {}", parent.display());
    fs::create_dir_all(&parent).with_context(unwritable)?;
    let staging = tempfile::Builder::new()
        .prefix("move-compiler-staging-")
        .tempdir_in(&parent)
        .with_context(unwritable)?;
    for (name, text) in FILES.iter().chain([&FRAMEWORK_LIB]) {
        let path = staging.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(unwritable)?;
        }
        fs::write(path, text).with_context(unwritable)?;
    }
    let mut npm = Command::new("npm");
    npm.arg("ci").arg("--prefix").arg(staging.path()).args([
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]);
    run(npm, b"")
        .await
        .context("cannot install the Move compiler")?;
    // In one step, so that nobody ever sees half of it. Somebody else may have been faster, which is as good.
    if let Err(error) = fs::rename(staging.path(), &folder)
        && !folder.is_dir()
    {
        return Err(error).with_context(|| format!("cannot write {}", folder.display()));
    }
    Ok(folder)
}

/// Depends on every byte of the tool: another version of this program installs its own.
fn fingerprint() -> u64 {
    // FNV-1a: a name, not a secret.
    let bytes = FILES
        .iter()
        .flat_map(|(name, text)| name.bytes().chain(text.bytes()));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn cache_directory() -> anyhow::Result<PathBuf> {
    let cache = match std::env::var_os(CACHE_VARIABLE).filter(|dir| !dir.is_empty()) {
        Some(dir) => PathBuf::from(dir),
        None => std::env::home_dir()
            .with_context(|| {
                format!("there is no home directory; say where caches go with {CACHE_VARIABLE}")
            })?
            .join(".cache"),
    };
    Ok(cache.join("walrus"))
}

/// Says what is not installed before anything fails in the middle.
async fn check_programs() -> anyhow::Result<()> {
    let mut missing = Vec::new();
    let mut node = String::new();
    for program in ["node", "npm", "cargo"] {
        let output = Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .await;
        match output {
            Ok(output) if output.status.success() && program == "node" => {
                node = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            }
            Ok(output) if output.status.success() => {}
            _ => missing.push(program),
        }
    }
    ensure!(
        missing.is_empty(),
        "compiling Move needs {}, which cannot be run here: Node {OLDEST_NODE} or newer with npm for the compiler, and cargo \
         for the sources of the framework",
        missing.join(" and ")
    );
    let major = node.trim_start_matches('v').split('.').next();
    let major: u32 = major.and_then(|major| major.parse().ok()).unwrap_or(0);
    ensure!(
        major >= OLDEST_NODE,
        "compiling Move needs Node {OLDEST_NODE} or newer; this is {node}"
    );
    Ok(())
}

/// Runs a program to its end; its standard output.
async fn run(mut command: Command, input: &[u8]) -> anyhow::Result<Vec<u8>> {
    let name = command.as_std().get_program().display().to_string();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {name}"))?;
    let mut stdin = child.stdin.take();
    let feed = async {
        if let Some(stdin) = stdin.as_mut() {
            // A program that ends without reading says why on standard error.
            let _ = stdin.write_all(input).await;
        }
        drop(stdin);
    };
    let finished = async { tokio::join!(feed, child.wait_with_output()).1 };
    let output = tokio::time::timeout(DEADLINE, finished)
        .await
        .with_context(|| format!("{name} did not end within {} seconds", DEADLINE.as_secs()))?
        .with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}): {}", output.status, errors.trim());
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_out_and_nothing_else() {
        assert_eq!(
            without_colours("\u{1b}[1;31merror\u{1b}[0m: [x]"),
            "error: [x]"
        );
        assert_eq!(without_colours("plain\n"), "plain\n");
    }
}
