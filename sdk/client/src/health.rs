//! Health of storage nodes, those beyond the committee included. Client spec 2.7.

use futures::StreamExt as _;
use walrus_node_client::{Endpoint, HealthInfo};
use walrus_sui::{Address, objects::StorageNodeInfo};

use crate::{Client, ClientError, NodeProblem, limits, patience::within};

/// A node and how it is.
#[derive(Debug)]
pub struct NodeHealth {
    /// What the chain says about it.
    pub node: StorageNodeInfo,
    /// What it says itself, or why it does not.
    pub health: Result<HealthInfo, NodeProblem>,
}

/// Which nodes to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodesToAsk {
    /// Those of the current committee.
    Committee,
    /// Those with enough stake to be in the next one.
    ActiveSet,
    /// Those with these IDs.
    Ids(Vec<Address>),
}

impl Client {
    /// The health of nodes, in the order of their IDs in the question; `at_once` of them are asked at the same time.
    ///
    /// # Errors
    /// [`ClientError::Chain`], [`ClientError::Committee`], [`ClientError::NoSuchNode`]; that a node does not answer is in its entry.
    pub async fn health_of(
        &self,
        nodes: &NodesToAsk,
        detailed: bool,
        at_once: usize,
    ) -> Result<Vec<NodeHealth>, ClientError> {
        let reader = self.reader();
        let ids: Vec<Address> = match nodes {
            NodesToAsk::Ids(ids) => ids.clone(),
            NodesToAsk::Committee => {
                let committees = self.committees().await?;
                let members = committees.current.members.iter();
                members.map(|member| member.node_id).collect()
            }
            NodesToAsk::ActiveSet => {
                let nodes = reader.active_set().await?.nodes;
                nodes.into_iter().map(|entry| entry.node_id).collect()
            }
        };
        let pools = reader.pools(&ids).await?;
        let found: Result<Vec<StorageNodeInfo>, ClientError> = ids
            .into_iter()
            .map(|id| match pools.get(&id) {
                Some(pool) => Ok(pool.node_info.clone()),
                None => Err(ClientError::NoSuchNode(id)),
            })
            .collect();
        let at_once = at_once.clamp(1, limits::MAX_HEALTH_REQUESTS);
        Ok(futures::stream::iter(found?)
            .map(|node| async move {
                let health = self.ask(&node, detailed).await;
                NodeHealth { node, health }
            })
            .buffered(at_once)
            .collect()
            .await)
    }

    async fn ask(&self, node: &StorageNodeInfo, detailed: bool) -> Result<HealthInfo, NodeProblem> {
        let key = node.network_key();
        let malformed =
            || NodeProblem::Unusable("its network key on chain is malformed".to_owned());
        let client = self.connections().to_endpoint(Endpoint {
            address: node.network_address.clone(),
            key: key.ok_or_else(malformed)?,
        })?;
        within(limits::SMALL_REQUEST, client.health(detailed)).await
    }
}
