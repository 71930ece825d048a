//! Counts, lengths and limits that follow from the number of shards (encoding spec 1).

use crate::sliver_type::SliverType;

/// Smallest number of shards that can be encoded for: below it there is no recovery symbol.
pub const MIN_ENCODABLE_SHARDS: u16 = 4;
/// Largest number of shards for which both Reed-Solomon codes exist.
pub const MAX_ENCODABLE_SHARDS: u16 = 49_155;
/// Symbol sizes are multiples of this many bytes.
pub const SYMBOL_ALIGNMENT: u64 = 2;
/// Largest symbol in bytes: `u16::MAX` rounded down to the alignment.
pub const MAX_SYMBOL_SIZE: u16 = 65_534;

/// Largest number of Byzantine shards among `n_shards`: `(n - 1) / 3`, and 0 for 0 shards.
pub const fn max_faulty(n_shards: u16) -> u16 {
    n_shards.saturating_sub(1) / 3
}

/// Number of primary source symbols (rows of the message matrix) for any `n_shards` ≥ 1: `n - 2f`.
pub const fn primary_source_symbols(n_shards: u16) -> u16 {
    n_shards - 2 * max_faulty(n_shards)
}

/// Number of secondary source symbols (columns of the message matrix) for any `n_shards` ≥ 1: `n - f`.
pub const fn secondary_source_symbols(n_shards: u16) -> u16 {
    n_shards - max_faulty(n_shards)
}

/// Source symbols per blob, `K = np * ns`, for any `n_shards` ≥ 1.
pub const fn source_symbols_per_blob(n_shards: u16) -> u32 {
    primary_source_symbols(n_shards) as u32 * secondary_source_symbols(n_shards) as u32
}

/// Symbol size in bytes of a blob of `blob_length` bytes, for any `n_shards` ≥ 1 (encoding spec 1.3).
///
/// # Errors
/// [`ParameterError::DataTooLarge`] if it would exceed [`MAX_SYMBOL_SIZE`];
/// [`ParameterError::UnsupportedShardCount`] if `n_shards` is 0.
pub fn symbol_size(n_shards: u16, blob_length: u64) -> Result<u16, ParameterError> {
    if n_shards == 0 {
        return Err(ParameterError::UnsupportedShardCount { n_shards });
    }
    let symbols = u64::from(source_symbols_per_blob(n_shards));
    let size = blob_length.max(1).div_ceil(symbols);
    let too_large = ParameterError::DataTooLarge {
        length: blob_length,
        max: symbols * u64::from(MAX_SYMBOL_SIZE),
        n_shards,
    };
    if size > u64::from(MAX_SYMBOL_SIZE) {
        return Err(too_large);
    }
    u16::try_from(size.next_multiple_of(SYMBOL_ALIGNMENT)).map_err(|_| too_large)
}

/// A number of shards that blobs can be encoded for, and everything that follows from it.
///
/// Cheap to copy. `4 <= n_shards <= 49155` always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EncodingConfig {
    n_shards: u16,
}

impl EncodingConfig {
    /// The parameters for `n_shards` shards.
    ///
    /// # Errors
    /// [`ParameterError::UnsupportedShardCount`] outside 4..=49155 (encoding spec 1.1).
    pub const fn new(n_shards: u16) -> Result<Self, ParameterError> {
        if n_shards < MIN_ENCODABLE_SHARDS || n_shards > MAX_ENCODABLE_SHARDS {
            return Err(ParameterError::UnsupportedShardCount { n_shards });
        }
        Ok(Self { n_shards })
    }

    /// Number of shards, `n`.
    pub const fn n_shards(&self) -> u16 {
        self.n_shards
    }

    /// Largest number of Byzantine shards, `f`.
    pub const fn max_faulty(&self) -> u16 {
        max_faulty(self.n_shards)
    }

    /// Number of primary source symbols `np`: rows of the message matrix, systematic primary slivers,
    /// symbols in a secondary sliver.
    pub const fn primary_source_symbols(&self) -> u16 {
        primary_source_symbols(self.n_shards)
    }

    /// Number of secondary source symbols `ns`: columns of the message matrix, systematic secondary
    /// slivers, symbols in a primary sliver.
    pub const fn secondary_source_symbols(&self) -> u16 {
        secondary_source_symbols(self.n_shards)
    }

    /// Source symbols of the code of this sliver type: the number of slivers of that type that decode a blob.
    pub const fn source_symbols(&self, sliver_type: SliverType) -> u16 {
        match sliver_type {
            SliverType::Primary => self.primary_source_symbols(),
            SliverType::Secondary => self.secondary_source_symbols(),
        }
    }

    /// Number of symbols in one sliver of this type, which is also the number of symbols needed to
    /// recover one.
    pub const fn symbols_per_sliver(&self, sliver_type: SliverType) -> u16 {
        self.source_symbols(sliver_type.orthogonal())
    }

    /// Source symbols per blob, `K = np * ns`.
    pub const fn source_symbols_per_blob(&self) -> u32 {
        source_symbols_per_blob(self.n_shards)
    }

    /// Largest blob in bytes: `K * 65534`.
    pub const fn max_blob_size(&self) -> u64 {
        self.source_symbols_per_blob() as u64 * MAX_SYMBOL_SIZE as u64
    }

    /// Symbol size in bytes for a blob of `blob_length` bytes; even and never 0.
    ///
    /// # Errors
    /// [`ParameterError::DataTooLarge`] above [`Self::max_blob_size`].
    pub fn symbol_size(&self, blob_length: u64) -> Result<u16, ParameterError> {
        symbol_size(self.n_shards, blob_length)
    }

    /// Length in bytes of a sliver of this type for a blob of `blob_length` bytes.
    ///
    /// # Errors
    /// [`ParameterError::DataTooLarge`] above [`Self::max_blob_size`].
    pub fn sliver_length(
        &self,
        sliver_type: SliverType,
        blob_length: u64,
    ) -> Result<usize, ParameterError> {
        let symbol = usize::from(self.symbol_size(blob_length)?);
        Ok(usize::from(self.symbols_per_sliver(sliver_type)) * symbol)
    }

    /// Length in bytes of the longest sliver any blob can have (a primary one).
    pub const fn max_sliver_length(&self) -> usize {
        self.secondary_source_symbols() as usize * MAX_SYMBOL_SIZE as usize
    }

    /// Length of a Merkle proof over one symbol of a sliver, in nodes.
    pub const fn merkle_path_length(&self) -> usize {
        crate::merkle::path_length(self.n_shards as usize)
    }

    /// Largest BCS length of a `BlobMetadata` for these shards: `10 + len(uleb(n)) + 66 n`.
    pub const fn max_metadata_bcs_length(&self) -> usize {
        10 + crate::bounded_bcs::uleb_length(self.n_shards as usize) + 66 * self.n_shards as usize
    }
}

/// Parameters for which there is no encoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The code does not exist for this number of shards.
    #[error("{n_shards} shards are not supported: the code needs 4 to 49155")]
    UnsupportedShardCount {
        /// The number of shards asked for.
        n_shards: u16,
    },
    /// The blob does not fit symbols of at most 65534 bytes.
    #[error("{length} bytes are too large: {n_shards} shards take at most {max}")]
    DataTooLarge {
        /// Length of the blob in bytes.
        length: u64,
        /// Largest length in bytes.
        max: u64,
        /// Number of shards.
        n_shards: u16,
    },
}
