//! Chain errors: what can go wrong when the chain is read.

use std::time::Duration;

use sui_sdk_types::Address;

use crate::objects::LayoutError;

/// A read from the chain failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainError {
    /// The address of the network is no URL.
    #[error("{url} is not the URL of a Sui RPC server: {reason}")]
    InvalidUrl {
        /// What was given, without the secrets in it.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server answered with an error, or could not be reached.
    #[error("{call} failed: {code:?}: {message}")]
    Rpc {
        /// The call.
        call: &'static str,
        /// The gRPC status code.
        code: tonic::Code,
        /// The server's words.
        message: String,
    },
    /// The deadline passed.
    #[error("{call} had no answer within {deadline:?}")]
    Timeout {
        /// The call.
        call: &'static str,
        /// How long was waited.
        deadline: Duration,
    },
    /// The object does not exist (any more).
    #[error("object {id} does not exist")]
    ObjectNotFound {
        /// The object.
        id: Address,
    },
    /// The object has another type than expected.
    #[error("object {id} is a {found}, not a {expected}")]
    WrongType {
        /// The object.
        id: Address,
        /// Its type.
        found: String,
        /// The expected type.
        expected: String,
    },
    /// The answer lacks a field or has a malformed one.
    #[error("the answer to {call} is malformed: {reason}")]
    Malformed {
        /// The call.
        call: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// An object's contents do not have the expected layout.
    #[error("object {id}: {source}")]
    Layout {
        /// The object.
        id: Address,
        /// What is wrong.
        source: LayoutError,
    },
    /// A listing is longer than this crate reads.
    #[error("{call} has more than {limit} results")]
    TooMany {
        /// The call.
        call: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl ChainError {
    pub(crate) fn from_status(call: &'static str, status: &tonic::Status) -> Self {
        Self::Rpc {
            call,
            code: status.code(),
            message: status.message().to_owned(),
        }
    }

    pub(crate) fn malformed(call: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Malformed {
            call,
            reason: reason.to_string(),
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        use tonic::Code;
        match self {
            Self::Timeout { .. } => true,
            Self::Rpc { code, .. } => matches!(
                code,
                Code::Unavailable
                    | Code::DeadlineExceeded
                    | Code::ResourceExhausted
                    | Code::Aborted
                    | Code::Internal
                    | Code::Unknown
                    | Code::Cancelled
            ),
            _ => false,
        }
    }
}
