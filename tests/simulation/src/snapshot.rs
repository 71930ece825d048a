//! Snapshot: a network at the beginning of its first epoch, which every simulation of its size starts from.
//!
//! The contracts are published, the nodes registered and staked on, the clients have money. It is made once for many simulations, in a
//! directory.

#[cfg(test)]
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use std::{
    fs,
    num::NonZeroU64,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use walrus_deploy::{DeployParameters, Deployment, deploy};
use walrus_node::{
    NodeConfig,
    config::{
        BlobRecoveryConfig, KeySource, LiveUploadDeferralConfig, ShardSyncConfig, SuiConfig,
        WalletSource,
    },
    operator::{
        KeyFormat, MetadataConfig, NETWORK_KEY_FILE, NodeKeys, Offer, PROTOCOL_KEY_FILE,
        VotingParams,
    },
    upkeep::ConfigSynchronizerConfig,
};
use walrus_sui::{
    Address,
    contract::ContractReader,
    transactions::{ContractWriter, TransactionExecutor},
    wallet::{Environment, Keypair, Wallet},
};

use crate::{
    chain,
    directories::Directories,
    lines::Party,
    machine,
    network::Site,
    plan::{EPOCH, Plan},
    sparse::copy_tree,
    wire::Wires,
};

/// What everybody gets for gas, in MIST.
const GAS: u64 = 50_000_000_000;
/// What is staked on each node, in FROST.
pub(crate) const STAKE: u64 = 1_000_000_000_000;
/// What a client has to spend, in FROST.
const PURSE: u64 = 1_000_000_000_000_000;
/// Clients of a network.
pub(crate) const CLIENTS: u16 = 3;
const WALLET_FILE: &str = "client.yaml";

/// What is known of a network, beside its files.
const NETWORK_FILE: &str = "network.json";
/// Where its files are.
const FILES: &str = "files";

/// A network as it begins.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// In `files/chain` is the log of the chain, in `files/keys` those of the nodes.
    directory: PathBuf,
    /// The directory, if it goes with this.
    _temporary: Option<TempDir>,
    pub(crate) deployment: Deployment,
    pub(crate) nodes: Vec<Known>,
    /// Their keys, in text.
    pub(crate) clients: Vec<String>,
}

/// What the file of a network tells.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    size: Size,
    deployment: Deployment,
    nodes: Vec<Known>,
    clients: Vec<String>,
}

/// What is known of a node whether it is up or not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) index: u16,
    pub(crate) node_id: Address,
    cap_id: Address,
    /// `host:port`, as on chain.
    pub(crate) address: String,
    /// The key of its wallet, in text.
    pub(crate) wallet: String,
    /// What it votes for.
    votes: VotingParams,
}

/// How large a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Size {
    nodes: u16,
    spares: u16,
    shards: u16,
}

/// Those that this process has made.
#[cfg(test)]
static MADE: Mutex<BTreeMap<Size, Arc<Snapshot>>> = Mutex::new(BTreeMap::new());

impl Size {
    fn of(plan: &Plan) -> Self {
        Self {
            nodes: plan.nodes,
            spares: plan.spares(),
            shards: plan.shards(),
        }
    }
}

