//! Staging: a copy of a package for a compiler, in which its dependencies are beside it, and where they are on this chain.
//!
//! Manifests and publication files in the user's folder tell of other chains, and belong to the user.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use sui_sdk_types::Address;
use tempfile::TempDir;
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, value};

use crate::{
    Published, Task,
    folder::{Dependency, PackageFolder, Place},
};

/// The environment that a CLI with environments compiles for: it decides which table of `Published.toml` is read, and which
/// framework.
pub(super) const ENVIRONMENT: &str = "testnet";
const ENVIRONMENT_CHAIN: &str = "4c78adac";
/// Parts of a manifest that have no place in a publication.
const DEVELOPMENT: [&str; 2] = ["dev-dependencies", "dev-addresses"];
/// Parts that a CLI without environments does not know.
const ENVIRONMENTS: [&str; 2] = ["environments", "dep-replacements"];

/// What a compiler reads where a package is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `[addresses]` and `published-at` in `Move.toml`.
    Addresses,
    /// The same where the manifest has `[addresses]`; `Published.toml`.
    Environments,
    /// Nothing: it is told of every package.
    Told,
}

/// The copy. It goes when this is dropped.
#[derive(Debug)]
pub(super) struct Staged {
    dir: TempDir,
    /// The copy of the package itself.
    pub(super) root: PathBuf,
    /// A client configuration that knows nothing but this chain.
    pub(super) client_config: PathBuf,
    /// Copies and what they are copies of.
    originals: Vec<(PathBuf, PathBuf)>,
}

