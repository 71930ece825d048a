//! Doctor: checks of what a node needs, made before it starts or while it runs. Nothing is changed.

use std::{
    net::{IpAddr, SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use walrus_service::clock::Clock;
use walrus_sui::{
    Address,
    chain::ChainClient,
    contract::{Committees, ContractReader},
    money::Amount,
    objects::StorageNodeInfo,
};

#[cfg(unix)]
use super::free_space::{Room, bytes_of_slivers};
use super::own_keys::{Known, differences};
use crate::{NodeConfig, config::SuiConfig, tls::transport};

/// Longest wait for anybody else.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far this machine's clock may be from the chain's.
const CLOCK_LEEWAY_MS: u64 = 10_000;
/// A chain that made no checkpoint for so long stands still, or this clock is ahead of it.
const CHAIN_LEEWAY_MS: u64 = 60_000;
/// Files that a node has open: one for each connection, besides those of its storage.
const MIN_OPEN_FILES: u64 = 10_000;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it is.
    pub finding: Finding,
    /// A sentence: what was found and, if it is not as it should be, what to do.
    pub says: String,
}

/// How something is that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Finding {
    /// As it should be.
    Fine,
    /// It works so, and perhaps not for long.
    Warning,
    /// The node does not work so.
    Problem,
}

/// The checks so far.
#[derive(Debug, Default)]
struct Findings(Vec<Check>);

impl Findings {
    fn add(&mut self, name: &str, finding: Finding, says: impl Into<String>) {
        self.0.push(Check {
            name: name.to_owned(),
            finding,
            says: says.into(),
        });
    }

    fn fine(&mut self, name: &str, says: impl Into<String>) {
        self.add(name, Finding::Fine, says);
    }

    fn warning(&mut self, name: &str, says: impl Into<String>) {
        self.add(name, Finding::Warning, says);
    }

    fn problem(&mut self, name: &str, says: impl Into<String>) {
        self.add(name, Finding::Problem, says);
    }
}

/// Checks everything that a node with this configuration needs; `running` says whether it runs now.
pub async fn examine(config: &NodeConfig, running: bool) -> Vec<Check> {
    let mut findings = Findings::default();
    let version = env!("CARGO_PKG_VERSION");
    findings.fine("version", format!("this is walrus-node {version}"));
    open_files(&mut findings);
    room(&mut findings, config);
    keys(&mut findings, config);
    let addresses = names(&mut findings, config).await;
    port(&mut findings, config, &addresses, running).await;
    chain(&mut findings, config).await;
    findings.0
}

#[cfg(unix)]
fn open_files(findings: &mut Findings) {
    // The program raises the limit up to what it may be.
    match rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum {
        Some(most) if most < MIN_OPEN_FILES => findings.warning(
            "open files",
            format!("a process may have {most} files open, and a node with many clients takes more than {MIN_OPEN_FILES}: raise the limit (LimitNOFILE of the unit, `ulimit -Hn`)"),
        ),
        Some(most) => findings.fine("open files", format!("a process may have {most} open")),
        None => findings.fine("open files", "there is no limit"),
    }
}

#[cfg(not(unix))]
fn open_files(_: &mut Findings) {}

/// The nearest directory that is there.
fn existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|path| path.exists())
}

#[cfg(unix)]
fn room(findings: &mut Findings, config: &NodeConfig) {
    use std::{collections::BTreeSet, os::unix::fs::MetadataExt as _};
    const NAME: &str = "free space";
    let (mut room, mut counted) = (Room::default(), BTreeSet::new());
    for disk in config.disk_paths() {
        let Some(existing) = existing(&disk) else {
            let path = disk.display();
            return findings.problem(NAME, format!("no directory above {path} is there"));
        };
        let looked_at = || {
            let device = std::fs::metadata(existing)?.dev();
            Ok::<_, std::io::Error>((device, rustix::fs::statvfs(existing)?))
        };
        let (device, stat) = match looked_at() {
            Ok(looked_at) => looked_at,
            Err(error) => {
                let path = existing.display();
                return findings.problem(NAME, format!("cannot look at {path}: {error}"));
            }
        };
        room.used = room.used.saturating_add(bytes_of_slivers(&disk));
        // Two directories of one file system share its room.
        if counted.insert(device) {
            let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
            room.free = room.free.saturating_add(bytes(stat.f_bavail));
            room.all = room.all.saturating_add(bytes(stat.f_blocks));
        }
    }
    let (finding, says) = room.judge(config.voting_params.node_capacity);
    findings.add(NAME, finding, says);
}

