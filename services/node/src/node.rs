//! Assembly of a storage node: start and shutdown.

use std::net::SocketAddr;

use walrus_sui::Address;

use crate::config::NodeConfig;

/// Starts storage nodes.
#[derive(Debug)]
pub struct StorageNode;

/// A storage node that is up. Dropping it without [`RunningNode::shutdown`] stops it at once, as a crash would.
#[derive(Debug)]
pub struct RunningNode {
    address: SocketAddr,
    node_id: Address,
}

impl StorageNode {
    /// Opens the storage, connects to the chain and serves the REST API. Returns when requests are accepted.
    ///
    /// # Errors
    /// If a key, the wallet, the storage, the chain or the listening address is not usable.
    pub async fn start(_config: NodeConfig) -> anyhow::Result<RunningNode> {
        anyhow::bail!("the storage node is not assembled yet")
    }
}

impl RunningNode {
    /// Where the REST API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The node's ID on chain.
    pub fn node_id(&self) -> Address {
        self.node_id
    }

    /// Stops accepting, lets open requests end, stops all work and closes the storage.
    ///
    /// # Errors
    /// If a part of the node had failed before.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        Ok(())
    }
}
