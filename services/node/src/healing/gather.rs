//! Symbols of one sliver, from as many nodes as it takes and no more symbols than it takes. Node spec 5.3.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::{sync::Semaphore, time::timeout};
use walrus_core::{
    Axis, SliverIndex, SliverType, SymbolId,
    recovery::{GeneralRecoverySymbol, RecoverySymbol},
};
use walrus_node_client::{NodeClient, NodeError, Reason};
use walrus_sui::Address;

use super::{Healer, HealingError, peers::Peer, sliver::Metadata};
use crate::{
    blobs::SymbolSelection,
    limits::{PEERS_AT_ONCE, SLOW_ANSWER},
    work::WorkError,
};

impl Healer {
    /// As many verified symbols of the target as decode it, those of own slivers first.
    ///
    /// No more are asked for than are missing: what one node does not send is asked of the next. So the bytes that come are those of
    /// the symbols that are needed, but for nodes that send wrong ones.
    pub(super) async fn gather<T: Axis>(
        &self,
        metadata: &Metadata,
        target: SliverIndex,
    ) -> Result<BTreeMap<SliverIndex, RecoverySymbol<T>>, HealingError> {
        let needed = usize::from(metadata.config().symbols_per_sliver(T::TYPE));
        let mut symbols = BTreeMap::new();
        let selection = SymbolSelection::Target(target, T::TYPE);
        let proof_type = Some(T::TYPE.orthogonal());
        let own = self
            .symbols
            .recovery(*metadata.blob_id(), selection, proof_type);
        if let Ok(own) = own.await {
            symbols.extend(self.verified::<T>(metadata, target, own).await);
        }
        let peers = self.peers.all(&self.holdings.view(), self.node_id);
        let mut sources = Sources::new(metadata, peers, T::TYPE.orthogonal());
        let (mut asked, mut absent) = (FuturesUnordered::new(), 0_usize);
        while symbols.len() < needed {
            let missing = needed.saturating_sub(symbols.len());
            while sources.waited_for() < PEERS_AT_ONCE
                && let Some(question) = sources.next(missing, |source| symbols.contains_key(source))
            {
                asked.push(ask::<T>(Arc::clone(metadata), target, question));
            }
            let answer = match timeout(SLOW_ANSWER, asked.next()).await {
                Ok(answer) => answer,
                // Whoever did not answer by now may still do so, and others are asked meanwhile.
                Err(_) => {
                    for node_id in sources.give_up_waiting() {
                        self.peers.was_slow(node_id);
                    }
                    continue;
                }
            };
            let Some((question, answer)) = answer else {
                return Err(HealingError::TooFewSymbols {
                    found: symbols.len(),
                    needed,
                    absent,
                    target_type: T::TYPE,
                    target,
                });
            };
            sources.answered(&question, answer.is_some());
            if answer.is_none() {
                self.metrics.recovery.failed_requests.inc();
            }
            if let Some(answer) = answer {
                self.metrics.recovery_bytes.inc_by(bytes_of(&answer));
                let lacks = question.sources.len().saturating_sub(answer.len());
                absent = absent.saturating_add(lacks);
                symbols.extend(self.verified::<T>(metadata, target, answer).await);
            }
        }
        Ok(symbols)
    }

    async fn verified<T: Axis>(
        &self,
        metadata: &Metadata,
        target: SliverIndex,
        answer: Vec<GeneralRecoverySymbol>,
    ) -> Vec<(SliverIndex, RecoverySymbol<T>)> {
        let metadata = Arc::clone(metadata);
        let verify = move || {
            let verified = answer
                .into_iter()
                .filter(|symbol| symbol.verify(&metadata, T::TYPE, target).is_ok())
                .filter_map(GeneralRecoverySymbol::into_recovery_symbol::<T>)
                .map(|symbol| (symbol.symbol.index, symbol));
            Ok::<_, WorkError>(verified.collect())
        };
        self.work.run(verify).await.unwrap_or_default()
    }
}

/// Which node can be asked for which source slivers' symbols.
struct Sources {
    nodes: Vec<Node>,
    /// Asked for, and waited for: the nodes that were asked.
    pending: BTreeMap<SliverIndex, usize>,
    /// The node whose turn it is.
    turn: usize,
}

struct Node {
    node_id: Address,
    client: NodeClient,
    requests: Arc<Semaphore>,
    /// Source slivers that it was not asked for.
    unasked: Vec<SliverIndex>,
    /// How many it may have.
    all: usize,
    /// It was waited for in vain: others are asked first.
    is_slow: bool,
}

/// What is asked of one node.
struct Question {
    node: usize,
    client: NodeClient,
    requests: Arc<Semaphore>,
    sources: Vec<SliverIndex>,
    /// Whether these are all that it has.
    is_all: bool,
}

