//! Exchange rate: the price of a pool's shares (contracts spec 8.9).

use crate::{
    Abort,
    abort::{ensure, narrow},
};

/// A pool's rate at the start of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeRate {
    /// A share is a FROST.
    Flat,
    /// `shares` shares are worth `wal` FROST; neither is zero.
    Variable {
        /// FROST.
        wal: u64,
        /// Shares.
        shares: u64,
    },
}

impl ExchangeRate {
    /// The rate of a pool; flat if it is empty.
    ///
    /// # Errors
    /// A share is worth less than a FROST (`pool_exchange_rate` 0).
    pub fn new(wal: u64, shares: u64) -> Result<Self, Abort> {
        ensure(shares <= wal, "pool_exchange_rate", 0)?;
        Ok(if wal == 0 || shares == 0 {
            Self::Flat
        } else {
            Self::Variable { wal, shares }
        })
    }

    /// What so many shares are worth, rounded down.
    ///
    /// # Errors
    /// More than a `u64` holds.
    pub fn to_wal(self, shares: u64) -> Result<u64, Abort> {
        match self {
            Self::Flat => Ok(shares),
            Self::Variable { wal, shares: all } => scale(shares, wal, all),
        }
    }

    /// Shares that so much is worth, rounded down.
    ///
    /// # Errors
    /// More than a `u64` holds.
    pub fn to_shares(self, amount: u64) -> Result<u64, Abort> {
        match self {
            Self::Flat => Ok(amount),
            Self::Variable { wal, shares } => scale(amount, shares, wal),
        }
    }
}

fn scale(value: u64, numerator: u64, denominator: u64) -> Result<u64, Abort> {
    narrow(u128::from(value) * u128::from(numerator) / u128::from(denominator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_round_down() {
        let rate = ExchangeRate::new(10, 3).unwrap();
        assert_eq!(rate.to_wal(2), Ok(6));
        assert_eq!(rate.to_shares(9), Ok(2));
        assert_eq!(rate.to_wal(u64::MAX), Err(Abort::Arithmetic));
    }

    #[test]
    fn an_empty_pool_is_flat() {
        assert_eq!(ExchangeRate::new(7, 0), Ok(ExchangeRate::Flat));
        assert_eq!(ExchangeRate::Flat.to_shares(7), Ok(7));
        assert_eq!(
            ExchangeRate::new(6, 7),
            Err(Abort::code("pool_exchange_rate", 0))
        );
    }
}
