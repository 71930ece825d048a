//! Errors of the machine, in the terms of devchain spec 2.11.

use std::fmt::{Display, Formatter};

use sui_sdk_types::{Address, TypeTag};

/// Where in the code an error happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// For aborts the **storage id** of the linked package version, for primitive errors the **original id**.
    pub package: Address,
    /// Module name.
    pub module: String,
    /// Index in the module's function definitions.
    pub function: u16,
    /// Offset of the instruction in the function's code (0 in natives).
    pub instruction: u16,
    /// Name of the function.
    pub function_name: String,
}

impl Display for Location {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self {
            package,
            module,
            function_name,
            instruction,
            ..
        } = self;
        write!(f, "{package}::{module}::{function_name} at {instruction}")
    }
}

/// An error of the machine (devchain spec 2.11).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VmError {
    /// `abort code` in Move code or in a native function: status MoveAbort.
    #[error("abort {code} in {location}")]
    Abort {
        /// Where; `package` is the storage id.
        location: Location,
        /// The abort code.
        code: u64,
    },
    /// Arithmetic, vector, variant, depth, size and count errors: status MovePrimitiveRuntimeError.
    #[error("primitive runtime error: {message}{}", location.as_ref().map(|place| format!(" in {place}")).unwrap_or_default())]
    Primitive {
        /// Where, if Move code was running; `package` is the original id.
        location: Option<Location>,
        /// What happened.
        message: String,
    },
    /// The gas meter is exhausted: status InsufficientGas.
    #[error("out of gas")]
    OutOfGas,
    /// The run was ended from outside ([`crate::Interrupt`]); it has no outcome.
    #[error("interrupted")]
    Interrupted,
    /// Unknown package, module or function: status FunctionNotFound.
    #[error("function {package}::{module}::{function} not found")]
    FunctionNotFound {
        /// Storage id of the package.
        package: Address,
        /// Module name.
        module: String,
        /// Function name.
        function: String,
    },
    /// A type argument names no loadable type: TypeArgumentError TypeNotFound.
    #[error("type {tag} not found")]
    TypeNotFound {
        /// The type.
        tag: TypeTag,
    },
    /// Number of type arguments differs from the declaration: TypeArityMismatch.
    #[error("{expected} type arguments expected, {actual} given")]
    TypeArity {
        /// Declared.
        expected: usize,
        /// Given.
        actual: usize,
    },
    /// A type argument lacks an ability: TypeArgumentError ConstraintNotSatisfied.
    #[error("type argument {index} does not have the required abilities")]
    TypeConstraint {
        /// Index of the type argument.
        index: usize,
    },
    /// Number of arguments differs from the declaration: ArityMismatch.
    #[error("{expected} arguments expected, {actual} given")]
    Arity {
        /// Declared.
        expected: usize,
        /// Given.
        actual: usize,
    },
    /// BCS bytes do not decode to the type.
    #[error("invalid BCS for the type: {0}")]
    InvalidBcs(String),
    /// The packages of one command do not link: status InvalidLinkage.
    #[error("invalid linkage: {0}")]
    Linkage(String),
    /// Compiled module malformed or refused by the Move verifier: VmVerificationOrDeserializationError.
    #[error("verification or deserialization: {0}")]
    Verification(String),
    /// Refused by a Sui rule of devchain spec 3.6: SuiMoveVerificationError.
    #[error("Sui verification: {0}")]
    SuiVerification(String),
    /// A native function that this machine does not have was called: FeatureNotYetSupported.
    #[error("the native function {package}::{module}::{function} is not available here")]
    NativeMissing {
        /// Original id of the package.
        package: Address,
        /// Module name.
        module: String,
        /// Function name.
        function: String,
    },
    /// The store failed: VmInvariantViolation.
    #[error("storage: {0}")]
    Storage(String),
    /// An impossible state (or hostile unverified code): VmInvariantViolation.
    #[error("invariant violation: {0}")]
    Invariant(String),
}

impl VmError {
    /// An invariant violation with a text.
    pub(crate) fn invariant(text: impl Into<String>) -> Self {
        VmError::Invariant(text.into())
    }

    /// A primitive error; the interpreter fills in the location.
    pub(crate) fn primitive(text: impl Into<String>) -> Self {
        VmError::Primitive {
            location: None,
            message: text.into(),
        }
    }
}

/// Result of the machine.
pub type VmResult<T> = Result<T, VmError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primitive_errors_name_their_place_as_aborts_do() {
        let location = Location {
            package: Address::TWO,
            module: "coin".into(),
            function: 3,
            instruction: 7,
            function_name: "join".into(),
        };
        let place = format!("{}::coin::join at 7", Address::TWO);
        let error = |location| VmError::Primitive {
            location,
            message: "arithmetic error".into(),
        };
        assert_eq!(
            error(Some(location)).to_string(),
            format!("primitive runtime error: arithmetic error in {place}")
        );
        assert_eq!(
            error(None).to_string(),
            "primitive runtime error: arithmetic error"
        );
    }
}
