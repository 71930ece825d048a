//! The first half of a start: keys, wallet and chain, and who the node is there. The storage is left alone.

use std::{net::TcpListener, sync::Arc};

use anyhow::{Context, bail};
use walrus_core::{EncodingConfig, bls::BlsKeyPair, network_key::NetworkKeyPair};
use walrus_sui::{
    Address,
    chain::ChainClient,
    contract::{Committees, ContractReader},
    objects::StorageNodeCap,
    transactions::ContractWriter,
};

use super::{Listeners, Surroundings};
#[cfg(unix)]
use crate::operator::{SetLogLevel, admin::AdminDoor};
use crate::{
    blobs::{Blocklist, BlocklistError, read_blocklist},
    config::NodeConfig,
    operator::relocation,
    tls::{Secured, transport},
};

/// A node that has read its keys and asked the chain who it is. Nothing of its storage was touched: it may be dropped.
pub struct PreparedNode {
    pub(super) config: NodeConfig,
    pub(super) findings: Findings,
    pub(super) links: Links,
    pub(super) surroundings: Surroundings,
}

/// What the parts of the node are made from, beside the storage.
pub(super) struct Findings {
    pub(super) protocol_key: BlsKeyPair,
    pub(super) committees: Committees,
    pub(super) encoding: EncodingConfig,
    pub(super) blocklist: Blocklist,
}

/// What connects the node with the outside: clients and other nodes, the chain, the operator.
pub(super) struct Links {
    pub(super) listeners: Listeners,
    pub(super) secured: Secured,
    pub(super) network_key: Arc<NetworkKeyPair>,
    pub(super) reader: ContractReader,
    pub(super) writer: ContractWriter,
    pub(super) cap: StorageNodeCap,
    #[cfg(unix)]
    pub(super) set_log_level: Option<SetLogLevel>,
}

impl std::fmt::Debug for PreparedNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("PreparedNode");
        shown.field("node_id", &self.links.cap.node_id);
        shown.finish_non_exhaustive()
    }
}

impl PreparedNode {
    /// The first half of [`RunningNode::start`](super::RunningNode::start), which leaves the storage alone.
    ///
    /// # Errors
    /// If a key, the wallet, the chain or the listening address is not usable.
    pub async fn new(config: NodeConfig) -> anyhow::Result<Self> {
        let address = config.rest_api_address;
        let rest = TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address} (rest_api_address)"))?;
        let listeners = Listeners {
            rest,
            metrics: None,
        };
        Self::new_in(Surroundings::default(), listeners, config).await
    }

    /// Like [`PreparedNode::new`], on listeners that the caller has opened, and in other surroundings than those of the machine.
    ///
    /// # Errors
    /// If a key, the wallet or the chain is not usable.
    pub async fn new_in(
        surroundings: Surroundings,
        listeners: Listeners,
        config: NodeConfig,
    ) -> anyhow::Result<Self> {
        relocation::check(&config.storage_path)?;
        #[cfg(unix)]
        if let Some(path) = &config.admin_socket_path {
            AdminDoor::check(path).await?;
        }
        let protocol_key = config.protocol_key()?;
        let network_key = config.network_key()?;
        let secured = transport(&config.tls, &network_key, &config.public_host)?;
        let chain = match &surroundings.chain {
            Some(chain) => chain.clone(),
            None => ChainClient::new(&config.sui.rpc)?,
        };
        let reader = ContractReader::new(chain, config.sui.objects())
            .await
            .context("cannot read the contract")?;
        let writer = ContractWriter::new(reader.clone(), config.sui.wallet_key()?);
        let cap = capability(&reader, writer.address(), config.storage_node_cap).await?;
        let committees = reader
            .committees()
            .await
            .context("cannot read the committees")?;
        Ok(Self {
            findings: Findings {
                encoding: EncodingConfig::new(committees.current.n_shards)?,
                blocklist: blocklist(&config)?,
                protocol_key,
                committees,
            },
            config,
            surroundings,
            links: Links {
                listeners,
                secured,
                network_key: Arc::new(network_key),
                reader,
                writer,
                cap,
                #[cfg(unix)]
                set_log_level: None,
            },
        })
    }

    /// Lets the operator change what is logged, through the admin socket.
    #[cfg(unix)]
    #[must_use]
    pub fn with_log_level(mut self, set: SetLogLevel) -> Self {
        self.links.set_log_level = Some(set);
        self
    }
}

/// The node's capability: the configured one, or the only one of the wallet.
async fn capability(
    reader: &ContractReader,
    owner: Address,
    configured: Option<Address>,
) -> anyhow::Result<StorageNodeCap> {
    if let Some(id) = configured {
        return reader
            .node_cap(id)
            .await
            .context("cannot read the node's capability");
    }
    let mut caps = reader.owned_node_caps(owner).await?;
    match (caps.pop(), caps.len()) {
        (Some(cap), 0) => Ok(cap),
        (None, _) => bail!("the wallet {owner} owns no node capability; register the node first"),
        (Some(_), more) => bail!(
            "the wallet {owner} owns {} node capabilities; choose one with storage_node_cap",
            more.saturating_add(1)
        ),
    }
}

fn blocklist(config: &NodeConfig) -> Result<Blocklist, BlocklistError> {
    let Some(path) = &config.blocklist_path else {
        return Ok(Blocklist::default());
    };
    Ok(read_blocklist(path)?.into_iter().collect())
}
