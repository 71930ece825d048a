/// Sizes of the Red Stuff encoding (encoding type 1).
///
/// With `n` shards and `f = floor((n - 1) / 3)` tolerated faults a blob has `p = n - 2f` primary and `s = n - f`
/// secondary source symbols; each shard stores one primary sliver (`s` symbols), one secondary sliver (`p` symbols) and
/// the blob's metadata.
///
/// Specification: contracts, section 8.1.
module walrus::redstuff;

// === Constants ===

/// Bytes of one Merkle root; every sliver pair contributes two to the metadata.
const DIGEST_LEN: u64 = 32;
/// Bytes of a blob ID.
const BLOB_ID_LEN: u64 = 32;
/// Symbol sizes are multiples of this.
const SYMBOL_ALIGNMENT: u16 = 2;

// === Package Functions ===

/// The number of bytes all shards together need for a blob of `unencoded_length` bytes.
///
/// Aborts arithmetically for `n_shards == 0` (epoch 0) and when the symbol size does not fit an even `u16`.
public(package) fun encoded_blob_length(unencoded_length: u64, n_shards: u16): u64 {
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
