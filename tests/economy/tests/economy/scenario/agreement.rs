//! State comparison: everything that both sides know.

use std::collections::BTreeMap;

use serde::Deserialize;
use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};
use walrus_contract_tests::Ptb;
use walrus_economy::{
    NodeId,
    assignment::Committee,
    exchange_rate::ExchangeRate,
    pending::Pending,
    pool::Pool,
    stake::{Stake, StakeState},
    staking::EpochState,
    storage::Storage,
};
use walrus_sui::objects::{
    self, Blob, CommitteeShards, Field, PendingValues, PoolExchangeRate, StakedWal, StakedWalState,
    StakingPool, VecMap, dynamic_field_id, extended_field_id, versioned_field_id,
};

use super::{SUPPLY, World, node_id};

/// The inner state of a storage pool (contracts spec 4.4).
#[derive(Deserialize)]
struct StoragePoolState {
    storage: objects::Storage,
    used_encoded_bytes: u64,
    blob_count: u64,
    _blobs: (Address, u64),
}

/// The inner state of subsidies (contracts spec 9.1).
#[derive(Deserialize)]
struct SubsidiesState {
    _system_subsidy_rate: u32,
    subsidy_pool: u64,
    _base_subsidy: u64,
    _subsidy_per_shard: u64,
    latest_epoch: u32,
    _already_subsidized: (u32, Vec<(u32, u64)>),
    _last_subsidized_ts: u64,
    _extra_fields: (Address, u64),
}

fn counts(committee: &CommitteeShards) -> Vec<(NodeId, usize)> {
    let members = committee.0.iter();
    members
        .map(|(node, shards)| (node_id(*node), shards.len()))
        .collect()
}

fn model_counts(committee: &Committee) -> Vec<(NodeId, usize)> {
    committee
        .iter()
        .map(|(node, shards)| (*node, shards.len()))
        .collect()
}

fn assert_storage(theirs: &objects::Storage, ours: &Storage) {
    let theirs = (theirs.start_epoch, theirs.end_epoch, theirs.storage_size);
    assert_eq!(theirs, (ours.start, ours.end, ours.size));
}

/// Entries that are due may have been merged, and entries of zero dropped.
fn assert_pending(what: &str, theirs: &PendingValues, ours: &Pending, epoch: u32) {
    let sum = |until: u32| -> u64 {
        theirs
            .0
            .iter()
            .filter(|(of, _)| **of <= until)
            .map(|(_, value)| value)
            .sum()
    };
    for until in epoch..epoch + 4 {
        assert_eq!(sum(until), ours.value_at(until), "{what} until {until}");
    }
    assert_eq!(sum(u32::MAX), ours.total(), "{what} in all");
}

impl World {
    /// Compares the whole state.
    pub(crate) fn assert_agreement(&self) {
        self.compare_staking();
        self.compare_system();
        for node in &self.network.nodes {
            self.compare_pool(node.id);
        }
        self.compare_holdings();
        self.compare_subsidies();
        self.compare_money();
    }

    fn compare_staking(&self) {
        let (theirs, ours) = (self.network.staking(), &self.economy.staking);
        assert_eq!(theirs.epoch, ours.epoch);
        assert_eq!(theirs.first_epoch_start, ours.first_epoch_start);
        assert_eq!(counts(&theirs.committee), model_counts(&ours.committee));
        assert_eq!(
            counts(&theirs.previous_committee),
            model_counts(&ours.previous_committee)
        );
        let next = theirs.next_committee.as_ref().map(counts);
        assert_eq!(next, ours.next_committee.as_ref().map(model_counts));
        let capacity = theirs
            .next_epoch_params
            .map(|params| params.total_capacity_size);
        assert_eq!(capacity, ours.next_capacity);
        let state = match theirs.epoch_state {
            objects::EpochState::EpochChangeSync(weight) => EpochState::Sync(weight.into()),
            objects::EpochState::EpochChangeDone(at) => EpochState::Done(at),
            objects::EpochState::NextParamsSelected(at) => EpochState::Selected(at),
        };
        assert_eq!(state, ours.state);
        let set = self.network.active_set();
        let entries: Vec<(NodeId, u64)> = set
            .nodes
            .iter()
            .map(|entry| (node_id(entry.node_id), entry.staked_amount))
            .collect();
        assert_eq!(entries, ours.active_set.set.nodes());
        assert_eq!(set.total_stake, ours.active_set.set.total_stake());
    }

