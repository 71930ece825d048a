//! Transaction errors: why a transaction did not do what it was meant to.

use std::{sync::Arc, time::Duration};

use sui_crypto::SignatureError;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::execution_error::ExecutionErrorKind;
use sui_sdk_types::{Address, Digest};

use super::abort_codes;
use crate::{
    chain::ChainError,
    money::{Amount, Coin},
};

/// A transaction failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransactionError {
    /// The sender does not own enough coins. Nothing was sent.
    #[error(
        "{owner} has {} of the {} needed",
        .coin.amount(*.available), .coin.amount(*.needed)
    )]
    InsufficientFunds {
        /// The sender.
        owner: Address,
        /// What it is short of.
        coin: Coin,
        /// What the transaction costs, in MIST or FROST.
        needed: u64,
        /// What the sender has, in the same unit.
        available: u64,
    },
    /// The sender owns enough, but in more coins than one transaction takes. Nothing was paid.
    #[error(
        "{owner} has {} in {coins} coins, but one transaction can use at most {limit} coins, {} of the {} needed; merge coins \
         first, or try again",
        .coin.amount(*.balance), .coin.amount(*.usable), .coin.amount(*.needed)
    )]
    TooManyCoins {
        /// The sender.
        owner: Address,
        /// What it is short of.
        coin: Coin,
        /// What the transaction costs, in MIST or FROST.
        needed: u64,
        /// What the sender has altogether, in the same unit.
        balance: u64,
        /// In so many coins.
        coins: usize,
        /// What one transaction can use of it.
        usable: u64,
        /// Coins that one transaction can use.
        limit: usize,
    },
    /// The sender's SUI does not pay for the gas. Nothing was paid.
    #[error(
        "{owner} has {} in {} and its address balance, of which one transaction can use {}; that does not pay for {}: {refusal}",
        Amount::sui(*.balance), coins_of(*.coins), Amount::sui(*.usable), purpose(*.taken)
    )]
    NoGas {
        /// The sender.
        owner: Address,
        /// What it has altogether, in MIST.
        balance: u64,
        /// How many coins it has.
        coins: usize,
        /// What one transaction can use of it, in MIST.
        usable: u64,
        /// What the transaction takes from the same coins beside the gas, in MIST.
        taken: u64,
        /// Why the transaction cannot be executed.
        refusal: String,
    },
    /// The sender's SUI pays for a transaction, and not for the one that makes it worth something. Nothing was paid.
    #[error(
        "{owner} has {}; this takes about {} of gas, and about {} must be left to certify what is registered: {} are missing",
        Amount::sui(*.balance), Amount::sui(*.gas), Amount::sui(*.later),
        Amount::sui(.gas.saturating_add(*.later).saturating_sub(*.balance))
    )]
    NoGasLater {
        /// The sender.
        owner: Address,
        /// What it has, in MIST.
        balance: u64,
        /// What this transaction takes, in MIST.
        gas: u64,
        /// What must be left, in MIST.
        later: u64,
    },
    /// The gas budget that was asked for is too small. Nothing was paid.
    #[error(
        "a gas budget of {} is too small: the transaction needs {}; allow some more than that, or give no budget to have it \
         estimated",
        Amount::sui(*.budget), Amount::sui(*.needed)
    )]
    GasBudgetTooSmall {
        /// What was asked for, in MIST.
        budget: u64,
        /// The least that does, in MIST, as of now.
        needed: u64,
    },
    /// The gas budget that was asked for is more than the sender has. Nothing was paid.
    #[error(
        "a gas budget of {} is more than {owner} has: {}{}; the transaction needs {}, so give a smaller budget, or none to have it \
         estimated",
        Amount::sui(*.budget), Amount::sui(*.balance), moved(*.taken), Amount::sui(*.needed)
    )]
    GasBudgetAboveBalance {
        /// The sender.
        owner: Address,
        /// What was asked for, in MIST.
        budget: u64,
        /// What the sender has, in MIST.
        balance: u64,
        /// What the transaction takes from the same coins beside the gas, in MIST.
        taken: u64,
        /// The least budget that does, in MIST, as of now.
        needed: u64,
    },
    /// The gas budget that was asked for is more than the chain permits. Nothing was paid.
    #[error(
        "a gas budget of {} is more than the {} that the chain permits for one transaction; give a smaller budget, or none to have \
         it estimated",
        Amount::sui(*.budget), Amount::sui(*.limit)
    )]
    GasBudgetAboveLimit {
        /// What was asked for, in MIST.
        budget: u64,
        /// What the protocol permits, in MIST.
        limit: u64,
    },
    /// The contract refused.
    #[error("{0}")]
    MoveAbort(Box<MoveAbort>),
    /// The transaction cannot be executed, or its execution failed for another reason than an abort.
    #[error("the transaction was rejected: {reason}")]
    Rejected {
        /// The chain's words.
        reason: String,
        /// The digest, if it was executed.
        digest: Option<Digest>,
    },
    /// The transaction was sent but not seen in a checkpoint in time. It may still take effect.
    #[error("transaction {digest} was not seen in a checkpoint within {deadline:?}")]
    Timeout {
        /// Its digest.
        digest: Digest,
        /// How long was waited.
        deadline: Duration,
    },
    /// The transaction was sent, and no server says what became of it. It may still take effect.
    #[error(
        "it is not known whether transaction {digest} was executed, look it up before it is sent anew: {source}"
    )]
    Unknown {
        /// Its digest.
        digest: Digest,
        /// What the last server came to.
        source: Box<ChainError>,
    },
    /// A read that was needed for the transaction failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The signer did not sign. Nothing was sent.
    #[error("the transaction cannot be signed: {0}")]
    Unsigned(#[source] Arc<SignatureError>),
    /// The transaction could not be written down, which was to be done before it is sent. Nothing was sent.
    #[error("the transaction is not sent, because it cannot be written down: {0}")]
    Unnoted(#[source] Arc<std::io::Error>),
    /// The transaction cannot be built from these values.
    #[error("cannot build the transaction: {reason}")]
    Build {
        /// What is wrong.
        reason: String,
    },
    /// The transaction succeeded without an effect that it must have.
    #[error("transaction {digest} has no {expected} among its effects")]
    UnexpectedEffects {
        /// Its digest.
        digest: Digest,
        /// What was looked for.
        expected: String,
    },
}

/// Before the chain's words about a transaction that could be executed a moment before.
const OVERTAKEN: &str = "another transaction came first";

fn coins_of(number: usize) -> String {
    match number {
        1 => "1 coin".to_owned(),
        number => format!("{number} coins"),
    }
}

fn purpose(taken: u64) -> String {
    match taken {
        0 => "the gas".to_owned(),
        taken => format!("the {} to be moved and the gas", Amount::sui(taken)),
    }
}

fn moved(taken: u64) -> String {
    match taken {
        0 => String::new(),
        taken => format!(", of which {} are to be moved", Amount::sui(taken)),
    }
}

/// An abort of Move code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveAbort {
    /// The package that aborted.
    pub package: Option<Address>,
    /// The module that owns the code.
    pub module: String,
    /// The function, if known.
    pub function: Option<String>,
    /// The code.
    pub code: u64,
    /// Name of the error constant (contracts spec section 6), if known.
    pub name: Option<&'static str>,
    /// Index of the command.
    pub command: Option<u64>,
}

