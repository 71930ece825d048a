//! Encoded sizes and prices (encoding spec 7). Prices are in FROST, 10^-9 WAL.

use crate::{
    encoding_type::EncodingType,
    index::Epoch,
    parameters::{self, ParameterError},
};

/// Bytes of a storage unit: 1 MiB.
pub const BYTES_PER_UNIT: u64 = 1024 * 1024;

/// The accounting size of one copy of a blob's metadata: `64 n + 32` bytes, *not* its BCS length.
pub const fn metadata_size(n_shards: u16) -> u64 {
    64 * n_shards as u64 + 32
}

/// Bytes of all slivers of a blob: `n (np + ns) s`, for any `n_shards` ≥ 1.
///
/// # Errors
/// [`ParameterError`] if the blob does not fit or there are no shards.
pub fn slivers_size(n_shards: u16, blob_length: u64) -> Result<u64, ParameterError> {
    let symbol_size = parameters::symbol_size(n_shards, blob_length)?;
    let symbols = u64::from(parameters::primary_source_symbols(n_shards))
        + u64::from(parameters::secondary_source_symbols(n_shards));
    Ok(u64::from(n_shards) * symbols * u64::from(symbol_size))
}

/// Bytes that a blob takes up on all shards, metadata included; what the contract charges for.
///
/// # Errors
/// [`ParameterError`] if the blob does not fit or there are no shards.
pub fn encoded_blob_length(
    n_shards: u16,
    blob_length: u64,
    encoding_type: EncodingType,
) -> Result<u64, ParameterError> {
    let EncodingType::RS2 = encoding_type;
    Ok(slivers_size(n_shards, blob_length)? + u64::from(n_shards) * metadata_size(n_shards))
}

/// Storage units for a number of encoded bytes, rounded up.
pub const fn storage_units(encoded_size: u64) -> u64 {
    encoded_size.div_ceil(BYTES_PER_UNIT)
}

/// Price of storing for a number of epochs: `units * price_per_unit * epochs`; `None` on overflow.
pub fn storage_cost(encoded_size: u64, price_per_unit: u64, epochs: Epoch) -> Option<u64> {
    storage_units(encoded_size)
        .checked_mul(price_per_unit)?
        .checked_mul(u64::from(epochs))
}

/// Price of registering a blob, charged once: `units * price_per_unit`; `None` on overflow.
pub fn write_cost(encoded_size: u64, price_per_unit: u64) -> Option<u64> {
    storage_units(encoded_size).checked_mul(price_per_unit)
}
