//! Peers: the other nodes of the committee.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::seq::SliceRandom as _;
use walrus_core::{ShardIndex, network_key::NetworkPublicKey};
use walrus_node_client::{NodeClient, NodeClientOptions};
use walrus_sui::{Address, contract::CommitteeMember};

use crate::{committee::CommitteeView, config::BlobRecoveryConfig, limits::MAX_PEER_CLIENTS};

/// Connections to other nodes, kept for the next request.
#[derive(Debug)]
pub(crate) struct Peers {
    options: NodeClientOptions,
    clients: Mutex<HashMap<(String, Vec<u8>), NodeClient>>,
}

impl Peers {
    pub(crate) fn new(config: &BlobRecoveryConfig) -> Self {
        let request = Duration::from_secs(config.sliver_request_timeout_secs);
        Self {
            options: NodeClientOptions {
                connect_timeout: Duration::from_secs(config.node_connect_timeout_secs),
                read_timeout: request,
                total_timeout: request,
                ..NodeClientOptions::default()
            },
            clients: Mutex::default(),
        }
    }

    /// The connection to a member; `None` if its address or key is unusable.
    pub(crate) fn client(&self, member: &CommitteeMember) -> Option<NodeClient> {
        let key = (
            member.network_address.clone(),
            member.network_public_key.clone(),
        );
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Some(client.clone());
        }
        let network_key = NetworkPublicKey::from_sec1(&member.network_public_key).ok()?;
        let client = NodeClient::new(&member.network_address, &network_key, &self.options)
            .inspect_err(|error| tracing::warn!(%error, name = member.name, "unusable peer"))
            .ok()?;
        if clients.len() >= MAX_PEER_CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Some(client)
    }

    /// The members of the current and the previous committee but `own`, in random order.
    pub(crate) fn all(&self, view: &Arc<CommitteeView>, own: Address) -> Vec<NodeClient> {
        let mut members: HashMap<Address, &CommitteeMember> = HashMap::new();
        let committees = &view.committees;
        let previous = committees.previous.iter().flat_map(|c| &c.members);
        for member in previous.chain(&committees.current.members) {
            members.insert(member.node_id, member);
        }
        members.remove(&own);
        let mut clients: Vec<_> = members
            .into_values()
            .filter_map(|member| self.client(member))
            .collect();
        clients.shuffle(&mut rand::rng());
        clients
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