impl Staged {
    /// Where the Sui CLI may keep what it wants to keep of a user.
    pub(super) fn config_dir(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    /// A message with the paths of the user's files.
    pub(super) fn in_original_places(&self, text: &str) -> String {
        // With the separator: the name of one folder may begin like that of another.
        let inside = |dir: &Path| format!("{}{}", dir.display(), std::path::MAIN_SEPARATOR);
        let replace = |text: String, (copy, original): &(PathBuf, PathBuf)| {
            text.replace(&inside(copy), &inside(original))
        };
        self.originals.iter().fold(text.to_owned(), replace)
    }
}

/// Copies manifests and sources.
pub(super) fn stage(task: &Task<'_>, dialect: Dialect) -> anyhow::Result<Staged> {
    let dir = tempfile::Builder::new().prefix("walrus-move-").tempdir();
    let dir = dir.context("cannot make a temporary folder")?;
    // The CLI names files by their real paths.
    let base = dir
        .path()
        .canonicalize()
        .context("cannot read a temporary folder")?;
    let root = &task.root()?.dir;
    let mut originals = Vec::new();
    let mut copies: BTreeMap<&Path, String> = BTreeMap::new();
    for package in task.packages {
        let mut copy = package.name.clone();
        while copies.values().any(|taken| *taken == copy) {
            copy.push('_');
        }
        let place = (package.dir != *root)
            .then(|| task.published.get(&package.name).copied())
            .flatten();
        let manifest = rewritten(package, place, dialect, &copies)?;
        let target = base.join("packages").join(&copy);
        write(&target.join("Move.toml"), &manifest)?;
        if let (Some(published), Dialect::Environments) = (place, dialect) {
            write(&target.join("Published.toml"), &publication(published))?;
        }
        for (path, text) in package.sources()? {
            let inside = path.strip_prefix(&package.dir).unwrap_or(&path);
            write(&target.join(inside), &text)?;
        }
        originals.push((target, package.dir.clone()));
        copies.insert(&package.dir, copy);
    }
    let client_config = base.join("config/client.yaml");
    let keystore = base.join("config/sui.keystore");
    write(&keystore, "[]\n")?;
    write(
        &client_config,
        &client_configuration(&keystore, task.rpc_url)?,
    )?;
    let root = originals.last().map(|(copy, _)| copy.clone());
    Ok(Staged {
        dir,
        root: root.context("there is no package")?,
        client_config,
        originals,
    })
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let unwritable = || format!("cannot write {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(unwritable)?;
    }
    fs::write(path, text).with_context(unwritable)
}

fn client_configuration(keystore: &Path, rpc_url: &str) -> anyhow::Result<String> {
    // A JSON string is one of YAML, too.
    let (keystore, url) = (
        serde_json::to_string(keystore)?,
        serde_json::to_string(rpc_url)?,
    );
    Ok(format!(
        "---\nkeystore:\n  File: {keystore}\nenvs:\n  - alias: devchain\n    rpc: {url}\n    ws: ~\n    basic_auth: ~\n\
         active_env: devchain\nactive_address: ~\n"
    ))
}

fn publication(published: Published) -> String {
    format!(
        "[published.{ENVIRONMENT}]\nchain-id = \"{ENVIRONMENT_CHAIN}\"\npublished-at = \"{}\"\noriginal-id = \"{}\"\nversion = 1\n",
        published.id, published.original_id
    )
}

/// The manifest of a copy; `published` is `None` for the package that is to be published. `copies` are the folders beside it.
fn rewritten(
    package: &PackageFolder,
    published: Option<Published>,
    dialect: Dialect,
    copies: &BTreeMap<&Path, String>,
) -> anyhow::Result<String> {
    let mut manifest = package.manifest.clone();
    for key in DEVELOPMENT {
        manifest.remove(key);
    }
    if dialect == Dialect::Addresses {
        for key in ENVIRONMENTS {
            manifest.remove(key);
        }
    }
    for dependency in &package.dependencies {
        let dir = dependency.place.dir()?;
        let copy = copies.get(dir.as_path());
        let copy = copy.with_context(|| format!("{} is no dependency", dir.display()))?;
        relocate(&mut manifest, dependency, copy);
    }
    if dialect == Dialect::Told {
        return Ok(manifest.to_string());
    }
    if dialect == Dialect::Addresses || manifest.contains_key("addresses") {
        set_addresses(&mut manifest, &package.name, published);
    }
    Ok(manifest.to_string())
}

/// Makes the manifest name the copy of a dependency.
fn relocate(manifest: &mut DocumentMut, dependency: &Dependency, copy: &str) {
    let Dependency { key, place } = dependency;
    let local = format!("../{copy}");
    let Some(dependencies) = table(manifest, "dependencies") else {
        return;
    };
    let Place::Carried { .. } = place else {
        if let Some(entry) = dependencies.get_mut(key).and_then(Item::as_table_like_mut) {
            entry.insert("local", value(local));
        }
        return;
    };
    // In the repository it may have another name, by which the compiler would not find it; its revisions are others.
    let overrides = dependencies
        .remove(key)
        .and_then(|entry| entry.get("override").and_then(Item::as_bool));
    let mut entry = InlineTable::new();
    entry.insert("local", local.into());
    if let Some(overrides) = overrides {
        entry.insert("override", overrides.into());
    }
    dependencies.insert(copy, value(entry));
    if let Some(replacements) = table(manifest, "dep-replacements") {
        for (_, environment) in replacements.iter_mut() {
            if let Some(environment) = environment.as_table_like_mut() {
                environment.remove(key);
            }
        }
    }
}

fn table<'a>(manifest: &'a mut DocumentMut, key: &str) -> Option<&'a mut dyn TableLike> {
    manifest.get_mut(key)?.as_table_like_mut()
}

/// Says in `[addresses]` and `published-at` where the package is.
fn set_addresses(manifest: &mut DocumentMut, name: &str, published: Option<Published>) {
    if let Some(package) = table(manifest, "package") {
        package.remove("published-at");
        if let Some(published) = published {
            package.insert("published-at", value(published.id.to_string()));
        }
    }
    let own = match published {
        Some(published) => published.original_id.to_string(),
        None => "0x0".to_owned(),
    };
    let addresses = manifest
        .entry("addresses")
        .or_insert(Item::Table(Table::new()));
    let Some(addresses) = addresses.as_table_like_mut() else {
        return;
    };
    let mut found = false;
    for (key, item) in addresses.iter_mut() {
        if key.get().eq_ignore_ascii_case(name) || item.as_str().is_some_and(is_open) {
            *item = value(&own);
            found = true;
        }
    }
    if !found {
        addresses.insert(name, value(own));
    }
}

