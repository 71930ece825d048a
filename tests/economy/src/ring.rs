//! Ring buffer of the coming epochs' capacity and money (contracts spec 8.8).

use std::collections::VecDeque;

use crate::{
    Abort, Epoch, Frost,
    abort::{add, ensure, narrow},
};

/// Part of the rewards that is burned at the end of an epoch, in percent.
const BURN_PERCENT: u64 = 3;

/// One epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The epoch.
    pub epoch: Epoch,
    /// Bytes sold.
    pub used_capacity: u64,
    /// The most that was sold before some of it was given back.
    pub peak: u64,
    /// What will be paid out when the epoch ends.
    pub rewards: Frost,
    /// The part of `rewards` that no buyer paid: subsidies, and what an earlier epoch left over.
    pub donations: Frost,
}

/// The current epoch's slot and those after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring(VecDeque<Slot>);

impl Ring {
    /// Slots of the epochs `0..length`.
    #[must_use]
    pub fn new(length: u32) -> Self {
        Self((0..length).map(slot).collect())
    }

    /// The slots, the current epoch's first.
    pub fn slots(&self) -> impl ExactSizeIterator<Item = &Slot> {
        self.0.iter()
    }

    /// Number of slots.
    #[must_use]
    pub fn length(&self) -> u32 {
        self.0.len() as u32
    }

    /// The slot `offset` epochs ahead.
    ///
    /// # Errors
    /// Too far ahead (`storage_accounting` 0).
    pub fn at(&mut self, offset: u32) -> Result<&mut Slot, Abort> {
        let slot = self.0.get_mut(offset as usize);
        slot.ok_or(Abort::code("storage_accounting", 0))
    }

    /// The largest capacity sold for any epoch.
    #[must_use]
    pub fn max_used_capacity(&self) -> u64 {
        self.0
            .iter()
            .map(|slot| slot.used_capacity)
            .max()
            .unwrap_or(0)
    }

    /// Takes what is burned out of the current slot.
    ///
    /// # Errors
    /// More rewards than 64-bit arithmetic can take three percent of.
    pub fn extract_burn(&mut self) -> Result<Frost, Abort> {
        let slot = self.at(0)?;
        let burned = slot
            .rewards
            .checked_mul(BURN_PERCENT)
            .ok_or(Abort::Arithmetic)?
            / 100;
        slot.rewards -= burned;
        Ok(burned)
    }

    /// Ends epoch `epoch`: takes its slot, and appends the one that is `length` epochs later.
    ///
    /// # Errors
    /// The current slot is another epoch's (`system_state_inner` 5).
    pub fn advance(&mut self, epoch: Epoch) -> Result<Slot, Abort> {
        let length = self.length();
        let ended = self
            .0
            .pop_front()
            .ok_or(Abort::code("storage_accounting", 0))?;
        ensure(ended.epoch == epoch, "system_state_inner", 5)?;
        self.0.push_back(slot(epoch + length));
        Ok(ended)
    }

    /// Spreads a donation evenly over the next `epochs` epochs; the current one takes the rest.
    ///
    /// # Errors
    /// No epochs, or more than there are slots (`system_state_inner` 2).
    pub fn spread(&mut self, amount: Frost, epochs: u32) -> Result<(), Abort> {
        ensure(
            epochs > 0 && epochs <= self.length(),
            "system_state_inner",
            2,
        )?;
        let each = amount / u64::from(epochs);
        for offset in 0..epochs {
            self.donate(offset, each)?;
        }
        self.donate(0, amount % u64::from(epochs))
    }

    /// Adds money that no buyer paid.
    ///
    /// # Errors
    /// Too far ahead, or too much.
    pub fn donate(&mut self, offset: u32, amount: Frost) -> Result<(), Abort> {
        let slot = self.at(offset)?;
        slot.rewards = add(slot.rewards, amount)?;
        slot.donations = add(slot.donations, amount)?;
        Ok(())
    }

    /// All the money in the slots.
    ///
    /// # Errors
    /// More than there can be.
    pub fn total_rewards(&self) -> Result<Frost, Abort> {
        narrow(self.0.iter().map(|slot| u128::from(slot.rewards)).sum())
    }
}

fn slot(epoch: Epoch) -> Slot {
    Slot {
        epoch,
        used_capacity: 0,
        peak: 0,
        rewards: 0,
        donations: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_contiguous_after_any_number_of_rounds() {
        let mut ring = Ring::new(3);
        for epoch in 0..10 {
            assert_eq!(ring.advance(epoch).map(|slot| slot.epoch), Ok(epoch));
            let epochs: Vec<_> = ring.slots().map(|slot| slot.epoch).collect();
            assert_eq!(epochs, [epoch + 1, epoch + 2, epoch + 3]);
        }
        assert_eq!(ring.advance(3), Err(Abort::code("system_state_inner", 5)));
        assert_eq!(ring.at(3), Err(Abort::code("storage_accounting", 0)));
    }

    #[test]
    fn a_spread_leaves_the_rest_in_the_current_epoch() {
        let mut ring = Ring::new(4);
        ring.spread(11, 3).unwrap();
        let rewards: Vec<_> = ring.slots().map(|slot| slot.rewards).collect();
        assert_eq!(rewards, [5, 3, 3, 0]);
        assert_eq!(ring.total_rewards(), Ok(11));
        assert_eq!(ring.spread(1, 5), Err(Abort::code("system_state_inner", 2)));
        assert_eq!(ring.spread(1, 0), Err(Abort::code("system_state_inner", 2)));
    }

    #[test]
    fn three_percent_are_burned() {
        let mut ring = Ring::new(1);
        ring.donate(0, 1_000_003).unwrap();
        assert_eq!(ring.extract_burn(), Ok(30_000));
        assert_eq!(ring.total_rewards(), Ok(970_003));
    }
}
