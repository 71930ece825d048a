//! Gas: prices and formulas of devchain spec 2.10: object sizes, storage costs, rebates, rounding.

#[cfg(test)]
mod limit_tests;
mod reading;
mod settle;
mod size;
mod storage;

pub(crate) use reading::read_cost;
pub(crate) use settle::{Settled, Settlement, payment_total};
pub use size::{move_object_bytes, object_bytes, package_bytes, stored_bytes};
pub(crate) use storage::{StorageTotals, sender_rebate};

use sui_sdk_types::GasCostSummary;

use crate::limits::{MAX_GAS_UNITS, MIN_GAS_UNITS};

/// MIST per stored byte: 100 units of 76 MIST.
pub const STORAGE_MIST_PER_BYTE: u64 = 7600;
/// Share of a storage deposit that goes back to the sender, in basis points.
pub const REBATE_BASIS_POINTS: u64 = 9900;
/// Internal units of one gas unit.
pub const INTERNAL_PER_UNIT: u64 = 1000;
/// Internal units per byte of an input object or named package.
pub const READ_INTERNAL_PER_BYTE: u64 = 15;
/// Internal units per module byte of a publish or upgrade.
pub const PUBLISH_INTERNAL_PER_BYTE: u64 = 80;

/// Gas units that a budget buys, capped at 5 000 000.
#[must_use]
pub fn unit_limit(budget: u64, price: u64) -> u64 {
    budget
        .checked_div(price)
        .unwrap_or(MAX_GAS_UNITS)
        .min(MAX_GAS_UNITS)
}

/// Rounds used gas units as they are charged: at least 1000; above, the top half of the decimal
/// digits is kept and rounded up.
///
/// ```
/// # use sui_devchain_executor::gas::round_units;
/// assert_eq!(round_units(999), 1000);
/// assert_eq!(round_units(305_501), 305_600);
/// ```
#[must_use]
pub fn round_units(units: u64) -> u64 {
    if units < MIN_GAS_UNITS {
        return MIN_GAS_UNITS;
    }
    let drop = units.ilog10() / 2;
    let step = 10u64.pow(drop);
    units.div_ceil(step).saturating_mul(step)
}

/// Computation and storage in one summary; the rebate is split into the sender's share and the
/// non-refundable fee.
#[must_use]
pub(crate) fn summary(computation_cost: u64, storage: StorageTotals) -> GasCostSummary {
    let storage_rebate = sender_rebate(storage.rebate);
    GasCostSummary {
        computation_cost,
        storage_cost: storage.cost,
        storage_rebate,
        non_refundable_storage_fee: storage.rebate.saturating_sub(storage_rebate),
    }
}

/// What the payment loses (positive) or gains (negative), in MIST.
#[must_use]
pub(crate) fn net(summary: &GasCostSummary) -> i128 {
    i128::from(summary.computation_cost) + i128::from(summary.storage_cost)
        - i128::from(summary.storage_rebate)
}
