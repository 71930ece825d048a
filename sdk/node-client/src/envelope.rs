//! JSON envelope: what every answer is wrapped in. Node spec 1.2.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Reason;

/// The error domain of storage nodes.
pub const STORAGE_DOMAIN: &str = "storage.walrus.space";

/// `{"success": {"code": …, "data": …}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessEnvelope<T> {
    /// The only field.
    pub success: SuccessBody<T>,
}

/// The inside of a [`SuccessEnvelope`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessBody<T> {
    /// The HTTP status.
    pub code: u16,
    /// The answer.
    pub data: T,
}

impl<T> SuccessEnvelope<T> {
    /// Wraps `data` in the envelope of HTTP status `code`.
    pub fn new(code: u16, data: T) -> Self {
        Self {
            success: SuccessBody { code, data },
        }
    }
}

/// The `status` of an error: a name that goes with one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransportStatus {
    /// 400: malformed or unverifiable input.
    InvalidArgument,
    /// 400: the node's state does not allow it.
    FailedPrecondition,
    /// 401.
    Unauthenticated,
    /// 403: authenticated but not allowed.
    PermissionDenied,
    /// 403: too large.
    SizeExceeded,
    /// 404.
    NotFound,
    /// 416.
    RangeNotSatisfiable,
    /// 429.
    ResourceExhausted,
    /// 451: blocked blob.
    UnavailableForLegalReasons,
    /// 500.
    Internal,
    /// 503: a limiter tripped; retry later.
    Unavailable,
    /// 504.
    DeadlineExceeded,
}

impl TransportStatus {
    /// The HTTP status that clients expect with this name.
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidArgument | Self::FailedPrecondition => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied | Self::SizeExceeded => 403,
            Self::NotFound => 404,
            Self::RangeNotSatisfiable => 416,
            Self::ResourceExhausted => 429,
            Self::UnavailableForLegalReasons => 451,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::DeadlineExceeded => 504,
        }
    }
}

/// `{"error": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEnvelope {
    /// The only field.
    pub error: ErrorBody,
}

/// The inside of an [`ErrorEnvelope`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The name of the status.
    pub status: TransportStatus,
    /// The HTTP status.
    pub code: u16,
    /// A sentence for people.
    pub message: String,
    /// The first is always an [`ErrorDetail::ErrorInfo`].
    pub details: Vec<ErrorDetail>,
}

/// One detail of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum ErrorDetail {
    /// The stable reason code.
    ErrorInfo {
        /// A name of [`Reason`], or one that this version does not know.
        reason: String,
        /// Who defines the reason.
        domain: String,
        /// Values that belong to the reason; always present.
        #[serde(default)]
        metadata: BTreeMap<String, serde_json::Value>,
    },
    /// How operators find an internal error in the logs.
    DebugInfo {
        /// Always empty.
        #[serde(rename = "stackEntries", default)]
        stack_entries: Vec<String>,
        /// The trace ID.
        detail: String,
    },
    /// A kind this version does not know.
    #[serde(other)]
    Unknown,
}

impl ErrorEnvelope {
    /// An error of a storage node with the status and HTTP code that belong to `reason`.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self::with_metadata(reason, message, BTreeMap::new())
    }

    /// Like [`ErrorEnvelope::new`], with values that belong to the reason.
    pub fn with_metadata(
        reason: Reason,
        message: impl Into<String>,
        metadata: BTreeMap<String, serde_json::Value>,
    ) -> Self {
        Self {
            error: ErrorBody {
                status: reason.status(),
                code: reason.http_status(),
                message: message.into(),
                details: vec![ErrorDetail::ErrorInfo {
                    reason: reason.as_str().to_owned(),
                    domain: reason.domain().to_owned(),
                    metadata,
                }],
            },
        }
    }

    /// The reason code, if the answer carries one where the protocol puts it.
    pub fn reason(&self) -> Option<&str> {
        match self.error.details.first() {
            Some(ErrorDetail::ErrorInfo { reason, .. }) => Some(reason),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_exactly_the_shape_of_the_protocol() {
        let envelope = ErrorEnvelope::new(Reason::NotRegistered, "no such registration");
        let expected = serde_json::json!({"error": {
            "status": "FAILED_PRECONDITION",
            "code": 400,
            "message": "no such registration",
            "details": [{"@type": "ErrorInfo", "reason": "NOT_REGISTERED", "domain": "storage.walrus.space", "metadata": {}}],
        }});
        assert_eq!(serde_json::to_value(&envelope).unwrap(), expected);
        assert_eq!(
            serde_json::from_value::<ErrorEnvelope>(expected).unwrap(),
            envelope
        );
    }

    #[test]
    fn unknown_details_and_reasons_are_tolerated() {
        let json = serde_json::json!({"error": {
            "status": "NOT_FOUND", "code": 404, "message": "m",
            "details": [{"@type": "ErrorInfo", "reason": "NEW_REASON", "domain": "d"}, {"@type": "Novelty", "x": 1}],
        }});
        let envelope: ErrorEnvelope = serde_json::from_value(json).unwrap();
        assert_eq!(envelope.reason(), Some("NEW_REASON"));
        assert_eq!(envelope.error.details.get(1), Some(&ErrorDetail::Unknown));
    }
}
