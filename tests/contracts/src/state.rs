//! Contract state, as it is read.

use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};
use walrus_sui::objects::{
    ActiveSet, CommitteeShards, Field, StakedWal, Staking, StakingInnerV1, StakingPool, System,
    SystemStateInnerV1, VecMap, dynamic_object_field_id, extended_field_id, versioned_field_id,
};

use crate::Network;

/// The numbers of a pool that accounting is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolOverview {
    /// Active principal plus rewards, in FROST.
    pub wal_balance: u64,
    /// Pool shares.
    pub num_shares: u64,
    /// Rewards owed to stakers, in FROST.
    pub rewards_pool: u64,
    /// Commission owed to the operator, in FROST.
    pub commission: u64,
}

impl Network {
    /// The shared object `System`.
    #[must_use]
    pub fn system(&self) -> System {
        self.chain.read(self.contracts.system)
    }

    /// Its inner state.
    #[must_use]
    pub fn system_state(&self) -> SystemStateInnerV1 {
        let version = self.system().version;
        let field = versioned_field_id(self.contracts.system, version);
        self.chain.read::<Field<u64, _>>(field).value
    }

    /// The shared object `Staking`.
    #[must_use]
    pub fn staking_object(&self) -> Staking {
        self.chain.read(self.contracts.staking)
    }

    /// Its inner state.
    #[must_use]
    pub fn staking(&self) -> StakingInnerV1 {
        let version = self.staking_object().version;
        let field = versioned_field_id(self.contracts.staking, version);
        self.chain.read::<Field<u64, _>>(field).value
    }

    /// The current epoch.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.staking().epoch
    }

    /// The current committee: shards per node.
    #[must_use]
    pub fn committee(&self) -> CommitteeShards {
        self.staking().committee
    }

    /// The candidates for the next committee.
    #[must_use]
    pub fn active_set(&self) -> ActiveSet {
        let field = extended_field_id(self.staking().active_set, self.contracts.walrus);
        // The name of the field is an empty struct, which is one byte.
        self.chain.read::<Field<bool, _>>(field).value
    }

    /// Sizes of deny lists by node, but for those that were shed.
    #[must_use]
    pub fn deny_lists(&self) -> VecMap<Address, u64> {
        let sizes = self.system_state().deny_list_sizes;
        let field = extended_field_id(sizes, self.contracts.walrus);
        self.chain.read::<Field<bool, _>>(field).value
    }

    /// The pool of a node.
    #[must_use]
    pub fn pool(&self, node: Address) -> StakingPool {
        self.chain.read(node)
    }

    /// The accounting of a pool.
    #[must_use]
    pub fn pool_overview(&self, node: Address) -> PoolOverview {
        let pool = self.pool(node);
        PoolOverview {
            wal_balance: pool.wal_balance,
            num_shares: pool.num_shares,
            rewards_pool: pool.rewards_pool,
            commission: pool.commission,
        }
    }

    /// The stakes of an account, in the order of their IDs.
    #[must_use]
    pub fn stakes_of(&self, owner: Address) -> Vec<StakedWal> {
        let ids = self.chain.owned(owner, "staked_wal", "StakedWal");
        ids.into_iter().map(|id| self.chain.read(id)).collect()
    }

    /// ID of the `Field` object of an entry keyed by an `ID` in an object table.
    #[must_use]
    pub fn object_table_entry(table: Address, key: Address) -> Address {
        let id = |text| Identifier::new(text).expect("an identifier");
        let tag = StructTag::new(Address::TWO, id("object"), id("ID"), vec![]);
        dynamic_object_field_id(table, TypeTag::from(tag), key.as_ref())
    }
}
