//! Limits: how much of an answer a client is willing to read.

/// The largest JSON answer, in bytes. Health documents with shard details of a node that owns every shard stay well below.
pub const MAX_JSON_BYTES: usize = 1 << 20;

/// What the BCS form of metadata may add to its hashes, in bytes: blob ID, tags, length and hash count.
pub const METADATA_HEADROOM_BYTES: usize = 128;

/// Bytes one pair of sliver hashes takes in the BCS form of metadata. Encoding spec 3.4.
pub(crate) const METADATA_BYTES_PER_PAIR: usize = 66;
