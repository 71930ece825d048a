//! Enough slivers of one axis to decode a blob, from whichever nodes have them. Client spec 1.10.4.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use rand::seq::SliceRandom as _;
use tokio::task::JoinSet;
use walrus_core::{
    Axis, SliverData, SliverIndex, SliverPairIndex, SliverType, VerifiedBlobMetadataWithId,
};

use super::refusals::Refusals;
use crate::{
    Progress, ProgressEvent, limits,
    nodes::{NodeCommittee, StorageNode},
    patience::RequestError,
};

/// A sliver to ask a node for.
#[derive(Debug, Clone)]
struct Wanted {
    node: Arc<StorageNode>,
    pair: SliverPairIndex,
    round: u32,
}

/// Why a node did not give a sliver.
enum Failure {
    Request(RequestError),
    /// It gave something else: nothing it says in this read counts.
    Lie(String),
    /// Work on another thread was cut off.
    Interrupted(String),
}

type Answer<T> = (Wanted, Result<SliverData<T>, Failure>);

/// Slivers of one axis on their way.
pub(super) struct Gathering<'a, T: Axis> {
    metadata: Arc<VerifiedBlobMetadataWithId>,
    progress: &'a dyn Progress,
    needed: usize,
    queue: VecDeque<Wanted>,
    later: VecDeque<Wanted>,
    pending: JoinSet<Answer<T>>,
    /// By position: nodes that lied, and the round in which a node could not be reached.
    liars: Vec<bool>,
    unreachable_in: Vec<u32>,
    /// Requests more than needed, so that slow nodes cost nothing.
    slack: usize,
    slivers: BTreeMap<SliverIndex, SliverData<T>>,
}

/// What came of it.
pub(super) struct Gathered<T: Axis> {
    /// Verified slivers of different indices.
    pub(super) slivers: Vec<SliverData<T>>,
    /// How many decode the blob.
    pub(super) needed: usize,
}

impl<T: Axis> Gathered<T> {
    /// Whether the slivers decode the blob.
    pub(super) fn is_enough(&self) -> bool {
        self.slivers.len() >= self.needed
    }
}

impl<'a, T: Axis> Gathering<'a, T> {
    /// Plans which slivers to ask for: all of a node together, nodes in random order.
    pub(super) fn new(
        committee: &NodeCommittee,
        metadata: Arc<VerifiedBlobMetadataWithId>,
        progress: &'a dyn Progress,
    ) -> Self {
        let mut nodes: Vec<_> = committee.nodes.to_vec();
        nodes.shuffle(&mut rand::rng());
        let needed = usize::from(committee.config.source_symbols(T::TYPE));
        let queue = nodes
            .iter()
            .flat_map(|node| {
                let pairs = node.pairs(metadata.blob_id(), metadata.n_shards());
                pairs.into_iter().map(|pair| Wanted {
                    node: Arc::clone(node),
                    pair,
                    round: 1,
                })
            })
            .collect();
        Self {
            metadata,
            progress,
            needed,
            queue,
            later: VecDeque::new(),
            pending: JoinSet::new(),
            liars: vec![false; nodes.len()],
            unreachable_in: vec![0; nodes.len()],
            slack: (needed / 8).max(2),
            slivers: BTreeMap::new(),
        }
    }

    /// Asks until there are enough slivers or nobody is left to ask; dropping it stops all requests.
    pub(super) async fn run(mut self, refusals: &mut Refusals) -> Gathered<T> {
        while self.slivers.len() < self.needed {
            self.fill();
            let next = tokio::time::timeout(limits::HEDGE_AFTER, self.pending.join_next()).await;
            match next {
                // Whoever is asked already is slow: ask others as well.
                Err(_) => self.slack = self.slack.saturating_add((self.needed / 4).max(1)),
                Ok(Some(Ok(answer))) => self.take(answer, refusals),
                Ok(Some(Err(_))) => {}
                Ok(None) if self.later.is_empty() => break,
                Ok(None) => {
                    tokio::time::sleep(limits::READ_ROUND_PAUSE).await;
                    self.queue = std::mem::take(&mut self.later);
                }
            }
        }
        Gathered {
            slivers: self.slivers.into_values().collect(),
            needed: self.needed,
        }
    }

