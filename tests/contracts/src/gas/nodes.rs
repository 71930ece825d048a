//! Nodes, stakes and epochs.

use sui_sdk_types::{Address, Argument};
use walrus_sui::objects::StakedWal;

use super::Meter;
use crate::account::protocol_key;
use crate::{Account, Network, NodeOptions, Ptb, WAL};

impl Meter {
    /// The transactions of the deployment.
    pub(crate) fn deployment(&mut self) {
        for (step, executed) in self.network.contracts.steps.clone() {
            let entry = match step {
                "initialize_walrus_v2" => ("walrus", "init", "initialize_walrus_v2"),
                publish => ("publish", "", publish.trim_start_matches("publish ")),
            };
            self.record(entry, &executed);
        }
    }

    /// The last node registers and gets its stake; then the first epoch begins.
    pub(crate) fn first_epoch(&mut self) {
        let name = format!("node-{}", self.network.nodes.len());
        let options = NodeOptions::default();
        let position = self.network.register(&name, &options);
        let node = self.network.nodes[position].clone();
        // What it cost is measured on another node, which gets no stake and never enters a committee.
        let (account, ptb) = self.network.registration_of("idle", &options);
        self.send(&account, ("walrus", "staking", "register_candidate"), &ptb);
        let admin = self.network.admin.clone();
        self.stake(&admin, node.id, 1000 * WAL);
        self.epoch(&admin);
    }

    /// Stakes in a transaction of its own; the `StakedWal`.
    fn stake(&mut self, staker: &Account, node: Address, amount: u64) -> Address {
        let staked = self.take(staker, ("walrus", "staking", "stake_with_pool"), |n, p| {
            let coin = n.wal_coin(p, staker.address, amount);
            vec![p.object(n.contracts.staking), coin, p.pure(&node)]
        });
        staked.created("staked_wal", "StakedWal")
    }

    /// A whole epoch change.
    fn epoch(&mut self, anybody: &Account) {
        self.vote();
        if self.network.epoch() > 0 {
            self.between_vote_and_change(anybody);
        }
        let changed = self.network.change_epoch().expect_success();
        self.record(("walrus", "staking", "initiate_epoch_change_v2"), &changed);
        let committee = self.network.committee();
        let epoch = self.network.epoch();
        for position in 0..self.network.nodes.len() {
            if committee.0.get(&self.network.nodes[position].id).is_some() {
                let synced = self
                    .network
                    .epoch_sync_done(position, epoch)
                    .expect_success();
                self.record(("walrus", "staking", "epoch_sync_done"), &synced);
            }
        }
    }

    fn vote(&mut self) {
        let voted = self.network.end_voting().expect_success();
        self.record(("walrus", "staking", "voting_end"), &voted);
    }

    /// What is possible only while the next committee is selected: commission is free.
    fn between_vote_and_change(&mut self, user: &Account) {
        let node = self.network.nodes[1].clone();
        let mut ptb = Ptb::new();
        let package = self.network.package;
        let auth = ptb.call(package, "auth", "authenticate_sender", vec![]);
        let arguments = vec![
            ptb.object(self.network.contracts.staking),
            ptb.pure(&node.id),
            auth,
        ];
        let coin = ptb.call(package, "staking", "collect_commission", arguments);
        ptb.transfer(vec![coin], node.account.address);
        let entry = ("walrus", "staking", "collect_commission");
        self.send(&node.account, entry, &ptb);
        self.add_commission(user);
    }

    /// A balance for each node, split off a coin of the user.
    fn add_commission(&mut self, user: &Account) {
        let mut ptb = Ptb::new();
        let ids: Vec<_> = self.network.nodes.iter().map(|node| node.id).collect();
        let balances = balances(&self.network, &mut ptb, user, ids.len());
        let arguments = vec![
            ptb.object(self.network.contracts.staking),
            ptb.pure(&ids),
            balances,
        ];
        let package = self.network.package;
        ptb.call(package, "staking", "add_commission_to_pools", arguments);
        let entry = ("walrus", "staking", "add_commission_to_pools");
        self.send(user, entry, &ptb);
    }

    pub(crate) fn node_parameters(&mut self) {
        self.plain_parameters();
        self.keys_and_metadata();
        self.authorities();
        let admin = self.network.admin.clone();
        self.call(&admin, ("walrus", "staking", "update_prices"), |n, p| {
            vec![p.object(n.contracts.staking), p.object(n.contracts.system)]
        });
    }

