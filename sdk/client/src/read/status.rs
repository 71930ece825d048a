//! Status of a blob, by the answers of many nodes. Client spec 1.10.2.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc, time::Duration};

use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use rand::seq::IndexedRandom as _;
use walrus_core::{
    BlobId,
    quorum::{is_above_validity, is_quorum},
};
use walrus_node_client::BlobStatus;

use crate::{
    ClientError, NodeFailure, NodeProblem, limits,
    nodes::{NodeCommittee, StorageNode},
    patience::{persist, within},
};

/// Somebody who can tell whether a status that few nodes report is true: the chain, by the event that the status names.
pub trait StatusWitness: Send + Sync {
    /// Whether the event that `status` names exists and says what `status` says.
    fn confirms<'a>(&'a self, blob_id: &'a BlobId, status: &'a BlobStatus) -> BoxFuture<'a, bool>;
}

/// Confirms nothing: a status counts by its weight alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWitness;

impl StatusWitness for NoWitness {
    fn confirms<'a>(&'a self, _: &'a BlobId, _: &'a BlobStatus) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(false))
    }
}

/// What the nodes said.
#[derive(Debug)]
pub(crate) struct StatusPoll {
    blob_id: BlobId,
    n_shards: u16,
    /// Distinct answers with their weights.
    answers: Vec<(BlobStatus, u64)>,
    /// Weight of all answers.
    pub(crate) answered: u64,
    /// The nodes that did not answer, and why.
    pub(crate) failures: Vec<NodeFailure>,
}

impl StatusPoll {
    /// Asks all nodes, until their answers decide or the time is up.
    pub(crate) async fn run(
        committee: &NodeCommittee,
        blob_id: &BlobId,
        timeout: Duration,
    ) -> Self {
        Self::ask(committee, &committee.nodes, blob_id, timeout).await
    }

    /// Asks a few nodes, at random, and the others only if one of these knows the blob or does not answer: most blobs that are to be
    /// stored are new, and what is lost if all of the few are wrong is that a blob is stored which is there already.
    pub(crate) async fn sparing(
        committee: &NodeCommittee,
        blob_id: &BlobId,
        timeout: Duration,
    ) -> Self {
        let sample: Vec<_> = committee
            .nodes
            .choose_multiple(&mut rand::rng(), limits::STATUS_SAMPLE)
            .cloned()
            .collect();
        if sample.len() < committee.nodes.len() {
            let poll = Self::ask(committee, &sample, blob_id, timeout).await;
            let mut answers = poll.answers.iter();
            let is_new = answers.all(|(status, _)| *status == BlobStatus::Nonexistent);
            if is_new && poll.failures.is_empty() {
                return poll;
            }
        }
        Self::run(committee, blob_id, timeout).await
    }

    /// Asks nodes of a committee, until their answers decide or the time is up.
    async fn ask(
        committee: &NodeCommittee,
        nodes: &[Arc<StorageNode>],
        blob_id: &BlobId,
        timeout: Duration,
    ) -> Self {
        let mut poll = Self {
            blob_id: *blob_id,
            n_shards: committee.n_shards(),
            answers: Vec::new(),
            answered: 0,
            failures: Vec::new(),
        };
        let mut pending: FuturesUnordered<_> = nodes
            .iter()
            .map(|node| async move { (node, ask(node, blob_id).await) })
            .collect();
        let deadline = tokio::time::Instant::now() + timeout;
        let mut heard = BTreeSet::new();
        while let Ok(Some((node, answer))) = tokio::time::timeout_at(deadline, pending.next()).await
        {
            heard.insert(node.position);
            match answer {
                Ok(status) => poll.count(status, node.weight),
                Err(error) => poll.failures.push(node.failure(error)),
            }
            if poll.is_decided() {
                return poll;
            }
        }
        let unheard = nodes.iter().filter(|node| !heard.contains(&node.position));
        poll.failures
            .extend(unheard.map(|node| node.failure(NodeProblem::Silent(timeout))));
        poll
    }