impl std::fmt::Display for MoveAbort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the contract aborted in {}", self.module)?;
        if let Some(function) = &self.function {
            write!(f, "::{function}")?;
        }
        match self.name {
            Some(name) => write!(f, " with {name} ({})", self.code),
            None => write!(f, " with code {}", self.code),
        }
    }
}

impl MoveAbort {
    /// Whether this is the named abort of the named module.
    pub fn is(&self, module: &str, name: &str) -> bool {
        self.module == module && self.name == Some(name)
    }
}

impl TransactionError {
    /// The abort, if it is one.
    pub fn move_abort(&self) -> Option<&MoveAbort> {
        match self {
            Self::MoveAbort(abort) => Some(abort),
            _ => None,
        }
    }

    /// Whether the package was upgraded since it was last read (contracts spec 6.1).
    pub(crate) fn is_wrong_version(&self) -> bool {
        self.move_abort()
            .is_some_and(|abort| abort.name == Some("EWrongVersion"))
    }

    /// Whether nothing came of the transaction, and nothing will: it was not sent, can never be executed any more, or was executed and
    /// failed. Otherwise it may still take effect.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Unknown { .. } | Self::UnexpectedEffects { .. } => false,
            // Of a read that was needed after it was executed, for instance.
            Self::Chain(_) => false,
            _ => true,
        }
    }

    /// Whether an object that the plan names was changed or used up by another transaction since the plan was made: a new
    /// plan may succeed.
    pub fn is_stale(&self) -> bool {
        self.is_conflict() || self.is_missing()
    }

    /// Whether another transaction used an input in the meantime.
    pub(crate) fn is_conflict(&self) -> bool {
        self.is_withdrawal_conflict()
            || self.refusal_has(&[
                "version",
                "locked",
                "already",
                "conflict",
                "equivocat",
                "not available for consumption",
                OVERTAKEN,
            ])
    }

    /// Whether an input does not exist, or no more.
    pub(crate) fn is_missing(&self) -> bool {
        self.refusal_has(&[
            "not found",
            "does not exist",
            "notfound",
            "could not find",
            "deleted",
        ])
    }

    /// Whether the refusal of a transaction that was simulated a moment ago shows that another one came first.
    pub(crate) fn is_overtaken(&self) -> bool {
        self.is_stale() || self.refusal_has(&["balance", "expired"])
    }

    /// The same error, so that it can be told later that only another transaction was in the way.
    pub(crate) fn overtaken(self) -> Self {
        match self {
            Self::Rejected {
                reason,
                digest: None,
            } => Self::Rejected {
                reason: format!("{OVERTAKEN}: {reason}"),
                digest: None,
            },
            other => other,
        }
    }

    /// Whether the text of a refusal names an object.
    pub(crate) fn names(&self, id: &Address) -> bool {
        matches!(self, Self::Rejected { reason, .. } if reason.contains(&id.to_string()))
    }

    /// Whether it is about gas, in whatever words.
    pub(crate) fn is_about_gas(&self) -> bool {
        matches!(self, Self::NoGas { .. }) || self.refusal_has(&["gas", "budget"])
    }

    /// Whether the gas was not there, or what commands take from the gas coin, if they do.
    pub(crate) fn is_lack_of_gas(&self, takes_sui: bool) -> bool {
        self.refusal_has(&["insufficient_gas"])
            || takes_sui && self.refusal_has(&["insufficient_coin_balance"])
    }

    /// A withdrawal that the address balance did not hold any more is only seen by execution.
    fn is_withdrawal_conflict(&self) -> bool {
        matches!(self, Self::Rejected { reason, .. }
            if reason.contains(ExecutionErrorKind::InsufficientFundsForWithdraw.as_str_name()))
    }

    /// Whether the reason of a transaction that was not executed contains one of these, in whatever case.
    fn refusal_has(&self, words: &[&str]) -> bool {
        let Self::Rejected {
            reason,
            digest: None,
        } = self
        else {
            return false;
        };
        let reason = reason.to_lowercase();
        words.iter().any(|word| reason.contains(word))
    }

    /// The error of an execution status.
    pub fn from_execution(error: &proto::ExecutionError, digest: Option<Digest>) -> Self {
        // Overflows and the like carry a place in the same field, and no code.
        if let Some(abort) = error.abort_opt()
            && error.kind() == ExecutionErrorKind::MoveAbort
        {
            let location = abort.location();
            let module = location.module().to_owned();
            return Self::MoveAbort(Box::new(MoveAbort {
                package: location.package().parse().ok(),
                function: location.function_name_opt().map(ToOwned::to_owned),
                code: abort.abort_code(),
                name: abort_codes::name(&module, abort.abort_code()),
                module,
                command: error.command_opt(),
            }));
        }
        let kind = error.kind().as_str_name();
        let mut reason = kind.to_owned();
        let mut of_command = String::new();
        if let Some(command) = error.command_opt() {
            of_command = format!(" in command {command}");
            reason.push_str(&of_command);
        }
        if let Some(text) = error.description_opt() {
            let text = without_kind(text, kind);
            reason.push_str(": ");
            reason.push_str(text.strip_suffix(&of_command).unwrap_or(text));
        }
        Self::Rejected { reason, digest }
    }

    pub(crate) fn build(reason: impl std::fmt::Display) -> Self {
        Self::Build {
            reason: reason.to_string(),
        }
    }
}

