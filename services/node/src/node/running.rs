//! A node that is up, and its shutdown.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use walrus_service::server::Server;
use walrus_sui::Address;

use super::{Listeners, PreparedNode, Surroundings};
#[cfg(unix)]
use crate::operator::admin::AdminDoor;
use crate::{NodeConfig, api, operator::Account, parts::Parts, upkeep::Restart, view::NodeView};

/// A storage node that is up. Dropping it without [`RunningNode::shutdown`] stops it at once, as a crash would.
#[derive(Debug)]
pub struct RunningNode {
    pub(super) parts: Parts,
    pub(super) served: Served,
    pub(super) account: Arc<Account>,
    pub(super) grace: Option<Duration>,
}

/// What a node serves on.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) server: Server,
    pub(super) metrics_server: Option<Server>,
    #[cfg(unix)]
    pub(super) door: Option<AdminDoor>,
}

impl RunningNode {
    /// Opens the storage, connects to the chain and serves the REST API. Returns when requests are accepted.
    ///
    /// # Errors
    /// If a key, the wallet, the storage, the chain or the listening address is not usable.
    pub async fn start(config: NodeConfig) -> anyhow::Result<Self> {
        PreparedNode::new(config).await?.start().await
    }

    /// Like [`RunningNode::start`], on listeners that the caller has opened.
    ///
    /// # Errors
    /// See [`RunningNode::start`].
    pub async fn start_on(listeners: Listeners, config: NodeConfig) -> anyhow::Result<Self> {
        let prepared = PreparedNode::new_in(Surroundings::default(), listeners, config);
        prepared.await?.start().await
    }

    /// Where the REST API listens.
    pub fn address(&self) -> SocketAddr {
        self.served.server.address()
    }

    /// The node's ID on chain.
    pub fn node_id(&self) -> Address {
        self.parts.node_id
    }

    /// The REST API without a server around it: for callers in this process.
    pub fn router(&self) -> axum::Router {
        api::router(self.parts.deeds.clone())
    }

    /// Looks at the node.
    pub fn view(&self) -> NodeView {
        view(&self.parts, &self.account)
    }

    /// Waits until a background job of the node fails; returns what failed.
    pub async fn failed(&self) -> String {
        self.parts.runner.failed().await.to_string()
    }

    /// Waits until the node has to start again, with what its configuration file says by then: stop it in order, and start another one. Node
    /// spec 5.10.
    pub async fn restart_wanted(&self) -> Restart {
        let mut wanted = self.parts.restart.subscribe();
        match wanted.wait_for(Option::is_some).await.map(|why| *why) {
            Ok(Some(why)) => why,
            // The sender lives as long as the parts.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Stops accepting, lets open requests end, stops all work and closes the storage. Afterwards the directory and the address
    /// are free for another start.
    ///
    /// # Errors
    /// If a background job had failed before, or the storage cannot be closed.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        let Self {
            parts,
            served,
            grace,
            ..
        } = self;
        // What is asked last is how the node is; afterwards nothing of the door holds the storage.
        #[cfg(unix)]
        if let Some(door) = served.door {
            door.close().await;
        }
        served.server.shutdown(grace).await;
        if let Some(server) = &served.metrics_server {
            server.shutdown(Some(Duration::ZERO)).await;
        }
        // Both hold routers, and those hold deeds.
        drop((served.server, served.metrics_server));
        Ok(parts.close().await?)
    }
}

pub(super) fn view(parts: &Parts, account: &Arc<Account>) -> NodeView {
    NodeView {
        node_id: parts.node_id,
        health: Arc::clone(&parts.deeds.health),
        workers: parts.runner.workers().clone(),
        account: Arc::clone(account),
        deferrals: Arc::clone(&parts.deferrals),
    }
}
