/// Encoding types and the sizes they lead to.
///
/// With `n` shards and `f = floor((n - 1) / 3)` tolerated faults a blob in the Red Stuff encoding (type 1) has `p = n - 2f` primary and
/// `s = n - f` secondary source symbols; each shard stores one primary sliver (`s` symbols), one secondary sliver (`p` symbols) and
/// the blob's metadata.
///
/// Keeps no state. Invariant: the size of a blob on storage depends only on its length, its encoding type and the number of shards.
///
/// Specification: contracts, section 8.1.
module walrus::encoding;

// === Errors ===

/// The encoding type is not one the contracts know.
const EInvalidEncodingType: u64 = 0;

// === Constants ===

/// Red Stuff with Reed-Solomon codes, the only accepted encoding type.
const RS2: u8 = 1;
/// Bytes of one Merkle root; every sliver pair contributes two to the metadata.
const DIGEST_LEN: u64 = 32;
/// Bytes of a blob ID.
const BLOB_ID_LEN: u64 = 32;
/// Symbol sizes are multiples of this.
const SYMBOL_ALIGNMENT: u16 = 2;

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
    let (primary, secondary) = source_symbols(n_shards);
    let n = n_shards as u64;
    let sliver_pair = (primary + secondary) * (symbol_size(unencoded_length, primary, secondary) as u64);
    let metadata = n * DIGEST_LEN * 2 + BLOB_ID_LEN;
    n * (sliver_pair + metadata)
}

// === Private Functions ===

/// Primary and secondary source symbols for `n_shards`; aborts arithmetically for zero shards.
fun source_symbols(n_shards: u16): (u64, u64) {
    let max_faulty = ((n_shards - 1) / 3) as u64;
    let n = n_shards as u64;
    (n - 2 * max_faulty, n - max_faulty)
}

/// Bytes per symbol; a blob of length zero is encoded like one of length one.
fun symbol_size(unencoded_length: u64, primary: u64, secondary: u64): u16 {
    let length = unencoded_length.max(1);
    let size = ((length - 1) / (primary * secondary) + 1) as u16;
    size + size % SYMBOL_ALIGNMENT
}
