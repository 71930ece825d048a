//! The files that a network writes for others: nodes, clients, other tools.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use walrus_node::{
    NodeConfig,
    config::{
        BlobRecoveryConfig, KeySource, LiveUploadDeferralConfig, ShardSyncConfig, SuiConfig,
        TlsConfig, WalletSource,
    },
    operator::{NETWORK_KEY_FILE, PROTOCOL_KEY_FILE, admin::AdminDoor},
    upkeep::ConfigSynchronizerConfig,
};
use walrus_sdk::config::{ClientConfig, WalletConfig};
use walrus_sui::{
    Address,
    local_network::client_config_path,
    network_json::{NetworkAccount, NetworkDescriptor, NetworkNode},
    wallet::{Keypair, Wallet, replace_private},
};

use crate::{
    Localnet,
    operator::{WALLET_FILE, environment, node_name},
};

/// How long a node waits before it recovers what a client may still be uploading.
const DEFERRAL_SECS: u64 = 5;

const CERTIFICATE_FILE: &str = "certificate.pem";
const NODE_CONFIG_FILE: &str = "config.yaml";
const NODE_LOG_FILE: &str = "node.log";
const ADMIN_SOCKET_FILE: &str = "admin.sock";
const NETWORK_JSON_FILE: &str = "network.json";

/// The description of the network in `dir` for other tools.
pub fn network_json_path(dir: &Path) -> PathBuf {
    dir.join(NETWORK_JSON_FILE)
}

/// The configuration of a node in the network's directory, from which any process can start it.
pub fn node_config_path(dir: &Path, index: u16) -> PathBuf {
    dir.join("nodes")
        .join(index.to_string())
        .join(NODE_CONFIG_FILE)
}

/// The log of a node that runs in a process of its own.
pub fn node_log_path(dir: &Path, index: u16) -> PathBuf {
    node_config_path(dir, index).with_file_name(NODE_LOG_FILE)
}

/// The configuration of a node, as its file says it, so that what this process starts is what any process would. A new node gets a file. In
/// one that is there the network changes what is its own business (addresses, the chain, the capability) and nothing else: disks, a
/// storage that was moved, keys and limits are its operator's.
pub(crate) fn node_config(network: &Localnet, index: u16) -> anyhow::Result<NodeConfig> {
    let dir = network.directory().node(index);
    let path = node_config_path(network.path(), index);
    let new = new_node_config(network, index)?;
    let config = if path.exists() {
        let kept = NodeConfig::load(&path).context(
            "the configuration of a node cannot be read; mend it, or remove it to have it written anew",
        )?;
        let own = with_own_business(&kept, new);
        if own != kept {
            replace_private(&path, own.to_yaml()?.as_bytes())?;
        }
        own
    } else {
        replace_private(&path, new.to_yaml()?.as_bytes())?;
        new
    };
    let read = NodeConfig::load(&path)?;
    debug_assert_eq!(read, config, "what was written");
    let key = read.network_key()?;
    let certificate = dir.join(CERTIFICATE_FILE);
    network
        .authority()
        .write_node_chain(&certificate, &key, read.rest_api_address.ip())?;
    Ok(read)
}

/// What a file says, but for what the network knows better: also where files are, in a directory that was moved as a whole.
fn with_own_business(kept: &NodeConfig, new: NodeConfig) -> NodeConfig {
    let found = |kept: &Path, new: &Path| {
        let is_moved = !kept.exists() && new.exists();
        if is_moved { new } else { kept }.to_owned()
    };
    let key = |kept: &KeySource, new: &KeySource| match (kept, new) {
        (KeySource::File { path: kept }, KeySource::File { path: new }) => {
            KeySource::file(found(kept, new))
        }
        (kept, _) => kept.clone(),
    };
    let wallet_config = match (&kept.sui.wallet_config, &new.sui.wallet_config) {
        (WalletSource::File(kept), WalletSource::File(new)) => WalletSource::File(found(kept, new)),
        (kept, _) => kept.clone(),
    };
    NodeConfig {
        rest_api_address: new.rest_api_address,
        metrics_address: new.metrics_address,
        public_host: new.public_host,
        public_port: new.public_port,
        storage_node_cap: new.storage_node_cap,
        admin_socket_path: new.admin_socket_path,
        blocklist_path: new.blocklist_path,
        event_blob_checkpoints: new.event_blob_checkpoints.or(kept.event_blob_checkpoints),
        storage_path: found(&kept.storage_path, &new.storage_path),
        protocol_key_pair: key(&kept.protocol_key_pair, &new.protocol_key_pair),
        network_key_pair: key(&kept.network_key_pair, &new.network_key_pair),
        tls: TlsConfig {
            certificate_path: new.tls.certificate_path,
            ..kept.tls.clone()
        },
        sui: SuiConfig {
            wallet_config,
            first_checkpoint: kept.sui.first_checkpoint,
            ..new.sui
        },
        ..kept.clone()
    }
}

