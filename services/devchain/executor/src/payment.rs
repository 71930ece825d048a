//! Payment for gas: its sources, and where its rest goes.

use sui_sdk_types::{Address, ObjectReference};

/// A payment reference with this end of its digest reserves address balance instead of naming a coin.
const RESERVATION_MARK: [u8; 20] = [0xac; 20];

/// The source of gas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payment {
    /// Nobody: a system transaction.
    Unmetered,
    /// The gas owner's SUI address balance.
    AddressBalance,
    /// Coins in payment order; the first one receives the others.
    Coins(Vec<Address>),
    /// A reservation of the gas owner's SUI address balance comes first: the balance receives these
    /// coins, and a coin that exists only while commands run holds everything.
    Reservation(Vec<Address>),
}

/// Where the rest of the payment goes when the commands have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refund {
    /// Into this coin.
    Coin(Address),
    /// Into the SUI address balance of this address.
    Balance(Address),
}

impl Payment {
    /// Where the rest goes unless a command takes the gas coin elsewhere.
    pub(crate) fn refund(&self, gas_owner: Address) -> Option<Refund> {
        match self {
            Self::Unmetered => None,
            Self::AddressBalance | Self::Reservation(_) => Some(Refund::Balance(gas_owner)),
            Self::Coins(coins) => coins.first().copied().map(Refund::Coin),
        }
    }

    /// The coins that pay.
    pub(crate) fn coins(&self) -> &[Address] {
        match self {
            Self::Coins(coins) | Self::Reservation(coins) => coins,
            Self::Unmetered | Self::AddressBalance => &[],
        }
    }
}

/// Whether a payment reference names no coin but an amount of the address balance.
pub(crate) fn is_reservation(reference: &ObjectReference) -> bool {
    reference.digest().inner().ends_with(&RESERVATION_MARK)
}
