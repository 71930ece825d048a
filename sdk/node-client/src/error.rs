//! Request errors: why a request to a node failed.

use crate::{ForbiddenAddress, Reason, TransportError, envelope::ErrorEnvelope};

/// Why a request to a node failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The network key on chain is not a point of the curve.
    #[error("the node's network key is not a valid P-256 key")]
    InvalidNetworkKey,
    /// The network address on chain is not `host:port`.
    #[error("the node's network address `{0}` is not of the form host:port")]
    InvalidAddress(String),
    /// The network address on chain leads into a private network.
    #[error(transparent)]
    Forbidden(#[from] ForbiddenAddress),
    /// TLS could not be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
    /// No answer: connection refused, timed out, TLS failure, broken stream.
    #[error("no answer from {url}: {source}")]
    Transport {
        /// The address asked.
        url: String,
        /// What went wrong.
        source: TransportError,
    },
    /// No answer for so long, or nothing of it, or nothing of what was sent was taken.
    #[error("{url} was silent for {after:?}")]
    Silent {
        /// The address asked.
        url: String,
        /// For how long.
        after: std::time::Duration,
    },
    /// The node refused, in the form of the protocol.
    #[error("{url} answered {} {}: {}", .envelope.error.code, .envelope.reason().unwrap_or("without reason"), .envelope.error.message)]
    Refused {
        /// The address asked.
        url: String,
        /// The answer.
        envelope: Box<ErrorEnvelope>,
    },
    /// The node answered with an error that is not in the form of the protocol.
    #[error("{url} answered with HTTP status {status}")]
    Status {
        /// The address asked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is larger than an honest one can be.
    #[error("{url} sent more than {limit} bytes")]
    TooLarge {
        /// The address asked.
        url: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer cannot be decoded.
    #[error("{url} sent an answer that cannot be decoded: {reason}")]
    Malformed {
        /// The address asked.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl NodeError {
    /// The HTTP status of the answer, if there was one.
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Refused { envelope, .. } => Some(envelope.error.code),
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the node gave `reason`.
    pub fn is_reason(&self, reason: Reason) -> bool {
        matches!(self, Self::Refused { envelope, .. } if envelope.reason() == Some(reason.as_str()))
    }

    /// Whether the node says that it does not have what was asked for.
    pub fn is_not_found(&self) -> bool {
        self.http_status() == Some(404)
    }

    /// Whether there was no answer at all, so that the node may be down.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Transport { .. } | Self::Silent { .. })
    }

    /// Whether there was no answer in time.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Transport { source, .. } => source.is_timeout(),
            Self::Silent { .. } => true,
            _ => false,
        }
    }

    /// Whether the node has no such route, or not for this method: what the request asks for is not offered.
    pub fn is_not_offered(&self) -> bool {
        match self {
            Self::Refused { .. } => {
                self.is_reason(Reason::RouteNotFound) || self.http_status() == Some(405)
            }
            // Other nodes answer with an empty body.
            Self::Status { status, .. } => matches!(status, 404 | 405),
            _ => false,
        }
    }

    /// Whether the node has no room for what was sent to it.
    pub fn is_full(&self) -> bool {
        self.http_status() == Some(507)
    }

    /// Whether the same request may succeed a little later: no answer, a limiter, or a registration that the node has not
    /// seen yet.
    pub fn is_retryable(&self) -> bool {
        self.is_unreachable()
            || self.is_reason(Reason::NotRegistered)
            || matches!(self.http_status(), Some(429 | 500..=506 | 508..))
    }
}