fn new_node_config(network: &Localnet, index: u16) -> anyhow::Result<NodeConfig> {
    let dir = network.directory().node(index);
    let node = network.node_state(index)?;
    let deployment = network.deployment();
    let socket = dir.join(ADMIN_SOCKET_FILE);
    Ok(NodeConfig {
        rest_api_address: node.address,
        // JavaScript cannot be told which key a node has, and nobody else is on the way.
        tls: TlsConfig {
            also_plain_http: node.address.ip().is_loopback(),
            certificate_path: Some(dir.join(CERTIFICATE_FILE)),
            ..TlsConfig::default()
        },
        metrics_address: node.metrics_address,
        rest_graceful_shutdown_period_secs: Some(1),
        // Nodes of one machine share its memory and its disk.
        database_cache_bytes: 4 << 20,
        storage_reserve_bytes: 64 << 20,
        // An upload on one machine is over in seconds; a node that was down need not wait longer for its slivers.
        live_upload_deferral: LiveUploadDeferralConfig {
            buckets: Vec::new(),
            max_total_defer_secs: DEFERRAL_SECS,
            ..LiveUploadDeferralConfig::default()
        },
        // Nodes of one machine that do not have a sliver at once never will.
        blob_recovery: BlobRecoveryConfig {
            unrecoverable_patience_secs: 5,
            ..BlobRecoveryConfig::default()
        },
        // One that does not answer on one machine is down, and the others have what it has.
        shard_sync_config: ShardSyncConfig {
            shard_sync_retry_max_backoff_secs: 2,
            shard_sync_retry_switch_to_recovery_interval_secs: 10,
            ..ShardSyncConfig::default()
        },
        storage_node_cap: Some(node.cap_id),
        // The network is made with keys and votes of its own; nobody but its operator edits these files.
        config_synchronizer: ConfigSynchronizerConfig {
            enabled: false,
            ..ConfigSynchronizerConfig::default()
        },
        admin_socket_path: AdminDoor::fits(&socket).then_some(socket),
        event_blob_checkpoints: network.event_blob_checkpoints(),
        blocklist_path: network.blocklist().map(Path::to_owned),
        ..NodeConfig::new(
            node_name(index),
            dir.join("storage"),
            KeySource::file(dir.join(PROTOCOL_KEY_FILE)),
            KeySource::file(dir.join(NETWORK_KEY_FILE)),
            node.address.ip().to_string(),
            node.address.port(),
            SuiConfig {
                rpc: network.chain().rpc_url(),
                system_object: deployment.system_object,
                staking_object: deployment.staking_object,
                treasury_object: Some(deployment.treasury_object),
                walrus_subsidies_object: network.side_packages().map(|side| side.subsidies_object),
                wallet_config: WalletSource::File(dir.join(WALLET_FILE)),
                first_checkpoint: None,
            },
        )
    })
}

/// Writes wallet, client configuration and `network.json`.
pub(crate) async fn write(network: &Localnet) -> anyhow::Result<()> {
    let rpc_url = network.chain().rpc_url();
    let wallet = network.directory().wallet();
    if !wallet.exists() {
        let key = Keypair::parse(&network.admin().to_base64())?;
        if let Some(dir) = wallet.parent() {
            std::fs::create_dir_all(dir)?;
        }
        Wallet::create(&wallet, environment(&rpc_url), key)?;
    }
    write_client_config(network, &rpc_url, &wallet)?;
    let descriptor = describe(network, rpc_url).await?;
    let json = serde_json::to_vec_pretty(&descriptor)?;
    Ok(replace_private(&network_json_path(network.path()), &json)?)
}

fn write_client_config(network: &Localnet, rpc_url: &str, wallet: &Path) -> anyhow::Result<()> {
    let deployment = network.deployment();
    let side = network.side_packages();
    let config = ClientConfig {
        walrus_subsidies_object: side.map(|side| side.subsidies_object),
        exchange_objects: side.map(|side| side.exchange_object).into_iter().collect(),
        n_shards: Some(network.state().shards),
        wallet_config: Some(WalletConfig::Path(wallet.to_owned())),
        ..ClientConfig::for_network(deployment.objects(), vec![rpc_url.to_owned()])
    };
    let yaml = serde_yaml::to_string(&config)?;
    Ok(replace_private(
        &client_config_path(network.path()),
        yaml.as_bytes(),
    )?)
}

