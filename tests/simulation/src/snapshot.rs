//! Snapshot: a network at the beginning of its first epoch, which every simulation of its size starts from.
//!
//! The contracts are published, the nodes registered and staked on, the clients have money. It is made once in a process.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroU64,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
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
    wallet::{Environment, Keypair, Wallet, replace_private},
};

use crate::{
    chain,
    lines::Party,
    machine,
    network::Site,
    plan::{EPOCH, Plan},
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

/// A network as it begins.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// In `chain` the log of the chain, in `keys` those of the nodes.
    files: Vec<(PathBuf, Vec<u8>)>,
    pub(crate) deployment: Deployment,
    pub(crate) nodes: Vec<Known>,
    /// Their keys, in text.
    pub(crate) clients: Vec<String>,
}

/// What is known of a node whether it is up or not.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) index: u16,
    pub(crate) node_id: Address,
    cap_id: Address,
    /// `host:port`, as on chain.
    pub(crate) address: String,
    /// The key of its wallet, in text.
    pub(crate) wallet: String,
}

/// How large a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Size {
    nodes: u16,
    spares: u16,
    shards: u16,
}

/// Those that this process has made.
static MADE: Mutex<BTreeMap<Size, Arc<Snapshot>>> = Mutex::new(BTreeMap::new());

impl Snapshot {
    /// That of a plan's size.
    pub(crate) fn of(plan: &Plan) -> anyhow::Result<Arc<Self>> {
        let size = Size {
            nodes: plan.nodes,
            spares: plan.spares(),
            shards: plan.shards(),
        };
        // Whoever comes while it is made waits for it.
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = made.get(&size) {
            return Ok(Arc::clone(snapshot));
        }
        let snapshot = machine::run(0, move || Self::make(size));
        let snapshot = Arc::new(snapshot.context("the network cannot be prepared")?);
        made.insert(size, Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// Writes its files to where a simulation goes on with them.
    pub(crate) fn unpack(&self, to: &Path) -> anyhow::Result<()> {
        for (path, bytes) in &self.files {
            let path = to.join(path);
            fs::create_dir_all(path.parent().unwrap_or(to))?;
            replace_private(&path, bytes)?;
        }
        // A wallet names its keys by their whole path.
        for known in &self.nodes {
            let environment = Environment {
                alias: "simulation".to_owned(),
                rpc: "http://chain.invalid".to_owned(),
                ws: None,
                basic_auth: None,
            };
            let wallet = keys(to, known.index).join(WALLET_FILE);
            Wallet::create(&wallet, environment, Keypair::parse(&known.wallet)?)?;
        }
        Ok(())
    }

    async fn make(size: Size) -> anyhow::Result<Self> {
        let directory = scratch()?;
        let chain = chain::boot(&directory.path().join("chain")).await?;
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
            let keys = keys(directory.path(), index);
            nodes.push(register(index, wallet, &keys, &reader, all).await?);
        }
        let members = nodes.iter().take(usize::from(size.nodes));
        let stakes: Vec<_> = members.map(|node| (node.node_id, STAKE)).collect();
        writer.stake(&stakes).await.context("no stake")?;
        writer.voting_end().await.context("no committee")?;
        writer.initiate_epoch_change().await.context("no epoch")?;
        chain.shutdown().await;
        let mut files = Vec::new();
        read_files(directory.path(), directory.path(), &mut files)?;
        Ok(Self {
            files,
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

/// Every file below a directory, by its path from `root`.
fn read_files(
    root: &Path,
    directory: &Path,
    files: &mut Vec<(PathBuf, Vec<u8>)>,
) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            read_files(root, &path, files)?;
        } else {
            files.push((path.strip_prefix(root)?.to_owned(), fs::read(&path)?));
        }
    }
    Ok(())
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
    })
}

impl Known {
    /// How the node is configured on this directory.
    pub(crate) fn config(&self, directory: &Path, site: &Site) -> NodeConfig {
        let keys = keys(&site.directory, self.index);
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
            config_synchronizer: ConfigSynchronizerConfig {
                enabled: false,
                ..ConfigSynchronizerConfig::default()
            },
            ..NodeConfig::new(
                format!("node-{}", self.index),
                directory.to_owned(),
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
