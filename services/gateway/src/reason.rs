//! Reasons of refusals, and what of a store becomes which. Client spec 3.4, 3.5 and 8.2.

use walrus_node_client::TransportStatus;
use walrus_service::envelope::{GLOBAL_DOMAIN, Reason, Refusal, RequestReason};

use crate::{
    publisher::{TokenError, UploadError, WriteReason},
    store::StoreError,
};

/// The domain of aggregators and publishers.
const DAEMON_DOMAIN: &str = "daemon.walrus.space";

/// The domain of what is wrong with a token.
const TOKEN_DOMAIN: &str = "auth.publisher.walrus.space";

/// Why a gateway refuses. `INVALID_BYTE_RANGE` has two statuses, by where the range stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GatewayReason {
    /// The network has never heard of the blob, or has forgotten it.
    BlobNotFound,
    /// The blob is registered, and its bytes are not certified to be there.
    BlobNotCertified,
    /// What was paid for is over.
    BlobExpired,
    /// The blob is certified, and cannot be read now.
    BlobUnavailable,
    /// The storage nodes do not serve the blob.
    ForbiddenBlob,
    /// The quilt has no such patch.
    QuiltPatchNotFound,
    /// The gateway serves smaller blobs only.
    BlobTooLarge,
    /// A `Range` that nothing of the blob is in, or that is none.
    RangeNotSatisfiable,
    /// A range in the query of which the same holds.
    InvalidByteRange,
    /// Both consistency checks, or none, at once.
    InvalidConsistencyCheck,
    /// `If-Match` names something else.
    PreconditionFailed,
    /// What is neither a blob ID nor an object ID.
    InvalidIdFormat,
    /// There is no blob object of this ID.
    ObjectNotResolved,
    /// The body says that it is something else than the route takes.
    UnsupportedMediaType,
    /// The body is no JSON.
    InvalidBody,
    /// The body is JSON of another form.
    UnprocessableBody,
    /// Too many requests are in work.
    TooManyRequests,
    /// Who asks may not do so here.
    NotAllowed,
    /// A blob that is to be both deletable and permanent.
    InvalidBlobPersistence,
    /// What is asked for cannot be.
    MalformedRequest,
    /// Too few nodes confirmed that they have the blob.
    InsufficientConfirmations,
    /// The publisher's wallet has too little.
    InsufficientFunds,
    /// The store failed a while ago; why is in the sentence.
    StoreFailed,
    /// The gateway, or what it depends on, failed.
    Internal,
}

impl Reason for GatewayReason {
    fn code(self) -> &'static str {
        match self {
            Self::BlobNotFound => "BLOB_NOT_FOUND",
            Self::BlobNotCertified => "BLOB_NOT_CERTIFIED",
            Self::BlobExpired => "BLOB_EXPIRED",
            Self::BlobUnavailable => "BLOB_UNAVAILABLE",
            Self::ForbiddenBlob => "FORBIDDEN_BLOB",
            Self::QuiltPatchNotFound => "QUILT_PATCH_NOT_FOUND",
            Self::BlobTooLarge => "BLOB_TOO_LARGE",
            Self::RangeNotSatisfiable | Self::InvalidByteRange => "INVALID_BYTE_RANGE",
            Self::InvalidConsistencyCheck => "INVALID_CONSISTENCY_CHECK",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::InvalidIdFormat => "INVALID_ID_FORMAT",
            Self::ObjectNotResolved => "OBJECT_ID_RESOLUTION_FAILED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::InvalidBody | Self::UnprocessableBody => "INVALID_BODY",
            Self::TooManyRequests => "TOO_MANY_REQUESTS",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::InvalidBlobPersistence => "INVALID_BLOB_PERSISTENCE",
            Self::MalformedRequest => "MALFORMED_REQUEST",
            Self::InsufficientConfirmations => "INSUFFICIENT_CONFIRMATIONS",
            Self::InsufficientFunds => "INSUFFICIENT_FUNDS",
            Self::StoreFailed => "STORE_FAILED",
            Self::Internal => "INTERNAL_ERROR",
        }
    }

    fn status(self) -> TransportStatus {
        match self {
            Self::BlobNotFound
            | Self::BlobNotCertified
            | Self::BlobExpired
            | Self::ObjectNotResolved
            | Self::QuiltPatchNotFound => TransportStatus::NotFound,
            Self::BlobUnavailable | Self::InsufficientFunds => TransportStatus::Unavailable,
            Self::NotAllowed => TransportStatus::PermissionDenied,
            Self::InsufficientConfirmations => TransportStatus::DeadlineExceeded,
            Self::ForbiddenBlob => TransportStatus::UnavailableForLegalReasons,
            Self::BlobTooLarge => TransportStatus::SizeExceeded,
            Self::RangeNotSatisfiable => TransportStatus::RangeNotSatisfiable,
            Self::PreconditionFailed => TransportStatus::FailedPrecondition,
            Self::TooManyRequests => TransportStatus::ResourceExhausted,
            Self::StoreFailed | Self::Internal => TransportStatus::Internal,
            Self::InvalidByteRange
            | Self::InvalidConsistencyCheck
            | Self::InvalidIdFormat
            | Self::UnsupportedMediaType
            | Self::InvalidBlobPersistence
            | Self::MalformedRequest
            | Self::InvalidBody
            | Self::UnprocessableBody => TransportStatus::InvalidArgument,
        }
    }

    fn http_status(self) -> u16 {
        match self {
            Self::PreconditionFailed => 412,
            Self::UnsupportedMediaType => 415,
            Self::UnprocessableBody => 422,
            other => other.status().http_status(),
        }
    }

    fn domain(self) -> &'static str {
        match self {
            Self::Internal => GLOBAL_DOMAIN,
            _ => DAEMON_DOMAIN,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let reason = match &error {
            StoreError::NeverStored(_) | StoreError::NoObject(_) => GatewayReason::BlobNotFound,
            StoreError::Registered(_) => GatewayReason::BlobNotCertified,
            StoreError::NoPatch(_) => GatewayReason::QuiltPatchNotFound,
            StoreError::Expired { .. } => GatewayReason::BlobExpired,
            StoreError::Unavailable { .. } => GatewayReason::BlobUnavailable,
            StoreError::Blocked(_) | StoreError::OnBlocklist(_) => GatewayReason::ForbiddenBlob,
            StoreError::Inconsistent(_)
            | StoreError::WrongManifest { .. }
            | StoreError::Failed(_) => {
                return Self::internal(GatewayReason::Internal, error);
            }
        };
        Self::new(reason, error.to_string())
    }
}

