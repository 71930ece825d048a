//! Shard mapping: which shard stores which sliver pair (encoding spec 2.3).

use crate::{
    blob_id::BlobId,
    index::{ShardIndex, SliverPairIndex},
};

/// The rotation of a blob: its ID read as a *big-endian* integer, modulo `n_shards`. 0 for 0 shards.
pub fn rotation_offset(blob_id: &BlobId, n_shards: u16) -> u16 {
    if n_shards == 0 {
        return 0;
    }
    let n = u32::from(n_shards);
    let offset = blob_id
        .as_bytes()
        .iter()
        .fold(0u32, |acc, byte| (acc * 256 + u32::from(*byte)) % n);
    // Below n_shards, so it fits.
    offset as u16
}

impl SliverPairIndex {
    /// The shard that stores this pair of the blob: `(p + offset) mod n`.
    pub fn to_shard_index(self, blob_id: &BlobId, n_shards: u16) -> ShardIndex {
        if n_shards == 0 {
            return ShardIndex(0);
        }
        let sum = u32::from(self.0) + u32::from(rotation_offset(blob_id, n_shards));
        ShardIndex((sum % u32::from(n_shards)) as u16)
    }
}

impl ShardIndex {
    /// The pair of the blob that this shard stores: `(n + h - offset) mod n`.
    pub fn to_pair_index(self, blob_id: &BlobId, n_shards: u16) -> SliverPairIndex {
        if n_shards == 0 {
            return SliverPairIndex(0);
        }
        let n = u32::from(n_shards);
        let offset = u32::from(rotation_offset(blob_id, n_shards));
        SliverPairIndex(((n + u32::from(self.0) - offset) % n) as u16)
    }
}
