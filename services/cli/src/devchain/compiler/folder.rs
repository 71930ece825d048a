//! A Move package in a folder: its manifest, the packages it depends on, its sources.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use toml_edit::{DocumentMut, TableLike};

/// The manifest of a package.
const MANIFEST: &str = "Move.toml";
/// The folder with what is published.
const SOURCES: &str = "sources";
/// Deepest folder below [`SOURCES`] that is looked at.
const MAX_DEPTH: usize = 64;

/// A package.
#[derive(Debug, Clone)]
pub(super) struct PackageFolder {
    pub(super) name: String,
    pub(super) dir: PathBuf,
    pub(super) manifest: DocumentMut,
    /// What it depends on: the name in the manifest, and the folder.
    pub(super) locals: Vec<(String, PathBuf)>,
}

impl PackageFolder {
    fn read(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(MANIFEST);
        ensure!(
            path.is_file(),
            "{} is not the folder of a Move package: it has no {MANIFEST}",
            dir.display()
        );
        let read = || format!("cannot read {}", path.display());
        let dir = dir.canonicalize().with_context(read)?;
        let text = fs::read_to_string(&path).with_context(read)?;
        let manifest: DocumentMut = text
            .parse()
            .with_context(|| format!("{} is no manifest", path.display()))?;
        let name = manifest
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(|name| name.as_str())
            .with_context(|| format!("{}: [package] has no name", path.display()))?
            .to_owned();
        let locals = local_dependencies(&manifest)
            .map(|(name, local)| (name.to_owned(), dir.join(local)))
            .collect();
        Ok(Self {
            name,
            dir,
            manifest,
            locals,
        })
    }

    /// The `.move` files that are published: paths and texts.
    pub(super) fn sources(&self) -> anyhow::Result<BTreeMap<PathBuf, String>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![(self.dir.join(SOURCES), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let read = || format!("cannot read {}", folder.display());
            let entries = match fs::read_dir(&folder) {
                // A package without sources has nothing to publish, which the compiler says.
                Err(error) if depth == 0 && error.kind() == std::io::ErrorKind::NotFound => break,
                entries => entries.with_context(read)?,
            };
            for entry in entries {
                let path = entry.with_context(read)?.path();
                if path.is_dir() {
                    ensure!(depth < MAX_DEPTH, "{} is too deep", path.display());
                    folders.push((path, depth + 1));
                } else if path
                    .extension()
                    .is_some_and(|extension| extension == "move")
                {
                    let text = fs::read_to_string(&path)
                        .with_context(|| format!("cannot read {}", path.display()))?;
                    files.insert(path, text);
                }
            }
        }
        Ok(files)
    }
}

/// Name and path of the dependencies that lie on this machine.
fn local_dependencies(manifest: &DocumentMut) -> impl Iterator<Item = (&str, &str)> {
    let table = manifest
        .get("dependencies")
        .and_then(|one| one.as_table_like());
    table
        .into_iter()
        .flat_map(TableLike::iter)
        .filter_map(|(name, dependency)| Some((name, dependency.get("local")?.as_str()?)))
}

/// The package in `dir` after everything it depends on, wherever that lies.
///
/// # Errors
/// If a folder is no package, or packages depend on each other.
pub(super) fn with_dependencies(dir: &Path) -> anyhow::Result<Vec<PackageFolder>> {
    let root = PackageFolder::read(dir)?;
    let mut ordered = Vec::new();
    visit(root, &mut Vec::new(), &mut ordered)?;
    Ok(ordered)
}

fn visit(
    package: PackageFolder,
    trail: &mut Vec<PathBuf>,
    ordered: &mut Vec<PackageFolder>,
) -> anyhow::Result<()> {
    if let Some(start) = trail.iter().position(|dir| *dir == package.dir) {
        let cycle = trail.iter().skip(start).chain([&package.dir]);
        let cycle: Vec<_> = cycle.map(|dir| dir.display().to_string()).collect();
        bail!("packages depend on each other: {}", cycle.join(" → "));
    }
    if ordered.iter().any(|one| one.dir == package.dir) {
        return Ok(());
    }
    trail.push(package.dir.clone());
    for (_, local) in &package.locals {
        let dependency = PackageFolder::read(local)
            .with_context(|| format!("{} depends on {}", package.name, local.display()))?;
        visit(dependency, trail, ordered)?;
    }
    trail.pop();
    ordered.push(package);
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn package(parent: &Path, name: &str, dependencies: &str) -> PathBuf {
        let dir = parent.join(name);
        fs::create_dir_all(dir.join("sources/deep")).unwrap();
        let manifest = format!("[package]\nname = \"{name}\"\n{dependencies}");
        fs::write(dir.join(MANIFEST), manifest).unwrap();
        let source = format!("module {name}::{name};\n");
        fs::write(dir.join("sources/deep/m.move"), source).unwrap();
        fs::write(dir.join("sources/notes.txt"), "").unwrap();
        dir
    }

    #[test]
    fn dependencies_come_first_and_once() {
        let home = tempfile::tempdir().unwrap();
        package(home.path(), "base", "");
        let middle = "[dependencies.base]\nlocal = \"../base\"\n";
        package(home.path(), "middle", middle);
        let both = "[dependencies]\nmiddle = { local = \"../middle\" }\n# base = { local = \"../gone\" }\n\
            base = { local = \"../base\", override = true }\nSui = { git = \"https://x\", rev = \"y\" }\n";
        let top = package(home.path(), "top", both);
        let found = with_dependencies(&top).unwrap();
        let names: Vec<_> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["base", "middle", "top"]);
        let sources = found[2].sources().unwrap();
        let file = top.canonicalize().unwrap().join("sources/deep/m.move");
        assert_eq!(sources.into_keys().collect::<Vec<_>>(), [file]);
    }

    #[test]
    fn what_is_no_package_is_named() {
        let home = tempfile::tempdir().unwrap();
        let error = |dir: &Path| format!("{:#}", with_dependencies(dir).unwrap_err());
        assert!(error(home.path()).contains("has no Move.toml"));
        let one = package(
            home.path(),
            "one",
            "[dependencies]\ntwo = { local = \"../two\" }\n",
        );
        let missing = error(&one);
        assert!(
            missing.contains("one depends on") && missing.contains("has no Move.toml"),
            "{missing}"
        );
        package(
            home.path(),
            "two",
            "[dependencies]\none = { local = \"../one\" }\n",
        );
        let cycle = error(&one);
        assert!(
            cycle.contains("one → ") && cycle.contains("depend on each other"),
            "{cycle}"
        );
        let nameless = package(home.path(), "nameless", "");
        fs::write(nameless.join(MANIFEST), "[package]\n").unwrap();
        assert!(error(&nameless).contains("has no name"));
        fs::write(nameless.join(MANIFEST), "[package\n").unwrap();
        assert!(error(&nameless).contains("is no manifest"));
    }
}