    fn plain_parameters(&mut self) {
        let node = self.network.nodes[0].clone();
        let mut set = |function, value: &dyn Fn(&mut Ptb) -> Vec<Argument>| {
            self.call(&node.account, ("walrus", "staking", function), |n, p| {
                let mut arguments = vec![p.object(n.contracts.staking), p.object(node.cap)];
                arguments.extend(value(p));
                arguments
            });
        };
        set("set_next_commission", &|p| vec![p.pure(&500u16)]);
        set("set_storage_price_vote", &|p| vec![p.pure(&110_000u64)]);
        set("set_write_price_vote", &|p| vec![p.pure(&21_000u64)]);
        set("set_node_capacity_vote", &|p| {
            vec![p.pure(&2_000_000_000_000u64)]
        });
        set("set_name", &|p| vec![p.pure("another name")]);
        set("set_network_address", &|p| vec![p.pure("other.example:1")]);
        set("set_network_public_key", &|p| vec![p.pure(&vec![2u8; 33])]);
        set("try_join_active_set", &|_| vec![]);
    }

    fn keys_and_metadata(&mut self) {
        let node = self.network.nodes[0].clone();
        let key = protocol_key("the next key");
        let sender = node.account.address.into_inner();
        let proof = key.prove_possession(self.network.epoch(), sender);
        let entry = ("walrus", "staking", "set_next_public_key");
        self.call(&node.account, entry, |n, p| {
            let (key, proof) = (key.public_key().0.to_vec(), proof.signature().0.to_vec());
            let staking = p.object(n.contracts.staking);
            vec![staking, p.object(node.cap), p.pure(&key), p.pure(&proof)]
        });
        // From the next epoch on the node signs with it.
        self.network.nodes[0].protocol_key = key;
        let entry = ("walrus", "staking", "set_node_metadata");
        self.call(&node.account, entry, |n, p| {
            let texts = ["image", "project", "description"].map(|text| p.pure(text));
            let metadata = n.call(p, "node_metadata", "new", texts.to_vec());
            vec![p.object(n.contracts.staking), p.object(node.cap), metadata]
        });
    }

    /// Who collects commission and who votes. The receiver is the node's cap at first, its operator afterwards.
    fn authorities(&mut self) {
        for position in 0..2 {
            let node = self.network.nodes[position].clone();
            let package = self.network.package;
            let staking = self.network.contracts.staking;
            let tag = self
                .network
                .contracts
                .walrus_type("storage_node", "StorageNodeCap");
            let mut ptb = Ptb::new();
            let cap = ptb.object(node.cap);
            let function = "authenticate_with_object";
            let auth = ptb.call_generic(package, "auth", function, vec![tag], vec![cap]);
            let me = ptb.pure(&node.account.address);
            let receiver = ptb.call(package, "auth", "authorized_address", vec![me]);
            let arguments = vec![ptb.object(staking), ptb.pure(&node.id), auth, receiver];
            ptb.call(package, "staking", "set_commission_receiver", arguments);
            let entry = ("walrus", "staking", "set_commission_receiver");
            self.send(&node.account, entry, &ptb);
        }
        let node = self.network.nodes[1].clone();
        let mut ptb = Ptb::new();
        let package = self.network.package;
        let auth = ptb.call(package, "auth", "authenticate_sender", vec![]);
        let me = ptb.pure(&node.account.address);
        let authorized = ptb.call(package, "auth", "authorized_address", vec![me]);
        let staking = ptb.object(self.network.contracts.staking);
        let arguments = vec![staking, ptb.pure(&node.id), auth, authorized];
        ptb.call(package, "staking", "set_governance_authorized", arguments);
        let entry = ("walrus", "staking", "set_governance_authorized");
        self.send(&node.account, entry, &ptb);
    }

    /// Stakes of a user with the node whose active stake moves most.
    pub(crate) fn stakes(&mut self, user: &Account) {
        let last = self.network.nodes.len() - 1;
        let node = self.network.nodes[last].id;
        let stake = self.stake(user, node, 10_000 * WAL);
        let other = self.take(user, ("walrus", "staked_wal", "split"), |_, p| {
            vec![p.object(stake), p.pure(&(4000 * WAL))]
        });
        let other = other.created("staked_wal", "StakedWal");
        self.call(user, ("walrus", "staked_wal", "join"), |_, p| {
            vec![p.object(stake), p.object(other)]
        });
        // Stake that is not active yet comes back at once.
        let early = self.stake(user, node, 10 * WAL);
        self.withdraw(user, early);
    }

    fn withdraw(&mut self, user: &Account, stake: Address) {
        self.take(user, ("walrus", "staking", "withdraw_stake"), |n, p| {
            vec![p.object(n.contracts.staking), p.object(stake)]
        });
    }

