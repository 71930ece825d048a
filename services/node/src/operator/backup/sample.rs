//! Sample: some slivers by their digests, so that a backup can be compared with the node that runs.

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, ShardIndex, SliverType};

use super::BackupError;
use crate::storage::{Storage, StorageError};

/// Slivers that are compared.
const SLIVERS: usize = 64;

/// A sliver by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliverName {
    /// The shard.
    pub shard: ShardIndex,
    /// The kind.
    pub sliver_type: SliverType,
    /// The blob.
    pub blob_id: BlobId,
}

/// A sliver, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliverDigest {
    /// The shard.
    pub shard: ShardIndex,
    /// The kind.
    pub sliver_type: SliverType,
    /// The blob.
    pub blob_id: BlobId,
    /// BLAKE3 of its bytes, in hexadecimal digits; absent if it is not there.
    pub digest: Option<String>,
}

impl SliverDigest {
    /// Its name.
    pub fn name(&self) -> SliverName {
        SliverName {
            shard: self.shard,
            sliver_type: self.sliver_type,
            blob_id: self.blob_id,
        }
    }
}

/// Some slivers of a storage, chosen by chance, with their digests.
pub(super) fn take(storage: &Storage) -> Result<Vec<SliverDigest>, BackupError> {
    let names: Vec<_> = storage
        .sample(SLIVERS)?
        .into_iter()
        .map(|(shard, sliver_type, blob_id)| SliverName {
            shard,
            sliver_type,
            blob_id,
        })
        .collect();
    Ok(digests(storage, &names)?)
}

/// The digests of these slivers, of at most as many as a sample has. One that is not there, or damaged, has none.
///
/// # Errors
/// [`StorageError`].
pub(crate) fn digests(
    storage: &Storage,
    names: &[SliverName],
) -> Result<Vec<SliverDigest>, StorageError> {
    let digest_of = |name: &SliverName| {
        let read = storage.sliver(name.shard, &name.blob_id, name.sliver_type);
        let read = match read {
            // The shard may have moved to another node since.
            Err(StorageError::NoShard(_)) => None,
            read => read?,
        };
        Ok(SliverDigest {
            shard: name.shard,
            sliver_type: name.sliver_type,
            blob_id: name.blob_id,
            digest: read.map(|bytes| blake3::hash(&bytes).to_hex().to_string()),
        })
    };
    names.iter().take(SLIVERS).map(digest_of).collect()
}
