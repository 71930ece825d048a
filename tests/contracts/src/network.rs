//! Test network: a deployment with storage nodes.

use std::time::Duration;

use sui_sdk_types::{Address, Argument};
use walrus_core::{
    certificate::ProtocolMessageCertificate,
    messages::{MessageBody, ProtocolMessage},
};
use walrus_sui::objects::{EpochState, StorageNodeCap};

use crate::node::Candidate;
use crate::{Account, Chain, Deployment, DeploymentOptions, Executed, Node, NodeOptions, Ptb, WAL};

/// How a network begins.
#[derive(Clone, Debug)]
pub struct NetworkOptions {
    /// Parameters of the deployment.
    pub deployment: DeploymentOptions,
    /// How many nodes register before the first epoch.
    pub nodes: usize,
    /// What each of them registers with.
    pub node: NodeOptions,
    /// FROST that the deployer stakes with each of them; 0 for none.
    pub stake: u64,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            deployment: DeploymentOptions::default(),
            nodes: 4,
            node: NodeOptions::default(),
            stake: 1000 * WAL,
        }
    }
}

/// A chain with the packages and nodes on it. Fields are open: a test may do what the methods do not.
#[derive(Debug)]
pub struct Network {
    /// The chain.
    pub chain: Chain,
    /// What was published.
    pub contracts: Deployment,
    /// Its parameters.
    pub parameters: DeploymentOptions,
    /// The package that calls go to; the one that defines the types, until an upgrade.
    pub package: Address,
    /// The deployer: holds the WAL supply and the capabilities.
    pub admin: Account,
    /// The nodes in order of registration. Committees are in the order of node IDs.
    pub nodes: Vec<Node>,
}

/// Commands of one transaction that stay below every limit on inputs and commands.
const STAKES_PER_TRANSACTION: usize = 50;

impl Network {
    /// Publishes, registers nodes named `node-0`, `node-1`, … and stakes with them. The network is in epoch 0.
    #[must_use]
    pub fn new(options: &NetworkOptions) -> Self {
        let mut chain = Chain::new();
        let admin = chain.account("admin");
        let contracts = Deployment::publish(&mut chain, &admin, options.deployment);
        let mut network = Self {
            chain,
            package: contracts.walrus,
            contracts,
            parameters: options.deployment,
            admin,
            nodes: Vec::new(),
        };
        for index in 0..options.nodes {
            network.register(&format!("node-{index}"), &options.node);
        }
        if options.stake > 0 {
            let ids: Vec<_> = network.nodes.iter().map(|node| node.id).collect();
            for ids in ids.chunks(STAKES_PER_TRANSACTION) {
                let stakes: Vec<_> = ids.iter().map(|id| (*id, options.stake)).collect();
                let admin = network.admin.clone();
                let _ = network.stake_all(&admin, &stakes).expect_success();
            }
        }
        network
    }

    /// As [`Network::new`], then into epoch 1 with all nodes synced.
    #[must_use]
    pub fn started(options: &NetworkOptions) -> Self {
        let mut network = Self::new(options);
        network.next_epoch();
        network
    }

    // ---- transactions

    /// Calls a function of package `walrus` in a transaction under construction.
    pub fn call(
        &self,
        ptb: &mut Ptb,
        module: &str,
        function: &str,
        arguments: Vec<Argument>,
    ) -> Argument {
        ptb.call(self.package, module, function, arguments)
    }

    /// Sends `amount` FROST from the admin to an account.
    pub fn give_wal(&mut self, recipient: Address, amount: u64) {
        let admin = self.admin.clone();
        let mut ptb = Ptb::new();
        let coin = self.wal_coin(&mut ptb, admin.address, amount);
        ptb.transfer(vec![coin], recipient);
        let _ = self.chain.run(&admin, &ptb).expect_success();
    }

    /// A new coin of `amount` FROST, split off the coins of `owner`. One call per transaction: later amounts are split off
    /// the result.
    #[track_caller]
    pub fn wal_coin(&self, ptb: &mut Ptb, owner: Address, amount: u64) -> Argument {
        let coin = self.wal_purse(ptb, owner, amount);
        ptb.split(coin, amount)
    }

    /// The coins of `owner` merged into one that holds at least `amount` FROST; it stays with the owner.
    #[track_caller]
    pub fn wal_purse(&self, ptb: &mut Ptb, owner: Address, amount: u64) -> Argument {
        let mut coins = Vec::new();
        let mut total = 0u64;
        for (id, value) in self.chain.coins(owner, &self.contracts.wal_type()) {
            if !coins.is_empty() && total >= amount {
                break;
            }
            coins.push(ptb.object(id));
            total += value;
        }
        assert!(total >= amount, "{owner} has {total} FROST, not {amount}");
        let rest = coins.split_off(1);
        if !rest.is_empty() {
            ptb.merge(coins[0], rest);
        }
        coins[0]
    }

