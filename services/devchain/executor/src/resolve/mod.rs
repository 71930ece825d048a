//! Facts about functions that a transaction resolver needs: parameter kinds, mutability of shared
//! inputs, detection of receiving inputs (devchain spec 1.5 step 2).

mod uses;

use sui_devchain_vm::linkage::own_linkage;
use sui_devchain_vm::store::PackageStore;
use sui_devchain_vm::{Session, SessionConfig, TxContext, Type};
use sui_sdk_types::{Address, Identifier};
use thiserror::Error;

use crate::bridge::Bridge;
use crate::{Executor, ObjectStore};
pub use uses::{InputUses, Uses};

/// A type in a function signature; type parameters are open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureType {
    /// `bool`.
    Bool,
    /// `u8`.
    U8,
    /// `u16`.
    U16,
    /// `u32`.
    U32,
    /// `u64`.
    U64,
    /// `u128`.
    U128,
    /// `u256`.
    U256,
    /// `address`.
    Address,
    /// `signer`.
    Signer,
    /// `vector<T>`.
    Vector(Box<SignatureType>),
    /// A struct or enum.
    Datatype {
        /// Defining id of the package.
        package: Address,
        /// Module name.
        module: Identifier,
        /// Datatype name.
        name: Identifier,
        /// Type arguments.
        type_arguments: Vec<SignatureType>,
    },
    /// The function's type parameter with this index.
    TypeParameter(u16),
}

impl SignatureType {
    /// Whether a type parameter occurs in it.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::TypeParameter(_) => true,
            Self::Vector(inner) => inner.is_open(),
            Self::Datatype { type_arguments, .. } => type_arguments.iter().any(Self::is_open),
            _ => false,
        }
    }

    /// Whether this is the datatype `package::module::name` with any type arguments.
    #[must_use]
    pub fn is_datatype(&self, package: Address, module: &str, name: &str) -> bool {
        matches!(self, Self::Datatype { package: p, module: m, name: n, .. }
            if *p == package && m.as_str() == module && n.as_str() == name)
    }
}

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
    /// The type behind the reference, if it is one.
    pub type_: SignatureType,
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
    info.parameters
        .iter()
        .map(|type_| parameter(type_).map_err(&not_found))
        .collect()
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

fn parameter(type_: &Type) -> Result<Parameter, String> {
    let (passing, inner) = match type_ {
        Type::Reference(inner) => (Passing::Reference, &**inner),
        Type::MutableReference(inner) => (Passing::MutableReference, &**inner),
        other => (Passing::Value, other),
    };
    Ok(Parameter {
        passing,
        type_: signature_type(inner)?,
    })
}

fn signature_type(type_: &Type) -> Result<SignatureType, String> {
    Ok(match type_ {
        Type::Bool => SignatureType::Bool,
        Type::U8 => SignatureType::U8,
        Type::U16 => SignatureType::U16,
        Type::U32 => SignatureType::U32,
        Type::U64 => SignatureType::U64,
        Type::U128 => SignatureType::U128,
        Type::U256 => SignatureType::U256,
        Type::Address => SignatureType::Address,
        Type::Signer => SignatureType::Signer,
        Type::Vector(inner) => SignatureType::Vector(Box::new(signature_type(inner)?)),
        Type::Param(index) => SignatureType::TypeParameter(*index),
        Type::Reference(_) | Type::MutableReference(_) => {
            return Err("a reference inside a type".into());
        }
        Type::Datatype(datatype, arguments) => SignatureType::Datatype {
            package: datatype.defining_id,
            module: identifier(&datatype.module)?,
            name: identifier(&datatype.name)?,
            type_arguments: arguments
                .iter()
                .map(signature_type)
                .collect::<Result<_, _>>()?,
        },
    })
}

fn identifier(name: &str) -> Result<Identifier, String> {
    Identifier::new(name).map_err(|_| format!("{name} is no identifier"))
}
