//! Membership: nodes join and leave a network that is up.

use std::{collections::BTreeMap, fs, sync::Arc};

use anyhow::{Context, ensure};
use walrus_sui::{
    Address,
    contract::Committee,
    objects::StakedWalState,
    transactions::{ContractWriter, TransactionExecutor},
};

use crate::{
    Localnet,
    control::{NodeListing, NodeOrder, Order, OrderAnswer},
    files,
    network::OPERATOR_MIST,
    operator::{Operator, node_name},
    options::STAKE_PER_NODE,
    ports,
    state::NodeState,
};

/// Nodes of a network, those that have left included.
const MAX_NODES: usize = 1000;

impl Localnet {
    /// Carries an order out, and answers it.
    pub async fn carry_out(&mut self, order: Order) {
        let done = match &order.order {
            NodeOrder::List {} => Ok(String::new()),
            NodeOrder::Add {} => self.add_node_as_ordered().await,
            NodeOrder::Remove { name } => self.remove_node_as_ordered(name).await,
            NodeOrder::Stop { name } => self.stop_node_as_ordered(name).await,
            NodeOrder::Start { name } => self.start_node_as_ordered(name).await,
        };
        let listed = self.node_listing().await;
        let (success, message, nodes) = match (done, listed) {
            (Ok(message), Ok(nodes)) => (true, message, nodes),
            (Ok(_), Err(error)) => (false, format!("{error:#}"), Vec::new()),
            (Err(error), nodes) => (false, format!("{error:#}"), nodes.unwrap_or_default()),
        };
        order.answer(OrderAnswer {
            success,
            message,
            nodes,
        });
    }

    async fn add_node_as_ordered(&mut self) -> anyhow::Result<String> {
        let index = self.add_node().await?;
        Ok(format!(
            "{} is up and has a stake; it is a member from the epoch on whose committee is chosen next",
            node_name(index)
        ))
    }

    async fn remove_node_as_ordered(&mut self, name: &str) -> anyhow::Result<String> {
        let index = self.index_of(name)?;
        self.remove_node(index).await?;
        Ok(format!(
            "{name} has no stake any more; it is stopped when its shards have new owners who have them"
        ))
    }

    async fn stop_node_as_ordered(&mut self, name: &str) -> anyhow::Result<String> {
        let index = self.index_of(name)?;
        self.stop_node(index).await?;
        Ok(format!("{name} is stopped; what it stores stays"))
    }

    async fn start_node_as_ordered(&mut self, name: &str) -> anyhow::Result<String> {
        let index = self.index_of(name)?;
        ensure!(
            !self.node_state(index)?.has_left,
            "{name} has left the network; add a new node instead"
        );
        self.start_node(index).await?;
        Ok(format!("{name} is up"))
    }

    fn index_of(&self, name: &str) -> anyhow::Result<u16> {
        let known = u16::try_from(self.state().nodes.len()).unwrap_or(u16::MAX);
        (0..known)
            .find(|index| node_name(index) == name)
            .with_context(|| {
                format!(
                    "there is no node `{name}`; there are node-0 to node-{}",
                    known.saturating_sub(1)
                )
            })
    }

    /// Sets a node up, registers it, stakes on it as on the others and starts it. Returns its number.
    ///
    /// # Errors
    /// If the chain refuses, or the node does not start.
    pub async fn add_node(&mut self) -> anyhow::Result<u16> {
        let count = self.state().nodes.len();
        ensure!(
            count < MAX_NODES,
            "a local network has at most {MAX_NODES} nodes, those that have left included"
        );
        let index = u16::try_from(count).context("too many nodes")?;
        let shards = usize::from(self.state().shards);
        let stay = self.state().nodes.iter().filter(|node| !node.has_left);
        ensure!(
            stay.count() < shards,
            "{shards} shards are too few for more nodes; every node needs one"
        );
        let host = self.node_state(0)?.address.ip();
        let (rest, metrics) = (ports::listen(host)?, ports::listen(host)?);
        let operator = Operator::generate(index, rest.local_addr()?);
        let dir = self.directory().node(index);
        // What an attempt before has left is of nobody: the state does not know of it.
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        operator.write_keys(&dir)?;
        operator.write_wallet(&dir, &self.chain().rpc_url())?;
        let chain = self.reader().chain().clone();
        let executor = TransactionExecutor::new(chain.clone(), Arc::clone(self.admin()));
        let grant = [(operator.wallet.address(), OPERATOR_MIST)];
        executor
            .send_sui(&grant)
            .await
            .context("cannot give the operator gas")?;
        let (objects, epoch) = (
            self.deployment().objects(),
            self.reader().staking_state().await?.epoch,
        );
        let nodes = index.saturating_add(1);
        let registered = operator.register(&chain, objects, nodes, epoch).await?;
        let admin = ContractWriter::with_executor(self.reader().clone(), executor);
        admin
            .stake(&[(registered.node_id, STAKE_PER_NODE)])
            .await
            .context("cannot stake on the node")?;
        let node = NodeState {
            address: operator.address,
            node_id: registered.node_id,
            cap_id: registered.cap_id,
            metrics_address: Some(metrics.local_addr()?),
            leaves: false,
            has_left: false,
        };
        self.join(index, node, rest, metrics).await?;
        Ok(index)
    }

