//! Why a request is refused. Node spec 1.2 and 1.3.

use std::fmt::Display;

use walrus_node_client::{ErrorDetail, ErrorEnvelope, Reason};

use crate::storage::StorageError;

/// A refused request: a stable reason and a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    reason: Reason,
    envelope: Box<ErrorEnvelope>,
}

impl Refusal {
    /// A refusal for `reason`.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            envelope: Box::new(ErrorEnvelope::new(reason, message)),
        }
    }

    /// Something failed that is not the caller's doing. The details go to the log, a trace ID to the caller.
    pub fn internal(error: impl Display) -> Self {
        let trace = format!("{:032x}", rand::random::<u128>());
        tracing::error!(%error, trace, "internal error");
        let mut refusal = Self::new(
            Reason::InternalError,
            "an internal error has occurred, please report it",
        );
        refusal.envelope.error.details.push(ErrorDetail::DebugInfo {
            stack_entries: vec![],
            detail: format!("TraceID: {trace}"),
        });
        refusal
    }

    /// The stable reason.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The answer.
    pub fn envelope(&self) -> &ErrorEnvelope {
        &self.envelope
    }
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NoShard(shard) => not_assigned(shard),
            error => Self::internal(error),
        }
    }
}

/// The refusal for a shard that is not this node's.
pub(crate) fn not_assigned(shard: walrus_core::ShardIndex) -> Refusal {
    Refusal::new(
        Reason::ShardNotAssigned,
        format!("shard {shard} is not assigned to this node"),
    )
}
