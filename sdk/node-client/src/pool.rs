//! Node pool: connections to nodes, kept by address and key for the next request.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use walrus_core::network_key::NetworkPublicKey;

use crate::{NodeClient, NodeClientOptions, NodeError};

/// Nodes whose connections are kept; of more, those used longest ago go first. Twice the largest committee.
pub const MAX_POOLED_NODES: usize = 2048;

/// Opens connections to nodes and keeps them. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct NodePool {
    options: NodeClientOptions,
    limit: usize,
    kept: Arc<Mutex<Kept>>,
}

/// What a connection depends on: a node that changes one of them is another peer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `host:port`, as on chain.
    pub address: String,
    /// The network key.
    pub key: NetworkPublicKey,
}

#[derive(Debug, Default)]
struct Kept {
    /// Clients and when they were asked for last.
    clients: HashMap<Endpoint, (NodeClient, u64)>,
    uses: u64,
}

impl NodePool {
    /// No connections yet, all of them with these options.
    pub fn new(options: NodeClientOptions) -> Self {
        Self::with_limit(options, MAX_POOLED_NODES)
    }

    /// Like [`NodePool::new`], for at most so many nodes.
    fn with_limit(options: NodeClientOptions, limit: usize) -> Self {
        Self {
            options,
            limit: limit.max(1),
            kept: Arc::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to a node; it connects on first use.
    ///
    /// # Errors
    /// If the address is none, or the client cannot be made.
    pub fn client(&self, endpoint: Endpoint) -> Result<NodeClient, NodeError> {
        let mut kept = self.kept();
        kept.uses = kept.uses.wrapping_add(1);
        let now = kept.uses;
        if let Some((client, used)) = kept.clients.get_mut(&endpoint) {
            *used = now;
            return Ok(client.clone());
        }
        let client = NodeClient::new(&endpoint.address, &endpoint.key, &self.options)?;
        if kept.clients.len() >= self.limit {
            kept.drop_oldest();
        }
        kept.clients.insert(endpoint, (client.clone(), now));
        Ok(client)
    }

    /// Lets go of the connections to all other nodes.
    pub fn retain(&self, wanted: impl Fn(&Endpoint) -> bool) {
        self.kept().clients.retain(|endpoint, _| wanted(endpoint));
    }
}

impl Kept {
    fn drop_oldest(&mut self) {
        let oldest = self.clients.iter().min_by_key(|(_, (_, used))| *used);
        if let Some(endpoint) = oldest.map(|(endpoint, _)| endpoint.clone()) {
            self.clients.remove(&endpoint);
        }
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::network_key::NetworkKeyPair;

    use super::*;

    fn options() -> NodeClientOptions {
        NodeClientOptions {
            addresses: crate::Addresses::Any,
            ..NodeClientOptions::default()
        }
    }

    fn endpoint(port: u16) -> Endpoint {
        let key = NetworkKeyPair::from_secret_bytes(&[7; 32]).unwrap();
        Endpoint {
            address: format!("127.0.0.1:{port}"),
            key: key.public_key(),
        }
    }

    fn kept(pool: &NodePool) -> Vec<String> {
        let kept = pool.kept();
        let mut addresses: Vec<_> = kept.clients.keys().map(|e| e.address.clone()).collect();
        addresses.sort_unstable();
        addresses
    }

    #[test]
    fn the_connection_used_longest_ago_goes_first() {
        let pool = NodePool::with_limit(options(), 2);
        for port in [1, 2, 1, 3] {
            pool.client(endpoint(port)).unwrap();
        }
        assert_eq!(kept(&pool), ["127.0.0.1:1", "127.0.0.1:3"]);
        pool.retain(|endpoint| endpoint.address.ends_with('3'));
        assert_eq!(kept(&pool), ["127.0.0.1:3"]);
    }

    #[test]
    fn another_key_is_another_node_and_a_malformed_address_none() {
        let pool = NodePool::new(options());
        pool.client(endpoint(1)).unwrap();
        let key = NetworkKeyPair::from_secret_bytes(&[8; 32]).unwrap();
        let changed = Endpoint {
            key: key.public_key(),
            ..endpoint(1)
        };
        pool.client(changed).unwrap();
        assert_eq!(kept(&pool).len(), 2);
        let nowhere = Endpoint {
            address: "no/host".to_owned(),
            ..endpoint(1)
        };
        assert!(pool.client(nowhere).is_err());
        assert_eq!(kept(&pool).len(), 2);
    }

    #[test]
    fn a_node_in_a_private_network_is_none_unless_the_network_is_local() {
        let pool = NodePool::new(NodeClientOptions::default());
        let error = pool.client(endpoint(1)).unwrap_err();
        assert!(matches!(&error, NodeError::Forbidden(_)), "{error}");
    }
}
