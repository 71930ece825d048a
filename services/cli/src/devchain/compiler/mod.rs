//! The official Move compiler: the Sui CLI where it is installed, otherwise its npm build.

mod carried;
mod folder;
mod npm;
mod program;
mod staging;
mod sui_cli;

use std::{collections::BTreeMap, path::Path, path::PathBuf};

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use serde::Serialize;
use walrus_sui::Address;

use self::{
    folder::{Dependency, PackageFolder, Place},
    sui_cli::{SuiCli, SuiError},
};
use crate::report::say;

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
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) name: String,
    /// Names and bytecode, dependencies first.
    pub(crate) modules: Vec<(String, Vec<u8>)>,
    pub(crate) dependencies: Vec<Address>,
    /// What the compiler warns of; empty when nothing.
    pub(crate) warnings: String,
    /// The sources, those of local dependencies included.
    pub(crate) sources: Vec<PackageSources>,
}

/// The Move files of a package.
#[derive(Debug, Clone)]
pub(crate) struct PackageSources {
    /// Its ID; `None` for the package itself.
    pub(crate) id: Option<Address>,
    /// Path and text.
    pub(crate) files: BTreeMap<PathBuf, String>,
}

/// Which compiler.
#[derive(Debug, Clone, Args)]
pub(crate) struct CompilerArgs {
    /// The Sui CLI, its npm build, or the first of them that works.
    #[arg(long = "compiler", value_name = "WHICH", value_enum, default_value_t = Choice::Auto)]
    pub(crate) choice: Choice,
    /// The Sui CLI to compile with; `sui` on the PATH when absent.
    #[arg(long, value_name = "FILE", env = "SUI_BIN")]
    pub(crate) sui_bin: Option<PathBuf>,
}

/// Which compiler is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// The Sui CLI if there is one and it can compile here, else the npm build.
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

/// Compiles the package in `path` for the chain at `rpc_url`, where the packages `published` are.
///
/// # Errors
/// What the compiler says, or what is missing for running it.
pub(crate) async fn compile(
    path: &Path,
    published: &BTreeMap<String, Published>,
    rpc_url: &str,
    args: &CompilerArgs,
) -> anyhow::Result<Compiled> {
    let packages = folder::with_dependencies(path)?;
    say_what_is_carried(&packages);
    let published = &as_named_by(&packages, published);
    let task = Task {
        packages: &packages,
        published,
        rpc_url,
    };
    refuse_unpublished(&task)?;
    let bytecode = match sui_cli(args).await? {
        Some(cli) => match cli.compile(&task).await {
            Ok(bytecode) => bytecode,
            Err(SuiError::Unusable(reason)) if args.choice == Choice::Auto => {
                say(format_args!(
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
fn say_what_is_carried(packages: &[PackageFolder]) {
    for package in packages {
        for Dependency { key, place } in &package.dependencies {
            if let Place::Carried {
                package: carried,
                instead_of: Some(url),
            } = place
            {
                say(format_args!(
                    "{key}: taking {}, which this program carries, instead of {url}",
                    carried.dir().display()
                ));
            }
        }
    }
}

/// The Sui CLI, if that is to be tried.
async fn sui_cli(args: &CompilerArgs) -> anyhow::Result<Option<SuiCli>> {
    let named = args.sui_bin.as_deref();
    match args.choice {
        Choice::Npm => Ok(None),
        Choice::Sui => Ok(Some(SuiCli::find(named).await?)),
        Choice::Auto => match SuiCli::find(named).await {
            Ok(cli) => Ok(Some(cli)),
            // Nobody promised that there is one.
            Err(SuiError::Absent { .. }) if named.is_none() => Ok(None),
            Err(error @ SuiError::Absent { .. }) => Err(error.into()),
            Err(error) => {
                let reason = error.to_string();
                say(format_args!(
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
pub(crate) fn sources(
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
