//! Job record: what is on disk of a store, from its first byte to its answer.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::publisher::{UploadOptions, account::Account};

/// A store that was accepted, or an upload on its way to become one. Its key in the table is the ID of the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// At whose expense.
    pub(crate) account: Account,
    /// How to store it.
    pub(crate) options: UploadOptions,
    /// Attributes of the blob object, key and value.
    pub(crate) attributes: Vec<(String, String)>,
    /// Bytes of the body, all of it.
    pub(crate) length: u64,
    /// Where the body is.
    pub(crate) body: BodyPlace,
    /// SHA-256 of the body: what was promised while it is on its way, what it is afterwards.
    pub(crate) digest: Option<[u8; 32]>,
    /// What the client calls it, hashed together with who that is.
    pub(crate) idempotency: Option<[u8; 32]>,
    /// When it was begun, in milliseconds since 1970.
    pub(crate) created_ms: u64,
    /// When it is forgotten, unless it is being stored then; the same.
    pub(crate) expires_ms: u64,
    /// Whether its answer is kept until then for whoever asks.
    pub(crate) keep: bool,
    /// `Upload-Metadata` as it came.
    pub(crate) metadata: String,
    /// FROST that count towards the account's budget by now, because something was paid, though there is no answer yet.
    pub(crate) charged: u64,
    /// Whether its bytes count already; the same.
    pub(crate) counted: bool,
    /// How far it is.
    pub(crate) state: State,
}

/// Where a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BodyPlace {
    /// Beside the record.
    Table,
    /// In a file by the ID of the job.
    File,
    /// Nowhere any more.
    Gone,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    /// Its body is coming in, in parts; these bytes of it are on disk for good.
    Receiving {
        /// Bytes from the start.
        offset: u64,
    },
    /// The body is there and is to be stored.
    Accepted {
        /// FROST that are set aside for it.
        reserved: u64,
    },
    /// It is stored.
    Stored {
        /// The answer, JSON.
        answer: String,
    },
    /// It could not be stored.
    Failed {
        /// The refusal, JSON.
        refusal: String,
        /// Whether something was paid, so that going on with it is worth something.
        paid: bool,
    },
}

impl Record {
    /// What makes two stores the same: who, what and how.
    pub(crate) fn content(&self) -> Option<Content> {
        let digest = self.digest?;
        Some(Content::of(
            self.account,
            &digest,
            &self.options,
            &self.attributes,
        ))
    }

    /// FROST that are set aside for it now.
    pub(crate) fn reserved(&self) -> u64 {
        match self.state {
            State::Accepted { reserved } => reserved,
            _ => 0,
        }
    }

    /// Bytes that its body takes, or will take, on disk.
    pub(crate) fn spool_bytes(&self) -> u64 {
        match self.body {
            BodyPlace::File => self.length,
            BodyPlace::Table | BodyPlace::Gone => 0,
        }
    }
}

/// What makes two stores the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Content([u8; 32]);

impl Content {
    /// A body with this SHA-256, stored like this and with these attributes at the expense of an account.
    pub(crate) fn of(
        account: Account,
        digest: &[u8; 32],
        options: &UploadOptions,
        attributes: &[(String, String)],
    ) -> Self {
        // Debug text: every field is in it, and new ones will be.
        let options = format!("{options:?}{attributes:?}");
        let hash = Sha256::new()
            .chain_update(account.bytes())
            .chain_update(digest)
            .chain_update(options);
        Self(hash.finalize().into())
    }
}

/// Key of an idempotent request in tables: the client's key, hashed together with who the client is.
pub(crate) fn idempotency_key(account: Account, key: &str) -> [u8; 32] {
    let hash = Sha256::new()
        .chain_update(account.bytes())
        .chain_update(key);
    hash.finalize().into()
}