    /// Epochs with rewards, moving shards, subsidies and a withdrawal.
    pub(crate) fn later_epochs(&mut self, user: &Account) {
        let (pool, blob) = self.short_pool(user);
        // One of the nodes changes its key for the next epoch: nothing is to be signed before that.
        self.node_parameters();
        // Every second node doubles its stake, so that a third of the shards moves.
        let ids: Vec<_> = self.network.nodes.iter().map(|node| node.id).collect();
        let admin = self.network.admin.clone();
        let grown: Vec<_> = ids.iter().step_by(2).map(|id| (*id, 1000 * WAL)).collect();
        for grown in grown.chunks(50) {
            let _ = self.network.stake_all(&admin, grown).expect_success();
        }
        self.epoch(user);
        self.expired_pool(user, pool, &blob);
        self.process_subsidies(user);
        self.epoch(user);
        let stake: StakedWal = self.network.stakes_of(user.address)[0].clone();
        let entry = ("walrus", "staking", "request_withdraw_stake");
        self.call(user, entry, |n, p| {
            vec![p.object(n.contracts.staking), p.object(stake.id)]
        });
        self.epoch(user);
        self.withdraw(user, stake.id);
    }

    /// One node has nearly all the stake. It may not hold more than its share of the shards, so the others get the rest one shard
    /// at a time: of all distributions of stake none costs the vote more.
    pub(crate) fn whale(&mut self, user: &Account) {
        let admin = self.network.admin.clone();
        let whale = self.network.nodes[0].id;
        self.stake(&admin, whale, 1_000_000_000 * WAL);
        self.call(
            user,
            ("walrus", "staking", "compute_next_committee"),
            |n, p| vec![p.read(n.contracts.staking)],
        );
        self.epoch(user);
    }

    /// Others replace all members at once, on a network of its own: no epoch change costs more. Those who left were not paid: no payment of
    /// subsidies costs more than theirs and that of the members.
    pub(crate) fn replacement(&mut self, nodes: usize) {
        let mut network = Network::about_to_be_replaced(nodes);
        let subsidies = network.create_subsidies();
        for _ in 0..2 {
            let voted = network.end_voting().expect_success();
            self.record(("walrus", "staking", "voting_end"), &voted);
            let changed = network.change_epoch().expect_success();
            self.record(("walrus", "staking", "initiate_epoch_change_v2"), &changed);
            network.sync_all();
            let _ = network.process_subsidies(subsidies, 0).expect_success();
        }
        network.next_epoch();
        let paid = network.process_subsidies(subsidies, 10_000 * WAL);
        let entry = ("walrus_subsidies", "walrus_subsidies", "process_subsidies");
        self.record(entry, &paid.expect_success());
    }

    /// Slashing of the first node by all others, and proposals that come to nothing.
    pub(crate) fn slashing(&mut self, user: &Account) {
        let nodes = self.network.nodes.clone();
        let (candidate, spared) = (nodes[0].id, nodes[1].id);
        self.slashing_vote(1, spared);
        for position in self.network.quorum() {
            self.slashing_vote(position, candidate);
        }
        self.call(user, ("walrus", "slashing", "execute_slashing"), |n, p| {
            let contracts = &n.contracts;
            vec![
                p.object(contracts.slashing_manager),
                p.object(contracts.staking),
                p.object(contracts.treasury),
                p.pure(&candidate),
            ]
        });
        self.epoch(user);
        let entry = ("walrus", "slashing", "cleanup_slashing_proposals");
        self.call(user, entry, |n, p| {
            vec![
                p.object(n.contracts.slashing_manager),
                p.read(n.contracts.staking),
                p.pure(&vec![spared]),
            ]
        });
    }

    fn slashing_vote(&mut self, voter: usize, candidate: Address) {
        let voter = self.network.nodes[voter].clone();
        let mut ptb = Ptb::new();
        let package = self.network.package;
        let auth = ptb.call(package, "auth", "authenticate_sender", vec![]);
        let arguments = vec![
            ptb.object(self.network.contracts.slashing_manager),
            ptb.read(self.network.contracts.staking),
            auth,
            ptb.pure(&voter.id),
            ptb.pure(&candidate),
        ];
        ptb.call(package, "slashing", "vote_for_slashing", arguments);
        let entry = ("walrus", "slashing", "vote_for_slashing");
        self.send(&voter.account, entry, &ptb);
    }
}

/// A `vector<Balance<WAL>>` of `count` balances of one FROST, from a coin of `owner`.
pub(super) fn balances(
    network: &Network,
    ptb: &mut Ptb,
    owner: &Account,
    count: usize,
) -> Argument {
    let wal = sui_sdk_types::TypeTag::from(network.contracts.wal_type());
    let purse = network.wal_purse(ptb, owner.address, count as u64);
    let mut balances = Vec::new();
    for _ in 0..count {
        let coin = ptb.split(purse, 1);
        let types = vec![wal.clone()];
        balances.push(ptb.call_generic(Address::TWO, "coin", "into_balance", types, vec![coin]));
    }
    let balance = network.contracts.balance_type();
    ptb.vector(balance, balances)
}