#[cfg(not(unix))]
fn room(_: &mut Findings, _: &NodeConfig) {}

fn keys(findings: &mut Findings, config: &NodeConfig) {
    const CERTIFICATE: &str = "certificate";
    if let Err(error) = config.protocol_key() {
        findings.problem("protocol key", format!("{error:#}"));
    }
    let network = match config.network_key() {
        Ok(network) => network,
        Err(error) => return findings.problem("network key", format!("{error:#}")),
    };
    match transport(&config.tls, &network, &config.public_host) {
        Err(error) => findings.problem(CERTIFICATE, format!("{error:#}")),
        Ok(_) if config.tls.disable_tls => findings.warning(
            CERTIFICATE,
            "the node itself speaks no TLS (tls.disable_tls): what stands before it has to, with the network key",
        ),
        Ok(_) => certificate_file(findings, config),
    }
}

fn certificate_file(findings: &mut Findings, config: &NodeConfig) {
    const NAME: &str = "certificate";
    let Some(path) = &config.tls.certificate_path else {
        return findings.fine(NAME, "the node makes its own, with its network key");
    };
    let file = path.display();
    match ends_at(path) {
        Err(error) => findings.problem(NAME, format!("{file}: {error}")),
        Ok(end_ms) => {
            let days = end_ms.saturating_sub(Clock::system().unix_ms()) / 86_400_000;
            if days == 0 {
                findings.problem(
                    NAME,
                    format!("{file} is over, or ends within a day: renew it"),
                );
            } else if days < 14 {
                findings.warning(NAME, format!("{file} ends in {days} days: renew it"));
            } else {
                let says = format!("{file} has the network key, and ends in {days} days");
                findings.fine(NAME, says);
            }
        }
    }
}

/// When the leaf of a PEM chain ends, in milliseconds since 1970.
fn ends_at(path: &Path) -> anyhow::Result<u64> {
    let bytes = std::fs::read(path)?;
    let leaf = x509_parser::pem::Pem::iter_from_buffer(&bytes).next();
    let leaf = leaf.context("there is no certificate in it")??;
    let end = leaf.parse_x509()?.validity().not_after.timestamp();
    Ok(u64::try_from(end).unwrap_or_default().saturating_mul(1000))
}

/// What the public name stands for.
async fn names(findings: &mut Findings, config: &NodeConfig) -> Vec<SocketAddr> {
    const NAME: &str = "name";
    let address = config.public_address();
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host(&address)).await;
    let addresses: Vec<_> = match found {
        Err(_) => {
            findings.problem(
                NAME,
                format!("no name server said within {PATIENCE:?} what {address} is"),
            );
            return Vec::new();
        }
        Ok(Err(error)) => {
            findings.problem(
                NAME,
                format!("{address} is no address (public_host): {error}"),
            );
            return Vec::new();
        }
        Ok(Ok(addresses)) => addresses.collect(),
    };
    let listed: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
    let listed = listed.join(", ");
    if addresses.iter().all(|address| is_private(address.ip())) {
        findings.warning(
            NAME,
            format!("{address} is {listed}, which is reached from this machine or its network only; nodes of a public network need a public address"),
        );
    } else {
        findings.fine(NAME, format!("{address} is {listed}"));
    }
    addresses
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Whether what is sent to the public address arrives here. While the node does not run, something else listens in its place.
async fn port(
    findings: &mut Findings,
    config: &NodeConfig,
    addresses: &[SocketAddr],
    running: bool,
) {
    const NAME: &str = "port";
    let listens = config.rest_api_address;
    let stand_in = if running {
        None
    } else {
        match TcpListener::bind(listens) {
            Ok(listener) => Some(listener),
            Err(error) => {
                return findings.problem(NAME, format!("cannot listen on {listens} (rest_api_address): {error}; another program may have it"));
            }
        }
    };
    let mut failure = "it has none".to_owned();
    for address in addresses {
        let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect(address));
        match connecting.await {
            Ok(Ok(_)) => {
                findings.fine(NAME, format!("{address} is reached from here; that it is from elsewhere, only somebody elsewhere can tell, with GET /v1/health"));
                drop(stand_in);
                return;
            }
            Ok(Err(error)) => failure = error.to_string(),
            Err(_) => failure = format!("nothing came within {PATIENCE:?}"),
        }
    }
    findings.problem(
        NAME,
        format!(
            "{} is not reached from here ({failure}): is the port open in the firewall, and forwarded to {listens}? Some networks do not lead back to their own public address; then ask from elsewhere",
            config.public_address()
        ),
    );
}