    fn compare_system(&self) {
        let (theirs, ours) = (self.network.system_state(), &self.economy.system);
        let members: Vec<(NodeId, u16)> = theirs
            .committee
            .members
            .iter()
            .map(|member| (node_id(member.node_id), member.weight))
            .collect();
        assert_eq!(members, ours.committee);
        assert_eq!(
            (theirs.committee.epoch, theirs.committee.n_shards),
            (ours.epoch, ours.n_shards())
        );
        assert_eq!(theirs.total_capacity_size, ours.total_capacity);
        assert_eq!(theirs.used_capacity_size, ours.used_capacity);
        assert_eq!(theirs.storage_price_per_unit_size, ours.storage_price);
        assert_eq!(theirs.write_price_per_unit_size, ours.write_price);

        let ring = &theirs.future_accounting;
        let slot = |offset: u32| {
            let slot = &ring.ring_buffer[((ring.current_index + offset) % ring.length) as usize];
            (slot.epoch, slot.used_capacity, slot.rewards_to_distribute)
        };
        let slots: Vec<_> = (0..ring.length).map(slot).collect();
        let model = ours
            .ring
            .slots()
            .map(|slot| (slot.epoch, slot.used_capacity, slot.rewards));
        assert_eq!(slots, model.collect::<Vec<_>>());

        let lists = extended_field_id(theirs.deny_list_sizes, self.contracts().walrus);
        let lists: Field<bool, VecMap<Address, u64>> = self.network.chain.read(lists);
        let sizes: BTreeMap<NodeId, u64> = lists
            .value
            .iter()
            .map(|(node, size)| (node_id(*node), *size))
            .collect();
        assert_eq!(sizes, ours.deny_lists);
    }

    fn compare_pool(&self, id: Address) {
        let (theirs, ours) = (
            self.network.pool(id),
            &self.economy.staking.pools[&node_id(id)],
        );
        let epoch = self.economy.staking.epoch;
        assert_eq!(
            (
                theirs.activation_epoch,
                theirs.latest_epoch,
                theirs.commission_rate
            ),
            (
                ours.activation_epoch,
                ours.latest_epoch,
                ours.commission_rate
            ),
        );
        assert_eq!(
            (
                theirs.wal_balance,
                theirs.num_shares,
                theirs.rewards_pool,
                theirs.commission
            ),
            (
                ours.wal_balance,
                ours.num_shares,
                ours.rewards_pool,
                ours.commission
            ),
        );
        let votes = &theirs.voting_params;
        assert_eq!(
            (votes.storage_price, votes.write_price, votes.node_capacity),
            (
                ours.votes.storage_price,
                ours.votes.write_price,
                ours.votes.capacity
            ),
        );
        assert_pending("stake", &theirs.pending_stake, &ours.pending_stake, epoch);
        assert_pending(
            "shares",
            &theirs.pending_shares_withdraw,
            &ours.pending_shares_withdraw,
            epoch,
        );
        let principal = (&theirs.pre_active_withdrawals, &ours.pre_active_withdrawals);
        assert_pending("principal", principal.0, principal.1, epoch);
        assert_eq!(self.blocked(&theirs), ours.blocked_commission);
        self.compare_rate(&theirs, ours);
    }

    /// The commission that cannot be collected; no entry means none.
    fn blocked(&self, pool: &StakingPool) -> u64 {
        let name = |text| Identifier::new(text).unwrap();
        let key = StructTag::new(
            self.contracts().walrus,
            name("staking_pool"),
            name("NewEpochCommissionBlockedForCollection"),
            vec![],
        );
        let field = dynamic_field_id(pool.extra_fields.id, &TypeTag::from(key), &[0]);
        let field: Option<Field<bool, u64>> = self.network.chain.try_read(field);
        field.map_or(0, |field| field.value)
    }

    /// The newest rate.
    fn compare_rate(&self, theirs: &StakingPool, ours: &Pool) {
        let (epoch, rate) = ours.exchange_rates.last_key_value().unwrap();
        let field = dynamic_field_id(
            theirs.exchange_rates.id,
            &TypeTag::U32,
            &epoch.to_le_bytes(),
        );
        let field: Field<u32, PoolExchangeRate> = self.network.chain.read(field);
        let expected = match rate {
            ExchangeRate::Flat => PoolExchangeRate::Flat,
            ExchangeRate::Variable { wal, shares } => PoolExchangeRate::Variable {
                wal_amount: u128::from(*wal),
                share_amount: u128::from(*shares),
            },
        };
        assert_eq!(field.value, expected);
    }

