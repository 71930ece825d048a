//! Enough slivers of one type to decode a blob, from whichever nodes have them. Client spec 1.10.4.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use walrus_core::{Axis, SliverData, SliverIndex, SliverType, VerifiedBlobMetadataWithId};
use walrus_node_client::{ErrorEnvelope, NodeClient, NodeError, Reason};

use super::{
    kept::Kept,
    refusals::Refusals,
    schedule::{Schedule, Wanted},
};
use crate::{
    ClientError, NodeProblem, Progress, ProgressEvent, Spool, SpoolError, limits,
    nodes::NodeCommittee,
};

/// Why there is no sliver.
enum Failure {
    /// The node did not give it.
    Node(NodeProblem),
    /// It cannot be kept.
    Unkept(SpoolError),
}

type Answer = (Wanted, Result<(), Failure>);

/// What the requests of a read share.
struct Shared<T: Axis> {
    metadata: Arc<VerifiedBlobMetadataWithId>,
    kept: Kept<T>,
    spool: Spool,
    /// Bytes of slivers that arrived.
    received: AtomicU64,
    /// Slivers that are verified at the same time: more than there are cores only take memory.
    verifying: Semaphore,
}

/// Slivers of one type on their way.
pub(super) struct Gathering<'a, T: Axis> {
    shared: Arc<Shared<T>>,
    progress: &'a dyn Progress,
    needed: usize,
    got: usize,
    schedule: Schedule,
    /// Most requests at the same time while no node is slow.
    parallel: usize,
    /// What is being fetched, stopped when this is dropped.
    fetching: JoinSet<()>,
    /// Slivers that were asked for and not answered.
    in_flight: usize,
    answers: mpsc::Receiver<Answer>,
    answering: mpsc::Sender<Answer>,
    /// Requests more than needed, so that slow nodes cost nothing.
    slack: usize,
    /// Bytes that had arrived when it was last looked whether any do.
    seen: u64,
}

/// What came of it.
pub(super) struct Gathered<T: Axis> {
    /// Verified slivers of different indices.
    pub(super) kept: Kept<T>,
    /// How many.
    pub(super) got: usize,
    /// How many decode the blob.
    pub(super) needed: usize,
}

impl<T: Axis> Gathered<T> {
    /// Whether the slivers decode the blob.
    pub(super) fn is_enough(&self) -> bool {
        self.got >= self.needed
    }
}

impl<'a, T: Axis> Gathering<'a, T> {
    /// Plans which slivers to ask for.
    ///
    /// # Errors
    /// [`ClientError::Spool`] if there is no room for them.
    pub(super) fn new(
        committee: &NodeCommittee,
        metadata: Arc<VerifiedBlobMetadataWithId>,
        spool: &Spool,
        progress: &'a dyn Progress,
    ) -> Result<Self, ClientError> {
        let needed = usize::from(committee.config.source_symbols(T::TYPE));
        let schedule = Schedule::new(committee, &metadata, T::TYPE);
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let shared = Shared {
            kept: Kept::new(&metadata, needed, spool)?,
            metadata,
            spool: spool.clone(),
            received: AtomicU64::new(0),
            verifying: Semaphore::new(cores),
        };
        let (answering, answers) = mpsc::channel(limits::MAX_CONCURRENT_READS);
        let slack = match shared.metadata.sliver_length(T::TYPE) {
            limits::LARGE_SLIVER.. => 0,
            _ => (needed / 8).max(2),
        };
        Ok(Self {
            shared: Arc::new(shared),
            progress,
            needed,
            got: 0,
            schedule,
            parallel: committee.tuning().max_concurrent_sliver_reads,
            fetching: JoinSet::new(),
            in_flight: 0,
            answers,
            answering,
            slack,
            seen: 0,
        })
    }

    /// Asks until there are enough slivers or nobody is left to ask; dropping it stops all requests.
    ///
    /// # Errors
    /// [`ClientError::Spool`] if slivers cannot be kept.
    pub(super) async fn run(mut self, refusals: &mut Refusals) -> Result<Gathered<T>, ClientError> {
        while self.got < self.needed {
            self.fill();
            let next = tokio::time::timeout(limits::HEDGE_AFTER, self.next_answer()).await;
            match next {
                Err(_) => self.hedge(),
                Ok(Some(answer)) => self.take(answer, refusals)?,
                Ok(None) if !self.schedule.next_round() => break,
                Ok(None) => tokio::time::sleep(limits::READ_ROUND_PAUSE).await,
            }
        }
        Ok(Gathered {
            kept: self.shared.kept.clone(),
            got: self.got,
            needed: self.needed,
        })
    }

