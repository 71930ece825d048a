//! Dependency graph: packages and their direct dependencies, from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// A package of the graph.
#[derive(Debug, Clone, Deserialize)]
pub struct Package {
    /// The package's ID in the graph.
    pub id: String,
    /// The crate's name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The SPDX expression of its manifest.
    pub license: Option<String>,
    /// Where it came from; `None` for the packages of this repository.
    pub source: Option<String>,
    /// What its manifest asks for.
    pub dependencies: Vec<Requirement>,
}

/// A dependency as the manifest has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Requirement {
    /// The crate's name.
    pub name: String,
    /// The versions that will do.
    pub req: String,
    /// The folder, of a dependency within this repository.
    pub path: Option<String>,
}

/// The names of what a package of the workspace links, itself included, when it is built without its default features.
///
/// # Errors
///
/// [`GraphError`] if cargo does not tell it.
pub fn linked_without_defaults(
    manifest: &Path,
    package: &str,
) -> Result<BTreeSet<String>, GraphError> {
    let mut question = vec!["tree", "--no-default-features", "--edges", "normal"];
    question.extend(["--prefix", "none", "--format", "{p}", "--package", package]);
    let answer = String::from_utf8_lossy(&ask_cargo(&question, manifest)?).into_owned();
    let names = answer.lines().filter_map(|line| line.split(' ').next());
    Ok(names.map(str::to_owned).collect())
}

fn ask_cargo(question: &[&str], manifest: &Path) -> Result<Vec<u8>, GraphError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(question).args(["--locked", "--manifest-path"]);
    let output = command.arg(manifest).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(GraphError::Failed(said.trim().to_owned()));
    }
    Ok(output.stdout)
}

/// Why there is no graph.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// Cargo could not be run.
    #[error("cargo could not be run")]
    Run(#[from] std::io::Error),
    /// Cargo failed.
    #[error("cargo failed: {0}")]
    Failed(String),
    /// The answer of `cargo metadata` was not understood.
    #[error("the answer of cargo metadata was not understood")]
    Answer(#[from] serde_json::Error),
}

/// All packages that the lock file names, for every target, with the edges between them.
#[derive(Debug, Clone)]
pub struct Graph {
    packages: BTreeMap<String, Package>,
    /// From a package to those that it links, by ID; without what only its tests and its build need.
    links: BTreeMap<String, BTreeSet<String>>,
    /// From a package to those that need it directly, for whatever.
    dependents: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// The graph of the workspace that `manifest` belongs to, as its lock file has it.
    ///
    /// # Errors
    ///
    /// [`GraphError`] if cargo does not tell it.
    pub fn of_workspace(manifest: &Path) -> Result<Self, GraphError> {
        let answer = ask_cargo(&["metadata", "--format-version", "1"], manifest)?;
        let metadata: Metadata = serde_json::from_slice(&answer)?;
        Ok(metadata.into())
    }

    /// All packages.
    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.values()
    }

    /// The names of the crates that need `package` directly, for whatever.
    pub fn dependents(&self, package: &Package) -> BTreeSet<&str> {
        self.dependents
            .get(&package.id)
            .into_iter()
            .flatten()
            .filter_map(|id| Some(self.packages.get(id)?.name.as_str()))
            .collect()
    }

    /// The names of the crates that end up in a program which links the crate `name`; empty if there is no such crate.
    pub fn linked_by(&self, name: &str) -> BTreeSet<&str> {
        let mut open: Vec<&Package> = self
            .packages()
            .filter(|package| package.name == name)
            .collect();
        let mut seen = BTreeSet::new();
        let mut names = BTreeSet::new();
        while let Some(package) = open.pop() {
            let linked = self.links.get(&package.id).into_iter().flatten();
            for next in linked.filter_map(|id| self.packages.get(id)) {
                if seen.insert(&next.id) {
                    names.insert(next.name.as_str());
                    open.push(next);
                }
            }
        }
        names
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    /// `None` for a dependency that is linked; else `dev` or `build`.
    kind: Option<String>,
}

impl From<Metadata> for Graph {
    fn from(metadata: Metadata) -> Self {
        let mut links = BTreeMap::<_, BTreeSet<_>>::new();
        let mut dependents = BTreeMap::<_, BTreeSet<_>>::new();
        for node in metadata.resolve.nodes {
            for edge in node.deps {
                if edge.dep_kinds.iter().any(|kind| kind.kind.is_none()) {
                    links
                        .entry(node.id.clone())
                        .or_default()
                        .insert(edge.pkg.clone());
                }
                dependents
                    .entry(edge.pkg)
                    .or_default()
                    .insert(node.id.clone());
            }
        }
        let packages = metadata.packages.into_iter();
        Self {
            packages: packages
                .map(|package| (package.id.clone(), package))
                .collect(),
            links,
            dependents,
        }
    }
}

#[cfg(test)]
impl Graph {
    /// A graph from the JSON of `cargo metadata`.
    pub(crate) fn from_json(json: serde_json::Value) -> Self {
        serde_json::from_value::<Metadata>(json).unwrap().into()
    }
}
