//! Account: at whose expense something is stored, and whose upload it is.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Whoever stores, in tables: 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Account([u8; 16]);

impl Account {
    /// All who need not say who they are.
    pub(crate) const EVERYBODY: Self = Self([0; 16]);

    /// The holder of a key, by the ID of the key.
    pub(crate) const fn of_key(id: [u8; 16]) -> Self {
        Self(id)
    }

    /// The bearer of a token, by what it says of them.
    pub(crate) fn of_bearer(subject: &str) -> Self {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(b"bearer\0")
            .chain_update(subject)
            .finalize()
            .into();
        let (half, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        Self(*half)
    }

    /// The key in tables.
    pub(crate) const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

/// What an account may have in all; nothing is counted towards a bound that is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// FROST for storage.
    pub(crate) frost: Option<u64>,
    /// Bytes of blobs, before encoding.
    pub(crate) bytes: Option<u64>,
}

/// Who was let in, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: Account,
    pub(crate) allowance: Allowance,
}

impl Caller {
    /// Whoever need not say who they are.
    pub(crate) const fn everybody(allowance: Allowance) -> Self {
        Self {
            account: Account::EVERYBODY,
            allowance,
        }
    }
}