/// A description without what its beginning says of the kind in other words.
fn without_kind<'a>(description: &'a str, kind: &str) -> &'a str {
    let letters = |text: &str| -> String {
        let letters = text.chars().filter(char::is_ascii_alphabetic);
        letters.map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let kind = letters(kind);
    let mut rest = description;
    while let Some((start, end)) = rest.split_once(": ") {
        let start = letters(start);
        if start.is_empty() || !kind.ends_with(&start) {
            break;
        }
        rest = end;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: ExecutionErrorKind, code: Option<u64>) -> TransactionError {
        let mut abort = proto::MoveAbort::default()
            .with_location(proto::MoveLocation::default().with_module("upgrade"));
        abort.abort_code = code;
        let error = proto::ExecutionError::default()
            .with_kind(kind)
            .with_command(2)
            .with_description("arithmetic error in upgrade::vote")
            .with_abort(abort);
        TransactionError::from_execution(&error, None)
    }

    #[test]
    fn the_kind_of_a_failure_is_said_once() {
        let kind = "MOVE_PRIMITIVE_RUNTIME_ERROR";
        for (text, rest) in [
            (
                "MovePrimitiveRuntimeError: primitive runtime error: arithmetic error in 0x1::a::b",
                "arithmetic error in 0x1::a::b",
            ),
            ("Move Primitive Runtime Error: x: y", "x: y"),
            ("Location: 0x1::a", "Location: 0x1::a"),
            ("", ""),
        ] {
            assert_eq!(without_kind(text, kind), rest);
        }
    }

    #[test]
    fn an_overflow_is_not_the_abort_with_code_zero() {
        let error = failed(ExecutionErrorKind::MoveAbort, Some(0));
        let abort = error.move_abort().map(|abort| abort.name);
        assert_eq!(abort, Some(Some("EInvalidUpgradeManager")));
        let error = failed(ExecutionErrorKind::MovePrimitiveRuntimeError, None);
        assert!(error.move_abort().is_none());
        assert_eq!(
            error.to_string(),
            "the transaction was rejected: MOVE_PRIMITIVE_RUNTIME_ERROR in command 2: arithmetic error in upgrade::vote"
        );
    }
}
