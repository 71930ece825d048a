//! The gas meter (devchain spec 2.10). Everything counts in internal units, 1000 per gas unit. Next to gas it counts the
//! values that a transaction makes, which bounds its memory.

use crate::{
    error::{VmError, VmResult},
    limits,
};

const INSTRUCTION_TIERS: [(u64, u64); 5] = [
    (20_000, 2),
    (50_000, 10),
    (100_000, 50),
    (200_000, 100),
    (10_000_000, 1000),
];
const BYTE_TIERS: [(u64, u64); 4] = [
    (100_000, 2),
    (500_000, 5),
    (1_000_000, 100),
    (100_000_000, 1000),
];
/// Instructions an unmetered session may execute: system code is trusted, but must end.
const UNMETERED_INSTRUCTIONS: u64 = 500_000_000;
/// After this many native calls their cost counts as executed instructions too.
const NATIVE_CALLS: u64 = 700;
/// Operand stack height from which a pushed value costs twice.
const TALL_STACK: usize = 1000;

/// A counter with a price factor that rises at thresholds and never falls.
#[derive(Debug)]
struct Tiered {
    tiers: &'static [(u64, u64)],
    count: u64,
    factor: u64,
    /// Count at which the next tier starts.
    next: u64,
}

impl Tiered {
    fn new(tiers: &'static [(u64, u64)]) -> Self {
        Self {
            tiers,
            count: 0,
            factor: 1,
            next: tiers.first().map_or(u64::MAX, |tier| tier.0),
        }
    }

    #[inline]
    fn add(&mut self, count: u64) {
        self.count = self.count.saturating_add(count);
        if self.count >= self.next {
            self.rise();
        }
    }

    #[cold]
    fn rise(&mut self) {
        let mut tiers = self.tiers.iter();
        self.next = u64::MAX;
        for (from, factor) in tiers.by_ref() {
            if self.count < *from {
                self.next = *from;
                break;
            }
            self.factor = *factor;
        }
    }
}

#[derive(Debug)]
pub(crate) struct Gas {
    /// Units available; unmetered sessions have all there are.
    limit: u64,
    used: u64,
    instructions: Tiered,
    bytes: Tiered,
    /// Instructions after which the run ends whatever its gas.
    last_instruction: u64,
    native_calls: u64,
    values: u64,
    value_limit: u64,
}

impl Gas {
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self {
            limit: limit.unwrap_or(u64::MAX),
            used: 0,
            instructions: Tiered::new(&INSTRUCTION_TIERS),
            bytes: Tiered::new(&BYTE_TIERS),
            last_instruction: match limit {
                Some(_) => u64::MAX,
                None => UNMETERED_INSTRUCTIONS,
            },
            native_calls: 0,
            values: 0,
            value_limit: match limit {
                Some(_) => limits::VALUES,
                None => limits::SYSTEM_VALUES,
            },
        }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.min(self.limit)
    }

    /// Instructions executed so far.
    pub(crate) fn instructions(&self) -> u64 {
        self.instructions.count
    }

    /// Charges a plain amount.
    #[inline]
    pub(crate) fn charge(&mut self, units: u64) -> VmResult<()> {
        self.used = self.used.saturating_add(units);
        if self.used > self.limit {
            return Err(VmError::OutOfGas);
        }
        Ok(())
    }

    /// Charges one instruction that pushes `pushed` values of `bytes` bytes onto a stack of `height` values.
    #[inline]
    pub(crate) fn instruction(&mut self, pushed: u64, bytes: u64, height: usize) -> VmResult<()> {
        self.instructions.add(1);
        self.bytes.add(bytes);
        if self.instructions.count > self.last_instruction {
            return Err(VmError::OutOfGas);
        }
        let pushed = if height >= TALL_STACK {
            pushed.saturating_mul(2)
        } else {
            pushed
        };
        let units = bytes.saturating_mul(self.bytes.factor);
        self.charge(
            units
                .saturating_add(pushed)
                .saturating_add(self.instructions.factor),
        )
    }

    /// Charges the own cost of a native.
    pub(crate) fn native(&mut self, units: u64) -> VmResult<()> {
        self.native_calls = self.native_calls.saturating_add(1);
        if self.native_calls > NATIVE_CALLS {
            self.instructions.add(units);
        }
        self.charge(units)
    }

    /// Counts values that now occupy memory: copies, decoded values, fields and elements. They are never counted
    /// back, so the sum bounds what can be alive.
    #[inline]
    pub(crate) fn values(&mut self, count: u64) -> VmResult<()> {
        self.values = self.values.saturating_add(count);
        if self.values > self.value_limit {
            return Err(VmError::primitive("too many values"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of devchain spec 2.10, read naively.
    fn factor(tiers: &[(u64, u64)], count: u64) -> u64 {
        let passed = tiers.iter().rev().find(|(from, _)| count >= *from);
        passed.map_or(1, |(_, factor)| *factor)
    }

    #[test]
    fn the_price_follows_the_tiers() {
        let mut gas = Gas::new(Some(u64::MAX - 1));
        let (mut instructions, mut bytes, mut expected) = (0u64, 0u64, 0u64);
        let sizes = [0u64, 8, 32, 1000, 70_000, 1, 900_000];
        for turn in 0..300_000usize {
            let size = sizes[turn % sizes.len()].min(if turn > 2000 { 8 } else { u64::MAX });
            gas.instruction(1, size, turn % 1024).unwrap();
            instructions += 1;
            bytes += size;
            let pushed = if turn % 1024 >= 1000 { 2 } else { 1 };
            expected += factor(&INSTRUCTION_TIERS, instructions)
                + size * factor(&BYTE_TIERS, bytes)
                + pushed;
        }
        assert_eq!(gas.used(), expected);
    }

    #[test]
    fn gas_ends_a_metered_run_and_instructions_an_unmetered_one() {
        let mut metered = Gas::new(Some(100));
        let ends = (0..1000).position(|_| metered.instruction(0, 0, 0).is_err());
        assert_eq!((ends, metered.used()), (Some(100), 100));
        let mut unmetered = Gas::new(None);
        unmetered.instructions.add(UNMETERED_INSTRUCTIONS - 1);
        assert!(unmetered.instruction(0, 0, 0).is_ok());
        assert!(unmetered.instruction(0, 0, 0).is_err());
    }

    #[test]
    fn natives_count_as_instructions_after_seven_hundred_calls() {
        let mut gas = Gas::new(Some(u64::MAX - 1));
        for _ in 0..NATIVE_CALLS {
            gas.native(100).unwrap();
        }
        assert_eq!(gas.instructions(), 0);
        gas.native(100).unwrap();
        assert_eq!(gas.instructions(), 100);
    }

    #[test]
    fn values_are_bounded() {
        let mut gas = Gas::new(Some(u64::MAX - 1));
        gas.values(limits::VALUES).unwrap();
        assert!(gas.values(1).is_err());
    }
}