impl Sources {
    /// `source_type` is the sliver type of the slivers that symbols are taken from.
    fn new(metadata: &Metadata, peers: Vec<Peer>, source_type: SliverType) -> Self {
        let n_shards = metadata.n_shards();
        let node = |peer: Peer| {
            let shards = peer.shards.iter();
            let unasked: Vec<_> = shards
                .map(|shard| {
                    let pair = shard.to_pair_index(metadata.blob_id(), n_shards);
                    pair.to_sliver_index(source_type, n_shards)
                })
                .collect();
            Node {
                node_id: peer.node_id,
                client: peer.client,
                requests: peer.requests,
                all: unasked.len(),
                unasked,
                is_slow: false,
            }
        };
        Self {
            nodes: peers.into_iter().map(node).collect(),
            pending: BTreeMap::new(),
            turn: 0,
        }
    }

    /// What to ask next when `missing` symbols are missing; `None` if enough is asked for, or nobody is left. Each node has its
    /// turn, so that none is asked for everything; one that other recoveries ask is passed over as long as there are others.
    fn next(
        &mut self,
        missing: usize,
        is_known: impl Fn(&SliverIndex) -> bool,
    ) -> Option<Question> {
        let idle = self.next_of(missing, &is_known, |node| {
            !node.is_slow && node.requests.available_permits() > 0
        });
        match idle {
            None if self.pending.is_empty() => self.next_of(missing, &is_known, |_| true),
            idle => idle,
        }
    }

    fn next_of(
        &mut self,
        missing: usize,
        is_known: &impl Fn(&SliverIndex) -> bool,
        may_be_asked: impl Fn(&Node) -> bool,
    ) -> Option<Question> {
        let missing = missing.saturating_sub(self.pending.len());
        let count = self.nodes.len();
        for _ in 0..count {
            let turn = self.turn.checked_rem(count)?;
            self.turn = turn.saturating_add(1);
            let node = self.nodes.get_mut(turn)?;
            if !may_be_asked(node) {
                continue;
            }
            node.unasked.retain(|source| !is_known(source));
            let free = node
                .unasked
                .iter()
                .filter(|source| !self.pending.contains_key(source));
            let sources: Vec<_> = free.take(missing).copied().collect();
            if sources.is_empty() {
                continue;
            }
            node.unasked.retain(|source| !sources.contains(source));
            self.pending
                .extend(sources.iter().map(|source| (*source, turn)));
            return Some(Question {
                node: turn,
                client: node.client.clone(),
                requests: Arc::clone(&node.requests),
                is_all: sources.len() == node.all,
                sources,
            });
        }
        None
    }

    /// Nodes that are waited for.
    fn waited_for(&self) -> usize {
        self.pending.values().collect::<BTreeSet<_>>().len()
    }

    /// Waits for none of them any more: what they were asked for is as good as missing, and others are asked before them.
    fn give_up_waiting(&mut self) -> Vec<Address> {
        let waited_for: BTreeSet<_> = std::mem::take(&mut self.pending).into_values().collect();
        let mut slow = Vec::new();
        for node in waited_for {
            if let Some(node) = self.nodes.get_mut(node) {
                node.is_slow = true;
                slow.push(node.node_id);
            }
        }
        slow
    }

    /// A node that does not answer is not asked again.
    fn answered(&mut self, question: &Question, is_answer: bool) {
        for source in &question.sources {
            if self.pending.get(source) == Some(&question.node) {
                self.pending.remove(source);
            }
        }
        if let Some(node) = self.nodes.get_mut(question.node)
            && !is_answer
        {
            node.unasked.clear();
        }
    }
}

/// The question, and its answer: `None` if there is no telling what the node has.
async fn ask<T: Axis>(
    metadata: Metadata,
    target: SliverIndex,
    question: Question,
) -> (Question, Option<Vec<GeneralRecoverySymbol>>) {
    // Never closed.
    let _permit = Arc::clone(&question.requests).acquire_owned().await;
    let answer = if question.is_all {
        let all = question.client.recovery_symbols(&metadata, target, T::TYPE);
        all.await
    } else {
        let id = |source: &SliverIndex| match T::TYPE {
            SliverType::Primary => SymbolId::new(target, *source),
            SliverType::Secondary => SymbolId::new(*source, target),
        };
        let ids: Vec<_> = question.sources.iter().map(id).collect();
        let these = question
            .client
            .recovery_symbols_of(&metadata, &ids, T::TYPE);
        these.await
    };
    let answer = match answer {
        Ok(symbols) => Some(symbols),
        Err(error) if has_none(&error) => Some(Vec::new()),
        Err(error) => {
            tracing::debug!(%error, "no symbols");
            None
        }
    };
    (question, answer)
}

/// Whether a node says that it has none of the symbols.
fn has_none(error: &NodeError) -> bool {
    error.is_not_found() || error.is_reason(Reason::SymbolNotPresentAtShards)
}

/// The bytes that an answer takes on the wire.
fn bytes_of(symbols: &[GeneralRecoverySymbol]) -> u64 {
    let bytes = bcs::serialized_size(symbols).unwrap_or_default();
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
