//! The first objects of a chain and the transaction that writes them (devchain spec 6.2).

use sui_sdk_types::{Address, Digest, GenesisObject, Transaction};
use thiserror::Error;

use crate::Outcome;
use crate::framework::FrameworkPackage;

/// SUI handed to one address at genesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Who receives the coins.
    pub address: Address,
    /// How many coin objects.
    pub coins: u32,
    /// MIST in each coin.
    pub amount_per_coin: u64,
}

/// What a chain starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisOptions {
    /// Milliseconds since 1970; becomes the epoch start and the timestamp of checkpoint 0.
    pub chain_start_ms: u64,
    /// Coins to create; what is left of the supply of 10^10 SUI goes in one coin to the first
    /// allocation's address (or to 0x0 without allocations).
    pub allocations: Vec<Allocation>,
    /// Every id of genesis derives from this digest.
    pub seed: Digest,
}

/// A booted chain, ready to become checkpoint 0.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// The raw objects in the genesis transaction: packages with version 1, Move objects with version 0.
    pub objects: Vec<GenesisObject>,
    /// The genesis transaction (kind tag 2).
    pub transaction: Transaction,
    /// Its outcome: every object created with version 1.
    pub outcome: Outcome,
}

/// Why genesis could not be built.
#[derive(Debug, Error)]
pub enum GenesisError {
    /// The allocations exceed the supply.
    #[error("allocations of {requested} MIST exceed the supply of {supply} MIST")]
    Supply {
        /// Sum of the allocations.
        requested: u128,
        /// Total supply.
        supply: u64,
    },
    /// A framework function failed or is missing.
    #[error("{step} failed: {reason}")]
    Framework {
        /// What was being done.
        step: String,
        /// Why it failed.
        reason: String,
    },
}

/// Builds genesis from framework packages by running the framework's own creation functions with
/// sender 0x0 and visibility checks off.
///
/// # Errors
/// When the framework bytecode does not load or a creation function aborts.
pub fn build(
    packages: &[FrameworkPackage],
    options: &GenesisOptions,
) -> Result<Genesis, GenesisError> {
    let _ = (packages, options);
    Err(GenesisError::Framework {
        step: "genesis".into(),
        reason: "not connected yet".into(),
    })
}
