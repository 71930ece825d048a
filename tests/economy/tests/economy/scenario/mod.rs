//! A network on the embedded chain and the model of it, driven side by side.

#![allow(clippy::unwrap_used)]

mod agreement;
mod certificates;
mod epochs;
mod nodes;
mod pools;
mod staking;
mod storage;
mod subsidies;

use std::collections::BTreeMap;

use sui_sdk_types::{Address, Argument, ExecutionError, ExecutionStatus};
use walrus_contract_tests::{
    Account, BlobSpec, Deployment, DeploymentOptions, Executed, Network, NetworkOptions, Ptb, WAL,
};
use walrus_economy::{
    Abort, Epoch, NodeId,
    economy::Economy,
    slashing::Slashing,
    stake::Stake,
    staking::Staking,
    storage::{Blob, Storage, StoragePool},
    system::System,
};

use crate::random::Random;

/// All the WAL there ever is.
const SUPPLY: u64 = 5_000_000_000 * WAL;
/// Transfers in one transaction.
const TRANSFERS: usize = 100;

/// How large the scenario is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    pub(crate) stakers: usize,
    pub(crate) n_shards: u16,
    pub(crate) max_epochs_ahead: u32,
    /// Random actions in each of the three parts of an epoch.
    pub(crate) actions: u32,
}

/// An object that somebody holds.
#[derive(Clone, Debug)]
struct Held<T> {
    owner: Account,
    id: Address,
    value: T,
}

/// A blob in a storage pool.
#[derive(Clone, Debug)]
struct PooledBlob {
    spec: BlobSpec,
    id: Address,
    certified: bool,
}

/// Chain and model.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) economy: Economy,
    random: Random,
    stakers: Vec<Account>,
    stakes: Vec<Held<Stake>>,
    storages: Vec<Held<Storage>>,
    blobs: Vec<Held<(BlobSpec, Blob)>>,
    pools: Vec<Held<(StoragePool, Vec<PooledBlob>)>>,
    subsidies: Option<Address>,
    deny_list_updates: u64,
    blobs_made: u64,
    /// Nodes that nobody stakes with before the epoch.
    shunned: BTreeMap<usize, Epoch>,
    /// Accepted and refused transactions, by action.
    pub(crate) tally: BTreeMap<&'static str, (u32, u32)>,
    /// Refusals, by module and code.
    pub(crate) refusals: BTreeMap<(String, u64), u32>,
}

/// How a transaction ended, in the model's terms.
fn verdict(executed: &Executed) -> Result<(), (String, u64)> {
    match executed.status() {
        ExecutionStatus::Success => Ok(()),
        ExecutionStatus::Failure { error, .. } => match error {
            ExecutionError::MoveAbort { location, code } => {
                Err((location.module.to_string(), *code))
            }
            ExecutionError::MovePrimitiveRuntimeError { .. } => Err(arithmetic()),
            other => panic!("neither success nor abort: {other:?}"),
        },
    }
}

fn arithmetic() -> (String, u64) {
    ("arithmetic".to_owned(), 0)
}

fn expected(abort: Abort) -> (String, u64) {
    match abort {
        Abort::Code { module, code } => (module.to_owned(), code),
        Abort::Arithmetic => arithmetic(),
    }
}

fn node_id(id: Address) -> NodeId {
    NodeId(id.into_inner())
}

impl World {
    /// A network in epoch 0: nodes are registered, accounts have WAL, nobody has staked.
    pub(crate) fn new(size: Size) -> Self {
        let deployment = DeploymentOptions {
            threshold_stake: 0,
            epoch_zero_duration_ms: 60_000,
            epoch_duration_ms: 1_000_001,
            n_shards: size.n_shards,
            max_epochs_ahead: size.max_epochs_ahead,
        };
        let network = Network::new(&NetworkOptions {
            deployment,
            nodes: 0,
            stake: 0,
            ..NetworkOptions::default()
        });
        let economy = Economy {
            staking: Staking::new(
                size.n_shards,
                deployment.epoch_zero_duration_ms,
                deployment.epoch_duration_ms,
                network.chain.now_ms(),
            ),
            system: System::new(size.max_epochs_ahead),
            subsidies: None,
            slashing: Slashing::default(),
            burned: 0,
            purses: BTreeMap::from([(network.admin.address.into_inner(), SUPPLY)]),
        };
        let mut world = Self {
            network,
            economy,
            random: Random::new(size.seed),
            stakers: Vec::new(),
            stakes: Vec::new(),
            storages: Vec::new(),
            blobs: Vec::new(),
            pools: Vec::new(),
            subsidies: None,
            deny_list_updates: 0,
            blobs_made: 0,
            shunned: BTreeMap::new(),
            tally: BTreeMap::new(),
            refusals: BTreeMap::new(),
        };
        for _ in 0..size.nodes {
            world.register_node();
        }
        world.make_stakers(size.stakers);
        world
    }

