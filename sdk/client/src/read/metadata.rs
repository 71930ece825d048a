//! Metadata of a blob, from whichever node has it. Client spec 1.10.3.

use std::{collections::VecDeque, sync::Arc};

use rand::seq::SliceRandom as _;
use tokio::task::JoinSet;
use walrus_core::{BlobId, EncodingConfig, VerifiedBlobMetadataWithId};

use super::refusals::Refusals;
use crate::{
    ClientError, NodeProblem, limits,
    nodes::{NodeCommittee, StorageNode},
    patience::within,
};

/// Asks random nodes, a few at a time, and takes the first answer that belongs to the blob ID. A node that is slow is not
/// waited for: after a while another one is asked beside it.
pub(crate) async fn fetch(
    committee: &NodeCommittee,
    blob_id: &BlobId,
) -> Result<VerifiedBlobMetadataWithId, ClientError> {
    let mut order: Vec<_> = committee
        .nodes
        .iter()
        .map(|node| (Arc::clone(node), 1))
        .collect();
    order.shuffle(&mut rand::rng());
    let mut queue = VecDeque::from(order);
    let mut refusals = Refusals::default();
    let mut pending = JoinSet::new();
    let mut parallel = committee.tuning().max_concurrent_metadata_reads;
    loop {
        while pending.len() < parallel
            && let Some((node, round)) = queue.pop_front()
        {
            pending.spawn(ask(node, round, *blob_id, committee.config));
        }
        let answer = match tokio::time::timeout(limits::HEDGE_AFTER, pending.join_next()).await {
            Err(_) => {
                parallel = parallel.saturating_add(1).min(committee.nodes.len());
                continue;
            }
            Ok(None) => break,
            Ok(Some(Err(_))) => continue,
            Ok(Some(Ok(answer))) => answer,
        };
        let (node, round, result) = answer;
        match result {
            Ok(metadata) => return Ok(metadata),
            Err(problem) => {
                let again = problem.is_retryable() && round < limits::READ_ROUNDS;
                refusals.note(&node, problem);
                if again {
                    queue.push_back((node, round + 1));
                }
            }
        }
        if let Some(error) = refusals.verdict(blob_id, committee.n_shards()) {
            return Err(error);
        }
    }
    Err(ClientError::NoMetadataReceived {
        blob_id: *blob_id,
        failures: refusals.into_failures(),
    })
}

async fn ask(
    node: Arc<StorageNode>,
    round: u32,
    blob_id: BlobId,
    config: EncodingConfig,
) -> (
    Arc<StorageNode>,
    u32,
    Result<VerifiedBlobMetadataWithId, NodeProblem>,
) {
    if round > 1 {
        tokio::time::sleep(limits::READ_ROUND_PAUSE).await;
    }
    let result = ask_once(&node, &blob_id, &config).await;
    (node, round, result)
}

async fn ask_once(
    node: &StorageNode,
    blob_id: &BlobId,
    config: &EncodingConfig,
) -> Result<VerifiedBlobMetadataWithId, NodeProblem> {
    let client = node.client()?;
    let metadata = within(limits::SMALL_REQUEST, client.metadata(blob_id, config)).await?;
    if metadata.blob_id() != blob_id {
        return Err(NodeProblem::WrongAnswer(format!(
            "it sent metadata of blob {}",
            metadata.blob_id()
        )));
    }
    metadata
        .verify(config)
        .map_err(|error| NodeProblem::WrongAnswer(format!("it sent wrong metadata: {error}")))
}
