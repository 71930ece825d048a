//! Test network: a local network, seen from a client.

use std::{
    ops::{Deref, DerefMut},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use walrus_core::{BlobId, SliverPairIndex, SliverType, network_key::NetworkPublicKey};
use walrus_localnet::{Localnet, LocalnetOptions, Silent};
use walrus_node_client::{Addresses, NodeClient, NodeClientOptions, StoredOnNodeStatus};
use walrus_sdk::{
    BlobObject, BlobToStore, Client, ClientError, ClientOptions, EpochsAhead, StoreOptions,
    StoreReport, Stored,
};
use walrus_sui::{
    contract::{Committee, CommitteeMember},
    objects::EpochState,
    transactions::ContractWriter,
};

use crate::waiting::eventually;

/// Patience with a network that comes up.
const READY: Duration = Duration::from_secs(60);

/// The options of a network that is up in a moment: 4 nodes, 13 shards, so that one node may fail.
pub fn small() -> LocalnetOptions {
    LocalnetOptions {
        nodes: 4,
        shards: 13,
        // Most tests have no use for them, and a network without them is up sooner.
        side_packages: false,
        ..LocalnetOptions::default()
    }
}

/// A network under test. Everything of a [`Localnet`] is at hand.
pub struct TestNetwork {
    localnet: Localnet,
}

impl Deref for TestNetwork {
    type Target = Localnet;

    fn deref(&self) -> &Localnet {
        &self.localnet
    }
}

impl DerefMut for TestNetwork {
    fn deref_mut(&mut self) -> &mut Localnet {
        &mut self.localnet
    }
}

/// A storage node of the committee.
pub struct Member {
    /// What the chain says about it.
    pub info: CommitteeMember,
    /// A connection to it.
    pub client: NodeClient,
    /// Number of shards of the network.
    pub n_shards: u16,
}

impl Member {
    /// The pairs of a blob that the node has to hold.
    pub fn pairs(&self, blob: &BlobId) -> Vec<SliverPairIndex> {
        let shards = self.info.shards.iter();
        shards
            .map(|shard| shard.to_pair_index(blob, self.n_shards))
            .collect()
    }

    /// A pair of a blob that the node does not have to hold.
    pub fn foreign_pair(&self, blob: &BlobId) -> SliverPairIndex {
        let own = self.pairs(blob);
        (0..self.n_shards)
            .map(SliverPairIndex)
            .find(|pair| !own.contains(pair))
            .expect("a node does not hold every shard")
    }

    /// The TLS key on chain.
    pub fn network_key(&self) -> NetworkPublicKey {
        self.info.network_public_key.expect("a key on the curve")
    }

    /// How many slivers of the blob the node says it has on disk.
    pub async fn stored_slivers(&self, blob: &BlobId) -> usize {
        let mut stored = 0;
        for pair in self.pairs(blob) {
            for sliver_type in [SliverType::Primary, SliverType::Secondary] {
                let status = self.client.sliver_status(blob, pair, sliver_type).await;
                stored += usize::from(matches!(status, Ok(StoredOnNodeStatus::Stored)));
            }
        }
        stored
    }

    /// Whether the node says that it has every sliver of its shards.
    pub async fn holds_everything(&self, blob: &BlobId) -> bool {
        self.stored_slivers(blob).await == 2 * self.info.shards.len()
    }
}

impl TestNetwork {
    /// Brings a network up.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn start(options: LocalnetOptions) -> Self {
        let localnet = Localnet::start(&options, &Silent)
            .await
            .unwrap_or_else(|error| panic!("the network does not come up: {error:#}"));
        Self { localnet }
    }

    /// Waits until a quorum of nodes has reported that it is ready. [`TestNetwork::start`] does, unless nodes are external.
    pub async fn ready(&self) {
        eventually("a quorum of nodes is ready", READY, async || {
            let state = self
                .reader()
                .staking_state()
                .await
                .expect("the chain answers");
            (!matches!(state.epoch_state, EpochState::EpochChangeSync(_))).then_some(())
        })
        .await;
    }

    /// Stops everything.
    ///
    /// # Panics
    /// If a part of a node had failed.
    pub async fn stop(self) {
        self.localnet.shutdown().await.expect("a clean shutdown");
    }

    /// A new client whose wallet holds the WAL of the network.
    pub async fn client(&self) -> Client {
        self.client_with(ClientOptions::default()).await
    }

    /// The same with other options.
    pub async fn client_with(&self, options: ClientOptions) -> Client {
        Client::new(self.reader().clone(), options).with_signer(Arc::clone(self.admin()))
    }

    /// Transactions of the wallet that holds the WAL of the network.
    pub fn writer(&self) -> ContractWriter {
        ContractWriter::new(self.reader().clone(), Arc::clone(self.admin()))
    }

    /// FROST in that wallet.
    pub async fn balance(&self) -> u64 {
        self.reader()
            .wal_balance(self.admin().address())
            .await
            .expect("the chain answers")
    }

    /// The committee.
    pub async fn committee(&self) -> Committee {
        self.reader()
            .committees()
            .await
            .expect("the chain answers")
            .current
    }

    /// Node `index`, as the committee knows it.
    pub async fn member(&self, index: u16) -> Member {
        let committee = self.committee().await;
        let name = format!("node-{index}");
        let info = committee
            .members
            .into_iter()
            .find(|member| member.name == name)
            .unwrap_or_else(|| panic!("{name} is not in the committee"));
        let key = info.network_public_key.expect("a key");
        let options = NodeClientOptions {
            addresses: Addresses::Any,
            ..NodeClientOptions::default()
        };
        let client =
            NodeClient::new(&info.network_address, &key, &options).expect("an address and a key");
        Member {
            info,
            client,
            n_shards: committee.n_shards,
        }
    }

    /// All nodes, by index.
    pub async fn members(&self) -> Vec<Member> {
        let mut members = Vec::new();
        for index in self.indices() {
            members.push(self.member(index).await);
        }
        members
    }

    /// The numbers of the nodes.
    pub fn indices(&self) -> std::ops::Range<u16> {
        0..u16::try_from(self.node_count()).expect("not that many nodes")
    }

    /// The first of `candidates` that have at most `shards` shards together: as many as fit.
    pub async fn at_most(
        &self,
        shards: u16,
        candidates: impl IntoIterator<Item = u16>,
    ) -> Vec<u16> {
        let mut chosen = Vec::new();
        let mut left = shards;
        for index in candidates {
            let weight = self.member(index).await.info.weight;
            if let Some(rest) = left.checked_sub(weight) {
                left = rest;
                chosen.push(index);
            }
        }
        chosen
    }

    /// Shards of these nodes together.
    pub async fn weight(&self, nodes: &[u16]) -> u16 {
        let mut weight = 0;
        for index in nodes {
            weight += self.member(*index).await.info.weight;
        }
        weight
    }

    /// Stops nodes.
    ///
    /// # Panics
    /// If one had failed before.
    pub async fn stop_nodes(&mut self, nodes: &[u16]) {
        for index in nodes {
            self.stop_node(*index).await.expect("the node was well");
        }
    }

    /// Starts nodes that were stopped.
    ///
    /// # Panics
    /// If one does not start.
    pub async fn start_nodes(&mut self, nodes: &[u16]) {
        for index in nodes {
            self.start_node(*index)
                .await
                .expect("the node starts again");
        }
    }

    /// The file from which node `index` can be started by another process.
    pub fn node_config_path(&self, index: u16) -> PathBuf {
        walrus_localnet::node_config_path(self.path(), index)
    }

    /// Stores one blob.
    ///
    /// # Errors
    /// Those of the client.
    pub async fn try_store(
        &self,
        data: &[u8],
        options: &StoreOptions,
    ) -> Result<StoreReport, ClientError> {
        let blob = BlobToStore::new("blob", data.to_vec());
        self.client()
            .await
            .store_many([blob])
            .options(options)
            .await
    }

    /// Stores one new permanent blob.
    ///
    /// # Panics
    /// If that fails or the blob was there.
    pub async fn store(&self, data: &[u8], epochs: u32) -> BlobObject {
        let mut options = StoreOptions::new(EpochsAhead::Count(epochs));
        options.deletable = false;
        let report = self
            .try_store(data, &options)
            .await
            .unwrap_or_else(|error| panic!("cannot store: {error}"));
        newly_created(&report, 0)
    }

    /// Reads a blob with a fresh client.
    ///
    /// # Errors
    /// Those of the client.
    pub async fn try_read(&self, blob: &BlobId) -> Result<Vec<u8>, ClientError> {
        self.client().await.read(blob).await
    }

    /// Reads a blob and compares it with what it must be.
    ///
    /// # Panics
    /// If it cannot be read or differs.
    pub async fn assert_reads(&self, blob: &BlobId, expected: &[u8]) {
        let data = self
            .try_read(blob)
            .await
            .unwrap_or_else(|error| panic!("cannot read {blob}: {error}"));
        assert!(data == expected, "{blob} came back with other bytes");
    }
}

/// The blob object of an outcome that must be `newlyCreated`.
fn newly_created(report: &StoreReport, position: usize) -> BlobObject {
    match report.outcomes.get(position).map(|outcome| &outcome.result) {
        Some(Ok(Stored::NewlyCreated { blob_object, .. })) => blob_object.clone(),
        other => panic!("expected a new blob, found {other:?}"),
    }
}
