//! Peers: the other nodes of the committee.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::seq::SliceRandom as _;
use tokio::{sync::Semaphore, time::Instant};
use walrus_core::{ShardIndex, network_key::NetworkKeyPair};
use walrus_node_client::{
    Addresses, Endpoint, MAX_POOLED_NODES, NodeClient, NodeClientOptions, NodePool, Transport,
};
use walrus_sui::{Address, contract::CommitteeMember};

use crate::{
    committee::CommitteeView,
    config::BlobRecoveryConfig,
    limits::{MAX_REQUESTS_PER_PEER, SLOW_PEER},
};

/// Another node, and the shards that it has or had a moment ago.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) client: NodeClient,
    pub(crate) shards: BTreeSet<ShardIndex>,
    /// One for each request that it may be asked at once by all recoveries together, so that a slow node does not hold them all.
    pub(crate) requests: Arc<Semaphore>,
    /// Its ID on chain.
    pub(crate) node_id: Address,
}

/// On what terms a node speaks to others.
#[derive(Debug, Clone)]
pub struct PeerTerms {
    /// Where they may be.
    pub addresses: Addresses,
    /// With what it introduces itself, so that it gets a peer's share of them.
    pub identity: Option<Arc<NetworkKeyPair>>,
    /// What carries requests to them; HTTPS when absent.
    pub transport: Option<Arc<dyn Transport>>,
}

/// Connections to other nodes, kept for the next request.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    pool: NodePool,
    books: Arc<Mutex<HashMap<Address, Book>>>,
}

/// What is known of one peer.
#[derive(Debug)]
struct Book {
    requests: Arc<Semaphore>,
    /// Until when others are asked before it.
    slow_until: Option<Instant>,
}

impl Book {
    fn is_slow(&self, now: Instant) -> bool {
        self.slow_until.is_some_and(|until| until > now)
    }
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
            transport: terms.transport.clone(),
            ..NodeClientOptions::default()
        });
        Self {
            pool,
            books: Arc::default(),
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

    fn books(&self) -> MutexGuard<'_, HashMap<Address, Book>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a peer did not answer in time: for a while it is asked after all others.
    pub(crate) fn was_slow(&self, node_id: Address) {
        self.look_up(node_id);
        let until = Instant::now().checked_add(SLOW_PEER);
        if let Some(book) = self.books().get_mut(&node_id) {
            book.slow_until = until;
        }
    }

    /// Whether a peer was slow not long ago.
    pub(crate) fn is_slow(&self, node_id: Address) -> bool {
        let (books, now) = (self.books(), Instant::now());
        books.get(&node_id).is_some_and(|book| book.is_slow(now))
    }

    /// The members of the current and the previous committee but `own`, in random order, those that were slow last.
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
            let (requests, is_slow) = self.look_up(member.node_id);
            let peer = Peer {
                client,
                shards,
                requests,
                node_id: member.node_id,
            };
            Some((is_slow, peer))
        };
        let mut peers: Vec<_> = members.into_values().filter_map(peer).collect();
        peers.shuffle(&mut rand::rng());
        peers.sort_by_key(|(is_slow, _)| *is_slow);
        peers.into_iter().map(|(_, peer)| peer).collect()
    }

    /// The requests of a peer, and whether it was slow.
    fn look_up(&self, node_id: Address) -> (Arc<Semaphore>, bool) {
        let (mut books, now) = (self.books(), Instant::now());
        if books.len() >= MAX_POOLED_NODES {
            // Nobody asks the others just now.
            books.retain(|_, book| Arc::strong_count(&book.requests) > 1 || book.is_slow(now));
        }
        let book = books.entry(node_id).or_insert_with(|| Book {
            requests: Arc::new(Semaphore::new(MAX_REQUESTS_PER_PEER)),
            slow_until: None,
        });
        (Arc::clone(&book.requests), book.is_slow(now))
    }

    /// The owner of a shard in the epoch before, unless it is `own` or was slow.
    pub(crate) fn previous_owner(
        &self,
        view: &CommitteeView,
        shard: ShardIndex,
        own: Address,
    ) -> Option<(Address, NodeClient)> {
        let (_, member) = view.committees.previous.as_ref()?.member_of_shard(shard)?;
        if member.node_id == own || self.is_slow(member.node_id) {
            return None;
        }
        Some((member.node_id, self.client(member)?))
    }
}
