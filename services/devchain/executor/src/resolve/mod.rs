//! Function signatures as a transaction resolver needs them: parameter kinds, mutability of shared
//! inputs, detection of receiving inputs (devchain spec 1.5 step 2).

mod uses;

use sui_devchain_vm::linkage::own_linkage;
use sui_devchain_vm::store::PackageStore;
use sui_devchain_vm::{Session, SessionConfig, Signature, TxContext, Type};
use sui_sdk_types::{Address, Identifier};
use thiserror::Error;

use crate::bridge::Bridge;
use crate::{Executor, ObjectStore};
pub use uses::{InputUses, Uses};

/// How a parameter is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// By value.
    Value,
    /// `&T`.
    Reference,
    /// `&mut T`.
    MutableReference,
}

/// One parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// By value or by reference.
    pub passing: Passing,
    /// The type behind the reference, if it is one, in defining ids.
    pub type_: Signature,
}

/// Why a function could not be described.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// No such package.
    #[error("package {0} does not exist")]
    PackageNotFound(Address),
    /// No such module or function, or the bytecode is unreadable.
    #[error("function {package}::{module}::{function}: {reason}")]
    FunctionNotFound {
        /// Package storage id.
        package: Address,
        /// Module name.
        module: Identifier,
        /// Function name.
        function: Identifier,
        /// What is missing.
        reason: String,
    },
}

/// The parameters of a function as the named package version declares them, the trailing
/// `TxContext` included.
///
/// # Errors
/// When the package, module or function does not exist.
pub fn parameters(
    executor: &Executor,
    store: &dyn ObjectStore,
    package: Address,
    module: &Identifier,
    function: &Identifier,
) -> Result<Vec<Parameter>, ResolveError> {
    let caches = executor.caches();
    let bridge = Bridge::new(store, &caches.packages);
    let not_found = |reason: String| ResolveError::FunctionNotFound {
        package,
        module: module.clone(),
        function: function.clone(),
        reason,
    };
    let described = bridge
        .package(package)
        .map_err(|error| not_found(error.to_string()))?
        .ok_or(ResolveError::PackageNotFound(package))?;
    let mut session = Session::new(&caches.vm, &bridge, &bridge, no_context(), no_gas());
    let info = session
        .function(
            &own_linkage(&described),
            package,
            module.as_str(),
            function.as_str(),
        )
        .map_err(|error| not_found(error.to_string()))?;
    Ok(info.parameters.iter().map(parameter).collect())
}

fn no_context() -> TxContext {
    TxContext {
        sender: Address::ZERO,
        digest: sui_sdk_types::Digest::ZERO,
        epoch: 0,
        epoch_timestamp_ms: 0,
        reference_gas_price: 0,
        gas_price: 0,
        gas_budget: 0,
        sponsor: None,
    }
}

fn no_gas() -> SessionConfig {
    SessionConfig {
        gas_limit: None,
        system: true,
        features: std::collections::BTreeSet::new(),
    }
}

fn parameter(type_: &Type) -> Parameter {
    let (passing, inner) = match type_ {
        Type::Reference(inner) => (Passing::Reference, &**inner),
        Type::MutableReference(inner) => (Passing::MutableReference, &**inner),
        other => (Passing::Value, other),
    };
    Parameter {
        passing,
        type_: inner.into(),
    }
}