    /// FROST of an account.
    #[must_use]
    pub fn wal_balance(&self, owner: Address) -> u64 {
        self.chain.balance(owner, &self.contracts.wal_type())
    }

    // ---- nodes

    /// Registers a node with keys of that name, by an account of that name; its position in `nodes`.
    pub fn register(&mut self, name: &str, options: &NodeOptions) -> usize {
        let account = self.chain.account(name);
        let candidate = Candidate::new(name, account.clone());
        let ptb = self.registration(&candidate, options);
        let executed = self.chain.run(&account, &ptb).expect_success();
        let cap: StorageNodeCap = executed.created_value("storage_node", "StorageNodeCap");
        self.nodes.push(Node {
            name: candidate.name,
            account,
            protocol_key: candidate.protocol_key,
            id: cap.node_id,
            cap: cap.id,
        });
        self.nodes.len() - 1
    }

    /// The transaction of [`Network::register`], not sent.
    #[must_use]
    pub fn registration_of(&mut self, name: &str, options: &NodeOptions) -> (Account, Ptb) {
        let account = self.chain.account(name);
        let candidate = Candidate::new(name, account.clone());
        let ptb = self.registration(&candidate, options);
        (account, ptb)
    }

    fn registration(&self, candidate: &Candidate, options: &NodeOptions) -> Ptb {
        let sender = candidate.account.address;
        let epoch = self.epoch();
        let key = &candidate.protocol_key;
        let proof = key.prove_possession(epoch, sender.into_inner());
        let mut ptb = Ptb::new();
        let texts = ["", "", ""].map(|text| ptb.pure(text));
        let metadata = self.call(&mut ptb, "node_metadata", "new", texts.to_vec());
        let arguments = vec![
            ptb.object(self.contracts.staking),
            ptb.pure(&candidate.name),
            ptb.pure(&format!("{}.example:9185", candidate.name)),
            metadata,
            ptb.pure(&key.public_key().0.to_vec()),
            ptb.pure(&candidate.network_key),
            ptb.pure(&proof.signature().0.to_vec()),
            ptb.pure(&options.commission_rate),
            ptb.pure(&options.storage_price),
            ptb.pure(&options.write_price),
            ptb.pure(&options.node_capacity),
        ];
        let cap = self.call(&mut ptb, "staking", "register_candidate", arguments);
        ptb.transfer(vec![cap], sender);
        ptb
    }

    // ---- stake

    /// Stakes FROST of `staker` with a node. The new `StakedWal` belongs to the staker.
    pub fn stake(&mut self, staker: &Account, node: Address, amount: u64) -> Executed {
        self.stake_all(staker, &[(node, amount)])
    }

    /// Stakes with several nodes in one transaction.
    pub fn stake_all(&mut self, staker: &Account, stakes: &[(Address, u64)]) -> Executed {
        let total = stakes.iter().map(|(_, amount)| amount).sum();
        let mut ptb = Ptb::new();
        let purse = self.wal_purse(&mut ptb, staker.address, total);
        let mut staked = Vec::new();
        for (node, amount) in stakes {
            let coin = ptb.split(purse, *amount);
            let arguments = vec![ptb.object(self.contracts.staking), coin, ptb.pure(node)];
            staked.push(self.call(&mut ptb, "staking", "stake_with_pool", arguments));
        }
        ptb.transfer(staked, staker.address);
        self.chain.run(staker, &ptb)
    }

