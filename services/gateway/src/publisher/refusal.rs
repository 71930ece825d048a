//! Reasons of what only writes refuse: keys, budgets, jobs and resumable uploads. Client spec 3.5 and 3.12.

use walrus_node_client::TransportStatus;
use walrus_service::envelope::{Reason, Refusal};

/// The domain of what is refused here.
const DOMAIN: &str = "daemon.walrus.space";

/// Why a write is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteReason {
    /// The publisher takes nothing from who has no key.
    MissingKey,
    /// There is no such key, or it was revoked.
    InvalidKey,
    /// The key was good until a while ago.
    ExpiredKey,
    /// The store would cost more than is left of the budget.
    BudgetExceeded,
    /// An idempotency key that is none.
    InvalidIdempotencyKey,
    /// The same idempotency key came with something else before.
    IdempotencyKeyReused,
    /// As many uploads as are kept are there.
    TooManyUploads,
    /// As many bytes as are kept are there.
    SpoolFull,
    /// There is no such upload, or it is over.
    UploadNotFound,
    /// The upload was not made with this key.
    NotYourUpload,
    /// Another request is writing to the upload, or it is being stored.
    UploadLocked,
    /// The upload is at another offset.
    OffsetMismatch,
    /// A header of an upload is missing or malformed.
    InvalidUpload,
    /// The version of the protocol is not this one.
    UnsupportedVersion,
    /// A body of another type than a part of an upload has.
    UnsupportedPart,
    /// The bytes of a request are not those of its checksum.
    ChecksumMismatch,
    /// The bytes of an upload are not those that were promised.
    DigestMismatch,
    /// There is no such object among those of the key.
    ObjectNotFound,
    /// What was asked for cannot be done with the object.
    ObjectUnsuitable,
}

impl Reason for WriteReason {
    fn code(self) -> &'static str {
        match self {
            Self::MissingKey => "MISSING_KEY",
            Self::InvalidKey => "INVALID_KEY",
            Self::ExpiredKey => "EXPIRED_KEY",
            Self::BudgetExceeded => "BUDGET_EXCEEDED",
            Self::InvalidIdempotencyKey => "INVALID_IDEMPOTENCY_KEY",
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::TooManyUploads => "TOO_MANY_UPLOADS",
            Self::SpoolFull => "SPOOL_FULL",
            Self::UploadNotFound => "UPLOAD_NOT_FOUND",
            Self::NotYourUpload => "NOT_YOUR_UPLOAD",
            Self::UploadLocked => "UPLOAD_LOCKED",
            Self::OffsetMismatch => "OFFSET_MISMATCH",
            Self::InvalidUpload => "INVALID_UPLOAD",
            Self::UnsupportedVersion => "UNSUPPORTED_VERSION",
            Self::UnsupportedPart => "UNSUPPORTED_MEDIA_TYPE",
            Self::ChecksumMismatch => "CHECKSUM_MISMATCH",
            Self::DigestMismatch => "DIGEST_MISMATCH",
            Self::ObjectNotFound => "OBJECT_NOT_FOUND",
            Self::ObjectUnsuitable => "OBJECT_UNSUITABLE",
        }
    }

    fn status(self) -> TransportStatus {
        match self {
            Self::MissingKey | Self::InvalidKey | Self::ExpiredKey => {
                TransportStatus::Unauthenticated
            }
            Self::NotYourUpload => TransportStatus::PermissionDenied,
            Self::UploadNotFound | Self::ObjectNotFound => TransportStatus::NotFound,
            Self::TooManyUploads => TransportStatus::ResourceExhausted,
            Self::SpoolFull => TransportStatus::Unavailable,
            Self::InvalidIdempotencyKey | Self::InvalidUpload | Self::UnsupportedPart => {
                TransportStatus::InvalidArgument
            }
            Self::BudgetExceeded
            | Self::IdempotencyKeyReused
            | Self::UploadLocked
            | Self::OffsetMismatch
            | Self::UnsupportedVersion
            | Self::ChecksumMismatch
            | Self::DigestMismatch
            | Self::ObjectUnsuitable => TransportStatus::FailedPrecondition,
        }
    }

    fn http_status(self) -> u16 {
        match self {
            Self::BudgetExceeded => 402,
            Self::OffsetMismatch => 409,
            Self::UnsupportedVersion => 412,
            Self::UnsupportedPart => 415,
            Self::IdempotencyKeyReused | Self::DigestMismatch | Self::ObjectUnsuitable => 422,
            Self::UploadLocked => 423,
            // The number that the checksum extension of tus defines.
            Self::ChecksumMismatch => 460,
            Self::SpoolFull => 507,
            other => other.status().http_status(),
        }
    }

    fn domain(self) -> &'static str {
        DOMAIN
    }
}

/// The refusal of an upload that is not there.
pub(crate) fn no_upload() -> Refusal {
    let message = "there is no such upload: it was never begun, was ended, or has expired";
    Refusal::new(WriteReason::UploadNotFound, message)
}