    fn compare_holdings(&self) {
        for held in &self.stakes {
            let theirs: StakedWal = self.network.chain.read(held.id);
            let state = match theirs.state {
                StakedWalState::Staked => StakeState::Staked,
                StakedWalState::Withdrawing { withdraw_epoch } => {
                    StakeState::Withdrawing { withdraw_epoch }
                }
            };
            let theirs = Stake {
                node: node_id(theirs.node_id),
                principal: theirs.principal,
                activation_epoch: theirs.activation_epoch,
                state,
            };
            assert_eq!(theirs, held.value);
        }
        for held in &self.storages {
            assert_storage(&self.network.chain.read(held.id), &held.value);
        }
        for held in &self.blobs {
            let theirs: Blob = self.network.chain.read(held.id);
            let (spec, ours) = &held.value;
            assert_eq!((theirs.blob_id, theirs.size), (spec.id(), ours.size));
            assert_eq!(
                (theirs.certified_epoch, theirs.deletable),
                (ours.certified, ours.deletable)
            );
            assert_storage(&theirs.storage, &ours.storage);
        }
        for held in &self.pools {
            let field = versioned_field_id(held.id, 1);
            let theirs: StoragePoolState = self.network.chain.read::<Field<u64, _>>(field).value;
            let (ours, blobs) = &held.value;
            assert_storage(&theirs.storage, &ours.storage);
            assert_eq!(
                (theirs.used_encoded_bytes, theirs.blob_count),
                (ours.used, ours.blobs)
            );
            assert_eq!(blobs.len() as u64, ours.blobs);
        }
    }

    fn compare_subsidies(&self) {
        let Some(object) = self.subsidies else { return };
        let name = |text| Identifier::new(text).unwrap();
        let key = StructTag::new(
            self.contracts().walrus_subsidies,
            name("walrus_subsidies"),
            name("SubsidiesInnerKey"),
            vec![],
        );
        let field = dynamic_field_id(object, &TypeTag::from(key), &[0]);
        let theirs: SubsidiesState = self.network.chain.read::<Field<bool, _>>(field).value;
        let ours = self.economy.subsidies.as_ref().unwrap();
        assert_eq!(
            (theirs.subsidy_pool, theirs.latest_epoch),
            (ours.funds, ours.latest_epoch)
        );
    }

    /// Purses are equal, and all of the money is somewhere.
    fn compare_money(&self) {
        for (holder, purse) in &self.economy.purses {
            let balance = self.network.wal_balance(Address::new(*holder));
            assert_eq!(balance, *purse, "{}", Address::new(*holder));
        }
        let mut ptb = Ptb::new();
        let treasury = vec![ptb.object(self.contracts().treasury)];
        ptb.call(self.contracts().wal, "wal", "total_supply", treasury);
        let supply = self.inspect_u64(&ptb);
        assert_eq!(supply, SUPPLY - self.economy.burned);
        let principal: u128 = self
            .stakes
            .iter()
            .map(|held| u128::from(held.value.principal))
            .sum();
        assert_eq!(self.economy.money() + principal, u128::from(supply));
    }

    /// The number that the last command returns.
    fn inspect_u64(&self, ptb: &Ptb) -> u64 {
        let executed = self
            .network
            .chain
            .inspect(self.network.admin.address, ptb)
            .expect_success();
        let output = executed.outcome.command_outputs.last().unwrap();
        u64::from_le_bytes(output.return_values[0].bcs.clone().try_into().unwrap())
    }

    /// What stake of any pool would have earned between any two epochs.
    pub(crate) fn compare_histories(&mut self, questions: u32) {
        let epochs = u64::from(self.economy.staking.epoch);
        for _ in 0..questions {
            let node = self.random.pick(&self.network.nodes).id;
            let (activation, withdraw) = (
                self.random.between(0, epochs) as u32,
                self.random.between(0, epochs) as u32,
            );
            let principal = self.random.up_to(1 << 60);
            let mut ptb = Ptb::new();
            let arguments = vec![
                ptb.object(self.contracts().staking),
                ptb.pure(&node),
                ptb.pure(&principal),
                ptb.pure(&activation),
                ptb.pure(&withdraw),
            ];
            self.call(&mut ptb, "staking", "calculate_rewards", arguments);
            let ours =
                self.economy.staking.pools[&node_id(node)].rewards(principal, activation, withdraw);
            assert_eq!(
                self.inspect_u64(&ptb),
                ours.unwrap(),
                "{node} {activation}..{withdraw}"
            );
        }
    }
}