/// What only the chain can tell.
async fn chain(findings: &mut Findings, config: &NodeConfig) {
    const NAME: &str = "chain";
    let reading = tokio::time::timeout(PATIENCE, read_contract(&config.sui));
    let (reader, chain_id, committees) = match reading.await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => {
            return findings.problem(NAME, format!("{error:#}: does sui.rpc name a server of the right network, and system_object and staking_object its objects?"));
        }
        Err(_) => {
            return findings.problem(
                NAME,
                format!("the RPC server (sui.rpc) did not answer within {PATIENCE:?}"),
            );
        }
    };
    findings.fine(
        NAME,
        format!(
            "the chain is {chain_id}, the contract is in epoch {}",
            committees.epoch
        ),
    );
    if let Err(error) = clock(findings, &reader).await {
        findings.problem(
            "clock",
            format!("the chain does not say what time it is: {error:#}"),
        );
    }
    if let Err(error) = membership(findings, config, &reader, &committees).await {
        findings.problem("capability", format!("{error:#}"));
    }
}

async fn read_contract(sui: &SuiConfig) -> anyhow::Result<(ContractReader, String, Committees)> {
    let chain = ChainClient::new(&sui.rpc)?;
    let chain_id = chain.chain_id().await?.to_string();
    let reader = ContractReader::new(chain, sui.objects()).await?;
    let committees = reader.committees().await?;
    Ok((reader, chain_id, committees))
}

async fn clock(findings: &mut Findings, reader: &ContractReader) -> anyhow::Result<()> {
    let chain = reader.time_ms().await?;
    let (finding, says) = compare_clocks(Clock::system().unix_ms(), chain);
    findings.add("clock", finding, says);
    Ok(())
}

fn compare_clocks(here_ms: u64, chain_ms: u64) -> (Finding, String) {
    let (behind, ahead) = (
        chain_ms.saturating_sub(here_ms),
        here_ms.saturating_sub(chain_ms),
    );
    if behind > CLOCK_LEEWAY_MS {
        let says = format!(
            "this machine is {} s behind the chain: set its clock (NTP)",
            behind / 1000
        );
        (Finding::Problem, says)
    } else if ahead > CHAIN_LEEWAY_MS {
        let says = format!(
            "this machine is {} s ahead of the chain: its clock is wrong, or the chain, or its RPC server, stands still",
            ahead / 1000
        );
        (Finding::Warning, says)
    } else {
        (Finding::Fine, "this machine and the chain agree".to_owned())
    }
}

async fn membership(
    findings: &mut Findings,
    config: &NodeConfig,
    reader: &ContractReader,
    committees: &Committees,
) -> anyhow::Result<()> {
    let wallet = config.sui.wallet_key()?.address();
    let owned = reader.owned_node_caps(wallet).await?;
    let cap = match config.storage_node_cap {
        Some(id) => owned.iter().find(|cap| cap.id == id),
        None => owned.first().filter(|_| owned.len() == 1),
    };
    match (cap, config.storage_node_cap) {
        (Some(cap), _) => {
            let (id, node_id) = (cap.id, cap.node_id);
            findings.fine("capability", format!("the wallet owns {id}, of the node {node_id}"));
            let pool = reader.pool(node_id).await?;
            on_chain(findings, config, &pool.pool.node_info)?;
            place(findings, committees, node_id);
        }
        (None, Some(id)) => findings.problem("capability", format!("the wallet {wallet} does not own {id} (storage_node_cap): is it another wallet than the one that registered the node?")),
        (None, None) if owned.is_empty() => findings.problem("capability", format!("the wallet {wallet} owns none: register the node with `walrus-node register`")),
        (None, None) => findings.problem("capability", format!("the wallet {wallet} owns {}: name one in storage_node_cap", owned.len())),
    }
    let (balance, least) = (
        reader.chain().sui_balance(wallet).await?,
        config.balance_check.warning_threshold_mist,
    );
    let says = format!("{wallet} has {}", Amount::sui(balance));
    if balance < least {
        findings.warning(
            "wallet",
            format!(
                "{says}, less than {} (balance_check.warning_threshold_mist): send it SUI for gas",
                Amount::sui(least)
            ),
        );
    } else {
        findings.fine("wallet", says);
    }
    Ok(())
}

