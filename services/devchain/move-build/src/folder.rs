//! Package folder: its manifest, the packages it depends on, its sources.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use toml_edit::{DocumentMut, TableLike};

use crate::carried::Carried;

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
    /// What it depends on beside the framework.
    pub(super) dependencies: Vec<Dependency>,
    /// Its files, if it is no folder of this machine.
    carried: Option<Carried>,
}

/// What a package depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    /// Its name in the manifest of whoever depends on it.
    pub(super) key: String,
    pub(super) place: Place,
}

/// Where the sources of a dependency are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In a folder.
    Folder(PathBuf),
    /// In this program, instead of the Git repository that the manifest names.
    Carried {
        package: Carried,
        /// The address of that repository; `None` between packages that are carried.
        instead_of: Option<String>,
    },
}

impl Place {
    /// The folder, by its real path.
    pub(super) fn dir(&self) -> anyhow::Result<PathBuf> {
        match self {
            Self::Folder(dir) => dir
                .canonicalize()
                .with_context(|| format!("cannot read {}", dir.display())),
            Self::Carried { package, .. } => Ok(package.dir()),
        }
    }

    fn read(&self) -> anyhow::Result<PackageFolder> {
        match self {
            Self::Folder(dir) => PackageFolder::read(dir),
            Self::Carried { package, .. } => PackageFolder::carried(*package),
        }
    }
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
        Self::parse(&text, dir, None)
    }

    fn carried(package: Carried) -> anyhow::Result<Self> {
        let manifest = package.file(MANIFEST).unwrap_or_default();
        Self::parse(manifest, package.dir(), Some(package))
    }

    fn parse(text: &str, dir: PathBuf, carried: Option<Carried>) -> anyhow::Result<Self> {
        let path = dir.join(MANIFEST);
        let manifest: DocumentMut = text
            .parse()
            .with_context(|| format!("{} is no manifest", path.display()))?;
        let name = manifest
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(|name| name.as_str())
            .with_context(|| format!("{}: [package] has no name", path.display()))?
            .to_owned();
        let dependencies = dependencies(&manifest, &dir, carried.is_some());
        Ok(Self {
            name,
            dir,
            manifest,
            dependencies,
            carried,
        })
    }

    #[cfg(test)]
    pub(super) fn of_text(text: &str) -> anyhow::Result<Self> {
        Self::parse(text, PathBuf::from("/nowhere"), None)
    }

    /// The `.move` files that are published: paths and texts.
    pub(super) fn sources(&self) -> anyhow::Result<BTreeMap<PathBuf, String>> {
        if let Some(package) = self.carried {
            return Ok(package.sources().collect());
        }
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

/// The dependencies that lie on this machine or in this program. All others are up to the compiler.
fn dependencies(manifest: &DocumentMut, dir: &Path, carried: bool) -> Vec<Dependency> {
    let table = manifest
        .get("dependencies")
        .and_then(|one| one.as_table_like());
    let entries = table.into_iter().flat_map(TableLike::iter);
    entries
        .filter_map(|(key, entry)| {
            let text = |field: &str| entry.get(field).and_then(|field| field.as_str());
            let place = match (text("local"), text("git")) {
                // Those of a carried package are its neighbours.
                (Some(local), _) if carried => Place::Carried {
                    package: Carried::named(Path::new(local).file_name()?.to_str()?)?,
                    instead_of: None,
                },
                (Some(local), _) => Place::Folder(dir.join(local)),
                (None, Some(url)) => Place::Carried {
                    package: Carried::of_git(url, text("subdir").unwrap_or_default())?,
                    instead_of: Some(url.to_owned()),
                },
                (None, None) => return None,
            };
            let key = key.to_owned();
            Some(Dependency { key, place })
        })
        .collect()
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
    for Dependency { key, place } in &package.dependencies {
        let dependency = place.read().with_context(|| match place {
            Place::Folder(dir) => format!("{} depends on {}", package.name, dir.display()),
            Place::Carried { .. } => format!("{} depends on {key}", package.name),
        })?;
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
    fn the_public_repository_is_what_the_program_carries() {
        let home = tempfile::tempdir().unwrap();
        let url = "https://github.com/MystenLabs/walrus.git";
        let both = format!(
            "[dependencies]\nWalrus = {{ git = \"{url}\", subdir = \"contracts/walrus\", rev = \"testnet\" }}\n\
             Sui = {{ git = \"https://github.com/MystenLabs/sui.git\", subdir = \"crates/sui-framework\" }}\n"
        );
        let app = package(home.path(), "app", &both);
        let found = with_dependencies(&app).unwrap();
        let names: Vec<_> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["wal", "walrus", "app"]);
        assert!(found[1].sources().unwrap().len() > 10);
        let [Dependency { key, place }] = found[2].dependencies.as_slice() else {
            panic!("{:?}", found[2].dependencies);
        };
        assert_eq!(key, "Walrus");
        assert_eq!(place.dir().unwrap(), found[1].dir);
    }

    #[test]
    fn an_absolute_path_is_a_path() {
        let home = tempfile::tempdir().unwrap();
        let library = package(home.path(), "library", "");
        let local = format!("[dependencies]\nlibrary = {{ local = {library:?} }}\n");
        let app = package(home.path(), "app", &local);
        let found = with_dependencies(&app).unwrap();
        let names: Vec<_> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["library", "app"]);
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