impl From<UploadError> for Refusal {
    fn from(error: UploadError) -> Self {
        let message = error.to_string();
        match error {
            UploadError::Epochs(_) | UploadError::Quilt(_) => {
                Self::new(GatewayReason::MalformedRequest, message)
            }
            UploadError::TooLarge { .. } => Self::new(RequestReason::BodyTooLarge, message),
            UploadError::Confirmations(_) => {
                Self::new(GatewayReason::InsufficientConfirmations, message)
            }
            UploadError::Blocked => Self::new(GatewayReason::ForbiddenBlob, message),
            UploadError::Funds(error) => {
                tracing::error!(%error, "the wallet is too empty to store");
                Self::new(GatewayReason::InsufficientFunds, message)
            }
            UploadError::TooExpensive { .. } => Self::new(WriteReason::BudgetExceeded, message),
            UploadError::Failed(error) => Self::internal(GatewayReason::Internal, error),
        }
    }
}

/// What is wrong with a token. Client spec 3.7; one that has expired, or has a wrong signature, is a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenReason {
    Missing,
    Invalid,
    Signature,
    Expired,
    Expiration,
    Timestamp,
    Inconsistent,
    Epochs,
    Size,
    Owner,
    Used,
    Full,
}

impl TokenReason {
    /// Each of them.
    pub(crate) const ALL: [Self; 12] = [
        Self::Missing,
        Self::Invalid,
        Self::Signature,
        Self::Expired,
        Self::Expiration,
        Self::Timestamp,
        Self::Inconsistent,
        Self::Epochs,
        Self::Size,
        Self::Owner,
        Self::Used,
        Self::Full,
    ];
}

impl Reason for TokenReason {
    fn code(self) -> &'static str {
        match self {
            Self::Missing => "MISSING_TOKEN",
            Self::Invalid => "INVALID_TOKEN",
            Self::Signature => "INVALID_SIGNATURE",
            Self::Expired => "EXPIRED_SIGNATURE",
            Self::Expiration => "INVALID_EXPIRATION",
            Self::Timestamp => "INVALID_TIMESTAMP",
            Self::Inconsistent => "INCONSISTENT_TOKEN",
            Self::Epochs => "INVALID_EPOCHS",
            Self::Size => "INVALID_SIZE",
            Self::Owner => "INVALID_SEND_OBJECT_TO",
            Self::Used => "TOKEN_ALREADY_USED",
            Self::Full => "TOO_MANY_TOKENS",
        }
    }

    fn status(self) -> TransportStatus {
        match self {
            Self::Signature | Self::Expired => TransportStatus::Unauthenticated,
            Self::Used => TransportStatus::ResourceExhausted,
            Self::Full => TransportStatus::Unavailable,
            _ => TransportStatus::FailedPrecondition,
        }
    }

    fn domain(self) -> &'static str {
        TOKEN_DOMAIN
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        let reason = match &error {
            TokenError::Missing => TokenReason::Missing,
            TokenError::Malformed(_) => TokenReason::Invalid,
            TokenError::Signature => TokenReason::Signature,
            TokenError::Expired => TokenReason::Expired,
            TokenError::Lifetime { .. } => TokenReason::Expiration,
            TokenError::NoTimestamp => TokenReason::Timestamp,
            TokenError::Inconsistent(_) => TokenReason::Inconsistent,
            TokenError::Epochs { .. } => TokenReason::Epochs,
            TokenError::Size { .. } => TokenReason::Size,
            TokenError::Owner(_) => TokenReason::Owner,
            TokenError::Used => TokenReason::Used,
            TokenError::Full => TokenReason::Full,
            TokenError::Table(_) => return Self::internal(GatewayReason::Internal, error),
        };
        Self::new(reason, error.to_string())
    }
}
