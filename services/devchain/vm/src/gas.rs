//! Gas meter (devchain spec 2.10). Everything counts in internal units, 1000 per gas unit. Next to gas it counts the
//! values that a transaction makes, which bounds its memory, and the work of natives whose gas is cheap for the time that
//! they take, which bounds its time.

use crate::{
    error::{VmError, VmResult},
    interrupt::Interrupt,
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
const HEIGHT_TIERS: [(u64, u64); 2] = [(1000, 2), (10_000, 10)];
/// Instructions between two looks at the interrupt; a power of two.
const INTERRUPT_PERIOD: u64 = 1024;

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
        self.reach(self.count.saturating_add(count));
    }

    /// Sets a counter that may also fall, the factor then being that of its highest tier so far.
    #[inline]
    fn reach(&mut self, count: u64) {
        self.count = count;
        if count >= self.next {
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
    height: Tiered,
    /// Instructions after which the run ends whatever its gas.
    last_instruction: u64,
    native_calls: u64,
    values: u64,
    value_limit: u64,
    /// Nanoseconds of work by natives, as [`Gas::work`] rates it.
    work: u64,
    work_limit: u64,
    interrupt: Option<Interrupt>,
}

impl Gas {
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self {
            limit: limit.unwrap_or(u64::MAX),
            used: 0,
            instructions: Tiered::new(&INSTRUCTION_TIERS),
            bytes: Tiered::new(&BYTE_TIERS),
            height: Tiered::new(&HEIGHT_TIERS),
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
            work: 0,
            work_limit: match limit {
                Some(_) => limits::NATIVE_WORK,
                None => u64::MAX,
            },
            interrupt: None,
        }
    }

    pub(crate) fn stop_on(&mut self, interrupt: Interrupt) {
        self.interrupt = Some(interrupt);
    }

    #[cold]
    fn look_at_interrupt(&self) -> VmResult<()> {
        match &self.interrupt {
            Some(interrupt) if interrupt.is_raised() => Err(VmError::Interrupted),
            _ => Ok(()),
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
        self.height.reach((height as u64).saturating_add(pushed));
        if self.instructions.count > self.last_instruction {
            return Err(VmError::OutOfGas);
        }
        if self.instructions.count.is_multiple_of(INTERRUPT_PERIOD) {
            self.look_at_interrupt()?;
        }
        let units = bytes.saturating_mul(self.bytes.factor);
        self.charge(
            units
                .saturating_add(pushed.saturating_mul(self.height.factor))
                .saturating_add(self.instructions.factor),
        )
    }

    /// Charges the own cost of a native.
    pub(crate) fn native(&mut self, units: u64) -> VmResult<()> {
        self.native_calls = self.native_calls.saturating_add(1);
        if self.native_calls > NATIVE_CALLS {
            self.instructions.add(units);
        }
        self.look_at_interrupt()?;
        self.charge(units)
    }

    /// Counts work that a native is about to do, in nanoseconds on a machine of 2024. The ratings are constants, so that
    /// every machine ends a transaction at the same place; it then has used up its gas.
    pub(crate) fn work(&mut self, nanoseconds: u64) -> VmResult<()> {
        self.work = self.work.saturating_add(nanoseconds);
        if self.work > self.work_limit {
            self.used = self.limit;
            return Err(VmError::OutOfGas);
        }
        Ok(())
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
        let mut highest = 0;
        let sizes = [0u64, 8, 32, 1000, 70_000, 1, 900_000];
        for turn in 0..300_000usize {
            let size = sizes[turn % sizes.len()].min(if turn > 2000 { 8 } else { u64::MAX });
            gas.instruction(1, size, turn % 1024).unwrap();
            instructions += 1;
            bytes += size;
            highest = highest.max(turn as u64 % 1024 + 1);
            expected += factor(&INSTRUCTION_TIERS, instructions)
                + size * factor(&BYTE_TIERS, bytes)
                + factor(&HEIGHT_TIERS, highest);
        }
        assert_eq!(gas.used(), expected);
    }

    #[test]
    fn work_ends_a_metered_run_with_all_its_gas() {
        let mut gas = Gas::new(Some(1_000_000));
        gas.work(limits::NATIVE_WORK).unwrap();
        assert_eq!(gas.used(), 0);
        assert_eq!(gas.work(1), Err(VmError::OutOfGas));
        assert_eq!(gas.used(), 1_000_000);
        let mut unmetered = Gas::new(None);
        unmetered.work(limits::NATIVE_WORK * 2).unwrap();
    }

    #[test]
    fn an_interrupt_ends_instructions_and_natives() {
        let interrupt = Interrupt::default();
        let mut gas = Gas::new(None);
        gas.stop_on(interrupt.clone());
        assert!((0..3000).all(|_| gas.instruction(0, 0, 0).is_ok()));
        gas.native(1).unwrap();
        interrupt.raise();
        assert_eq!(gas.native(1), Err(VmError::Interrupted));
        assert!((0..INTERRUPT_PERIOD).any(|_| gas.instruction(0, 0, 0).is_err()));
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
