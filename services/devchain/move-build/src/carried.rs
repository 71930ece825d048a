//! Embedded Move packages of this repository: what a Git dependency on the public Walrus repository means here.
//!
//! The public sources belong to the public networks; on a chain of this program, other packages stand in for them.

use std::path::{Path, PathBuf};

// `PACKAGES`: per package its name, and per file its path in the package and its text.
include!(concat!(env!("OUT_DIR"), "/move_packages.rs"));

/// The public repository, without what the forms of its address differ in.
const REPOSITORY: &str = "github.com/mystenlabs/walrus";
/// Folders of it that hold packages.
const FOLDERS: [&str; 3] = ["contracts", "testnet-contracts", "mainnet-contracts"];

/// A package that the program carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Carried {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
}

impl Carried {
    /// The package of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let found = PACKAGES.iter().find(|(known, _)| *known == name);
        found.map(|(name, files)| Self { name, files })
    }

    /// What stands in for a folder of a Git repository; `None` if that is none of the public Walrus repository.
    pub(super) fn of_git(url: &str, subdir: &str) -> Option<Self> {
        if !is_public_repository(url) {
            return None;
        }
        let subdir = subdir.trim_start_matches("./").trim_matches('/');
        let (folder, name) = subdir.split_once('/')?;
        Self::named(name).filter(|_| FOLDERS.contains(&folder))
    }

    /// Where it lies in the repository of this program, as messages name it.
    pub(super) fn dir(&self) -> PathBuf {
        Path::new("move").join(self.name)
    }

    /// The text of a file.
    pub(super) fn file(&self, path: &str) -> Option<&'static str> {
        let found = self.files.iter().find(|(known, _)| *known == path);
        found.map(|(_, text)| *text)
    }

    /// The `.move` files: paths and texts.
    pub(super) fn sources(&self) -> impl Iterator<Item = (PathBuf, String)> {
        let dir = self.dir();
        self.files
            .iter()
            .filter(|(path, _)| path.ends_with(".move"))
            .map(move |(path, text)| (dir.join(path), (*text).to_owned()))
    }
}

/// `https://…`, `ssh://git@…` and `git@host:…` are the same, with `.git` at the end and without.
fn is_public_repository(url: &str) -> bool {
    let url = url.trim().to_ascii_lowercase();
    let address = url.split_once("://").map_or(&*url, |(_, address)| address);
    let address = address
        .split_once('@')
        .map_or(address, |(_, address)| address);
    let address = address.replace(':', "/");
    let address = address.trim_end_matches('/');
    address.strip_suffix(".git").unwrap_or(address) == REPOSITORY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_repository_is_known_in_all_its_forms() {
        let url = "https://github.com/MystenLabs/walrus.git";
        for (url, subdir) in [
            (url, "contracts/walrus"),
            ("https://github.com/MystenLabs/walrus", "contracts/walrus/"),
            ("git@github.com:MystenLabs/walrus.git", "./contracts/walrus"),
            (
                "ssh://git@github.com/mystenlabs/walrus/",
                "testnet-contracts/walrus",
            ),
        ] {
            let found = Carried::of_git(url, subdir);
            assert_eq!(found, Carried::named("walrus"), "{url} {subdir}");
            assert!(found.is_some());
        }
        for (url, subdir) in [
            (url, "contracts/nothing"),
            (url, "docs/walrus"),
            (url, "walrus"),
            (
                "https://github.com/MystenLabs/walrus-sites.git",
                "contracts/walrus",
            ),
            (
                "https://example.com/MystenLabs/walrus.git",
                "contracts/walrus",
            ),
        ] {
            assert_eq!(Carried::of_git(url, subdir), None, "{url} {subdir}");
        }
    }

    #[test]
    fn packages_are_whole() {
        let walrus = Carried::named("walrus").unwrap();
        assert!(
            walrus
                .file("Move.toml")
                .unwrap()
                .contains("name = \"walrus\"")
        );
        let paths: Vec<_> = walrus.sources().map(|(path, _)| path).collect();
        assert!(
            paths.contains(&PathBuf::from("move/walrus/sources/blob/blob.move")),
            "{paths:?}"
        );
        assert!(Carried::named("wal").unwrap().sources().count() > 0);
    }
}
