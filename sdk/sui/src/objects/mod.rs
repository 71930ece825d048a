//! BCS layouts of the contract's objects (contracts spec section 4).
//!
//! Field order is declaration order on chain and is part of the wire format; every decoder refuses
//! missing and trailing bytes. A Move `UID` and `ID` are both 32 bytes and appear as [`Address`].

mod attribute;
mod blob;
mod exchange;
mod field;
mod governance;
mod pool;
mod stake_exit;
mod staking;
mod subsidies;
mod system;
mod vote;

pub use attribute::{AttributeError, check_attribute};
pub use blob::{Blob, BlobAttributes, OwnedStorage, SharedBlob, Storage};
pub use exchange::{Exchange, ExchangeRate};
pub use field::{Element, ExtendedField, Field, TableRef, VecMap, VecMapEntry, dynamic_field_id};
pub use field::{
    attributes_field_id, dynamic_object_field_id, extended_field_id, versioned_field_id,
};
pub use governance::{
    EmergencyUpgradeCap, InitCap, ProtectedTreasury, UpgradeCap, UpgradeManager, UpgradeProposal,
};
pub use pool::{
    Authorized, NodeMetadata, PendingValues, PoolExchangeRate, PoolState, StakedWal,
    StakedWalState, StakingPool, StorageNodeCap, StorageNodeInfo, VotingParams,
};
pub use stake_exit::StakeExit;
pub use staking::{
    ActiveSet, ActiveSetEntry, CommitteeShards, EpochParams, EpochState, Staking, StakingInnerV1,
    epoch_change_start_field_id,
};
pub use subsidies::{
    EpochBalance, EpochBalanceRingBuffer, WalrusSubsidies, WalrusSubsidiesInnerV1,
    subsidies_field_id,
};
pub use system::{
    BlsCommittee, BlsCommitteeMember, EventBlob, EventBlobAttestation, EventBlobCertificationState,
    FutureAccounting, FutureAccountingRingBuffer, System, SystemStateInnerV1,
};

use serde::de::DeserializeOwned;
pub use sui_sdk_types::Address;

/// The bytes of an object or field do not have the layout of the type.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{length} bytes of BCS are not a {type_name}: {reason}")]
pub struct LayoutError {
    /// The Rust name of the expected type.
    pub type_name: &'static str,
    /// How many bytes were given.
    pub length: usize,
    /// What the decoder said.
    pub reason: String,
}

/// Decodes exactly one `T`; missing and trailing bytes are errors.
///
/// # Errors
/// [`LayoutError`] when the bytes are not exactly one `T`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, LayoutError> {
    bcs::from_bytes(bytes).map_err(|error| LayoutError {
        type_name: std::any::type_name::<T>(),
        length: bytes.len(),
        reason: error.to_string(),
    })
}