    /// Takes the stake off a node. It goes on to serve; [`Self::tend`] stops it when nobody needs it.
    ///
    /// # Errors
    /// If the chain refuses, or the network would be left without a node.
    pub async fn remove_node(&mut self, index: u16) -> anyhow::Result<()> {
        let node_id = self.node_state(index)?.node_id;
        if self.node_state(index)?.leaves {
            return Ok(());
        }
        let stay = self.state().nodes.iter().filter(|node| !node.leaves);
        ensure!(stay.count() > 1, "the last node of a network cannot leave");
        let writer = ContractWriter::new(self.reader().clone(), Arc::clone(self.admin()));
        let owner = self.admin().address();
        let stakes = self.reader().owned_stakes(owner).await?;
        for stake in stakes.iter().filter(|stake| {
            stake.node_id == node_id && matches!(stake.state, StakedWalState::Staked)
        }) {
            writer
                .request_withdraw_stake(stake.id)
                .await
                .context("cannot take the stake off the node")?;
        }
        self.change_node(index, |node| node.leaves = true)
    }

    /// What is to be done from time to time while the network is up: the description is written anew for each epoch, and nodes that
    /// have left are stopped. Returns the names of those.
    ///
    /// # Errors
    /// If the chain or the file system fails, or a node does not stop well.
    pub async fn tend(&mut self) -> anyhow::Result<Vec<String>> {
        let committees = self.reader().committees().await?;
        if self.described_epoch() != Some(committees.epoch) {
            files::write(self).await?;
            self.set_described_epoch(committees.epoch);
        }
        let others = committees.previous.iter().chain(&committees.next);
        let needed: Vec<&Committee> = others.chain([&committees.current]).collect();
        let is_member = |node_id: Address| {
            let mut members = needed.iter().flat_map(|committee| &committee.members);
            members.any(|member| member.node_id == node_id)
        };
        let gone = |node: &NodeState| node.leaves && !node.has_left && !is_member(node.node_id);
        let nodes = (0..).zip(&self.state().nodes);
        let gone: Vec<u16> = nodes
            .filter(|(_, node)| gone(node))
            .map(|(index, _)| index)
            .collect();
        let mut names = Vec::new();
        for index in gone {
            self.stop_node(index).await?;
            self.change_node(index, |node| node.has_left = true)?;
            names.push(node_name(index));
        }
        Ok(names)
    }

    /// The nodes, by their numbers.
    ///
    /// # Errors
    /// If the chain cannot be read.
    pub async fn node_listing(&self) -> anyhow::Result<Vec<NodeListing>> {
        let committees = self.reader().committees().await?;
        let shards = |committee: &Committee| -> BTreeMap<Address, usize> {
            let members = committee.members.iter();
            members
                .map(|member| (member.node_id, member.shards.len()))
                .collect()
        };
        let (now, next) = (
            shards(&committees.current),
            committees.next.as_ref().map(shards),
        );
        let listing = (0..).zip(&self.state().nodes).map(|(index, node)| {
            let of = |shards: &BTreeMap<_, _>| shards.get(&node.node_id).copied().unwrap_or(0);
            NodeListing {
                name: node_name(index),
                node_id: node.node_id,
                is_running: self.is_node_running(index),
                is_removed: node.leaves,
                shards: of(&now),
                next_shards: next.as_ref().map(of),
            }
        });
        Ok(listing.collect())
    }
}