/// Whether the chain knows the node as it is.
fn on_chain(
    findings: &mut Findings,
    config: &NodeConfig,
    info: &StorageNodeInfo,
) -> anyhow::Result<()> {
    let (protocol, network) = (config.protocol_key()?, config.network_key()?);
    let wrong = differences(
        &Known::from(info),
        &protocol.public_key(),
        &network.public_key().0,
    );
    if wrong.is_empty() {
        findings.fine("keys", "the chain has the keys of the configuration");
    }
    for difference in wrong {
        findings.problem("keys", difference);
    }
    let (known, ours) = (&info.network_address, config.public_address());
    if *known == ours {
        findings.fine("address", format!("the chain has {ours}"));
    } else {
        findings.problem("address", format!("the chain has {known}, and the configuration {ours} (public_host, public_port): others look for the node where the chain says"));
    }
    Ok(())
}

fn place(findings: &mut Findings, committees: &Committees, node_id: Address) {
    let shards = |committee: &walrus_sui::contract::Committee| {
        committee
            .member(node_id)
            .map_or(0, |(_, member)| member.shards.len())
    };
    let now = shards(&committees.current);
    match committees.next.as_ref().map(shards) {
        Some(next) => findings.fine(
            "committee",
            format!("the node has {now} shards, and {next} in the next epoch"),
        ),
        None if now == 0 => findings.warning(
            "committee",
            "the node has no shards: it needs stake (`walrus stake --node-id …`)",
        ),
        None => findings.fine("committee", format!("the node has {now} shards")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(dir: &Path, rest: SocketAddr) -> NodeConfig {
        let text = format!(
            "name: n\nstorage_path: {}/data/deep\nprotocol_key_pair: {{path: /nowhere/p}}\nnetwork_key_pair: {{path: /nowhere/n}}\n\
             public_host: 127.0.0.1\npublic_port: {}\nrest_api_address: {rest}\nsui:\n  rpc: http://127.0.0.1:1\n  \
             system_object: '0x2'\n  staking_object: '0x3'\n  wallet_config: /w\nvoting_params: {{node_capacity: 1}}\n",
            dir.display(),
            rest.port(),
        );
        NodeConfig::parse(&text, "a test").unwrap()
    }

    fn found<'a>(checks: &'a [Check], name: &str) -> &'a Check {
        checks.iter().find(|check| check.name == name).unwrap()
    }

    #[tokio::test]
    async fn each_thing_that_is_wrong_is_found_though_others_are_wrong_too() {
        let dir = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = config(dir.path(), taken.local_addr().unwrap());
        let checks = examine(&config, false).await;
        for (name, says) in [
            ("protocol key", "/nowhere/p"),
            ("network key", "/nowhere/n"),
            ("port", "rest_api_address"),
            ("chain", "sui.rpc"),
        ] {
            let check = found(&checks, name);
            assert_eq!(check.finding, Finding::Problem, "{check:?}");
            assert!(check.says.contains(says), "{check:?}");
        }
        assert_eq!(found(&checks, "name").finding, Finding::Warning);
        assert_eq!(found(&checks, "free space").finding, Finding::Fine);
        // Of a node that runs, the port is its own.
        let checks = examine(&config, true).await;
        assert_eq!(found(&checks, "port").finding, Finding::Fine);
        assert!(!dir.path().join("data").exists(), "nothing was made");
    }

    #[test]
    fn clocks_may_differ_a_little() {
        for (here, chain, finding) in [
            (1_000_000, 1_005_000, Finding::Fine),
            (1_000_000, 990_000, Finding::Fine),
            (1_000_000, 1_020_000, Finding::Problem),
            (1_000_000, 900_000, Finding::Warning),
        ] {
            assert_eq!(compare_clocks(here, chain).0, finding, "{here} {chain}");
        }
    }
}