    fn count(&mut self, status: BlobStatus, weight: u16) {
        let weight = u64::from(weight);
        self.answered += weight;
        match self.answers.iter_mut().find(|(known, _)| *known == status) {
            Some((_, sum)) => *sum += weight,
            None => self.answers.push((status, weight)),
        }
    }

    fn is_decided(&self) -> bool {
        is_quorum(self.answered, self.n_shards)
            && self.answers.iter().any(|(status, weight)| match status {
                BlobStatus::Nonexistent => is_quorum(*weight, self.n_shards),
                _ => is_above_validity(*weight, self.n_shards),
            })
    }

    /// Whether a quorum does not know the blob; fewer may be behind.
    pub(crate) fn is_surely_nonexistent(&self) -> bool {
        self.answers.iter().any(|(status, weight)| {
            *status == BlobStatus::Nonexistent && is_quorum(*weight, self.n_shards)
        })
    }

    /// The latest status that enough nodes report or that `witness` confirms.
    pub(crate) async fn decide(
        mut self,
        witness: &dyn StatusWitness,
    ) -> Result<BlobStatus, ClientError> {
        self.answers
            .sort_by_key(|(status, _)| Reverse(lateness(status)));
        for (status, weight) in &self.answers {
            if *status == BlobStatus::Nonexistent
                || is_above_validity(*weight, self.n_shards)
                || witness.confirms(&self.blob_id, status).await
            {
                return Ok(status.clone());
            }
        }
        Err(ClientError::NoValidStatusReceived {
            blob_id: self.blob_id,
            failures: self.failures,
        })
    }
}

/// The status of a blob. Client spec 1.10.2.
///
/// # Errors
/// [`ClientError::NoValidStatusReceived`] if no answer can be believed.
pub async fn blob_status(
    committee: &NodeCommittee,
    blob_id: &BlobId,
    timeout: Duration,
    witness: &dyn StatusWitness,
) -> Result<BlobStatus, ClientError> {
    StatusPoll::run(committee, blob_id, timeout)
        .await
        .decide(witness)
        .await
}

/// As [`blob_status`], for a blob that is about to be stored: only a few nodes are asked as long as these say that it is new.
///
/// # Errors
/// As for [`blob_status`].
pub async fn status_before_store(
    committee: &NodeCommittee,
    blob_id: &BlobId,
    timeout: Duration,
    witness: &dyn StatusWitness,
) -> Result<BlobStatus, ClientError> {
    StatusPoll::sparing(committee, blob_id, timeout)
        .await
        .decide(witness)
        .await
}

async fn ask(node: &StorageNode, blob_id: &BlobId) -> Result<BlobStatus, NodeProblem> {
    let client = node.client()?;
    let answer = persist(|| within(limits::SMALL_REQUEST, client.blob_status(blob_id))).await;
    match answer {
        Err(error) if error.is_not_found() => Ok(BlobStatus::Nonexistent),
        answer => answer,
    }
}

/// Orders statuses by how much must have happened for them to be true.
fn lateness(status: &BlobStatus) -> (u8, u32, u32, u32, u32, Reverse<u32>) {
    let earliest = |epoch: &Option<u32>| Reverse(epoch.unwrap_or(u32::MAX));
    match status {
        BlobStatus::Nonexistent => (0, 0, 0, 0, 0, Reverse(0)),
        BlobStatus::Deletable {
            initial_certified_epoch,
            deletable_counts,
        } => (
            1,
            deletable_counts.count_deletable_certified,
            deletable_counts.count_deletable_total,
            0,
            0,
            earliest(initial_certified_epoch),
        ),
        BlobStatus::Permanent {
            end_epoch,
            is_certified,
            deletable_counts,
            initial_certified_epoch,
            ..
        } => (
            2,
            u32::from(*is_certified),
            *end_epoch,
            deletable_counts.count_deletable_certified,
            deletable_counts.count_deletable_total,
            earliest(initial_certified_epoch),
        ),
        BlobStatus::Invalid { .. } => (3, 0, 0, 0, 0, Reverse(0)),
    }
}