    fn sliver_length(&self) -> usize {
        self.shared.metadata.sliver_length(T::TYPE).max(1)
    }

    /// Starts requests until enough are on their way.
    fn fill(&mut self) {
        let parallel = limits::MAX_READ_IN_FLIGHT / self.sliver_length();
        let parallel = parallel.clamp(1, self.parallel);
        let missing = self.needed.saturating_sub(self.got);
        let wanted = missing.min(parallel).saturating_add(self.slack);
        while self.in_flight < wanted
            && let Some(first) = self.schedule.next()
        {
            let at_once = self.at_once(&first);
            let at_once = at_once.min(wanted.saturating_sub(self.in_flight));
            let mut batch = vec![first.clone()];
            while batch.len() < at_once
                && let Some(next) = self.schedule.next_of_same(&first)
            {
                batch.push(next);
            }
            self.in_flight = self.in_flight.saturating_add(batch.len());
            let fetching = Fetching {
                shared: Arc::clone(&self.shared),
                answering: self.answering.clone(),
            };
            self.fetching.spawn(fetching.run(batch));
        }
    }

    /// How many slivers the node may be asked for in one request. Large ones are verified better as each of them comes.
    fn at_once(&self, wanted: &Wanted) -> usize {
        let extensions = wanted.node.client().ok().and_then(NodeClient::extensions);
        match extensions {
            Some(extensions) if extensions.slivers => {
                (limits::SLIVERS_AT_ONCE_BYTES / self.sliver_length()).max(1)
            }
            _ => 1,
        }
    }

    /// The next answer; `None` if nothing is on its way.
    async fn next_answer(&mut self) -> Option<Answer> {
        loop {
            tokio::select! {
                biased;
                Some(answer) = self.answers.recv() => {
                    self.in_flight = self.in_flight.saturating_sub(1);
                    return Some(answer);
                }
                ended = self.fetching.join_next() => if ended.is_none() {
                    // Whatever was lost with a task that failed is not on its way any more.
                    self.in_flight = 0;
                    return self.answers.try_recv().ok();
                }
            }
        }
    }

    /// No sliver was completed for a while. Unless that is because they are large, whoever is asked already is slow, and others
    /// are asked as well.
    fn hedge(&mut self) {
        self.report_bytes();
        let received = self.shared.received.load(Ordering::Relaxed);
        let arrived = received.saturating_sub(self.seen);
        self.seen = received;
        if arrived < (self.sliver_length() as u64 / limits::HEDGE_DIVISOR).max(1) {
            self.slack = self.slack.saturating_add((self.needed / 4).max(1));
        }
    }

    fn take(
        &mut self,
        (wanted, result): Answer,
        refusals: &mut Refusals,
    ) -> Result<(), ClientError> {
        self.schedule.ended(&wanted);
        match result {
            // Verified, so that it does not matter who sent it.
            Ok(()) => {
                self.got += 1;
                self.report_bytes();
                self.report();
            }
            Err(Failure::Unkept(error)) => return Err(error.into()),
            Err(Failure::Node(problem)) => {
                match &problem {
                    NodeProblem::WrongAnswer(reason) => {
                        tracing::warn!(
                            node = wanted.node.label,
                            reason,
                            "a node sent a wrong sliver"
                        );
                        self.schedule.lied(&wanted);
                    }
                    NodeProblem::Interrupted(_) => self.schedule.put_off(&wanted),
                    _ => {
                        if problem.is_unreachable() {
                            self.schedule.unreachable(&wanted);
                        }
                        if problem.is_retryable() {
                            self.schedule.put_off(&wanted);
                        }
                    }
                }
                refusals.note(&wanted.node, problem);
            }
        }
        Ok(())
    }

    fn report(&self) {
        let count = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        self.progress.on_event(ProgressEvent::SliversRead {
            got: count(self.got.min(self.needed)),
            needed: count(self.needed),
        });
    }

    fn report_bytes(&self) {
        let total = self.needed as u64 * self.sliver_length() as u64;
        let done = self.shared.received.load(Ordering::Relaxed).min(total);
        self.progress
            .on_event(ProgressEvent::Received { done, total });
    }
}

/// One request, for one sliver or for several of one node.
struct Fetching<T: Axis> {
    shared: Arc<Shared<T>>,
    answering: mpsc::Sender<Answer>,
}

