//! Stamp of written objects.

use sui_sdk_types::{Digest, Version};

/// What stamps every written object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// Version of the written Move objects.
    pub(crate) version: Version,
    /// Digest of the transaction.
    pub(crate) digest: Digest,
}
