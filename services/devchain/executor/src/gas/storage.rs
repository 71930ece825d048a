//! Storage costs and rebates, summed up over the objects that a transaction touches.

use super::REBATE_BASIS_POINTS;

/// Storage cost of everything written and rebates of everything replaced or removed, in MIST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StorageTotals {
    /// Cost of the written objects.
    pub(crate) cost: u64,
    /// Deposits of the replaced and removed versions, before the fee.
    pub(crate) rebate: u64,
}

/// The share of a deposit that the sender gets back, rounded half up.
pub(crate) fn sender_rebate(rebate: u64) -> u64 {
    let share = (u128::from(rebate) * u128::from(REBATE_BASIS_POINTS) + 5000) / 10_000;
    u64::try_from(share).unwrap_or(rebate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sender_gets_back_ninety_nine_percent() {
        assert_eq!(sender_rebate(988_000), 978_120);
        assert_eq!(sender_rebate(10_769_200), 10_661_508);
        assert_eq!(sender_rebate(0), 0);
    }
}
