//! Storage nodes of a committee, with connections to them.

use std::{collections::HashSet, sync::Arc};

use walrus_core::{BlobId, BlsPublicKey, EncodingConfig, Epoch, ShardIndex, SliverPairIndex};
use walrus_node_client::{Endpoint, NodeClient, NodeClientOptions, NodePool};
use walrus_sui::{
    Address,
    contract::{Committee, CommitteeMember},
};

use crate::{
    ClientError, CommitteeError, NodeFailure, NodeProblem, Tuning, limits, patience::within,
};

/// Opens connections to nodes and keeps them by address and key. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct Connections {
    pool: NodePool,
    tuning: Tuning,
}

impl Connections {
    /// No connections yet.
    pub fn new(options: NodeClientOptions) -> Self {
        Self {
            pool: NodePool::new(options),
            tuning: Tuning::default(),
        }
    }

    /// The same connections, for so many requests at the same time.
    #[must_use]
    pub fn with_tuning(self, tuning: Tuning) -> Self {
        Self { tuning, ..self }
    }

    /// The connection to a member, or why there can be none.
    fn to(&self, member: &CommitteeMember) -> Result<NodeClient, NodeProblem> {
        let malformed =
            || NodeProblem::Unusable("its network key on chain is malformed".to_owned());
        self.to_endpoint(endpoint(member).ok_or_else(malformed)?)
    }

    /// The connection to a node that may be in no committee.
    pub(crate) fn to_endpoint(&self, endpoint: Endpoint) -> Result<NodeClient, NodeProblem> {
        Ok(self.pool.client(endpoint)?)
    }

    /// Closes the connections to everybody who is in none of these committees.
    pub(crate) fn retain<'a>(&self, committees: impl IntoIterator<Item = &'a Committee>) {
        let members: HashSet<Endpoint> = committees
            .into_iter()
            .flat_map(|committee| &committee.members)
            .filter_map(endpoint)
            .collect();
        self.pool.retain(|endpoint| members.contains(endpoint));
    }
}

/// Where a member is; `None` without a key that would prove it.
fn endpoint(member: &CommitteeMember) -> Option<Endpoint> {
    Some(Endpoint {
        address: member.network_address.clone(),
        key: member.network_public_key?,
    })
}

/// One storage node of a committee.
#[derive(Debug)]
pub struct StorageNode {
    /// Position in the committee, the number of its bit in a signer bitmap.
    pub position: u16,
    /// The node's ID.
    pub node_id: Address,
    /// Name and address, for people.
    pub label: String,
    /// Number of shards.
    pub weight: u16,
    /// The shards.
    pub shards: Vec<ShardIndex>,
    /// BLS key; `None` if that on chain is malformed.
    key: Option<BlsPublicKey>,
    client: Result<NodeClient, NodeProblem>,
    tuning: Tuning,
}

impl StorageNode {
    fn new(position: u16, member: &CommitteeMember, connections: &Connections) -> Self {
        Self {
            position,
            node_id: member.node_id,
            label: format!("{} at {}", member.name, member.network_address),
            weight: member.weight,
            shards: member.shards.clone(),
            key: member.public_key,
            client: connections.to(member),
            tuning: connections.tuning,
        }
    }

    /// The connection.
    ///
    /// # Errors
    /// Why there can be none: what the chain says about the node is malformed.
    pub fn client(&self) -> Result<&NodeClient, NodeProblem> {
        self.client.as_ref().map_err(Clone::clone)
    }

    pub(crate) fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// The key that signs its confirmations.
    pub fn public_key(&self) -> Option<&BlsPublicKey> {
        self.key.as_ref()
    }

    /// The sliver pairs of a blob that the node stores.
    pub fn pairs(&self, blob_id: &BlobId, n_shards: u16) -> Vec<SliverPairIndex> {
        self.shards
            .iter()
            .map(|shard| shard.to_pair_index(blob_id, n_shards))
            .collect()
    }

    /// A failure of this node.
    pub fn failure(&self, problem: NodeProblem) -> NodeFailure {
        NodeFailure {
            node: self.label.clone(),
            weight: self.weight,
            problem,
        }
    }
}

/// The storage nodes of one epoch. Cheap to clone.
///
/// Everything that a store or a read does with nodes starts here, without knowing the chain: see [`crate::read`] and
/// [`crate::store`].
#[derive(Debug, Clone)]
pub struct NodeCommittee {
    /// The epoch.
    pub epoch: Epoch,
    /// The parameters of the encoding.
    pub config: EncodingConfig,
    /// The nodes, in the order of the committee.
    pub nodes: Arc<[Arc<StorageNode>]>,
    tuning: Tuning,
}

impl NodeCommittee {
    /// Joins a committee with connections.
    ///
    /// # Errors
    /// [`ClientError::Committee`] if it has no members or a number of shards that has no encoding.
    pub fn new(committee: &Committee, connections: &Connections) -> Result<Self, ClientError> {
        if committee.members.is_empty() {
            let epoch = committee.epoch;
            return Err(CommitteeError::Empty { epoch }.into());
        }
        let config = EncodingConfig::new(committee.n_shards).map_err(CommitteeError::Shards)?;
        let nodes = (0..=u16::MAX)
            .zip(&committee.members)
            .map(|(position, member)| Arc::new(StorageNode::new(position, member, connections)))
            .collect();
        Ok(Self {
            epoch: committee.epoch,
            config,
            nodes,
            tuning: connections.tuning,
        })
    }

    pub(crate) fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// Whether of the nodes that have said what they offer, most take a blob in one request. Of those that have not, the same is
    /// expected then.
    pub(crate) fn mostly_offers_uploads(&self) -> bool {
        let clients = self.nodes.iter().filter_map(|node| node.client().ok());
        let (offering, others): (Vec<_>, Vec<_>) = clients
            .filter_map(NodeClient::extensions)
            .partition(|extensions| extensions.upload);
        offering.len() > others.len()
    }

    /// The same, after some nodes were asked how they are if none has said anything yet.
    pub(crate) async fn learns_to_offer_uploads(&self) -> bool {
        let clients = || self.nodes.iter().filter_map(|node| node.client().ok());
        if clients().all(|client| client.extensions().is_none()) {
            let asked = clients().take(limits::STATUS_SAMPLE);
            let answers = asked.map(|client| within(limits::STATUS_TIMEOUT, client.health(false)));
            // Their extensions come with any answer.
            futures::future::join_all(answers).await;
        }
        self.mostly_offers_uploads()
    }

    /// Number of shards.
    pub fn n_shards(&self) -> u16 {
        self.config.n_shards()
    }

    /// Number of members.
    pub fn size(&self) -> u16 {
        u16::try_from(self.nodes.len()).unwrap_or(u16::MAX)
    }
}
