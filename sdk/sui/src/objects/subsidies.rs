//! Layouts of the subsidies of package `walrus_subsidies` (contracts spec 9.1).

use serde::{Deserialize, Serialize};
use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};

use super::field::{TableRef, dynamic_field_id};

/// `walrus_subsidies::WalrusSubsidies`, the shared outer object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalrusSubsidies {
    /// Object ID.
    pub id: Address,
    /// Version of the package that works on the object.
    pub version: u64,
    /// The package to call.
    pub package_id: Address,
}

/// `walrus_subsidies_inner::WalrusSubsidiesInnerV1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalrusSubsidiesInnerV1 {
    /// Usage part: basis points of what users pay.
    pub system_subsidy_rate: u32,
    /// FROST in the fund.
    pub subsidy_pool: u64,
    /// Fixed part: FROST per node and epoch.
    pub base_subsidy: u64,
    /// Fixed part: FROST per shard and epoch.
    pub subsidy_per_shard: u64,
    /// The last epoch whose fixed part is dealt with.
    pub latest_epoch: u32,
    /// What of the user payments is dealt with.
    pub already_subsidized_balances: EpochBalanceRingBuffer,
    /// When the subsidies were last processed (milliseconds since 1970).
    pub last_subsidized_ts: u64,
    /// What nodes are owed, among others.
    pub extra_fields: TableRef,
}

/// `epoch_balance::EpochBalanceRingBuffer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochBalanceRingBuffer {
    /// Slot of the current epoch.
    pub current_index: u32,
    /// The slots.
    pub ring_buffer: Vec<EpochBalance>,
}

/// `epoch_balance::EpochBalance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochBalance {
    /// The epoch.
    pub epoch: u32,
    /// FROST.
    pub balance: u64,
}

/// ID of the field that holds the state of subsidies; `origin` is the package that defines `walrus_subsidies::SubsidiesInnerKey`.
pub fn subsidies_field_id(subsidies: Address, origin: Address) -> Address {
    let key = StructTag::new(
        origin,
        Identifier::from_static("walrus_subsidies"),
        Identifier::from_static("SubsidiesInnerKey"),
        vec![],
    );
    // An empty struct is one `false` byte (contracts spec section 0).
    dynamic_field_id(subsidies, &TypeTag::from(key), &[0])
}
