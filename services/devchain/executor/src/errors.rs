//! Errors of the machine as execution errors (devchain spec 2.11).

use sui_devchain_vm::{Location, VmError};
use sui_sdk_types::{ExecutionError, Identifier, MoveLocation, TypeArgumentError};

use crate::failure::Failure;

impl From<VmError> for Failure {
    fn from(error: VmError) -> Self {
        let message = error.to_string();
        Self::new(execution_error(error), message)
    }
}

fn execution_error(error: VmError) -> ExecutionError {
    match error {
        VmError::Abort { location, code } => match move_location(&location) {
            Some(location) => ExecutionError::MoveAbort { location, code },
            None => ExecutionError::VmInvariantViolation,
        },
        VmError::Primitive { location, .. } => ExecutionError::MovePrimitiveRuntimeError {
            location: location.as_ref().and_then(move_location),
        },
        VmError::OutOfGas => ExecutionError::InsufficientGas,
        VmError::FunctionNotFound { .. } => ExecutionError::FunctionNotFound,
        VmError::TypeNotFound { .. } => type_argument(0, TypeArgumentError::TypeNotFound),
        VmError::TypeArity { .. } => ExecutionError::TypeArityMismatch,
        VmError::TypeConstraint { index } => {
            type_argument(index, TypeArgumentError::ConstraintNotSatisfied)
        }
        VmError::Arity { .. } => ExecutionError::ArityMismatch,
        VmError::Linkage(_) => ExecutionError::InvalidLinkage,
        VmError::Verification(_) => ExecutionError::VmVerificationOrDeserializationError,
        VmError::SuiVerification(_) => ExecutionError::SuiMoveVerificationError,
        VmError::NativeMissing { .. } => ExecutionError::FeatureNotYetSupported,
        VmError::InvalidBcs(_)
        | VmError::Storage(_)
        | VmError::Invariant(_)
        | VmError::Interrupted => ExecutionError::VmInvariantViolation,
    }
}

/// A problem with one type argument.
pub(crate) fn type_argument(index: usize, kind: TypeArgumentError) -> ExecutionError {
    ExecutionError::TypeArgumentError {
        type_argument: u16::try_from(index).unwrap_or(u16::MAX),
        kind,
    }
}

fn move_location(location: &Location) -> Option<MoveLocation> {
    Some(MoveLocation {
        package: location.package,
        module: Identifier::new(&location.module).ok()?,
        function: location.function,
        instruction: location.instruction,
        function_name: Identifier::new(&location.function_name).ok(),
    })
}
