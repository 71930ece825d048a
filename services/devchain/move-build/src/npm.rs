//! Npm build of the compiler: installed once into the cache directory, run for each package.
//!
//! The scripts are those of `scripts/move` in the repository, carried in this program; versions are pinned by their lock
//! files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sui_sdk_types::Address;
use tokio::process::Command;

use crate::{
    Bytecode, Progress, Published, Task, named, program,
    staging::{self, Dialect},
    without_colours,
};

/// Oldest Node that the compiler runs on.
const OLDEST_NODE: u32 = 20;
/// Where caches go, instead of `~/.cache`.
const CACHE_VARIABLE: &str = "XDG_CACHE_HOME";

// `TOOL`: per file of the tool its path in the folder where it is installed, and its text.
include!(concat!(env!("OUT_DIR"), "/tool.rs"));

#[derive(Serialize)]
struct Request<'a> {
    path: &'a Path,
    published: &'a BTreeMap<String, Published>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Failed {
        error: String,
    },
    Compiled {
        /// Base64, dependencies first.
        modules: Vec<String>,
        dependencies: Vec<Address>,
        warnings: String,
    },
}

/// Compiles the package.
///
/// # Errors
/// What the compiler says, or what is missing for running it.
pub(super) async fn compile(task: &Task<'_>) -> anyhow::Result<Bytecode> {
    let tool = install(task.progress).await?;
    let staged = staging::stage(task, Dialect::Told)?;
    let request = serde_json::to_vec(&Request {
        path: &staged.root,
        published: task.published,
    })?;
    let mut command = Command::new("node");
    command.arg(tool.join("publishable.mjs"));
    let output = program::succeed(command, &request).await?;
    let malformed = "the compiler's answer is malformed";
    match serde_json::from_slice(&output).context(malformed)? {
        Answer::Failed { error } => {
            bail!(
                "{}",
                staged.in_original_places(&without_colours(error.trim()))
            )
        }
        Answer::Compiled {
            modules,
            dependencies,
            warnings,
        } => {
            let decode = |module: &String| STANDARD.decode(module).context(malformed);
            let modules: anyhow::Result<_> = modules.iter().map(decode).collect();
            Ok(Bytecode {
                modules: named(modules?)?,
                dependencies,
                warnings: staged.in_original_places(&without_colours(&warnings)),
            })
        }
    }
}

/// The folder with the installed compiler; installs it when it is not there.
async fn install(progress: Progress<'_>) -> anyhow::Result<PathBuf> {
    let parent = cache_directory()?;
    let folder = parent.join(format!("move-compiler-{:016x}", fingerprint()));
    if folder.is_dir() {
        check_programs(&["node"]).await?;
        return Ok(folder);
    }
    check_programs(&["node", "npm", "cargo"]).await?;
    progress(format_args!(
        "Installing the Move compiler into {} (once)",
        folder.display()
    ));
    let unwritable = || format!("cannot write in {}", parent.display());
    fs::create_dir_all(&parent).with_context(unwritable)?;
    let staging = tempfile::Builder::new()
        .prefix("move-compiler-staging-")
        .tempdir_in(&parent)
        .with_context(unwritable)?;
    for (name, text) in TOOL {
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
    program::succeed(npm, b"")
        .await
        .context("cannot install the Move compiler")?;
    let mut keep = Command::new("node");
    keep.arg(staging.path().join("keep.mjs"));
    program::succeed(keep, b"")
        .await
        .context("cannot get the sources of the framework")?;
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
    let bytes = TOOL
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
async fn check_programs(needed: &[&str]) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    let mut node = String::new();
    for program in needed.iter().copied() {
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
        "compiling Move needs {}, which cannot be run here: Node {OLDEST_NODE} or newer for the compiler; npm and cargo, which \
         bring it and the sources of the framework, once for its installation",
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
