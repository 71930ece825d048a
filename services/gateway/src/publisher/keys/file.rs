//! File of keys: JSON that only its owner reads, replaced as a whole. The publisher and the command line both use it, at the same time.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::secret::{KeyId, Secret};
use crate::limits;

/// Its name in the directory of the publisher's state.
const NAME: &str = "keys.json";
const FORMAT: u32 = 1;

/// A key, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// Its ID.
    pub id: KeyId,
    /// What people call it; empty if nothing.
    pub name: String,
    /// SHA-256 of the secret, hexadecimal.
    pub(super) hash: String,
    /// FROST for storage that it may spend in all; without it, as much as there is.
    pub budget: Option<u64>,
    /// Bytes that it may store in all, before encoding; the same.
    pub bytes: Option<u64>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// Until when it is good; the same.
    pub expires_ms: Option<u64>,
    /// When it was revoked; the same.
    pub revoked_ms: Option<u64>,
}

/// A key that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewKey {
    /// What people call it, if anything: no other key that is not revoked is called so.
    pub name: Option<String>,
    /// FROST for storage that it may spend in all.
    pub budget: Option<u64>,
    /// Bytes that it may store in all, before encoding.
    pub bytes: Option<u64>,
    /// Milliseconds since 1970 until which it is good.
    pub expires_ms: Option<u64>,
}

/// Why keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("the file of keys {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is none.
    #[error("the file of keys {} cannot be understood: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A newer program wrote it.
    #[error("the file of keys {} has format {found}, and this program knows {FORMAT}: use a newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// There is no such file.
    #[error(
        "there are no keys in {}: none was made there, or it is not where the publisher keeps its state, which is its --state-dir, or \
         `state` in its --sub-wallets-dir",
        path.display()
    )]
    Missing {
        /// The directory.
        path: PathBuf,
    },
    /// A name that is none.
    #[error(
        "a key cannot be called {name:?}: a name has 1 to {} characters, no control characters, and no blanks at its ends",
        limits::KEY_NAME
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Another key has the name.
    #[error("key {id} is called `{name}` already: choose another name, or revoke that key first")]
    Taken {
        /// The name.
        name: String,
        /// Its key.
        id: KeyId,
    },
    /// It could never be used.
    #[error(
        "the key would have expired by the time that it is made: let it be good for longer than that"
    )]
    Expired,
    /// There are too many.
    #[error(
        "there are {} keys, and that is as many as may be: revoked ones go when they are removed from the file",
        limits::KEYS
    )]
    TooMany,
    /// There is no such key.
    #[error("there is no key {0}")]
    Unknown(String),
    /// Several keys have the name.
    #[error("{count} keys are called `{name}`: name the one that is meant by its ID")]
    Ambiguous {
        /// The name.
        name: String,
        /// How many.
        count: usize,
    },
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    keys: Vec<KeyInfo>,
}

