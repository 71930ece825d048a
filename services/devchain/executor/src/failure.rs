//! Execution errors on their way out: why a transaction failed, while it is still running.

use std::fmt;

use sui_sdk_types::{CommandArgumentError, ExecutionError, ExecutionStatus};

/// An execution error, the command it belongs to, and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Boxed: errors travel through every step of execution and most of it is rare detail.
    pub(crate) error: Box<ExecutionError>,
    pub(crate) command: Option<u64>,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(error: ExecutionError, message: impl Into<String>) -> Self {
        Self {
            error: Box::new(error),
            command: None,
            message: message.into(),
        }
    }

    /// A state that correct code does not reach; the transaction fails, nothing else.
    pub(crate) fn invariant(message: impl Into<String>) -> Self {
        Self::new(ExecutionError::InvariantViolation, message)
    }

    /// A problem with one operand of a command.
    pub(crate) fn argument(index: usize, kind: CommandArgumentError) -> Self {
        let argument = u16::try_from(index).unwrap_or(u16::MAX);
        let message = format!("argument {argument}: {kind:?}");
        Self::new(
            ExecutionError::CommandArgumentError { argument, kind },
            message,
        )
    }

    /// Names the command unless an inner step already did.
    pub(crate) fn in_command(mut self, index: usize) -> Self {
        self.command.get_or_insert(index as u64);
        self
    }

    pub(crate) fn status(&self) -> ExecutionStatus {
        ExecutionStatus::Failure {
            error: ExecutionError::clone(&self.error),
            command: self.command,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.command {
            Some(command) => write!(f, "{} in command {command}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
