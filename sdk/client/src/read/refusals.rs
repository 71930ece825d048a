//! Which nodes did not serve a read, and what follows from that.

use std::collections::BTreeMap;

use walrus_core::{BlobId, quorum::is_quorum};

use crate::{ClientError, NodeFailure, nodes::StorageNode, patience::RequestError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NotFound,
    Blocked,
    Other,
}

/// The last failure of each node.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_position: BTreeMap<u16, (Kind, NodeFailure)>,
}

impl Refusals {
    /// A node failed in some other way than by its answer to a request.
    pub(super) fn note(&mut self, node: &StorageNode, reason: impl std::fmt::Display) {
        self.by_position
            .insert(node.position, (Kind::Other, node.failure(reason)));
    }

    /// A request to a node failed.
    pub(super) fn note_request(&mut self, node: &StorageNode, error: &RequestError) {
        let kind = match error {
            error if error.is_not_found() => Kind::NotFound,
            error if error.is_blocked() => Kind::Blocked,
            _ => Kind::Other,
        };
        self.by_position
            .insert(node.position, (kind, node.failure(error)));
    }

    /// What a quorum that does not have the blob, or does not serve it, means for the read. Client spec 1.10.3.
    pub(super) fn verdict(&self, blob_id: &BlobId, n_shards: u16) -> Option<ClientError> {
        let weight = |wanted: Kind| -> u64 {
            let of_kind = self
                .by_position
                .values()
                .filter(|(kind, _)| *kind == wanted);
            of_kind.map(|(_, failure)| u64::from(failure.weight)).sum()
        };
        let (missing, blocked) = (weight(Kind::NotFound), weight(Kind::Blocked));
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
        self.by_position
            .into_values()
            .map(|(_, failure)| failure)
            .collect()
    }
}