/// The file of keys in a directory. It need not exist.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The file of the publisher whose state is in `directory`.
    pub fn in_directory(directory: impl AsRef<Path>) -> Self {
        Self {
            path: directory.as_ref().join(NAME),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, source: io::Error) -> KeyFileError {
        KeyFileError::Io {
            path: self.path.clone(),
            source,
        }
    }

    /// All keys, in the order in which they were made.
    ///
    /// # Errors
    /// [`KeyFileError::Missing`] if none was ever made, and others.
    pub fn list(&self) -> Result<Vec<KeyInfo>, KeyFileError> {
        self.read()?.ok_or_else(|| KeyFileError::Missing {
            path: self.path.parent().unwrap_or(&self.path).to_owned(),
        })
    }

    /// The same; `None` if there is no file.
    pub(super) fn read(&self) -> Result<Option<Vec<KeyInfo>>, KeyFileError> {
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let malformed = |source| KeyFileError::Malformed {
            path: self.path.clone(),
            source,
        };
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(&text).map_err(malformed)?;
        if head.format > FORMAT {
            return Err(KeyFileError::Newer {
                path: self.path.clone(),
                found: head.format,
            });
        }
        let document: Document = serde_json::from_slice(&text).map_err(malformed)?;
        Ok(Some(document.keys))
    }

    /// Makes a key. Its secret is told here, and kept nowhere.
    ///
    /// # Errors
    /// [`KeyFileError::Name`], [`KeyFileError::Taken`], [`KeyFileError::Expired`] and others.
    pub fn create(&self, new: NewKey, now_ms: u64) -> Result<(KeyInfo, Secret), KeyFileError> {
        if new.expires_ms.is_some_and(|expires| expires <= now_ms) {
            return Err(KeyFileError::Expired);
        }
        let _lock = self.lock()?;
        let mut keys = self.read()?.unwrap_or_default();
        if keys.len() >= limits::KEYS {
            return Err(KeyFileError::TooMany);
        }
        let name = new.name.map(|name| free_name(name, &keys)).transpose()?;
        let secret = Secret::random();
        let key = KeyInfo {
            id: secret.id(),
            name: name.unwrap_or_default(),
            hash: hex::encode(secret.hash()),
            budget: new.budget,
            bytes: new.bytes,
            created_ms: now_ms,
            expires_ms: new.expires_ms,
            revoked_ms: None,
        };
        keys.push(key.clone());
        self.write(keys)?;
        Ok((key, secret))
    }

    /// Revokes a key by its ID or its name. It stays in the list, and what it stored stays stored.
    ///
    /// # Errors
    /// [`KeyFileError::Unknown`], [`KeyFileError::Ambiguous`], [`KeyFileError::Missing`] and others.
    pub fn revoke(&self, name: &str, now_ms: u64) -> Result<KeyInfo, KeyFileError> {
        // Before a lock makes the directory.
        self.list()?;
        let _lock = self.lock()?;
        let mut keys = self.list()?;
        let is_meant = |key: &KeyInfo| {
            key.id.to_string() == name || (!key.name.is_empty() && key.name == name)
        };
        // One that is revoked gives its name to another.
        let is_open = |key: &KeyInfo| key.revoked_ms.is_none();
        let open = keys.iter().any(|key| is_meant(key) && is_open(key));
        let is_meant = |key: &KeyInfo| is_meant(key) && (is_open(key) || !open);
        let count = keys.iter().filter(|key| is_meant(key)).count();
        if open && count > 1 {
            let name = name.to_owned();
            return Err(KeyFileError::Ambiguous { name, count });
        }
        let key = keys.iter_mut().rfind(|key| is_meant(key));
        let key = key.ok_or_else(|| KeyFileError::Unknown(name.to_owned()))?;
        key.revoked_ms.get_or_insert(now_ms);
        let key = key.clone();
        self.write(keys)?;
        Ok(key)
    }

    /// Held while the file is changed, also by other processes.
    fn lock(&self) -> Result<File, KeyFileError> {
        if let Some(directory) = self.path.parent() {
            std::fs::create_dir_all(directory).map_err(|error| self.failed(error))?;
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(self.path.with_extension("lock"));
        let file = file.map_err(|error| self.failed(error))?;
        file.lock().map_err(|error| self.failed(error))?;
        Ok(file)
    }

    fn write(&self, keys: Vec<KeyInfo>) -> Result<(), KeyFileError> {
        let document = Document {
            format: FORMAT,
            keys,
        };
        let text = serde_json::to_vec_pretty(&document);
        let text = text.map_err(|error| self.failed(error.into()))?;
        let written = self.replace(&text);
        written.map_err(|error| self.failed(error))
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        // Only its owner reads it: that is how these are made.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        File::open(directory)?.sync_all()
    }
}

/// A name for a key beside these.
fn free_name(name: String, keys: &[KeyInfo]) -> Result<String, KeyFileError> {
    let length = name.chars().count();
    let is_name = (1..=limits::KEY_NAME).contains(&length)
        && name.trim() == name
        && !name.contains(char::is_control);
    if !is_name {
        return Err(KeyFileError::Name { name });
    }
    let has_it = |key: &&KeyInfo| {
        key.id.to_string() == name || (key.name == name && key.revoked_ms.is_none())
    };
    match keys.iter().find(has_it) {
        Some(key) => Err(KeyFileError::Taken { name, id: key.id }),
        None => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_a_hash_is_kept_and_only_its_owner_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::in_directory(directory.path().join("state"));
        let new = NewKey {
            name: Some("phone".to_owned()),
            budget: Some(7),
            ..NewKey::default()
        };
        let (key, secret) = file.create(new, 5).unwrap();
        assert_eq!(file.list().unwrap(), std::slice::from_ref(&key));
        let text = std::fs::read_to_string(file.path()).unwrap();
        let (told, bits) = (secret.reveal(), hex::encode(secret.hash()));
        assert!(
            !text.contains(&told[30..]) && text.contains(&bits),
            "{text}"
        );
        let mode = std::fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let revoked = file.revoke("phone", 9).unwrap();
        assert_eq!((revoked.id, revoked.revoked_ms), (key.id, Some(9)));
        // Once is enough, and the first time counts.
        assert_eq!(file.revoke(&key.id.to_string(), 11).unwrap(), revoked);
    }

    fn named(name: &str) -> NewKey {
        NewKey {
            name: Some(name.to_owned()),
            ..NewKey::default()
        }
    }

    #[test]
    fn what_is_meant_has_to_be_clear() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::in_directory(directory.path());
        let (first, _) = file.create(named("twin"), 1).unwrap();
        let (other, _) = file.create(named("other"), 2).unwrap();
        file.create(NewKey::default(), 2).unwrap();
        let taken = file.create(named("twin"), 3).unwrap_err().to_string();
        assert!(taken.contains(&first.id.to_string()), "{taken}");
        for unknown in ["third", ""] {
            let refused = file.revoke(unknown, 3);
            assert!(
                matches!(refused, Err(KeyFileError::Unknown(_))),
                "{unknown}"
            );
        }
        assert_eq!(file.revoke("twin", 3).unwrap().id, first.id);
        // The name is free again, and means the new one.
        let (second, _) = file.create(named("twin"), 4).unwrap();
        assert_eq!(file.revoke("twin", 5).unwrap().id, second.id);
        assert_eq!(file.revoke("twin", 6).unwrap().id, second.id);
        // A file of an earlier version may have two of one name.
        let text = std::fs::read_to_string(file.path()).unwrap();
        let text = text
            .replace("\"other\"", "\"twin\"")
            .replace("5\n", "null\n");
        std::fs::write(file.path(), text).unwrap();
        let error = file.revoke("twin", 7).unwrap_err().to_string();
        assert!(error.contains("2 keys"), "{error}");
        assert_eq!(file.revoke(&other.id.to_string(), 8).unwrap().id, other.id);
    }

    #[test]
    fn what_is_no_key_is_not_made() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::in_directory(directory.path().join("state"));
        for missing in [file.list().map(|_| ()), file.revoke("x", 1).map(|_| ())] {
            let missing = missing.unwrap_err().to_string();
            assert!(
                missing.contains("state") && missing.contains("--state-dir"),
                "{missing}"
            );
        }
        assert!(!directory.path().join("state").exists());
        let long = "n".repeat(limits::KEY_NAME + 1);
        for name in ["", " ", " a", "a\nb", &long] {
            let refused = file.create(named(name), 1);
            assert!(
                matches!(refused, Err(KeyFileError::Name { .. })),
                "{name:?}"
            );
        }
        let at_once = NewKey {
            expires_ms: Some(5),
            ..NewKey::default()
        };
        let refused = file.create(at_once.clone(), 5);
        assert!(matches!(refused, Err(KeyFileError::Expired)));
        file.create(at_once, 4).unwrap();
        assert_eq!(file.list().unwrap().len(), 1);
    }

    #[test]
    fn files_of_others_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::in_directory(directory.path());
        std::fs::write(file.path(), r#"{"format": 2, "keys": "other"}"#).unwrap();
        let newer = file.list().unwrap_err();
        assert!(
            matches!(newer, KeyFileError::Newer { found: 2, .. }),
            "{newer}"
        );
        std::fs::write(file.path(), "{").unwrap();
        let error = file.create(NewKey::default(), 1).unwrap_err().to_string();
        assert!(error.contains("keys.json"), "{error}");
    }
}
