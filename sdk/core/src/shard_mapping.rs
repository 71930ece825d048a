//! Shard mapping: which shard stores which sliver pair (encoding spec 2.3).

use crate::{
    blob_id::BlobId,
    index::{ShardIndex, SliverPairIndex},
};

/// The rotation of a blob: its ID read as a *big-endian* integer, modulo `n_shards`. 0 for 0 shards.
pub fn rotation_offset(blob_id: &BlobId, n_shards: u16) -> u16 {
    let bytes = blob_id.as_bytes().iter();
    bytes.fold(0, |offset, byte| {
        modulo(u32::from(offset) * 256 + u32::from(*byte), n_shards)
    })
}

/// The remainder, which is below the number of shards; 0 for 0 shards.
fn modulo(number: u32, n_shards: u16) -> u16 {
    let remainder = number.checked_rem(u32::from(n_shards));
    remainder.map_or(0, |remainder| u16::try_from(remainder).unwrap_or(u16::MAX))
}

impl SliverPairIndex {
    /// The shard that stores this pair of the blob: `(p + offset) mod n`.
    pub fn to_shard_index(self, blob_id: &BlobId, n_shards: u16) -> ShardIndex {
        let sum = u32::from(self.0) + u32::from(rotation_offset(blob_id, n_shards));
        ShardIndex(modulo(sum, n_shards))
    }
}

impl ShardIndex {
    /// The pair of the blob that this shard stores: `(n + h - offset) mod n`.
    pub fn to_pair_index(self, blob_id: &BlobId, n_shards: u16) -> SliverPairIndex {
        let n = u32::from(n_shards);
        let offset = u32::from(rotation_offset(blob_id, n_shards));
        SliverPairIndex(modulo(n + u32::from(self.0) - offset, n_shards))
    }
}
