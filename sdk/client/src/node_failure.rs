//! Failure of a storage node to do its part in a store or a read, and failures of many counted by kind.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use walrus_core::messages::MessageError;
use walrus_node_client::{NodeError, Reason};

/// A node that did not do its part.
#[derive(Debug, Clone)]
pub struct NodeFailure {
    /// Display name and address of the node.
    pub node: String,
    /// Its shards.
    pub weight: u16,
    /// What went wrong.
    pub problem: NodeProblem,
}

/// What keeps a node from doing its part.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum NodeProblem {
    /// It could not be reached, refused, or its answer cannot be read.
    #[error("{0}")]
    Request(#[source] Arc<NodeError>),
    /// It was silent for so long.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// What the chain says about it is malformed: its address or a key.
    #[error("{0}")]
    Unusable(String),
    /// What was to be sent to it cannot be had here.
    #[error("{0}")]
    NothingToSend(String),
    /// What it sent does not belong to the blob.
    #[error("{0}")]
    WrongAnswer(String),
    /// It signed something else than was asked for, or not with its key.
    #[error("invalid confirmation: {0}")]
    WrongConfirmation(#[source] MessageError),
    /// It is in an earlier epoch than the network.
    #[error("{0}")]
    Behind(#[source] MessageError),
    /// It misses slivers, however often they are sent.
    #[error("it says that it misses slivers, however often they are sent")]
    MissesSlivers,
    /// Work of ours on its answer was cut off.
    #[error("{0}")]
    Interrupted(String),
}

/// What [`NodeProblem`]s are counted by. Ordered as they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// No answer in time.
    TimedOut,
    /// No connection, or a broken one.
    Unreachable,
    /// The node has not seen the registration of the blob.
    NotRegistered,
    /// The node is in an earlier epoch.
    Behind,
    /// The node misses slivers that were sent to it.
    MissesSlivers,
    /// The node does not have what was asked for.
    NotFound,
    /// The node refuses to serve the blob.
    Blocked,
    /// The node has too much to do.
    Overloaded,
    /// The node has no space for what was sent to it.
    Full,
    /// The node refused for another reason.
    Refused,
    /// The node sent something wrong.
    WrongAnswer,
    /// The chain has no address or key of the node that can be used.
    Unusable,
    /// It was not the node.
    OurFault,
}

impl FailureKind {
    /// A word or two for people, after a number of nodes.
    pub fn label(self) -> &'static str {
        match self {
            Self::TimedOut => "timed out",
            Self::Unreachable => "unreachable",
            Self::NotRegistered => "not registered",
            Self::Behind => "in an earlier epoch",
            Self::MissesSlivers => "missing slivers",
            Self::NotFound => "not found",
            Self::Blocked => "blocked",
            Self::Overloaded => "overloaded",
            Self::Full => "out of space",
            Self::Refused => "refused",
            Self::WrongAnswer => "with a wrong answer",
            Self::Unusable => "without a usable address or key",
            Self::OurFault => "not asked",
        }
    }
}

impl From<NodeError> for NodeProblem {
    fn from(error: NodeError) -> Self {
        Self::Request(Arc::new(error))
    }
}

impl NodeProblem {
    /// What it is counted as.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Request(error) => kind_of(error),
            Self::Silent(_) => FailureKind::TimedOut,
            Self::Unusable(_) => FailureKind::Unusable,
            Self::WrongAnswer(_) | Self::WrongConfirmation(_) => FailureKind::WrongAnswer,
            Self::Behind(_) => FailureKind::Behind,
            Self::MissesSlivers => FailureKind::MissesSlivers,
            Self::NothingToSend(_) | Self::Interrupted(_) => FailureKind::OurFault,
        }
    }

    /// Whether there was no answer at all.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Request(error) => error.is_unreachable(),
            Self::Silent(_) => true,
            _ => false,
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Request(error) => error.is_retryable(),
            Self::Silent(_) => true,
            _ => false,
        }
    }

    /// Whether the node says that it has not seen the registration.
    pub fn is_not_registered(&self) -> bool {
        self.kind() == FailureKind::NotRegistered
    }

    /// Whether the node says that it does not have what was asked for.
    pub fn is_not_found(&self) -> bool {
        self.kind() == FailureKind::NotFound
    }
}

fn kind_of(error: &NodeError) -> FailureKind {
    match (error, error.http_status()) {
        (NodeError::Transport { .. }, _) if error.is_timeout() => FailureKind::TimedOut,
        (NodeError::Silent { .. }, _) => FailureKind::TimedOut,
        (NodeError::Transport { .. }, _) => FailureKind::Unreachable,
        (
            NodeError::InvalidNetworkKey | NodeError::InvalidAddress(_) | NodeError::Forbidden(_),
            _,
        ) => FailureKind::Unusable,
        (NodeError::TooLarge { .. } | NodeError::Malformed { .. }, _) => FailureKind::WrongAnswer,
        _ if error.is_reason(Reason::NotRegistered) => FailureKind::NotRegistered,
        (_, Some(404)) => FailureKind::NotFound,
        (_, Some(451)) => FailureKind::Blocked,
        (_, Some(429 | 503)) => FailureKind::Overloaded,
        (_, Some(507)) => FailureKind::Full,
        _ => FailureKind::Refused,
    }
}