    fn make_stakers(&mut self, count: usize) {
        let chain = &mut self.network.chain;
        self.stakers = (0..count)
            .map(|index| chain.account(&format!("staker-{index}")))
            .collect();
        let admin = self.network.admin.clone();
        for stakers in self.stakers.clone().chunks(TRANSFERS) {
            let mut ptb = Ptb::new();
            let purse = self.purse(&mut ptb, &admin);
            let mut amounts = Vec::new();
            for staker in stakers {
                let amount = self.random.between(5_000 * WAL, 50_000 * WAL);
                let coin = ptb.split(purse, amount);
                ptb.transfer(vec![coin], staker.address);
                amounts.push((staker.address.into_inner(), amount));
            }
            self.both("fund", &admin, &ptb, |economy| {
                for (staker, amount) in amounts {
                    *economy.purse(admin.address.into_inner()) -= amount;
                    *economy.purse(staker) += amount;
                }
                Ok(())
            });
        }
    }

    /// Runs a transaction on the chain and its meaning in the model. Both accept it, or both refuse it for the same
    /// reason; then nothing has happened.
    fn both<T>(
        &mut self,
        action: &'static str,
        sender: &Account,
        ptb: &Ptb,
        model: impl FnOnce(&mut Economy) -> Result<T, Abort>,
    ) -> Option<(Executed, T)> {
        let mut next = self.economy.clone();
        let ours = model(&mut next);
        let executed = self.network.chain.run(sender, ptb);
        let theirs = verdict(&executed);
        let tally = self.tally.entry(action).or_default();
        match (ours, theirs) {
            (Ok(value), Ok(())) => {
                tally.0 += 1;
                self.economy = next;
                Some((executed, value))
            }
            (Err(ours), Err(theirs)) => {
                tally.1 += 1;
                let epoch = self.economy.staking.epoch;
                *self.refusals.entry(theirs.clone()).or_default() += 1;
                assert_eq!(theirs, expected(ours), "{action} in epoch {epoch}");
                None
            }
            (ours, theirs) => {
                let (ours, epoch) = (ours.map(|_| ()), self.economy.staking.epoch);
                panic!("{action} in epoch {epoch}: model {ours:?}, contract {theirs:?}");
            }
        }
    }

    /// Remembers that something worth it has happened.
    fn note(&mut self, event: &'static str) {
        self.tally.entry(event).or_default().0 += 1;
    }

    /// All WAL of an account in one coin.
    fn purse(&self, ptb: &mut Ptb, owner: &Account) -> Argument {
        let all = self.network.wal_balance(owner.address);
        self.network.wal_purse(ptb, owner.address, all)
    }

    /// What the model says an account has.
    fn wealth(&self, owner: &Account) -> u64 {
        self.economy
            .purses
            .get(&owner.address.into_inner())
            .copied()
            .unwrap_or(0)
    }

    fn staker(&mut self) -> Account {
        self.random.pick(&self.stakers).clone()
    }

    fn contracts(&self) -> &Deployment {
        &self.network.contracts
    }

    /// Calls a function of package `walrus`.
    fn call(
        &self,
        ptb: &mut Ptb,
        module: &str,
        function: &str,
        arguments: Vec<Argument>,
    ) -> Argument {
        self.network.call(ptb, module, function, arguments)
    }

    /// One random action.
    pub(crate) fn act(&mut self) {
        match self.random.between(0, 99) {
            0..=17 => self.stake(),
            18..=29 => self.request_withdraw(),
            30..=41 => self.withdraw(),
            42..=44 => self.split_stake(),
            45..=46 => self.join_stakes(),
            47..=56 => self.register_blob(),
            57..=63 => self.certify_blob(),
            64..=66 => self.extend_blob(),
            67..=68 => self.extend_blob_with_storage(),
            69..=71 => self.delete_blob(),
            72 => self.burn_blob(),
            73..=75 => self.reserve(),
            76..=77 => self.cut_storage(),
            78 => self.give_up_storage(),
            79 => self.create_pool(),
            80..=83 => self.use_pool(),
            84..=85 => self.vote_prices(),
            86 => self.vote_capacity(),
            87..=88 => self.set_commission(),
            89..=91 => self.collect_commission(),
            92..=93 => self.process_subsidies(),
            94 => self.donate(),
            95..=96 => self.update_deny_list(),
            97 => self.rejoin_active_set(),
            98 => self.add_commission(),
            _ => self.slash_without_votes(),
        }
    }
}