    /// Announces the withdrawal of a `StakedWal`.
    pub fn request_withdraw(&mut self, staker: &Account, staked_wal: Address) -> Executed {
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(self.contracts.staking), ptb.object(staked_wal)];
        self.call(&mut ptb, "staking", "request_withdraw_stake", arguments);
        self.chain.run(staker, &ptb)
    }

    /// Withdraws a `StakedWal`; principal and rewards go to the staker.
    pub fn withdraw(&mut self, staker: &Account, staked_wal: Address) -> Executed {
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(self.contracts.staking), ptb.object(staked_wal)];
        let coin = self.call(&mut ptb, "staking", "withdraw_stake", arguments);
        ptb.transfer(vec![coin], staker.address);
        self.chain.run(staker, &ptb)
    }

    // ---- epochs

    /// Sends `voting_end` at the time of the clock.
    pub fn voting_end(&mut self) -> Executed {
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(self.contracts.staking), ptb.clock()];
        self.call(&mut ptb, "staking", "voting_end", arguments);
        let admin = self.admin.clone();
        self.chain.run(&admin, &ptb)
    }

    /// Sends `initiate_epoch_change_v2` at the time of the clock.
    pub fn initiate_epoch_change(&mut self) -> Executed {
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(self.contracts.staking),
            ptb.object(self.contracts.system),
            ptb.object(self.contracts.treasury),
            ptb.clock(),
        ];
        self.call(&mut ptb, "staking", "initiate_epoch_change_v2", arguments);
        let admin = self.admin.clone();
        self.chain.run(&admin, &ptb)
    }

    /// A node reports that it has all its shards of an epoch; `node` is a position in `nodes`.
    pub fn epoch_sync_done(&mut self, node: usize, epoch: u32) -> Executed {
        let node = self.nodes[node].clone();
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(self.contracts.staking),
            ptb.object(node.cap),
            ptb.pure(&epoch),
            ptb.clock(),
        ];
        self.call(&mut ptb, "staking", "epoch_sync_done", arguments);
        self.chain.run(&node.account, &ptb)
    }

    /// All members of the current committee report their shards.
    pub fn sync_all(&mut self) {
        let epoch = self.epoch();
        let committee = self.committee();
        for position in 0..self.nodes.len() {
            if committee.0.get(&self.nodes[position].id).is_some() {
                let _ = self.epoch_sync_done(position, epoch).expect_success();
            }
        }
    }

    /// The time in milliseconds since 1970 from which `voting_end` is possible; panics outside that state.
    #[must_use]
    pub fn voting_end_time(&self) -> u64 {
        let staking = self.staking();
        match staking.epoch_state {
            EpochState::EpochChangeDone(_) if staking.epoch == 0 => staking.first_epoch_start,
            EpochState::EpochChangeDone(at) => at + staking.epoch_duration / 2,
            other => panic!("not time to vote: {other:?}"),
        }
    }

    /// The time from which `initiate_epoch_change_v2` is possible; panics outside that state.
    #[must_use]
    pub fn epoch_change_time(&self) -> u64 {
        let staking = self.staking();
        match staking.epoch_state {
            EpochState::NextParamsSelected(_) if staking.epoch == 0 => staking.first_epoch_start,
            EpochState::NextParamsSelected(at) => at + staking.epoch_duration,
            other => panic!("no committee is selected: {other:?}"),
        }
    }

    /// Advances time to the end of voting, if it is later, and ends it.
    pub fn end_voting(&mut self) -> Executed {
        let at = self.voting_end_time().max(self.chain.now_ms());
        self.chain.set_time(at);
        self.voting_end()
    }

    /// Advances time to the epoch change, if it is later, and starts it.
    pub fn change_epoch(&mut self) -> Executed {
        let at = self.epoch_change_time().max(self.chain.now_ms());
        self.chain.set_time(at);
        self.initiate_epoch_change()
    }

    /// From `EpochChangeDone` through the next epoch change to `EpochChangeDone`: all members sync at once.
    pub fn next_epoch(&mut self) {
        let _ = self.end_voting().expect_success();
        let _ = self.change_epoch().expect_success();
        self.chain.advance(Duration::from_secs(1));
        self.sync_all();
    }

    // ---- signatures

    /// Signatures over `body` for the current epoch by members of the committee, as the contract takes them:
    /// aggregate signature, signer bitmap, message. `signers` are positions in `nodes`.
    #[must_use]
    pub fn certificate<B: MessageBody>(&self, body: B, signers: &[usize]) -> [Vec<u8>; 3] {
        let members = self.system_state().committee.members;
        let message = ProtocolMessage::new(self.epoch(), body);
        let signed = signers.iter().map(|position| {
            let node = &self.nodes[*position];
            let index = members.iter().position(|member| member.node_id == node.id);
            let index = index.expect("a member of the committee");
            let index = u16::try_from(index).expect("a small committee");
            (index, node.protocol_key.sign(&message))
        });
        let certificate = ProtocolMessageCertificate::aggregate(signed).expect("signatures");
        let size = u16::try_from(members.len()).expect("a small committee");
        let bitmap = certificate.signers_bitmap(size).expect("members");
        [
            certificate.signature.0.to_vec(),
            bitmap,
            certificate.serialized_message,
        ]
    }

    /// The first nodes (positions in `nodes`) that together hold a quorum of shards.
    #[must_use]
    pub fn quorum(&self) -> Vec<usize> {
        let committee = self.committee();
        let n_shards = usize::from(self.parameters.n_shards);
        let mut weight = 0;
        let mut signers = Vec::new();
        for (position, node) in self.nodes.iter().enumerate() {
            if weight * 3 > 2 * n_shards {
                break;
            }
            if let Some(shards) = committee.0.get(&node.id) {
                weight += shards.len();
                signers.push(position);
            }
        }
        signers
    }
}
