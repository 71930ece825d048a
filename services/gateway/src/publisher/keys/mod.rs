//! Keys: who has one stores within its budget, and lists, extends and deletes what it stored. Client spec 3.12.
//!
//! The operator makes and revokes them in a file that the publisher looks at whenever somebody shows a key.

mod file;
mod secret;

use std::{
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use walrus_service::{clock::Clock, envelope::Refusal};

pub use self::{
    file::{KeyFile, KeyFileError, KeyInfo, NewKey},
    secret::{KeyId, NoKeyId, Secret},
};
use super::{
    account::{Account, Allowance, Caller},
    refusal::WriteReason,
};
use crate::reason::GatewayReason;

/// What a file is known by: one that replaced it differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl From<Metadata> for Version {
    fn from(metadata: Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            length: metadata.len(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// The keys of a publisher.
#[derive(Debug)]
pub(crate) struct Keys {
    file: KeyFile,
    clock: Clock,
    read: Mutex<Read>,
}

#[derive(Debug, Default)]
struct Read {
    version: Option<Version>,
    keys: Arc<[KeyInfo]>,
}

/// A key that lets its holder in.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pub(crate) key: KeyInfo,
}

impl Holder {
    pub(crate) fn caller(&self) -> Caller {
        Caller {
            account: Account::of_key(self.key.id.0),
            allowance: allowance(&self.key),
        }
    }
}

fn allowance(key: &KeyInfo) -> Allowance {
    Allowance {
        frost: key.budget,
        bytes: key.bytes,
    }
}

/// Whether a bearer's token is meant to be a key.
pub(crate) fn is_key(bearer: &str) -> bool {
    bearer.starts_with(secret::PREFIX)
}

impl Keys {
    /// The keys in the file of a directory.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub(crate) fn open(directory: &Path, clock: Clock) -> Result<Self, KeyFileError> {
        let file = KeyFile::in_directory(directory);
        let this = Self {
            file,
            clock,
            read: Mutex::default(),
        };
        this.current()?;
        Ok(this)
    }

    /// All keys as they are now.
    fn current(&self) -> Result<Arc<[KeyInfo]>, KeyFileError> {
        let version = match std::fs::metadata(self.file.path()) {
            Ok(metadata) => Some(Version::from(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => {
                let path = self.file.path().to_owned();
                return Err(KeyFileError::Io { path, source });
            }
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.version != version {
            read.keys = self.file.read()?.unwrap_or_default().into();
            read.version = version;
        }
        Ok(Arc::clone(&read.keys))
    }

    /// Lets in who shows a key.
    ///
    /// # Errors
    /// A refusal.
    pub(crate) fn admit(&self, bearer: &str) -> Result<Holder, Refusal> {
        let keys = self.current();
        let keys = keys.map_err(|error| Refusal::internal(GatewayReason::Internal, error))?;
        let invalid = || {
            Refusal::new(
                WriteReason::InvalidKey,
                "there is no such key, or it was revoked",
            )
        };
        let secret = Secret::parse(bearer).ok_or_else(invalid)?;
        let key = keys.iter().find(|key| key.id == secret.id());
        let hash = hex::encode(secret.hash());
        let key = key.filter(|key| key.hash == hash && key.revoked_ms.is_none());
        let key = key.ok_or_else(invalid)?;
        if key
            .expires_ms
            .is_some_and(|expires| expires <= self.clock.unix_ms())
        {
            return Err(Refusal::new(WriteReason::ExpiredKey, "the key has expired"));
        }
        Ok(Holder { key: key.clone() })
    }

    /// What an account may have, also one whose key is good no more.
    pub(crate) fn allowance_of(&self, account: Account) -> Option<Allowance> {
        let keys = self.current().ok()?;
        let key = keys.iter().find(|key| key.id.0 == account.bytes())?;
        Some(allowance(key))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_key_is_good_until_it_is_revoked_or_expires() {
        let directory = tempfile::tempdir().unwrap();
        let (clock, hands) = Clock::standing_at(1000);
        let keys = Keys::open(directory.path(), clock).unwrap();
        let file = KeyFile::in_directory(directory.path());
        let reason = |secret: &Secret| {
            let refusal = keys.admit(&secret.reveal()).unwrap_err();
            refusal.code().to_owned()
        };
        let unknown = Secret::random();
        assert_eq!(reason(&unknown), "INVALID_KEY");
        // Made while the publisher is running.
        let new = NewKey {
            budget: Some(70),
            expires_ms: Some(3000),
            ..NewKey::default()
        };
        let (info, secret) = file.create(new, 1000).unwrap();
        let caller = keys.admit(&secret.reveal()).unwrap().caller();
        assert_eq!(caller.allowance.frost, Some(70));
        assert_eq!(keys.allowance_of(caller.account), Some(caller.allowance));
        assert_eq!(reason(&unknown), "INVALID_KEY");
        hands.advance(Duration::from_millis(2000));
        assert_eq!(reason(&secret), "EXPIRED_KEY");
        let (_, other) = file.create(NewKey::default(), 1000).unwrap();
        assert!(keys.admit(&other.reveal()).is_ok());
        file.revoke(&other.id().to_string(), 3000).unwrap();
        assert_eq!(reason(&other), "INVALID_KEY");
        assert_eq!(reason(&secret), "EXPIRED_KEY");
        assert!(info.revoked_ms.is_none());
    }
}
