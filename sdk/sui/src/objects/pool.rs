//! Layouts of staking pools, node information and stakes (contracts spec 4.5, 4.6).

use serde::{Deserialize, Serialize};
use sui_sdk_types::Address;

use super::{
    field::{Element, ExtendedField, TableRef, VecMap},
    system::EventBlobAttestation,
};

/// `staking_pool::StakingPool`; its object ID is the node ID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakingPool {
    /// Node ID.
    pub id: Address,
    /// Life cycle.
    pub state: PoolState,
    /// The node's votes.
    pub voting_params: VotingParams,
    /// Name, address and keys.
    pub node_info: StorageNodeInfo,
    /// Lower bound of the exchange-rate history.
    pub activation_epoch: u32,
    /// Last epoch for which rewards were processed.
    pub latest_epoch: u32,
    /// Active principal plus accrued rewards in FROST (an accounting number).
    pub wal_balance: u64,
    /// Pool shares.
    pub num_shares: u64,
    /// Shares leaving per epoch.
    pub pending_shares_withdraw: PendingValues,
    /// Principal leaving after exactly one active epoch.
    pub pre_active_withdrawals: PendingValues,
    /// Commission rates to come, in basis points.
    pub pending_commission_rate: PendingValues,
    /// Basis points in force.
    pub commission_rate: u16,
    /// [`PoolExchangeRate`] per epoch.
    pub exchange_rates: TableRef,
    /// Principal joining per epoch.
    pub pending_stake: PendingValues,
    /// Rewards owed to stakers, in FROST.
    pub rewards_pool: u64,
    /// Commission owed to the operator, in FROST.
    pub commission: u64,
    /// Who may collect the commission.
    pub commission_receiver: Authorized,
    /// Who votes in governance.
    pub governance_authorized: Authorized,
    /// Room for migrations.
    pub extra_fields: TableRef,
}

/// `staking_pool::PoolState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolState {
    /// Takes stake.
    Active,
    /// Leaves in this epoch.
    Withdrawing(u32),
    /// Gone.
    Withdrawn,
}

/// `staking_pool::VotingParams`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VotingParams {
    /// FROST per MiB and epoch.
    pub storage_price: u64,
    /// FROST per MiB.
    pub write_price: u64,
    /// Bytes the node offers.
    pub node_capacity: u64,
}

/// `storage_node::StorageNodeInfo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageNodeInfo {
    /// Display name, at most 100 bytes.
    pub name: String,
    /// Node ID.
    pub node_id: Address,
    /// `host:port`, without a scheme.
    pub network_address: String,
    /// BLS key, uncompressed G1 (96 bytes).
    pub public_key: Element,
    /// The BLS key from the next epoch on.
    pub next_epoch_public_key: Option<Element>,
    /// TLS key, compressed secp256r1 (33 bytes).
    pub network_public_key: Vec<u8>,
    /// [`NodeMetadata`] in an extended field.
    pub metadata: ExtendedField,
}

/// `storage_node::StorageNodeCap`, held by the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageNodeCap {
    /// Object ID.
    pub id: Address,
    /// The node it stands for.
    pub node_id: Address,
    /// Last epoch reported as synced.
    pub last_epoch_sync_done: u32,
    /// Last event-blob vote.
    pub last_event_blob_attestation: Option<EventBlobAttestation>,
    /// Root of the deny list, little-endian `u256`.
    pub deny_list_root: [u8; 32],
    /// Sequence number of the deny list.
    pub deny_list_sequence: u64,
    /// Size of the deny list in bytes.
    pub deny_list_size: u64,
}

/// `node_metadata::NodeMetadata`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeMetadata {
    /// Logo.
    pub image_url: String,
    /// Site of the operator.
    pub project_url: String,
    /// Text.
    pub description: String,
    /// Anything else.
    pub extra_fields: VecMap<String, String>,
}

/// `staked_wal::StakedWal`, owned by the staker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakedWal {
    /// Object ID.
    pub id: Address,
    /// Staked or on its way out.
    pub state: StakedWalState,
    /// The node.
    pub node_id: Address,
    /// FROST held by this object.
    pub principal: u64,
    /// First epoch that earns rewards.
    pub activation_epoch: u32,
}

/// `staked_wal::StakedWalState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StakedWalState {
    /// Staked.
    Staked,
    /// Withdrawal requested.
    Withdrawing {
        /// Epoch from which it can be withdrawn.
        withdraw_epoch: u32,
    },
}

/// `pending_values::PendingValues`: epoch to value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingValues(pub VecMap<u32, u64>);

/// `pool_exchange_rate::PoolExchangeRate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolExchangeRate {
    /// One share is one FROST.
    Flat,
    /// Shares against WAL.
    Variable {
        /// FROST.
        wal_amount: u128,
        /// Shares.
        share_amount: u128,
    },
}

impl PoolExchangeRate {
    /// What shares are worth in FROST, rounded down.
    pub fn to_wal(self, shares: u64) -> u64 {
        match self {
            Self::Flat => shares,
            Self::Variable {
                wal_amount,
                share_amount,
            } => converted(shares, wal_amount, share_amount),
        }
    }

    /// How many shares FROST buy, rounded down.
    pub fn to_shares(self, frost: u64) -> u64 {
        match self {
            Self::Flat => frost,
            Self::Variable {
                wal_amount,
                share_amount,
            } => converted(frost, share_amount, wal_amount),
        }
    }
}

/// `amount · times / by`; the amount itself if there is nothing to divide by. Rates of the contract fit 64 bits.
fn converted(amount: u64, times: u128, by: u128) -> u64 {
    let product = u128::from(amount).saturating_mul(times);
    let converted = product.checked_div(by);
    converted.map_or(amount, |amount| u64::try_from(amount).unwrap_or(u64::MAX))
}

/// `auth::Authorized`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authorized {
    /// The sender of the transaction.
    Address(Address),
    /// Whoever can reference this object.
    ObjectID(Address),
}
