//! A network in one process: chain, nodes, clients, and what connects them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use rand::Rng as _;
use sui_devchain::RunningChain;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use walrus_core::Epoch;
use walrus_node_client::NodeClientOptions;
use walrus_sdk::{Client, ClientOptions};
use walrus_service::clock::Clock;
use walrus_sui::{
    Address,
    contract::{Committee, ContractReader},
    objects::EpochState,
    transactions::ContractWriter,
    wallet::Keypair,
};

use crate::{
    chain,
    history::{History, Shards},
    journal::Journal,
    lines::Party,
    node::SimNode,
    plan::{EPOCH, Plan},
    snapshot::{CLIENTS, Snapshot, scratch},
    trouble::Trouble,
    wire::{Wire, Wires},
};

/// How often is looked whether something has come to be.
const LOOK: Duration = Duration::from_secs(1);

/// Where nodes are: what they share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) chain: RunningChain,
    pub(crate) wires: Wires,
    pub(crate) clock: Clock,
    /// Where everything is.
    pub(crate) directory: PathBuf,
}

/// A network that is up.
pub(crate) struct Network {
    pub(crate) plan: Plan,
    pub(crate) site: Site,
    pub(crate) journal: Journal,
    pub(crate) reader: ContractReader,
    /// Of the account that holds the stakes.
    pub(crate) admin: ContractWriter,
    pub(crate) history: History,
    /// Nodes do not reach one another as the protocol needs it: epochs may wait.
    pub(crate) nodes_in_trouble: Trouble,
    /// Clients do not reach nodes and chain as the protocol needs it: they may fail.
    pub(crate) clients_in_trouble: Trouble,
    /// Whoever does something to a node holds it meanwhile.
    nodes: Vec<Mutex<SimNode>>,
    // Last, so that it goes when nothing uses it any more.
    _directory: TempDir,
}

impl Network {
    /// Continues the prepared network, on fresh nodes.
    pub(crate) async fn start(
        plan: Plan,
        snapshot: Arc<Snapshot>,
        journal: Journal,
    ) -> anyhow::Result<Self> {
        let directory = scratch()?;
        let path = directory.path();
        snapshot.unpack(path)?;
        let chain = chain::boot(&path.join("chain")).await?;
        let wires = Wires::new(plan.draw("wires"));
        let client = chain::client(&chain, Party::Observer, &wires)?;
        let reader = ContractReader::new(client, snapshot.deployment.objects()).await?;
        let admin = ContractWriter::new(reader.clone(), chain::admin(&chain)?);
        let clock = Clock::of_runtime(reader.time_ms().await?);
        let nodes = snapshot.nodes.iter().map(|known| {
            let node = SimNode::new(known.clone(), path, plan.draw("platters").random())?;
            Ok(Mutex::new(node))
        });
        let this = Self {
            nodes: nodes.collect::<anyhow::Result<_>>()?,
            site: Site {
                snapshot,
                chain,
                wires,
                clock,
                directory: path.to_owned(),
            },
            plan,
            journal,
            reader,
            admin,
            history: History::default(),
            nodes_in_trouble: Trouble::default(),
            clients_in_trouble: Trouble::default(),
            _directory: directory,
        };
        for index in 0..plan.nodes {
            this.node(index).await?.start(&this.site).await?;
        }
        this.journal
            .note(format_args!("{} nodes are up", plan.nodes));
        this.epoch_changed_by(1, EPOCH).await?;
        Ok(this)
    }

    /// A node, for whoever has it alone.
    pub(crate) async fn node(&self, index: u16) -> anyhow::Result<MutexGuard<'_, SimNode>> {
        let node = self.nodes.get(usize::from(index));
        Ok(node.context("there is no such node")?.lock().await)
    }

    /// All nodes, members or not.
    pub(crate) fn indexes(&self) -> std::ops::Range<u16> {
        0..u16::try_from(self.nodes.len()).unwrap_or(u16::MAX)
    }

    /// A client, which signs with a key of its own.
    pub(crate) async fn client(&self, number: u16) -> anyhow::Result<Client> {
        let key = self
            .site
            .snapshot
            .clients
            .get(usize::from(number % CLIENTS));
        let key = Keypair::parse(key.context("there is no such client")?)?;
        let party = Party::Client(number);
        let chain = chain::client(&self.site.chain, party, &self.site.wires)?;
        let reader = ContractReader::new(chain, self.reader.objects()).await?;
        let options = ClientOptions {
            node: NodeClientOptions {
                transport: Some(Arc::new(Wire {
                    from: party,
                    wires: self.site.wires.clone(),
                })),
                ..NodeClientOptions::default()
            },
            allow_private_addresses: Some(true),
            ..ClientOptions::default()
        };
        Ok(Client::new(reader, options).with_signer(key))
    }

    /// All wallets that there are.
    pub(crate) fn wallets(&self) -> anyhow::Result<Vec<Address>> {
        let snapshot = &self.site.snapshot;
        let nodes = snapshot.nodes.iter().map(|node| node.wallet.as_str());
        let keys = nodes.chain(snapshot.clients.iter().map(String::as_str));
        let addresses = keys.map(|key| Ok(Keypair::parse(key)?.address()));
        addresses.chain([Ok(self.admin.address())]).collect()
    }

    /// The shards of each member of a committee, by its number.
    pub(crate) fn shards(&self, committee: &Committee) -> Shards {
        let index_of = |node_id| {
            let mut known = self.site.snapshot.nodes.iter();
            known
                .find(|known| known.node_id == node_id)
                .map(|known| known.index)
        };
        let members = committee.members.iter();
        members
            .filter_map(|member| Some((index_of(member.node_id)?, member.shards.clone())))
            .collect()
    }

    /// The epoch, and whether the change to it is over.
    pub(crate) async fn epoch(&self) -> anyhow::Result<(Epoch, bool)> {
        let staking = self.reader.staking_state().await?;
        let is_over = !matches!(staking.epoch_state, EpochState::EpochChangeSync(_));
        Ok((staking.epoch, is_over))
    }

    /// Waits until the change to an epoch is over.
    ///
    /// # Errors
    /// It takes longer than it may, from now.
    pub(crate) async fn epoch_changed_by(
        &self,
        wanted: Epoch,
        longest: Duration,
    ) -> anyhow::Result<()> {
        let reached = async {
            loop {
                let (epoch, is_over) = self.epoch().await?;
                if epoch > wanted || (epoch == wanted && is_over) {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let reached = tokio::time::timeout(longest, reached).await;
        reached.with_context(|| {
            format!("the change to epoch {wanted} takes more than {longest:?}")
        })??;
        self.journal
            .note(format_args!("the change to epoch {wanted} is over"));
        Ok(())
    }

    /// Stops all nodes and checks what they have stored.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        for index in self.indexes() {
            let mut node = self.node(index).await?;
            if !node.is_up() {
                continue;
            }
            node.stop(&self.site).await?;
            let report = node.check(&self.site)?;
            ensure!(
                report.found == 0 && report.failure.is_none(),
                "the storage of node {index} does not agree with itself: {report:?}"
            );
        }
        self.site.chain.shutdown().await;
        Ok(())
    }
}