fn packages(network: &Localnet) -> BTreeMap<String, Address> {
    let deployment = network.deployment();
    let mut packages = BTreeMap::from([
        ("wal".to_owned(), deployment.wal_package),
        ("walrus".to_owned(), deployment.walrus_package),
    ]);
    if let Some(side) = network.side_packages() {
        packages.extend([
            ("wal_exchange".to_owned(), side.wal_exchange_package),
            ("walrus_subsidies".to_owned(), side.walrus_subsidies_package),
            ("blob_bucket".to_owned(), side.blob_bucket_package),
        ]);
    }
    packages
}

/// The members of the committee: those of the network by their numbers, then others.
async fn nodes(network: &Localnet) -> anyhow::Result<Vec<NetworkNode>> {
    let committee = network.reader().committees().await?.current;
    let mut nodes = Vec::with_capacity(committee.members.len());
    for member in &committee.members {
        let mut own = network.state().nodes.iter().enumerate();
        let own = own.find(|(_, node)| node.node_id == member.node_id);
        let metrics = own.and_then(|(_, node)| node.metrics_address);
        let index = own.map(|(index, _)| index);
        let node = NetworkNode {
            name: index.map(node_name),
            url: format!("https://{}", member.network_address),
            network_public_key: member
                .network_public_key
                .with_context(|| format!("{} has no network key on chain", member.name))?,
            metrics_url: metrics.map(|address| format!("http://{address}/metrics")),
        };
        nodes.push((index.unwrap_or(usize::MAX), node));
    }
    nodes.sort_by_key(|(index, _)| *index);
    Ok(nodes.into_iter().map(|(_, node)| node).collect())
}

async fn describe(network: &Localnet, rpc_url: String) -> anyhow::Result<NetworkDescriptor> {
    let deployment = network.deployment();
    let side = network.side_packages();
    let nodes = nodes(network).await?;
    let (aggregator_url, publisher_url) = network.gateway_urls().unzip();
    let console_url = network.console_url();
    let accounts = network
        .chain()
        .accounts()
        .iter()
        .map(|account| NetworkAccount {
            address: account.address,
            private_key: account.private_key.clone(),
        });
    Ok(NetworkDescriptor {
        rpc_url,
        rpc_tls_url: network.chain().rpc_tls_url(),
        ca_bundle: Some(network.ca_bundle().to_owned()),
        faucet_url: Some(network.chain().faucet_url()),
        chain_id: network.chain().chain_id().to_string(),
        packages: packages(network),
        system_object: deployment.system_object,
        staking_object: deployment.staking_object,
        treasury_object: Some(deployment.treasury_object),
        exchange_objects: side.map(|side| side.exchange_object).into_iter().collect(),
        subsidies_object: side.map(|side| side.subsidies_object),
        aggregator_url,
        relay_url: publisher_url.clone(),
        publisher_url,
        console_url,
        nodes,
        accounts: accounts.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(dir: &Path, port: u16) -> NodeConfig {
        let objects = [Address::TWO, Address::THREE];
        NodeConfig {
            rest_api_address: ([127, 0, 0, 1], port).into(),
            ..NodeConfig::new(
                "node-0".to_owned(),
                dir.join("storage"),
                KeySource::file(dir.join(PROTOCOL_KEY_FILE)),
                KeySource::file(dir.join(NETWORK_KEY_FILE)),
                "127.0.0.1".to_owned(),
                port,
                SuiConfig {
                    rpc: format!("http://127.0.0.1:{port}"),
                    system_object: objects[0],
                    staking_object: objects[1],
                    treasury_object: None,
                    walrus_subsidies_object: None,
                    wallet_config: WalletSource::File(dir.join(WALLET_FILE)),
                    first_checkpoint: None,
                },
            )
        }
    }

    #[test]
    fn what_an_operator_has_changed_stays_and_addresses_are_the_networks() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, storage) = (dir.path().join("disk"), dir.path().join("moved"));
        let kept = NodeConfig {
            storage_disks: vec![disk.clone()],
            storage_path: storage.clone(),
            storage_max_bytes: Some(7),
            ..config(dir.path(), 1)
        };
        let own = with_own_business(&kept, config(dir.path(), 2));
        let expected = NodeConfig {
            storage_disks: vec![disk],
            storage_path: storage,
            storage_max_bytes: Some(7),
            ..config(dir.path(), 2)
        };
        assert_eq!(own, expected);
        assert_eq!(with_own_business(&own, config(dir.path(), 2)), own);
    }

    #[test]
    fn files_are_found_in_a_directory_that_was_moved() {
        let dir = tempfile::tempdir().unwrap();
        let new = config(dir.path(), 1);
        let kept = config(Path::new("/where/it/was"), 1);
        std::fs::create_dir(dir.path().join("storage")).unwrap();
        for name in [PROTOCOL_KEY_FILE, NETWORK_KEY_FILE, WALLET_FILE] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(with_own_business(&kept, new.clone()), new);
    }
}
