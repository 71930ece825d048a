//! The gas meter (devchain spec 2.10). Everything counts in internal units, 1000 per gas unit.

use crate::error::{VmError, VmResult};

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

#[derive(Debug)]
pub(crate) struct Gas {
    limit: Option<u64>,
    used: u64,
    instructions: u64,
    instruction_factor: u64,
    bytes: u64,
    byte_factor: u64,
    native_calls: u64,
}

fn factor(tiers: &[(u64, u64)], count: u64) -> u64 {
    tiers
        .iter()
        .rev()
        .find(|(from, _)| count >= *from)
        .map_or(1, |(_, factor)| *factor)
}

impl Gas {
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self {
            limit,
            used: 0,
            instructions: 0,
            instruction_factor: 1,
            bytes: 0,
            byte_factor: 1,
            native_calls: 0,
        }
    }

    pub(crate) fn used(&self) -> u64 {
        self.limit.map_or(self.used, |limit| self.used.min(limit))
    }

    /// Charges a plain amount.
    pub(crate) fn charge(&mut self, units: u64) -> VmResult<()> {
        self.used = self.used.saturating_add(units);
        match self.limit {
            Some(limit) if self.used > limit => Err(VmError::OutOfGas),
            _ => Ok(()),
        }
    }

    /// Charges one instruction that pushes `pushed` values of `bytes` bytes onto a stack of `height` values.
    #[inline]
    pub(crate) fn instruction(&mut self, pushed: u64, bytes: u64, height: usize) -> VmResult<()> {
        self.instructions = self.instructions.saturating_add(1);
        self.instruction_factor = factor(&INSTRUCTION_TIERS, self.instructions);
        if bytes > 0 {
            self.bytes = self.bytes.saturating_add(bytes);
            self.byte_factor = factor(&BYTE_TIERS, self.bytes);
        }
        let height_factor = if height >= 1000 { 2 } else { 1 };
        if self.limit.is_none() && self.instructions > UNMETERED_INSTRUCTIONS {
            return Err(VmError::OutOfGas);
        }
        let units = self
            .instruction_factor
            .saturating_add(bytes.saturating_mul(self.byte_factor));
        self.charge(units.saturating_add(pushed * height_factor))
    }

    /// Charges the own cost of a native.
    pub(crate) fn native(&mut self, units: u64) -> VmResult<()> {
        self.native_calls = self.native_calls.saturating_add(1);
        if self.native_calls > NATIVE_CALLS {
            self.instructions = self.instructions.saturating_add(units);
        }
        self.charge(units)
    }
}
