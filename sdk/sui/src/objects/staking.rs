//! Layouts of the staking object and its inner state (contracts spec 4.1, 4.3, 4.5).

use serde::{Deserialize, Serialize};
use sui_sdk_types::{Address, TypeTag};
use walrus_core::ShardIndex;

use super::field::{ExtendedField, TableRef, VecMap, dynamic_field_id};

/// `staking::Staking`, the shared outer object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staking {
    /// Object ID.
    pub id: Address,
    /// Version and name of the inner state's field.
    pub version: u64,
    /// The package to call.
    pub package_id: Address,
    /// Set between an upgrade and its migration.
    pub new_package_id: Option<Address>,
}

/// `staking_inner::StakingInnerV1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakingInnerV1 {
    /// Number of shards, also in epoch 0.
    pub n_shards: u16,
    /// Milliseconds; not applied to epoch 0.
    pub epoch_duration: u64,
    /// Milliseconds since 1970; earliest end of epoch 0.
    pub first_epoch_start: u64,
    /// The pools, keyed by node ID, which is also each pool's object ID.
    pub pools: TableRef,
    /// The current epoch.
    pub epoch: u32,
    /// Candidates for the next committee, an [`ActiveSet`] in an extended field.
    pub active_set: ExtendedField,
    /// Present while the state is [`EpochState::NextParamsSelected`].
    pub next_committee: Option<CommitteeShards>,
    /// The current committee.
    pub committee: CommitteeShards,
    /// The committee of the epoch before.
    pub previous_committee: CommitteeShards,
    /// Parameters of the next epoch; stale after the epoch change.
    pub next_epoch_params: Option<EpochParams>,
    /// Where in the epoch the network is.
    pub epoch_state: EpochState,
    /// Keys of the next committee, in an extended field.
    pub next_epoch_public_keys: ExtendedField,
}

/// `staking_inner::EpochState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EpochState {
    /// Nodes are syncing shards; the weight that reported to be done.
    EpochChangeSync(u16),
    /// A quorum had synced at this time (milliseconds since 1970).
    EpochChangeDone(u64),
    /// The next committee is selected; carries over the time of `EpochChangeDone`.
    NextParamsSelected(u64),
}

/// `committee::Committee`: shards per node, sorted by node ID.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitteeShards(pub VecMap<Address, Vec<ShardIndex>>);

/// `epoch_parameters::EpochParams`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochParams {
    /// Bytes of encoded capacity.
    pub total_capacity_size: u64,
    /// Unused, `u64::MAX`.
    pub storage_price_per_unit_size: u64,
    /// Unused, `u64::MAX`.
    pub write_price_per_unit_size: u64,
}

/// `active_set::ActiveSet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveSet {
    /// Most nodes it may hold.
    pub max_size: u16,
    /// Least stake of a member, in FROST.
    pub threshold_stake: u64,
    /// The members, in tie-break order.
    pub nodes: Vec<ActiveSetEntry>,
    /// Sum of the stakes.
    pub total_stake: u64,
}

/// `active_set::ActiveSetEntry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveSetEntry {
    /// The node.
    pub node_id: Address,
    /// Its stake in FROST.
    pub staked_amount: u64,
}

/// ID of the field `b"epoch_change_start"` of `Staking`, which holds when the last epoch change began (milliseconds since 1970).
pub fn epoch_change_start_field_id(staking: Address) -> Address {
    let name_type = TypeTag::Vector(Box::new(TypeTag::U8));
    dynamic_field_id(staking, &name_type, b"\x12epoch_change_start")
}
