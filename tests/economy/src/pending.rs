//! Pending values, which take effect in a later epoch (contracts spec 8.10).

use std::collections::BTreeMap;

use crate::{
    Abort, Epoch,
    abort::{add, ensure},
};

/// Values by epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending(BTreeMap<Epoch, u64>);

impl Pending {
    /// Adds to the value of an epoch.
    ///
    /// # Errors
    /// Overflow.
    pub fn insert_or_add(&mut self, epoch: Epoch, value: u64) -> Result<(), Abort> {
        let entry = self.0.entry(epoch).or_default();
        *entry = add(*entry, value)?;
        Ok(())
    }

    /// Sets the value of an epoch.
    pub fn insert_or_replace(&mut self, epoch: Epoch, value: u64) {
        self.0.insert(epoch, value);
    }

    /// Takes from the value of an epoch.
    ///
    /// # Errors
    /// There is no such value (`pending_values` 0), or it is smaller (`pending_values` 1).
    pub fn reduce(&mut self, epoch: Epoch, value: u64) -> Result<(), Abort> {
        let entry = self
            .0
            .get_mut(&epoch)
            .ok_or(Abort::code("pending_values", 0))?;
        ensure(*entry >= value, "pending_values", 1)?;
        *entry -= value;
        Ok(())
    }

    /// Sum of the values until `epoch`, inclusive.
    #[must_use]
    pub fn value_at(&self, epoch: Epoch) -> u64 {
        self.until(epoch).map(|(_, value)| value).sum()
    }

    /// The newest value until `epoch`, inclusive.
    #[must_use]
    pub fn latest_value_at(&self, epoch: Epoch) -> Option<u64> {
        self.until(epoch).last().map(|(_, value)| value)
    }

    /// The values until `epoch`, inclusive, in order.
    pub fn until(&self, epoch: Epoch) -> impl Iterator<Item = (Epoch, u64)> {
        self.0
            .range(..=epoch)
            .map(|(epoch, value)| (*epoch, *value))
    }

    /// Takes the values until `epoch`, inclusive, in order.
    pub fn take_until(&mut self, epoch: Epoch) -> Vec<(Epoch, u64)> {
        let later = self.0.split_off(&(epoch + 1));
        std::mem::replace(&mut self.0, later).into_iter().collect()
    }

    /// Takes the values until `epoch`, inclusive, and sums them up.
    pub fn flush(&mut self, epoch: Epoch) -> u64 {
        self.take_until(epoch)
            .into_iter()
            .map(|(_, value)| value)
            .sum()
    }

    /// Sum of all values.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_section_8_10() {
        let mut pending = Pending::default();
        pending.insert_or_add(3, 5).unwrap();
        pending.insert_or_add(3, 2).unwrap();
        pending.insert_or_replace(4, 9);
        pending.insert_or_replace(4, 10);
        assert_eq!([2, 3, 4].map(|epoch| pending.value_at(epoch)), [0, 7, 17]);
        assert_eq!(
            [2, 3, 9].map(|epoch| pending.latest_value_at(epoch)),
            [None, Some(7), Some(10)]
        );
        assert_eq!(pending.reduce(5, 1), Err(Abort::code("pending_values", 0)));
        assert_eq!(pending.reduce(4, 11), Err(Abort::code("pending_values", 1)));
        pending.reduce(4, 4).unwrap();
        assert_eq!(pending.flush(3), 7);
        assert_eq!(pending.total(), 6);
    }
}