impl<T: Axis> Fetching<T> {
    async fn run(self, mut batch: Vec<Wanted>) {
        if let [only] = batch.as_slice() {
            let result = self.shared.fetch(only).await;
            self.answer(only.clone(), result).await;
            return;
        }
        let ended = self.fetch_several(&mut batch).await;
        let problem = ended.err().unwrap_or_else(|| {
            let absent = ErrorEnvelope::new(Reason::SliverNotFound, "it was left out");
            let first = batch.first().and_then(|wanted| wanted.node.client().ok());
            NodeProblem::from(NodeError::Refused {
                url: first.map_or_else(String::new, |client| client.url().to_owned()),
                envelope: Box::new(absent),
            })
        });
        for wanted in batch {
            self.answer(wanted, Err(Failure::Node(problem.clone())))
                .await;
        }
    }

    /// Fetches slivers of one node and takes those that come out of `batch`.
    async fn fetch_several(&self, batch: &mut Vec<Wanted>) -> Result<(), NodeProblem> {
        let Some(first) = batch.first().cloned() else {
            return Ok(());
        };
        let pairs: Vec<_> = batch.iter().map(|wanted| wanted.pair).collect();
        let shared = &self.shared;
        let client = first.node.client()?;
        let mut slivers = client.slivers(&shared.metadata, T::TYPE, &pairs).await?;
        while let Some((pair, bytes)) = slivers.next().await? {
            let Some(place) = batch.iter().position(|wanted| wanted.pair == pair) else {
                let unasked = format!("it sent the sliver of pair {pair} unasked");
                return Err(NodeProblem::WrongAnswer(unasked));
            };
            let wanted = batch.swap_remove(place);
            shared.came(bytes.len());
            let result = shared.keep(&wanted, bytes).await;
            self.answer(wanted, result).await;
        }
        Ok(())
    }

    async fn answer(&self, wanted: Wanted, result: Result<(), Failure>) {
        // Nobody listens any more once there are enough.
        let _ = self.answering.send((wanted, result)).await;
    }
}

impl<T: Axis> Shared<T> {
    fn came(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Fetches a sliver, verifies it and keeps it.
    async fn fetch(self: &Arc<Self>, wanted: &Wanted) -> Result<(), Failure> {
        let client = wanted.node.client().map_err(Failure::Node)?;
        let on_bytes = |count: usize| self.came(count);
        let bytes = client
            .sliver_watched(&self.metadata, wanted.pair, T::TYPE, on_bytes)
            .await
            .map_err(|error| Failure::Node(error.into()))?;
        self.keep(wanted, bytes).await
    }

    /// Verifies a sliver and keeps it.
    async fn keep(self: &Arc<Self>, wanted: &Wanted, bytes: Bytes) -> Result<(), Failure> {
        let index = wanted
            .pair
            .to_sliver_index(T::TYPE, self.metadata.n_shards());
        let _permit = self.verifying.acquire().await;
        // Hashing a sliver takes long enough to hold up the network tasks.
        let shared = Arc::clone(self);
        let kept = tokio::task::spawn_blocking(move || {
            let sliver = verify::<T>(&bytes, index, &shared.metadata)
                .map_err(|reason| Failure::Node(NodeProblem::WrongAnswer(reason)))?;
            drop(bytes);
            shared
                .kept
                .put(sliver, &shared.spool)
                .map_err(Failure::Unkept)
        });
        match kept.await {
            Ok(result) => result,
            Err(error) => Err(Failure::Node(NodeProblem::Interrupted(error.to_string()))),
        }
    }
}

/// The sliver, if it is the one that was asked for and belongs to the blob.
pub(super) fn verify<T: Axis>(
    bytes: &[u8],
    index: SliverIndex,
    metadata: &VerifiedBlobMetadataWithId,
) -> Result<SliverData<T>, String> {
    let sliver_type: SliverType = T::TYPE;
    let sliver = SliverData::<T>::from_bcs(bytes, metadata)
        .map_err(|error| format!("it sent no {sliver_type} sliver: {error}"))?;
    if sliver.index != index {
        return Err(format!(
            "it sent {sliver_type} sliver {} instead of {index}",
            sliver.index
        ));
    }
    sliver
        .verify(metadata)
        .map_err(|error| format!("it sent a wrong {sliver_type} sliver: {error}"))?;
    Ok(sliver)
}
