//! What compiled modules declare: functions, structs and enums, without their code. Serves the
//! package service and the JSON rendering (devchain spec 1.4, 1.8).

mod reader;
mod resolve;

use sui_sdk_types::Address;

pub(crate) use reader::parse;
pub(crate) use resolve::{defining_id, original_id};

/// The declarations of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModuleAbi {
    /// Original id of the package.
    pub(crate) address: Address,
    pub(crate) datatypes: Vec<DatatypeAbi>,
    pub(crate) functions: Vec<FunctionAbi>,
}

/// A struct or enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DatatypeAbi {
    pub(crate) name: String,
    pub(crate) abilities: u8,
    pub(crate) type_parameters: Vec<DatatypeParameter>,
    pub(crate) body: Body,
}

/// A type parameter of a datatype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DatatypeParameter {
    pub(crate) constraints: u8,
    pub(crate) phantom: bool,
}

/// Fields or variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Struct(Vec<FieldAbi>),
    Enum(Vec<(String, Vec<FieldAbi>)>),
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldAbi {
    pub(crate) name: String,
    pub(crate) type_: OpenType,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionAbi {
    pub(crate) name: String,
    pub(crate) visibility: Visibility,
    pub(crate) is_entry: bool,
    /// Ability constraints.
    pub(crate) type_parameters: Vec<u8>,
    pub(crate) parameters: Vec<OpenType>,
    pub(crate) returns: Vec<OpenType>,
}

/// Who may call a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    Private,
    Public,
    Friend,
}

/// A type that may mention type parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OpenType {
    Bool,
    U8,
    U16,
    U32,
    U64,
    U128,
    U256,
    Address,
    Signer,
    Vector(Box<OpenType>),
    Datatype {
        /// Original id of the package.
        package: Address,
        module: String,
        name: String,
        arguments: Vec<OpenType>,
    },
    Reference(Box<OpenType>),
    MutableReference(Box<OpenType>),
    Parameter(u16),
}
