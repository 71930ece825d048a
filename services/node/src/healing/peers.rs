//! Peers: the other nodes of the committee.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rand::seq::SliceRandom as _;
use walrus_core::{ShardIndex, network_key::NetworkKeyPair};
use walrus_node_client::{Addresses, Endpoint, NodeClient, NodeClientOptions, NodePool};
use walrus_sui::{Address, contract::CommitteeMember};

use crate::{committee::CommitteeView, config::BlobRecoveryConfig};

/// On what terms a node speaks to others.
#[derive(Debug, Clone)]
pub struct PeerTerms {
    /// Where they may be.
    pub addresses: Addresses,
    /// With what it introduces itself, so that it gets a peer's share of them.
    pub identity: Option<Arc<NetworkKeyPair>>,
}

/// Connections to other nodes, kept for the next request.
#[derive(Debug)]
pub(crate) struct Peers(NodePool);

impl Peers {
    pub(crate) fn new(config: &BlobRecoveryConfig, terms: &PeerTerms) -> Self {
        let request = Duration::from_secs(config.sliver_request_timeout_secs);
        Self(NodePool::new(NodeClientOptions {
            connect_timeout: Duration::from_secs(config.node_connect_timeout_secs),
            read_timeout: request,
            total_timeout: request,
            addresses: terms.addresses,
            identity: terms.identity.clone(),
            ..NodeClientOptions::default()
        }))
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
        self.0
            .client(endpoint)
            .inspect_err(|error| tracing::warn!(%error, name = member.name, "unusable peer"))
            .ok()
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
