//! Setup: keys, wallet and configuration, from nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use walrus_deploy::faucet;
use walrus_node::{
    NodeConfig,
    operator::{
        KeyFormat, KeyKind, MetadataConfig, NETWORK_KEY_FILE, Offer, PROTOCOL_KEY_FILE,
        VotingParams, generate, write_key,
    },
};
use walrus_sui::{
    Address,
    chain::shown_url,
    money::Amount,
    transactions::NodeRegistration,
    wallet::{Environment, Keypair, Wallet, replace_private, write_private},
};

use crate::{
    args::SetupArgs,
    config_file::{self, Files},
    network::Network,
    output::{Output, field},
};

const CONFIG_FILE: &str = "walrus-node.yaml";
const WALLET_FILE: &str = "sui_config.yaml";
const PARAMS_FILE: &str = "registration-params.yaml";

/// How much the faucet gave, and what is where.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    config_path: PathBuf,
    wallet_path: PathBuf,
    wallet_address: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    faucet_mist: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_params_path: Option<PathBuf>,
}

pub(crate) async fn run(args: SetupArgs, output: &Output) -> anyhow::Result<()> {
    let network = Network::of(&args.node.network)?;
    ensure!(
        !args.use_faucet || network.faucet.is_some(),
        "{} has no faucet; send SUI to the wallet and leave --use-faucet out",
        network.name
    );
    let dir = &args.config_directory;
    make_directory(dir, args.force)?;
    let protocol_key = dir.join(PROTOCOL_KEY_FILE);
    key(&protocol_key, KeyKind::Protocol, KeyFormat::Tagged)?;
    let network_key = match &args.network_key_path {
        Some(path) => path.clone(),
        None => {
            let path = dir.join(NETWORK_KEY_FILE);
            key(&path, KeyKind::Network, KeyFormat::Pkcs8)?;
            path
        }
    };
    let wallet = wallet(&dir.join(WALLET_FILE), &network)?;
    let address = wallet.active_address();
    let config_path = dir.join(CONFIG_FILE);
    let files = Files {
        storage: args.node.storage_path,
        protocol_key,
        network_key,
        wallet: wallet.path().to_owned(),
    };
    let config = config_file::write(&config_path, files, &network, args.node.config, args.force)?;
    // Reads every file that the configuration names.
    let (protocol_key, network_key) = (config.protocol_key()?, config.network_key()?);
    let params = match args.registering_third_party {
        None => None,
        Some(sender) => {
            let epoch = args.registration_epoch;
            let registration =
                Offer::of(&config, None)?.registration(&protocol_key, &network_key, epoch, sender);
            let params = ThirdPartyParams::new(registration, &config, sender, epoch, address);
            let path = dir.join(PARAMS_FILE);
            let text = serde_yaml::to_string(&params)?;
            let put = if args.force {
                replace_private
            } else {
                write_private
            };
            put(&path, text.as_bytes())?;
            Some(path)
        }
    };
    let faucet_mist = match network.faucet.as_deref().filter(|_| args.use_faucet) {
        Some(url) => Some(ask_faucet(url, address, args.faucet_timeout).await?),
        None => None,
    };
    let outcome = Outcome {
        config_path,
        wallet_path: wallet.path().to_owned(),
        wallet_address: address,
        faucet_mist,
        registration_params_path: params,
    };
    output.result(&outcome, lines)
}

/// What a third party registers the node with; bytes are base64.
#[derive(Debug, Serialize)]
struct ThirdPartyParams {
    registering_address: Address,
    registration_epoch: u32,
    node_wallet_address: Address,
    name: String,
    network_address: String,
    public_key: String,
    network_public_key: String,
    proof_of_possession: String,
    commission_rate: u16,
    voting_params: VotingParams,
    metadata: MetadataConfig,
}

impl ThirdPartyParams {
    fn new(
        registration: NodeRegistration,
        config: &NodeConfig,
        registering_address: Address,
        registration_epoch: u32,
        node_wallet_address: Address,
    ) -> Self {
        Self {
            registering_address,
            registration_epoch,
            node_wallet_address,
            name: registration.name,
            network_address: registration.network_address,
            public_key: STANDARD.encode(registration.public_key),
            network_public_key: STANDARD.encode(registration.network_public_key),
            proof_of_possession: STANDARD.encode(registration.proof_of_possession),
            commission_rate: registration.commission_rate,
            voting_params: config.voting_params.clone(),
            metadata: config.metadata.clone(),
        }
    }
}

fn lines(outcome: &Outcome) -> Vec<String> {
    let mut lines = vec![
        "The node has keys, a wallet and a configuration.".to_owned(),
        field("configuration", outcome.config_path.display()),
        field("wallet", outcome.wallet_path.display()),
        field("address", outcome.wallet_address),
    ];
    if let Some(mist) = outcome.faucet_mist {
        lines.push(field("from the faucet", Amount::sui(mist)));
    }
    let next = match &outcome.registration_params_path {
        Some(path) => {
            lines.push(field("parameters", path.display()));
            "Next: give the parameters to whoever registers the node.".to_owned()
        }
        None => format!(
            "Next: {} register --config-path {}",
            crate::NAME,
            outcome.config_path.display()
        ),
    };
    lines.push(next);
    lines
}

fn make_directory(dir: &Path, force: bool) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    ensure!(
        force || entries.count() == 0,
        "{} is not empty; choose another directory, or use it all the same with --force",
        dir.display()
    );
    Ok(())
}

/// A new key, unless one is there: a key that was registered must not be lost.
fn key(path: &Path, kind: KeyKind, format: KeyFormat) -> anyhow::Result<()> {
    if !path.exists() {
        write_key(path, &generate(kind, format)?, false)?;
    }
    Ok(())
}

/// A new wallet, unless one is there.
fn wallet(path: &Path, network: &Network) -> anyhow::Result<Wallet> {
    if path.exists() {
        return Ok(Wallet::load(path, None, None)?);
    }
    let environment = Environment {
        alias: network.name.clone(),
        rpc: network.rpc.clone(),
        ws: None,
        basic_auth: None,
    };
    Ok(Wallet::create(path, environment, Keypair::generate())?)
}

async fn ask_faucet(url: &str, address: Address, patience: u64) -> anyhow::Result<u64> {
    let patience = Duration::from_secs(patience);
    let coins = tokio::time::timeout(patience, faucet::request(url, address))
        .await
        .with_context(|| {
            format!(
                "the faucet at {} gave nothing within {patience:?}",
                shown_url(url)
            )
        })??;
    Ok(coins
        .iter()
        .fold(0, |sum, coin| coin.amount.saturating_add(sum)))
}
