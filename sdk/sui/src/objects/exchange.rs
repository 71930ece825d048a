//! Layout of the exchange of test networks (contracts spec 11.1).

use serde::{Deserialize, Serialize};
use sui_sdk_types::Address;

/// `wal_exchange::Exchange`, shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Object ID.
    pub id: Address,
    /// FROST it holds.
    pub wal: u64,
    /// MIST it holds.
    pub sui: u64,
    /// Its rate.
    pub rate: ExchangeRate,
    /// The capability that may set the rate and withdraw.
    pub admin: Address,
}

/// `wal_exchange::ExchangeRate`: `wal` FROST cost `sui` MIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRate {
    /// FROST.
    pub wal: u64,
    /// MIST.
    pub sui: u64,
}

impl ExchangeRate {
    /// FROST that `mist` buy, rounded down; `None` when the contract could not compute it, because a product does not fit 64
    /// bits.
    #[must_use]
    pub fn wal_for_sui(&self, mist: u64) -> Option<u64> {
        mist.checked_mul(self.wal)?.checked_div(self.sui)
    }
}
