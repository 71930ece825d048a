//! Storage prices: what storing costs (contracts spec 7.1 and 7.3).

use crate::{Abort, Frost, abort::multiply};

/// Sizes are priced in units of so many bytes.
pub const UNIT: u64 = 1 << 20;

/// Units that `size` bytes take.
#[must_use]
pub fn units(size: u64) -> u64 {
    size.div_ceil(UNIT)
}

/// What `size` bytes cost at `price` per unit: the write fee, or storage for one epoch.
///
/// # Errors
/// More than a `u64` holds.
pub fn cost(size: u64, price: Frost) -> Result<Frost, Abort> {
    multiply(units(size), price)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoded_size::{RED_STUFF, encoded_size};

    #[test]
    fn price_of_section_15() {
        let encoded = encoded_size(1 << 20, RED_STUFF, 1000).unwrap();
        assert_eq!(units(encoded), 67);
        assert_eq!(cost(encoded, 100_000).map(|due| 3 * due), Ok(20_100_000));
        assert_eq!(cost(encoded, 20_000), Ok(1_340_000));
    }

    #[test]
    fn units_are_rounded_up() {
        assert_eq!([0, 1, UNIT, UNIT + 1].map(units), [0, 1, 1, 2]);
        assert_eq!(cost(u64::MAX, u64::MAX), Err(Abort::Arithmetic));
    }
}
