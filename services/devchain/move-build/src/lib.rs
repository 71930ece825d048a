//! Compiling Move packages for a chain, with the official Move compiler: the Sui CLI where it is installed, otherwise its npm
//! build.
//!
//! A copy of the package is compiled, in which every dependency is at the ID it has on that chain ([`Published`]); files of the
//! user are read and never written. A Git dependency on the public Walrus repository means the packages of `move/`, which the
//! crate carries.
//!
//! Errors are sentences for a person ([`anyhow`]): what the compiler says of the code, or what is missing for running it.
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod carried;
mod folder;
mod npm;
mod program;
mod staging;
mod sui_cli;

use std::{collections::BTreeMap, fmt, path::Path, path::PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use sui_sdk_types::Address;

use crate::{
    folder::{Dependency, PackageFolder, Place},
    sui_cli::{SuiCli, SuiError},
};

/// Hears sentences about what is being done, one at a time.
pub type Progress<'a> = &'a (dyn Fn(fmt::Arguments<'_>) + Sync);

/// As what a package is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// The newest version.
    pub id: Address,
    /// The first version, which types are named by.
    pub original_id: Address,
}

/// A compiled package.
#[derive(Debug)]
pub struct Compiled {
    /// Its name.
    pub name: String,
    /// Names and bytecode, dependencies first.
    pub modules: Vec<(String, Vec<u8>)>,
    /// IDs of the packages it is linked against.
    pub dependencies: Vec<Address>,
    /// What the compiler warns of; empty when nothing.
    pub warnings: String,
    /// The sources, those of local dependencies included.
    pub sources: Vec<PackageSources>,
}

/// The Move files of a package.
#[derive(Debug, Clone)]
pub struct PackageSources {
    /// Its ID; `None` for the package itself.
    pub id: Option<Address>,
    /// Path and text.
    pub files: BTreeMap<PathBuf, String>,
}

/// The compiler that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compiler {
    /// Which one.
    pub choice: Choice,
    /// The Sui CLI to compile with; `sui` on the PATH when absent.
    pub sui_bin: Option<PathBuf>,
}

/// Which compiler is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// The Sui CLI if there is one and it can compile here, else the npm build.
    #[default]
    Auto,
    /// The Sui CLI.
    Sui,
    /// The npm build, in the version that this program was tested with.
    Npm,
}

/// What is compiled: the packages in dependency order, and where they are on chain.
struct Task<'a> {
    packages: &'a [PackageFolder],
    published: &'a BTreeMap<String, Published>,
    /// Address of the chain, for a compiler that asks it.
    rpc_url: &'a str,
    progress: Progress<'a>,
}

impl Task<'_> {
    /// The package that was asked for.
    fn root(&self) -> anyhow::Result<&PackageFolder> {
        self.packages.last().context("there is no package")
    }
}

/// What a compiler makes.
struct Bytecode {
    modules: Vec<(String, Vec<u8>)>,
    dependencies: Vec<Address>,
    warnings: String,
}

/// Compiles the package in `path` for the chain at `rpc_url`, where the packages `published` are. `progress` hears what takes its
/// time, and what is done otherwise than the manifest says.
///
/// # Errors
/// What the compiler says, or what is missing for running it.
pub async fn compile(
    path: &Path,
    published: &BTreeMap<String, Published>,
    rpc_url: &str,
    compiler: &Compiler,
    progress: Progress<'_>,
) -> anyhow::Result<Compiled> {
    let packages = folder::with_dependencies(path)?;
    say_what_is_carried(&packages, progress);
    let published = &as_named_by(&packages, published);
    let task = Task {
        packages: &packages,
        published,
        rpc_url,
        progress,
    };
    refuse_unpublished(&task)?;
    let bytecode = match sui_cli(compiler, progress).await? {
        Some(cli) => match cli.compile(&task).await {
            Ok(bytecode) => bytecode,
            Err(SuiError::Unusable(reason)) if compiler.choice == Choice::Auto => {
                progress(format_args!(
                    "{cli} cannot compile it here ({}); taking the npm build of the compiler",
                    first_line(&reason)
                ));
                npm::compile(&task).await?
            }
            Err(error) => return Err(error.into()),
        },
        None => npm::compile(&task).await?,
    };
    Ok(Compiled {
        name: task.root()?.name.clone(),
        modules: bytecode.modules,
        dependencies: bytecode.dependencies,
        warnings: bytecode.warnings,
        sources: sources_of(&packages, published)?,
    })
}

