//! Refusals before execution. Nothing changes on a
//! refusal; the gRPC layer reports it as INVALID_ARGUMENT, or NOT_FOUND where
//! [`AdmissionError::is_not_found`] says so.

use sui_sdk_types::{Address, Digest, Version};
use thiserror::Error;

/// Why a transaction was refused before execution.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// The kind of transaction is not for users, or not for this mode.
    #[error("unsupported transaction: {0}")]
    Unsupported(String),
    /// A structural rule is broken.
    #[error("malformed transaction: {0}")]
    Malformed(String),
    /// A count or size is above its bound.
    #[error("{what} is {got}, the limit is {limit}")]
    LimitExceeded {
        /// Which quantity.
        what: &'static str,
        /// Its value.
        got: u64,
        /// Its bound.
        limit: u64,
    },
    /// The signatures do not cover exactly the required signers.
    #[error("signature problem: {0}")]
    Signature(String),
    /// The transaction is not valid in this epoch or on this chain.
    #[error("transaction expired or not yet valid: {0}")]
    Expired(String),
    /// Gas price, budget or payment is not acceptable.
    #[error("gas problem: {0}")]
    Gas(String),
    /// The payment does not cover the budget.
    #[error("gas balance {balance} of {owner} is below the budget {budget}, both in MIST")]
    GasBalanceTooLow {
        /// Who pays.
        owner: Address,
        /// Sum of the payment in MIST.
        balance: u128,
        /// Budget in MIST.
        budget: u64,
    },
    /// An object input does not exist (or is deleted or wrapped).
    #[error("object {id} does not exist")]
    ObjectNotFound {
        /// The missing object.
        id: Address,
    },
    /// A named package does not exist.
    #[error("package {id} does not exist")]
    PackageNotFound {
        /// The missing package.
        id: Address,
    },
    /// A reference is not to the latest version.
    #[error("object {id} is at version {current}, the transaction names version {given}")]
    VersionMismatch {
        /// The object.
        id: Address,
        /// Version in the transaction.
        given: Version,
        /// Latest version.
        current: Version,
    },
    /// A reference has the right version and a wrong digest.
    #[error("object {id} has digest {current}, the transaction names {given}")]
    DigestMismatch {
        /// The object.
        id: Address,
        /// Digest in the transaction.
        given: Digest,
        /// Actual digest.
        current: Digest,
    },
    /// An input is not usable by the sender in the way it is given.
    #[error("object {id}: {reason}")]
    Ownership {
        /// The object.
        id: Address,
        /// What is wrong.
        reason: String,
    },
    /// An address balance withdrawal is not acceptable.
    #[error("withdrawal problem: {0}")]
    Withdrawal(String),
    /// The sender is denied the use of a regulated coin.
    #[error("address {address} is denied for coin type {coin_type}")]
    Denied {
        /// The denied address.
        address: Address,
        /// The coin type.
        coin_type: String,
    },
    /// The run was ended from outside, because nobody waits for it any more.
    #[error("interrupted")]
    Interrupted,
    /// A bug or a broken store.
    #[error("internal: {0}")]
    Internal(String),
}

impl AdmissionError {
    /// Whether the gRPC layer should answer NOT_FOUND.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::ObjectNotFound { .. } | Self::PackageNotFound { .. }
        )
    }

    /// Whether the gRPC layer should answer INTERNAL.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::Internal(_))
    }
}