/// How many nodes failed in each way.
///
/// ```
/// use std::time::Duration;
/// use walrus_sdk::{FailureCounts, FailureKind, NodeFailure, NodeProblem};
///
/// let failures: Vec<NodeFailure> = (0..30)
///     .map(|number| NodeFailure {
///         node: format!("node-{number}"),
///         weight: 3,
///         problem: NodeProblem::Silent(Duration::from_secs(5)),
///     })
///     .collect();
/// let counts = FailureCounts::of(&failures);
/// assert_eq!(counts.get(FailureKind::TimedOut), 30);
/// assert_eq!(counts.to_string(), "30 timed out");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureCounts(BTreeMap<FailureKind, usize>);

impl FailureCounts {
    /// Counts failures.
    pub fn of(failures: &[NodeFailure]) -> Self {
        let mut counts = BTreeMap::new();
        for failure in failures {
            *counts.entry(failure.problem.kind()).or_default() += 1;
        }
        Self(counts)
    }

    /// Nodes that failed in this way.
    pub fn get(&self, kind: FailureKind) -> usize {
        self.0.get(&kind).copied().unwrap_or_default()
    }

    /// The kinds that there are, with the number of nodes.
    pub fn iter(&self) -> impl Iterator<Item = (FailureKind, usize)> + '_ {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }
}

impl fmt::Display for FailureCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (kind, count)) in self.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {}", kind.label())?;
        }
        Ok(())
    }
}

/// That nodes are full, if any is: nobody can do more about it than wait for another epoch, or ask those who run them.
pub(crate) fn no_space(failures: &[NodeFailure]) -> String {
    match FailureCounts::of(failures).get(FailureKind::Full) {
        0 => String::new(),
        1 => "no space on 1 node: ".to_owned(),
        count => format!("no space on {count} nodes: "),
    }
}

/// The first few failures, and what all of them are, for people.
pub(crate) fn summary(failures: &[NodeFailure]) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    for failure in failures.iter().take(SHOWN) {
        let shards = if failure.weight == 1 {
            "shard"
        } else {
            "shards"
        };
        text.push_str(&format!(
            "\n  {} ({} {shards}): {}",
            failure.node, failure.weight, failure.problem
        ));
    }
    if let Some(more) = failures.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let nodes = if more == 1 { "node" } else { "nodes" };
        let counts = FailureCounts::of(failures);
        text.push_str(&format!("\n  and {more} more {nodes}; of all, {counts}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use walrus_node_client::{ErrorEnvelope, Reason};

    use super::*;

    fn failures(count: usize, problem: &NodeProblem) -> Vec<NodeFailure> {
        (0..count)
            .map(|number| NodeFailure {
                node: format!("node-{number}"),
                weight: 2,
                problem: problem.clone(),
            })
            .collect()
    }

    fn refused(reason: Reason) -> NodeProblem {
        NodeProblem::from(NodeError::Refused {
            url: "https://node".to_owned(),
            envelope: Box::new(ErrorEnvelope::new(reason, "no")),
        })
    }

    #[test]
    fn many_failures_are_counted_by_kind() {
        let silent = NodeProblem::Silent(Duration::from_secs(5));
        let mut all = failures(30, &silent);
        all.extend(failures(9, &refused(Reason::NotRegistered)));
        let counts = FailureCounts::of(&all);
        assert_eq!(counts.to_string(), "30 timed out, 9 not registered");
        assert_eq!(counts.get(FailureKind::TimedOut), 30);
        assert_eq!(counts.get(FailureKind::Blocked), 0);
        let text = summary(&all);
        assert!(
            text.ends_with("and 34 more nodes; of all, 30 timed out, 9 not registered"),
            "{text}"
        );
        let few = summary(&failures(1, &silent));
        assert_eq!(few, "\n  node-0 (2 shards): no answer within 5s");
    }

    #[test]
    fn a_full_node_is_told_at_once() {
        let full = NodeProblem::from(NodeError::Status {
            url: "https://node".to_owned(),
            status: 507,
        });
        assert_eq!(full.kind(), FailureKind::Full);
        assert!(!full.is_retryable());
        let error = crate::ClientError::NotEnoughConfirmations {
            got: 0,
            needed: 9,
            failures: failures(4, &full),
            registered: None,
        };
        let text = error.to_string();
        assert!(text.starts_with("no space on 4 nodes: "), "{text}");
    }

    #[test]
    fn answers_have_the_kind_that_follows_from_them() {
        for (reason, kind) in [
            (Reason::NotRegistered, FailureKind::NotRegistered),
            (Reason::SliverNotFound, FailureKind::NotFound),
            (Reason::ForbiddenBlob, FailureKind::Blocked),
            (Reason::Unavailable, FailureKind::Overloaded),
            (Reason::InvalidSliver, FailureKind::Refused),
        ] {
            assert_eq!(refused(reason).kind(), kind, "{reason:?}");
        }
        let address = NodeProblem::from(NodeError::InvalidAddress("x".to_owned()));
        assert_eq!(address.kind(), FailureKind::Unusable);
        assert!(!address.is_retryable() && !address.is_unreachable());
    }
}