    /// Starts requests until enough are on their way.
    fn fill(&mut self) {
        let size = self.metadata.sliver_length(T::TYPE).max(1);
        let parallel = (limits::MAX_DATA_IN_FLIGHT / size).clamp(1, limits::MAX_CONCURRENT_READS);
        let missing = self.needed.saturating_sub(self.slivers.len());
        let wanted = missing.min(parallel).saturating_add(self.slack);
        while self.pending.len() < wanted
            && let Some(next) = self.queue.pop_front()
        {
            let position = usize::from(next.node.position);
            if self.liars.get(position).copied().unwrap_or(false) {
                continue;
            }
            if self.unreachable_in.get(position).copied() == Some(next.round) {
                self.put_off(next);
                continue;
            }
            self.pending
                .spawn(fetch::<T>(next, Arc::clone(&self.metadata)));
        }
    }

    fn put_off(&mut self, mut wanted: Wanted) {
        if wanted.round < limits::READ_ROUNDS {
            wanted.round += 1;
            self.later.push_back(wanted);
        }
    }

    fn take(&mut self, (wanted, result): Answer<T>, refusals: &mut Refusals) {
        let position = usize::from(wanted.node.position);
        match result {
            Ok(sliver) => {
                if self.liars.get(position).copied().unwrap_or(false) {
                    // Verified all the same: slivers need no trust in who sends them.
                    tracing::trace!(node = wanted.node.label, "a good sliver of a bad node");
                }
                self.slivers.insert(sliver.index, sliver);
                self.report();
            }
            Err(Failure::Lie(reason)) => {
                tracing::warn!(
                    node = wanted.node.label,
                    reason,
                    "a node sent a wrong sliver"
                );
                refusals.note(&wanted.node, reason);
                if let Some(liar) = self.liars.get_mut(position) {
                    *liar = true;
                }
            }
            Err(Failure::Interrupted(reason)) => {
                refusals.note(&wanted.node, reason);
                self.put_off(wanted);
            }
            Err(Failure::Request(error)) => {
                refusals.note_request(&wanted.node, &error);
                if error.is_unreachable()
                    && let Some(round) = self.unreachable_in.get_mut(position)
                {
                    *round = wanted.round;
                }
                if error.is_retryable() {
                    self.put_off(wanted);
                }
            }
        }
    }

    fn report(&self) {
        let count = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        let got = count(self.slivers.len().min(self.needed));
        self.progress.on_event(ProgressEvent::SliversRead {
            got,
            needed: count(self.needed),
        });
    }
}

async fn fetch<T: Axis>(wanted: Wanted, metadata: Arc<VerifiedBlobMetadataWithId>) -> Answer<T> {
    let result = fetch_verified(&wanted, metadata).await;
    (wanted, result)
}

async fn fetch_verified<T: Axis>(
    wanted: &Wanted,
    metadata: Arc<VerifiedBlobMetadataWithId>,
) -> Result<SliverData<T>, Failure> {
    let no_connection = |reason| Failure::Request(RequestError::NoConnection(reason));
    let client = wanted.node.client().map_err(no_connection)?;
    let bytes = client
        .sliver(&metadata, wanted.pair, T::TYPE)
        .await
        .map_err(|error| Failure::Request(RequestError::Node(error)))?;
    let index = wanted.pair.to_sliver_index(T::TYPE, metadata.n_shards());
    // Hashing a sliver takes long enough to hold up the network tasks.
    let verified = tokio::task::spawn_blocking(move || verify::<T>(&bytes, index, &metadata));
    match verified.await {
        Ok(Ok(sliver)) => Ok(sliver),
        Ok(Err(reason)) => Err(Failure::Lie(reason)),
        Err(error) => Err(Failure::Interrupted(error.to_string())),
    }
}

/// The sliver, if it is the one that was asked for and belongs to the blob.
fn verify<T: Axis>(
    bytes: &[u8],
    index: SliverIndex,
    metadata: &VerifiedBlobMetadataWithId,
) -> Result<SliverData<T>, String> {
    let axis: SliverType = T::TYPE;
    let sliver = SliverData::<T>::from_bcs(bytes, metadata)
        .map_err(|error| format!("it sent no {axis} sliver: {error}"))?;
    if sliver.index != index {
        return Err(format!(
            "it sent {axis} sliver {} instead of {index}",
            sliver.index
        ));
    }
    sliver
        .verify(metadata)
        .map_err(|error| format!("it sent a wrong {axis} sliver: {error}"))?;
    Ok(sliver)
}
