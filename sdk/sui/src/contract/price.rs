//! Prices and the arithmetic that must agree with the contract (contracts spec 7.1, 7.3, section 15).

use crate::objects::SystemStateInnerV1;

/// Bytes of encoded size per pricing unit.
pub const BYTES_PER_UNIT: u64 = 1024 * 1024;

/// Prices in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// FROST per unit and epoch.
    pub storage_price_per_unit: u64,
    /// FROST per unit, once per registration.
    pub write_price_per_unit: u64,
}

impl Prices {
    /// The prices that the system state says.
    pub fn of(state: &SystemStateInnerV1) -> Self {
        Self {
            storage_price_per_unit: state.storage_price_per_unit_size,
            write_price_per_unit: state.write_price_per_unit_size,
        }
    }

    /// Pricing units of an encoded size: MiB, rounded up.
    pub const fn units(encoded_size: u64) -> u64 {
        encoded_size.div_ceil(BYTES_PER_UNIT)
    }

    /// FROST for reserving `encoded_size` bytes for `epochs`; `None` when it overflows `u64`.
    pub fn storage_cost(&self, encoded_size: u64, epochs: u32) -> Option<u64> {
        Self::units(encoded_size)
            .checked_mul(self.storage_price_per_unit)?
            .checked_mul(u64::from(epochs))
    }

    /// FROST for registering a blob of `encoded_size` bytes; `None` when it overflows `u64`.
    pub fn write_cost(&self, encoded_size: u64) -> Option<u64> {
        Self::units(encoded_size).checked_mul(self.write_price_per_unit)
    }
}
