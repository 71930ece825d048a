//! Layouts of capabilities and governance objects (contracts spec 3.1, 4.7).

use serde::{Deserialize, Serialize};
use sui_sdk_types::Address;

use super::field::TableRef;

/// `0x2::package::UpgradeCap`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeCap {
    /// Object ID.
    pub id: Address,
    /// The package's newest version.
    pub package: Address,
    /// Number of that version.
    pub version: u64,
    /// Upgrade policy.
    pub policy: u8,
}

/// `upgrade::UpgradeManager`, shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeManager {
    /// Object ID.
    pub id: Address,
    /// The cap of package `walrus`.
    pub cap: UpgradeCap,
    /// [`UpgradeProposal`] per package digest.
    pub upgrade_proposals: TableRef,
}

/// `upgrade::UpgradeProposal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeProposal {
    /// Epoch of the votes.
    pub epoch: u32,
    /// Digest of the package, 32 bytes.
    pub digest: Vec<u8>,
    /// Version it upgrades to.
    pub version: u64,
    /// Shards that voted for it.
    pub voting_weight: u16,
    /// The nodes that voted.
    pub voters: Vec<Address>,
}

/// `upgrade::EmergencyUpgradeCap`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyUpgradeCap {
    /// Object ID.
    pub id: Address,
    /// The manager it belongs to.
    pub upgrade_manager_id: Address,
}

/// `init::InitCap`, destroyed by the initialization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitCap {
    /// Object ID.
    pub id: Address,
    /// `0x2::package::Publisher`: ID, package (text), module (text).
    pub publisher: (Address, String, String),
}

/// `wal::ProtectedTreasury`, shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedTreasury {
    /// Object ID.
    pub id: Address,
}