/// A person who names a revision of a repository must hear that something else is compiled.
fn say_what_is_carried(packages: &[PackageFolder], progress: Progress<'_>) {
    for package in packages {
        for Dependency { key, place } in &package.dependencies {
            if let Place::Carried {
                package: carried,
                instead_of: Some(url),
            } = place
            {
                progress(format_args!(
                    "{key}: taking {}, which this program carries, instead of {url}",
                    carried.dir().display()
                ));
            }
        }
    }
}

/// The Sui CLI, if that is to be tried.
async fn sui_cli(compiler: &Compiler, progress: Progress<'_>) -> anyhow::Result<Option<SuiCli>> {
    let named = compiler.sui_bin.as_deref();
    match compiler.choice {
        Choice::Npm => Ok(None),
        Choice::Sui => Ok(Some(SuiCli::find(named).await?)),
        Choice::Auto => match SuiCli::find(named).await {
            Ok(cli) => Ok(Some(cli)),
            // Nobody promised that there is one.
            Err(SuiError::Absent { .. }) if named.is_none() => Ok(None),
            Err(error @ SuiError::Absent { .. }) => Err(error.into()),
            Err(error) => {
                let reason = error.to_string();
                progress(format_args!(
                    "{}; taking the npm build of the compiler",
                    first_line(&reason)
                ));
                Ok(None)
            }
        },
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Code links to its dependencies by their IDs.
fn refuse_unpublished(task: &Task<'_>) -> anyhow::Result<()> {
    let root = task.root()?;
    let missing: Vec<_> = task
        .packages
        .iter()
        .filter(|one| one.dir != root.dir && !task.published.contains_key(&one.name))
        .map(|one| one.name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let options = missing.iter().map(|name| format!("--published {name}=ID"));
    bail!(
        "{} depends on {}: say where that is published ({}); walrus and wal are known of the local network that is up in the \
         default directory, or whose client configuration is named with --config",
        root.name,
        missing.join(", "),
        options.collect::<Vec<_>>().join(" ")
    )
}

/// The sources of the package in `path` and of its local dependencies.
///
/// # Errors
/// If there is no package, or a file cannot be read.
pub fn sources(
    path: &Path,
    published: &BTreeMap<String, Published>,
) -> anyhow::Result<Vec<PackageSources>> {
    let packages = folder::with_dependencies(path)?;
    sources_of(&packages, &as_named_by(&packages, published))
}

/// The published packages by the names that manifests give them: those of the public sources are `Walrus` and `WAL`.
fn as_named_by(
    packages: &[PackageFolder],
    published: &BTreeMap<String, Published>,
) -> BTreeMap<String, Published> {
    let mut all = published.clone();
    for PackageFolder { name, .. } in packages {
        let same = published
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((_, place)) = same {
            all.entry(name.clone()).or_insert(*place);
        }
    }
    all
}

fn sources_of(
    packages: &[PackageFolder],
    published: &BTreeMap<String, Published>,
) -> anyhow::Result<Vec<PackageSources>> {
    let root = packages.last().map(|one| &one.dir);
    packages
        .iter()
        .map(|one| {
            let is_root = Some(&one.dir) == root;
            let id = published.get(&one.name).map(|published| published.id);
            Ok(PackageSources {
                id: id.filter(|_| !is_root),
                files: one.sources()?,
            })
        })
        .collect()
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

/// The names that modules carry, which must be those of a package that has no ID yet.
fn named(modules: Vec<Vec<u8>>) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    ensure!(!modules.is_empty(), "the compiler gives no module");
    let name = |bytes: Vec<u8>| {
        let module = sui_devchain_vm::package::Module::parse(&bytes)
            .map_err(|error| anyhow::anyhow!("the compiler's bytecode is malformed: {error}"))?;
        ensure!(
            module.self_address() == Address::ZERO,
            "the compiler gives module {} at {} instead of an address that is still to be known",
            module.name(),
            module.self_address()
        );
        Ok((module.name().to_owned(), bytes))
    };
    modules.into_iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_package_is_known_however_its_name_is_written() {
        let place = Published {
            id: Address::TWO,
            original_id: Address::TWO,
        };
        let published = BTreeMap::from([("walrus".to_owned(), place)]);
        let named = |name: &str| {
            let manifest = format!("[package]\nname = {name:?}\n");
            let package = PackageFolder::of_text(&manifest).unwrap();
            as_named_by(&[package], &published).get(name).copied()
        };
        assert_eq!(named("Walrus"), Some(place));
        assert_eq!(named("walrus"), Some(place));
        assert_eq!(named("walrus_more"), None);
    }

    #[test]
    fn colours_are_taken_out_and_nothing_else() {
        assert_eq!(
            without_colours("\u{1b}[1;31merror\u{1b}[0m: [x]"),
            "error: [x]"
        );
        assert_eq!(without_colours("plain\n"), "plain\n");
    }
}
