//! Size of an encoded blob (contracts spec 8.1).

use crate::{Abort, abort::ensure};

/// The only encoding type there is.
pub const RED_STUFF: u8 = 1;
/// Symbols have a multiple of so many bytes.
const ALIGNMENT: u64 = 2;
/// Bytes of a pair of sliver hashes.
const HASHES: u64 = 64;
/// Bytes of the blob ID that each sliver pair carries.
const BLOB_ID: u64 = 32;

/// Source symbols of a primary and of a secondary sliver's dimension.
///
/// # Errors
/// There are no shards.
pub fn source_symbols(n_shards: u16) -> Result<(u64, u64), Abort> {
    let n = u64::from(n_shards);
    let faulty = n.checked_sub(1).ok_or(Abort::Arithmetic)? / 3;
    Ok((n - 2 * faulty, n - faulty))
}

/// Bytes of one symbol.
///
/// # Errors
/// There are no shards, or the symbol has more than 65 534 bytes.
pub fn symbol_size(unencoded: u64, n_shards: u16) -> Result<u64, Abort> {
    let (primary, secondary) = source_symbols(n_shards)?;
    let size = unencoded.max(1).div_ceil(primary * secondary);
    if size >= u64::from(u16::MAX) {
        return Err(Abort::Arithmetic);
    }
    Ok(size.next_multiple_of(ALIGNMENT))
}

/// Bytes that all slivers and the metadata on all nodes take together.
///
/// # Errors
/// An unknown encoding type (`encoding` 0), no shards, or a blob that is too large.
pub fn encoded_size(unencoded: u64, encoding_type: u8, n_shards: u16) -> Result<u64, Abort> {
    ensure(encoding_type == RED_STUFF, "encoding", 0)?;
    let (primary, secondary) = source_symbols(n_shards)?;
    let symbol = symbol_size(unencoded, n_shards)?;
    let n = u64::from(n_shards);
    Ok(n * ((primary + secondary) * symbol + n * HASHES + BLOB_ID))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_section_15() {
        for (unencoded, n, symbol, encoded, units) in [
            (0, 10, 2, 6_940, 1),
            (1, 10, 2, 6_940, 1),
            (2_800, 10, 100, 17_720, 1),
            (1, 7, 2, 3_472, 1),
            (1, 1000, 2, 66_034_000, 63),
            (1_048_576, 1000, 6, 70_038_000, 67),
            (5_000_000, 1000, 24, 88_056_000, 84),
            (22_277_800, 1000, 100, 164_132_000, 157),
            (1_073_741_824, 1000, 4_820, 4_888_852_000, 4_663),
        ] {
            assert_eq!(symbol_size(unencoded, n), Ok(symbol));
            assert_eq!(encoded_size(unencoded, RED_STUFF, n), Ok(encoded));
            assert_eq!(crate::price::units(encoded), units);
        }
    }

    #[test]
    fn source_symbols_of_section_15() {
        for (n, symbols) in [
            (7, (3, 5)),
            (10, (4, 7)),
            (31, (11, 21)),
            (100, (34, 67)),
            (301, (101, 201)),
            (1000, (334, 667)),
        ] {
            assert_eq!(source_symbols(n), Ok(symbols));
        }
    }

    #[test]
    fn the_largest_blob_is_the_last_that_fits() {
        let largest = 65_534 * 334 * 667;
        assert_eq!(largest, 14_599_533_452);
        assert_eq!(symbol_size(largest, 1000), Ok(65_534));
        assert_eq!(symbol_size(largest + 1, 1000), Err(Abort::Arithmetic));
    }

    #[test]
    fn other_encodings_and_no_shards_are_refused() {
        assert_eq!(encoded_size(1, 0, 10), Err(Abort::code("encoding", 0)));
        assert_eq!(encoded_size(1, RED_STUFF, 0), Err(Abort::Arithmetic));
    }
}
