//! Refusals: which nodes did not serve a read, and what follows from that.

use std::collections::BTreeMap;

use walrus_core::{BlobId, quorum::is_quorum};

use crate::{ClientError, FailureKind, NodeFailure, NodeProblem, nodes::StorageNode};

/// The last failure of each node.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_position: BTreeMap<u16, NodeFailure>,
}

impl Refusals {
    /// A node did not serve the read.
    pub(super) fn note(&mut self, node: &StorageNode, problem: NodeProblem) {
        self.by_position
            .insert(node.position, node.failure(problem));
    }

    /// What a quorum that does not have the blob, or does not serve it, means for the read. Client spec 1.10.3.
    pub(super) fn verdict(&self, blob_id: &BlobId, n_shards: u16) -> Option<ClientError> {
        let weight = |wanted: FailureKind| -> u64 {
            let failures = self.by_position.values();
            let of_kind = failures.filter(|failure| failure.problem.kind() == wanted);
            of_kind.map(|failure| u64::from(failure.weight)).sum()
        };
        let missing = weight(FailureKind::NotFound);
        let blocked = weight(FailureKind::Blocked);
        if !is_quorum(missing + blocked, n_shards) {
            return None;
        }
        Some(if missing >= blocked {
            ClientError::BlobIdDoesNotExist(*blob_id)
        } else {
            ClientError::BlobIdBlocked(*blob_id)
        })
    }

    /// The failures, in the order of the committee.
    pub(super) fn into_failures(self) -> Vec<NodeFailure> {
        self.by_position.into_values().collect()
    }
}
