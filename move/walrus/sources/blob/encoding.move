/// Encoding types and the sizes they lead to.
///
/// Keeps no state. Invariant: the size of a blob on storage depends only on its length, its encoding type and the number of shards.
///
/// Specification: contracts, section 8.1.
module walrus::encoding;

use walrus::redstuff;

// === Errors ===

/// The encoding type is not one the contracts know.
const EInvalidEncodingType: u64 = 0;

// === Constants ===

/// Red Stuff with Reed-Solomon codes, the only accepted encoding type.
const RS2: u8 = 1;

// === Public Functions ===

/// The number of bytes the shards together need for a blob.
///
/// #### Parameters
/// - `unencoded_length`: length of the blob in bytes.
/// - `encoding_type`: must be 1.
/// - `n_shards`: number of shards of the committee.
///
/// #### Returns
/// The encoded length in bytes, metadata included.
///
/// #### Aborts
/// - `EInvalidEncodingType` (0) for any other encoding type.
/// - Arithmetic error if `n_shards` is zero or the blob is too large for a 16-bit even symbol size.
public fun encoded_blob_length(unencoded_length: u64, encoding_type: u8, n_shards: u16): u64 {
    assert!(encoding_type == RS2, EInvalidEncodingType);
    redstuff::encoded_blob_length(unencoded_length, n_shards)
}