/// Whether an address is one that publishing gives.
fn is_open(text: &str) -> bool {
    text == "_" || text.parse() == Ok(Address::ZERO)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LIBRARY: Published = Published {
        id: Address::new([0x22; 32]),
        original_id: Address::new([0x11; 32]),
    };

    fn package(name: &str, manifest: &str) -> PackageFolder {
        let package = PackageFolder::of_text(manifest).unwrap();
        assert_eq!(package.name, name);
        package
    }

    fn rewrite(
        name: &str,
        manifest: &str,
        published: Option<Published>,
        dialect: Dialect,
    ) -> DocumentMut {
        let text = rewritten(
            &package(name, manifest),
            published,
            dialect,
            &BTreeMap::new(),
        );
        text.unwrap().parse().unwrap()
    }

    #[test]
    fn a_dependency_is_where_it_was_published() {
        let manifest = "[package]\nname = \"Library\" # kept\npublished-at = \"0x7\"\n\n[addresses]\nlibrary = \"0x7\"\nother = \"0x9\"\n";
        for dialect in [Dialect::Addresses, Dialect::Environments] {
            let after = rewrite("Library", manifest, Some(LIBRARY), dialect);
            assert_eq!(
                after["package"]["published-at"].as_str(),
                Some(&*LIBRARY.id.to_string())
            );
            let original = LIBRARY.original_id.to_string();
            assert_eq!(after["addresses"]["library"].as_str(), Some(&*original));
            assert_eq!(after["addresses"]["other"].as_str(), Some("0x9"));
            assert!(after.to_string().contains("# kept"));
        }
    }

    #[test]
    fn what_the_program_carries_is_beside_the_copy_under_its_own_name() {
        let url = "https://github.com/MystenLabs/walrus.git";
        let manifest = format!(
            "[package]\nname = \"app\"\n[dependencies.Walrus]\ngit = \"{url}\"\nrev = \"testnet\"\n\
             subdir = \"contracts/walrus\"\noverride = true\n[dep-replacements.testnet]\nWalrus = {{ git = \"{url}\" }}\n\
             other = {{ git = \"{url}\" }}\n[addresses]\napp = \"0x0\"\n"
        );
        let package = package("app", &manifest);
        let dir = package.dependencies[0].place.dir().unwrap();
        let copies = BTreeMap::from([(dir.as_path(), "walrus".to_owned())]);
        let text = rewritten(&package, None, Dialect::Environments, &copies).unwrap();
        let after: DocumentMut = text.parse().unwrap();
        let entry = &after["dependencies"]["walrus"];
        assert_eq!(entry["local"].as_str(), Some("../walrus"));
        assert_eq!(entry["override"].as_bool(), Some(true));
        assert!(entry.get("git").is_none());
        assert!(after["dependencies"].get("Walrus").is_none());
        let replacements = &after["dep-replacements"]["testnet"];
        assert!(replacements.get("Walrus").is_none() && replacements.get("other").is_some());
        // What is told needs no addresses.
        let told = rewritten(&package, Some(LIBRARY), Dialect::Told, &copies).unwrap();
        assert!(
            told.contains("app = \"0x0\"") && !told.contains("published-at"),
            "{told}"
        );
    }

    #[test]
    fn the_package_itself_has_no_address_yet() {
        let manifest = "[package]\nname = \"app\"\npublished-at = \"0x7\"\n[addresses]\napp = \"0x7\"\nmore = \"_\"\n\
            [dev-dependencies]\nx = { local = \"../x\" }\n[dev-addresses]\nmore = \"0x1\"\n";
        let after = rewrite("app", manifest, None, Dialect::Environments);
        assert!(after["package"].get("published-at").is_none());
        assert_eq!(after["addresses"]["app"].as_str(), Some("0x0"));
        assert_eq!(after["addresses"]["more"].as_str(), Some("0x0"));
        assert!(!after.contains_key("dev-dependencies") && !after.contains_key("dev-addresses"));
    }

    #[test]
    fn a_manifest_without_addresses_gets_them_only_where_they_are_needed() {
        let manifest = "[package]\nname = \"app\"\n[environments]\nmine = \"12345678\"\n";
        let after = rewrite("app", manifest, Some(LIBRARY), Dialect::Environments);
        assert_eq!(after.to_string(), manifest);
        let after = rewrite("app", manifest, Some(LIBRARY), Dialect::Addresses);
        let original = LIBRARY.original_id.to_string();
        assert_eq!(after["addresses"]["app"].as_str(), Some(&*original));
        assert!(!after.contains_key("environments"));
        let after = rewrite("app", manifest, None, Dialect::Addresses);
        assert_eq!(after["addresses"]["app"].as_str(), Some("0x0"));
    }
}