impl Snapshot {
    /// That of a plan's size, for the tests of a process.
    #[cfg(test)]
    pub(crate) fn of(plan: &Plan) -> anyhow::Result<Arc<Self>> {
        let size = Size::of(plan);
        // Whoever comes while it is made waits for it.
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = made.get(&size) {
            return Ok(Arc::clone(snapshot));
        }
        let directory = Self::make(size)?;
        let path = directory.path().to_owned();
        let snapshot = Arc::new(Self::load(path, Some(directory), size)?);
        made.insert(size, Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// Makes that of a plan's size in a directory, which appears when it is complete.
    pub(crate) fn keep(plan: &Plan, directory: &Path) -> anyhow::Result<()> {
        let made = Self::make(Size::of(plan))?;
        let parent = directory.parent().filter(|parent| *parent != Path::new(""));
        let unfinished = tempfile::tempdir_in(parent.unwrap_or(Path::new(".")))?;
        let unfinished = unfinished.keep();
        copy_tree(made.path(), &unfinished)?;
        match fs::rename(&unfinished, directory) {
            // Somebody else was faster.
            Err(_) if directory.is_dir() => Ok(fs::remove_dir_all(&unfinished)?),
            kept => kept.with_context(|| format!("cannot make {}", directory.display())),
        }
    }

    /// The one that is kept in a directory.
    pub(crate) fn kept(plan: &Plan, directory: &Path) -> anyhow::Result<Arc<Self>> {
        let snapshot = Self::load(directory.to_owned(), None, Size::of(plan));
        let snapshot = snapshot.with_context(|| format!("in {}", directory.display()))?;
        Ok(Arc::new(snapshot))
    }

    fn load(directory: PathBuf, temporary: Option<TempDir>, size: Size) -> anyhow::Result<Self> {
        let told = fs::read(directory.join(NETWORK_FILE))?;
        let told: Told = serde_json::from_slice(&told)?;
        ensure!(
            told.size == size,
            "there is a network of {:?}, not of {size:?}",
            told.size
        );
        Ok(Self {
            directory,
            _temporary: temporary,
            deployment: told.deployment,
            nodes: told.nodes,
            clients: told.clients,
        })
    }

    /// Writes its files to where a simulation goes on with them.
    pub(crate) fn unpack(&self, to: &Path) -> anyhow::Result<()> {
        copy_tree(&self.directory.join(FILES), to)?;
        // A wallet names its keys by their whole path.
        for known in &self.nodes {
            let environment = Environment {
                alias: "simulation".to_owned(),
                rpc: "http://chain.invalid".to_owned(),
                ws: None,
                basic_auth: None,
            };
            let wallet = known.keys(to).join(WALLET_FILE);
            Wallet::create(&wallet, environment, Keypair::parse(&known.wallet)?)?;
        }
        Ok(())
    }

    fn make(size: Size) -> anyhow::Result<TempDir> {
        let made = machine::run(0, move || async move {
            let directory = scratch()?;
            let told = Self::prepare(size, &directory.path().join(FILES)).await?;
            let told = serde_json::to_vec_pretty(&told)?;
            fs::write(directory.path().join(NETWORK_FILE), told)?;
            Ok(directory)
        });
        made.context("the network cannot be prepared")
    }

    async fn prepare(size: Size, directory: &Path) -> anyhow::Result<Told> {
        fs::create_dir_all(directory)?;
        let chain = chain::boot(&directory.join("chain")).await?;
        let wires = Wires::new(Plan::of_seed(0).draw("preparation"));
        let client = chain::client(&chain, Party::Client(0), &wires)?;
        let admin = chain::admin(&chain)?;
        let executor = TransactionExecutor::new(client.clone(), admin);
        let parameters = DeployParameters {
            epoch_zero_duration_ms: 0,
            epoch_duration_ms: u64::try_from(EPOCH.as_millis())?,
            n_shards: size.shards,
            max_epochs_ahead: 53,
            threshold_stake: STAKE / 2,
        };
        let deployment = deploy(&executor, parameters).await?;
        let reader = ContractReader::new(client, deployment.objects()).await?;
        let writer = ContractWriter::with_executor(reader.clone(), executor.clone());

        let all = size.nodes.saturating_add(size.spares);
        let wallets: Vec<_> = (0..all).map(|_| Arc::new(Keypair::generate())).collect();
        let clients: Vec<_> = (0..CLIENTS).map(|_| Keypair::generate()).collect();
        let payers = wallets.iter().map(|wallet| wallet.address());
        let payers = payers.chain(clients.iter().map(Keypair::address));
        let gas: Vec<_> = payers.map(|address| (address, GAS)).collect();
        executor.send_sui(&gas).await.context("no gas")?;
        let purses: Vec<_> = clients.iter().map(|key| (key.address(), PURSE)).collect();
        writer.send_wal(&purses).await.context("no WAL")?;

        let mut nodes = Vec::new();
        for (index, wallet) in (0..).zip(wallets) {
            let keys = keys(directory, index);
            nodes.push(register(index, wallet, &keys, &reader, all).await?);
        }
        let members = nodes.iter().take(usize::from(size.nodes));
        let stakes: Vec<_> = members.map(|node| (node.node_id, STAKE)).collect();
        writer.stake(&stakes).await.context("no stake")?;
        writer.voting_end().await.context("no committee")?;
        writer.initiate_epoch_change().await.context("no epoch")?;
        chain.shutdown().await;
        Ok(Told {
            size,
            deployment,
            nodes,
            clients: clients.iter().map(|key| key.to_base64()).collect(),
        })
    }
}

/// Where the keys of a node are.
fn keys(directory: &Path, index: u16) -> PathBuf {
    directory.join("keys").join(index.to_string())
}

/// Registers a node with fresh keys.
async fn register(
    index: u16,
    wallet: Arc<Keypair>,
    keys: &Path,
    reader: &ContractReader,
    all: u16,
) -> anyhow::Result<Known> {
    fs::create_dir_all(keys)?;
    let fresh = NodeKeys::generate();
    fresh.write(keys, KeyFormat::Tagged)?;
    let [high, low] = index.to_be_bytes();
    let address = format!("10.8.{high}.{low}:9185");
    let offer = Offer {
        name: format!("node-{index}"),
        network_address: address.clone(),
        metadata: MetadataConfig::default(),
        commission_rate: 0,
        voting_params: VotingParams {
            node_capacity: 1_000_000_000_000 / u64::from(all),
            ..VotingParams::default()
        },
    };
    let votes = offer.voting_params.clone();
    let registration = offer.registration(&fresh.protocol, &fresh.network, 0, wallet.address());
    let key = wallet.to_base64();
    let writer = ContractWriter::new(reader.clone(), wallet);
    let cap = writer.register_node(&registration).await;
    let cap = cap.with_context(|| format!("node {index} cannot be registered"))?;
    Ok(Known {
        index,
        node_id: cap.node_id,
        cap_id: cap.id,
        address,
        wallet: key,
        votes,
    })
}

impl Known {
    /// Where its keys are, below the directory of its network.
    pub(crate) fn keys(&self, directory: &Path) -> PathBuf {
        keys(directory, self.index)
    }

    /// How the node is configured on these directories.
    pub(crate) fn config(&self, directories: &Directories, site: &Site) -> NodeConfig {
        let keys = self.keys(&site.directory);
        let (host, port) = self.address.split_once(':').unwrap_or_default();
        let deployment = &site.snapshot.deployment;
        NodeConfig {
            allow_private_addresses: Some(true),
            rest_graceful_shutdown_period_secs: Some(1),
            database_cache_bytes: 1 << 20,
            // Several in each epoch.
            event_blob_checkpoints: NonZeroU64::new(100),
            storage_reserve_bytes: 1 << 20,
            live_upload_deferral: LiveUploadDeferralConfig {
                buckets: Vec::new(),
                max_total_defer_secs: 5,
                ..LiveUploadDeferralConfig::default()
            },
            blob_recovery: BlobRecoveryConfig {
                unrecoverable_patience_secs: 30,
                ..BlobRecoveryConfig::default()
            },
            shard_sync_config: ShardSyncConfig {
                shard_sync_retry_max_backoff_secs: 5,
                shard_sync_retry_switch_to_recovery_interval_secs: 20,
                ..ShardSyncConfig::default()
            },
            storage_node_cap: Some(self.cap_id),
            storage_disks: directories.further().to_vec(),
            commission_rate: 0,
            voting_params: self.votes.clone(),
            config_synchronizer: ConfigSynchronizerConfig {
                enabled: false,
                ..ConfigSynchronizerConfig::default()
            },
            ..NodeConfig::new(
                format!("node-{}", self.index),
                directories.first().to_owned(),
                KeySource::file(keys.join(PROTOCOL_KEY_FILE)),
                KeySource::file(keys.join(NETWORK_KEY_FILE)),
                host.to_owned(),
                port.parse().unwrap_or_default(),
                SuiConfig {
                    rpc: "http://chain.invalid".to_owned(),
                    system_object: deployment.system_object,
                    staking_object: deployment.staking_object,
                    treasury_object: Some(deployment.treasury_object),
                    walrus_subsidies_object: None,
                    wallet_config: WalletSource::File(keys.join(WALLET_FILE)),
                    first_checkpoint: None,
                },
            )
        }
    }
}

/// A directory that ends with its owner: in memory where the system has a place for that, since what is written there is small and is
/// forced to the disk often.
pub(crate) fn scratch() -> anyhow::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let made = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    made.context("no temporary directory")
}
