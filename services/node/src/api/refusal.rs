//! Refusals: what becomes of a deed's error on the wire. Node spec 1.2 and 1.3.
//!
//! This is the only place that knows which reason code goes with which error.

use std::fmt::Display;

use walrus_core::ShardIndex;
use walrus_node_client::{PieceError, Reason};
use walrus_service::{envelope::Refusal, request::BodyError};

use crate::{
    blobs::{
        AttestationError, ConfirmationError, IntakeError, PairOutOfRange, ReadError, SymbolError,
        UploadError,
    },
    shards::ShardSyncError,
    storage::StorageError,
    work::WorkError,
};

/// Something failed that is not the caller's doing.
pub(super) fn internal(error: impl Display) -> Refusal {
    Refusal::internal(Reason::InternalError, error)
}

/// The refusal of a body.
pub(super) fn of_body(error: &BodyError) -> Refusal {
    let reason = match error {
        BodyError::TooLarge(_) => Reason::BodyTooLarge,
        BodyError::NotBytes(_) | BodyError::Unreadable(_) => Reason::InvalidContentType,
    };
    Refusal::new(reason, error.to_string())
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NoShard(shard) => not_assigned(shard),
            error if error.is_full() => {
                tracing::warn!(%error, "an upload is refused");
                Self::new(Reason::StorageFull, error.to_string())
            }
            error => internal(error),
        }
    }
}

impl From<WorkError> for Refusal {
    fn from(error: WorkError) -> Self {
        internal(error)
    }
}

impl From<PairOutOfRange> for Refusal {
    fn from(error: PairOutOfRange) -> Self {
        Self::new(Reason::IndexOutOfRange, error.to_string())
    }
}

impl From<UploadError> for Refusal {
    fn from(error: UploadError) -> Self {
        use UploadError as E;
        let reason = match error {
            E::MalformedMetadata(_) | E::MalformedSliver(_) => Reason::InvalidContentType,
            E::InvalidMetadata(_) => Reason::InvalidMetadata,
            E::InvalidSliver(_) => Reason::InvalidSliver,
            E::InvalidBlob => Reason::InvalidBlob,
            E::NotRegistered => Reason::NotRegistered,
            E::MetadataRequired => Reason::MetadataRequired,
            E::Saturated => Reason::CacheSaturated,
            E::IndexMismatch { .. } => Reason::SliverIndexMismatch,
            E::NotAssigned(shard) => return not_assigned(shard),
            E::PairOutOfRange(error) => return error.into(),
            E::Storage(error) => return error.into(),
            E::Work(error) => return error.into(),
        };
        Self::new(reason, error.to_string())
    }
}

impl From<IntakeError> for Refusal {
    fn from(error: IntakeError) -> Self {
        use IntakeError as E;
        match error {
            E::TooLong { .. } => Self::new(Reason::BodyTooLarge, error.to_string()),
            E::Upload(error) => error.into(),
            E::Confirmation(error) => error.into(),
            E::Memory(error) => error.into(),
        }
    }
}

/// The refusal of pieces that cannot be read.
pub(super) fn of_pieces(error: &PieceError<axum::Error>) -> Refusal {
    Refusal::new(Reason::InvalidContentType, error.to_string())
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        use ReadError as E;
        let reason = match error {
            E::MetadataNotFound => Reason::MetadataNotFound,
            E::SliverNotFound => Reason::SliverNotFound,
            E::NotAssigned(shard) => return not_assigned(shard),
            E::Blocked(_) => Reason::ForbiddenBlob,
            E::PairOutOfRange(error) => return error.into(),
            E::Storage(error) => return error.into(),
            E::Work(error) => return error.into(),
        };
        Self::new(reason, error.to_string())
    }
}

impl From<ConfirmationError> for Refusal {
    fn from(error: ConfirmationError) -> Self {
        use ConfirmationError as E;
        let reason = match error {
            E::NotRegistered | E::ObjectNotRegistered => Reason::NotRegistered,
            E::NotInCommittee | E::MissingMetadata | E::MissingSlivers { .. } => {
                Reason::MissingSlivers
            }
            E::Upload(error) => return error.into(),
            E::Storage(error) => return error.into(),
            E::Work(error) => return error.into(),
        };
        Self::new(reason, error.to_string())
    }
}

impl From<SymbolError> for Refusal {
    fn from(error: SymbolError) -> Self {
        use SymbolError as E;
        let reason = match error {
            E::Busy => Reason::Unavailable,
            E::NotRegistered | E::SliverAbsent(_) => Reason::SliverNotFound,
            E::NotPresent => Reason::SymbolNotPresentAtShards,
            E::NoTargets => Reason::NoTargetSliversSpecified,
            E::TargetOutOfRange { .. } => Reason::RecoverySymbolOutOfRange,
            E::Blocked(_) => Reason::ForbiddenBlob,
            E::Sliver(_) | E::Codec(_) | E::Size(_) => return internal(error),
            E::Storage(error) => return error.into(),
            E::Work(error) => return error.into(),
        };
        Self::new(reason, error.to_string())
    }
}

impl From<AttestationError> for Refusal {
    fn from(error: AttestationError) -> Self {
        use AttestationError as E;
        let reason = match error {
            E::MetadataRequired => Reason::MetadataRequired,
            E::Malformed(_) => Reason::InvalidContentType,
            E::InvalidProof(_) => Reason::InvalidProof,
            E::Storage(error) => return error.into(),
            E::Work(error) => return error.into(),
        };
        Self::new(reason, error.to_string())
    }
}

impl From<ShardSyncError> for Refusal {
    fn from(error: ShardSyncError) -> Self {
        use ShardSyncError as E;
        let reason = match error {
            E::Stranger(_) | E::NotOwner { .. } => Reason::RequestUnauthorized,
            E::Message(_) => Reason::MessageVerificationFailed,
            E::WrongEpoch { .. } => Reason::InvalidEpoch,
            E::TooMany { .. } => Reason::SliverCountExceedsLimit,
            E::NotStored(_) => Reason::ShardNotAssigned,
            E::Busy => Reason::Unavailable,
            E::Storage(error) => return error.into(),
            E::Work(error) => return error.into(),
        };
        Self::new(reason, error.to_string())
    }
}

/// The refusal for a shard that is not this node's.
fn not_assigned(shard: ShardIndex) -> Refusal {
    Refusal::new(
        Reason::ShardNotAssigned,
        format!("shard {shard} is not assigned to this node"),
    )
}
