//! Errors of a relay: plain text, as its clients read them, or the envelope for those who ask for JSON. Client spec 4.8.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use walrus_node_client::TransportStatus;
use walrus_sdk::ClientError;
use walrus_service::envelope::{Reason, Refusal};
use walrus_sui::chain::ChainError;

use super::tip::TipError;
use crate::spool::ReceiveError;

/// Why a relay does not send a blob.
#[derive(Debug, thiserror::Error)]
pub(super) enum RelayError {
    #[error("{0}")]
    Query(String),
    #[error("the blob is blocked by this server")]
    Blocked,
    #[error("a tip is needed: `{0}` is missing")]
    Missing(&'static str),
    #[error("the transaction of the tip cannot be read: {0}")]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Tip(#[from] TipError),
    #[error(transparent)]
    Body(#[from] ReceiveError),
    #[error("{0}")]
    Client(#[from] ClientError),
    #[error("the upload was cut off: {0}")]
    Interrupted(String),
}

/// The reasons of a relay, for those who ask for JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RelayReason {
    Invalid,
    Blocked,
    Unpaid,
    Unproven,
    TooLarge,
    Internal,
}

impl Reason for RelayReason {
    fn code(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID_REQUEST",
            Self::Blocked => "FORBIDDEN_BLOB",
            Self::Unpaid => "TIP_INSUFFICIENT",
            Self::Unproven => "TIP_FOR_SOMETHING_ELSE",
            Self::TooLarge => "BODY_TOO_LARGE",
            Self::Internal => "INTERNAL_ERROR",
        }
    }

    fn status(self) -> TransportStatus {
        match self {
            Self::Invalid | Self::TooLarge => TransportStatus::InvalidArgument,
            Self::Blocked => TransportStatus::UnavailableForLegalReasons,
            Self::Unpaid => TransportStatus::FailedPrecondition,
            Self::Unproven => TransportStatus::Unauthenticated,
            Self::Internal => TransportStatus::Internal,
        }
    }

    fn http_status(self) -> u16 {
        match self {
            Self::Unpaid => 402,
            Self::TooLarge => 413,
            other => other.status().http_status(),
        }
    }

    fn domain(self) -> &'static str {
        "relay.walrus.space"
    }
}

/// Status, code and meaning of each reason.
pub(crate) fn refusals() -> Vec<(u16, &'static str, &'static str)> {
    let all = [
        (
            RelayReason::Invalid,
            "the query, the body or the blob ID is wrong, or the transaction of the tip too old",
        ),
        (
            RelayReason::Blocked,
            "blocked by the storage nodes, or by this server",
        ),
        (RelayReason::Unpaid, "no tip was paid, or too little"),
        (
            RelayReason::Unproven,
            "the transaction of the tip does not name this body",
        ),
        (
            RelayReason::TooLarge,
            "larger than what is taken here; the message says how much is",
        ),
        (RelayReason::Internal, "the upload failed"),
    ];
    let all = all.into_iter();
    all.map(|(reason, meaning)| (reason.http_status(), reason.code(), meaning))
        .collect()
}

impl RelayError {
    fn reason(&self) -> RelayReason {
        match self {
            Self::Query(_) | Self::Missing(_) => RelayReason::Invalid,
            Self::Blocked | Self::Client(ClientError::BlobIdBlocked(_)) => RelayReason::Blocked,
            Self::Tip(error) => match error {
                TipError::NotExecuted | TipError::Future | TipError::Old(_) => RelayReason::Invalid,
                TipError::NoTip(_) | TipError::Insufficient { .. } => RelayReason::Unpaid,
                TipError::NotProgrammable
                | TipError::NoPackage
                | TipError::Nonce
                | TipError::Length { .. }
                | TipError::Digest => RelayReason::Unproven,
            },
            Self::Body(ReceiveError::TooLarge { .. }) => RelayReason::TooLarge,
            Self::Body(ReceiveError::Unreadable(_))
            | Self::Client(
                ClientError::BlobTooLarge { .. }
                | ClientError::OtherBlob { .. }
                | ClientError::Encode(_),
            ) => RelayReason::Invalid,
            Self::Body(_) | Self::Client(_) | Self::Chain(_) | Self::Interrupted(_) => {
                RelayReason::Internal
            }
        }
    }

    /// The answer to a request with these headers.
    pub(super) fn answer(self, request: &HeaderMap) -> Response {
        let reason = self.reason();
        let refusal = match reason {
            RelayReason::Internal => Refusal::internal(reason, self),
            _ => Refusal::new(reason, self.to_string()),
        };
        if asks_for_json(request) {
            return refusal.into_response();
        }
        let error = &refusal.envelope().error;
        let status = StatusCode::from_u16(error.code);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, error.message.clone()).into_response()
    }
}

fn asks_for_json(request: &HeaderMap) -> bool {
    let accepted = request.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains("application/json"))
}
