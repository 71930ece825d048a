//! Peers: the other nodes of the committee.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::seq::SliceRandom as _;
use tokio::sync::Semaphore;
use walrus_core::{ShardIndex, network_key::NetworkKeyPair};
use walrus_node_client::{
    Addresses, Endpoint, MAX_POOLED_NODES, NodeClient, NodeClientOptions, NodePool,
};
use walrus_sui::{Address, contract::CommitteeMember};

use crate::{committee::CommitteeView, config::BlobRecoveryConfig, limits::MAX_REQUESTS_PER_PEER};

/// Another node, and the shards that it has or had a moment ago.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) client: NodeClient,
    pub(crate) shards: BTreeSet<ShardIndex>,
    /// One for each request that it may be asked at once by all recoveries together, so that a slow node does not hold them all.
    pub(crate) requests: Arc<Semaphore>,
}

/// On what terms a node speaks to others.
#[derive(Debug, Clone)]
pub struct PeerTerms {
    /// Where they may be.
    pub addresses: Addresses,
    /// With what it introduces itself, so that it gets a peer's share of them.
    pub identity: Option<Arc<NetworkKeyPair>>,
}

/// Connections to other nodes, kept for the next request.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    pool: NodePool,
    requests: Arc<Mutex<HashMap<Address, Arc<Semaphore>>>>,
}

impl Peers {
    pub(crate) fn new(config: &BlobRecoveryConfig, terms: &PeerTerms) -> Self {
        let request = Duration::from_secs(config.sliver_request_timeout_secs);
        let pool = NodePool::new(NodeClientOptions {
            connect_timeout: Duration::from_secs(config.node_connect_timeout_secs),
            read_timeout: request,
            total_timeout: request,
            addresses: terms.addresses,
            identity: terms.identity.clone(),
            ..NodeClientOptions::default()
        });
        Self {
            pool,
            requests: Arc::default(),
        }
    }

    /// The connection to a member; `None` if its address or key is unusable.
    pub(crate) fn client(&self, member: &CommitteeMember) -> Option<NodeClient> {
        let Some(key) = member.network_public_key else {
            tracing::warn!(name = member.name, "unusable peer: no network key on chain");
            return None;
        };
        let endpoint = Endpoint {
            address: member.network_address.clone(),
            key,
        };
        self.pool
            .client(endpoint)
            .inspect_err(|error| tracing::warn!(%error, name = member.name, "unusable peer"))
            .ok()
    }

    /// The members of the current and the previous committee but `own`, in random order.
    pub(crate) fn all(&self, view: &CommitteeView, own: Address) -> Vec<Peer> {
        let mut members: HashMap<Address, (&CommitteeMember, BTreeSet<ShardIndex>)> =
            HashMap::new();
        let committees = &view.committees;
        let previous = committees.previous.iter().flat_map(|c| &c.members);
        for member in previous.chain(&committees.current.members) {
            let entry = members.entry(member.node_id);
            let (latest, shards) = entry.or_insert_with(|| (member, BTreeSet::new()));
            *latest = member;
            shards.extend(&member.shards);
        }
        members.remove(&own);
        let peer = |(member, shards)| {
            let client = self.client(member)?;
            let requests = self.requests_of(member.node_id);
            Some(Peer {
                client,
                shards,
                requests,
            })
        };
        let mut peers: Vec<_> = members.into_values().filter_map(peer).collect();
        peers.shuffle(&mut rand::rng());
        peers
    }

    fn requests_of(&self, node_id: Address) -> Arc<Semaphore> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() >= MAX_POOLED_NODES {
            // Nobody asks them just now.
            requests.retain(|_, requests| Arc::strong_count(requests) > 1);
        }
        let fresh = || Arc::new(Semaphore::new(MAX_REQUESTS_PER_PEER));
        Arc::clone(requests.entry(node_id).or_insert_with(fresh))
    }

    /// The owner of a shard in the epoch before, unless it is `own`.
    pub(crate) fn previous_owner(
        &self,
        view: &CommitteeView,
        shard: ShardIndex,
        own: Address,
    ) -> Option<NodeClient> {
        let (_, member) = view.committees.previous.as_ref()?.member_of_shard(shard)?;
        (member.node_id != own)
            .then(|| self.client(member))
            .flatten()
    }
}
