//! Declared types, in which type parameters may be open, and what becomes of them with type arguments.

use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};

use crate::types::Type;

/// A declared type, which may mention type parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// `bool`
    Bool,
    /// `u8`
    U8,
    /// `u16`
    U16,
    /// `u32`
    U32,
    /// `u64`
    U64,
    /// `u128`
    U128,
    /// `u256`
    U256,
    /// `address`
    Address,
    /// `signer`
    Signer,
    /// `vector<T>`
    Vector(Box<Signature>),
    /// A struct or enum.
    Datatype {
        /// Id of its package: the original one in declarations, the defining one in what is made of [`Type`]s and type tags.
        package: Address,
        /// Module name.
        module: String,
        /// Datatype name.
        name: String,
        /// Type arguments.
        arguments: Vec<Signature>,
    },
    /// `&T`
    Reference(Box<Signature>),
    /// `&mut T`
    MutableReference(Box<Signature>),
    /// Type parameter by index.
    Parameter(u16),
}

impl Signature {
    /// The type with `arguments` in place of its type parameters. `defining_id` gives the id that names a datatype on chain for the
    /// id of its package, its module and its name. `None` for a reference, a parameter without an argument, and a datatype that
    /// `defining_id` does not know.
    pub fn close(
        &self,
        arguments: &[TypeTag],
        defining_id: &dyn Fn(Address, &str, &str) -> Option<Address>,
    ) -> Option<TypeTag> {
        let close = |inner: &Self| inner.close(arguments, defining_id);
        Some(match self {
            Self::Bool => TypeTag::Bool,
            Self::U8 => TypeTag::U8,
            Self::U16 => TypeTag::U16,
            Self::U32 => TypeTag::U32,
            Self::U64 => TypeTag::U64,
            Self::U128 => TypeTag::U128,
            Self::U256 => TypeTag::U256,
            Self::Address => TypeTag::Address,
            Self::Signer => TypeTag::Signer,
            Self::Vector(element) => TypeTag::Vector(Box::new(close(element)?)),
            Self::Parameter(index) => arguments.get(usize::from(*index))?.clone(),
            Self::Datatype {
                package,
                module,
                name,
                arguments: inner,
            } => {
                let defining = defining_id(*package, module, name)?;
                let inner = inner.iter().map(close).collect::<Option<_>>()?;
                let (module, name) = (Identifier::new(module).ok()?, Identifier::new(name).ok()?);
                StructTag::new(defining, module, name, inner).into()
            }
            Self::Reference(_) | Self::MutableReference(_) => return None,
        })
    }

    /// With type parameters replaced by `arguments`; those without one stay open.
    #[must_use]
    pub fn substitute(&self, arguments: &[TypeTag]) -> Self {
        let inner = |inner: &Self| Box::new(inner.substitute(arguments));
        match self {
            Self::Parameter(index) => arguments
                .get(usize::from(*index))
                .map_or_else(|| self.clone(), Self::from),
            Self::Vector(element) => Self::Vector(inner(element)),
            Self::Reference(target) => Self::Reference(inner(target)),
            Self::MutableReference(target) => Self::MutableReference(inner(target)),
            Self::Datatype {
                package,
                module,
                name,
                arguments: all,
            } => Self::Datatype {
                package: *package,
                module: module.clone(),
                name: name.clone(),
                arguments: all.iter().map(|one| one.substitute(arguments)).collect(),
            },
            _ => self.clone(),
        }
    }

    /// Whether a type parameter occurs in it.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Parameter(_) => true,
            Self::Vector(inner) | Self::Reference(inner) | Self::MutableReference(inner) => {
                inner.is_open()
            }
            Self::Datatype { arguments, .. } => arguments.iter().any(Self::is_open),
            _ => false,
        }
    }

    /// Whether this is the datatype `package::module::name` with any type arguments.
    pub fn is_datatype(&self, package: Address, module: &str, name: &str) -> bool {
        matches!(self, Self::Datatype { package: p, module: m, name: n, .. }
            if *p == package && m == module && n == name)
    }
}

impl From<&Type> for Signature {
    fn from(ty: &Type) -> Self {
        let inner = |ty: &Type| Box::new(Self::from(ty));
        match ty {
            Type::Bool => Self::Bool,
            Type::U8 => Self::U8,
            Type::U16 => Self::U16,
            Type::U32 => Self::U32,
            Type::U64 => Self::U64,
            Type::U128 => Self::U128,
            Type::U256 => Self::U256,
            Type::Address => Self::Address,
            Type::Signer => Self::Signer,
            Type::Vector(element) => Self::Vector(inner(element)),
            Type::Param(index) => Self::Parameter(*index),
            Type::Reference(target) => Self::Reference(inner(target)),
            Type::MutableReference(target) => Self::MutableReference(inner(target)),
            Type::Datatype(datatype, arguments) => Self::Datatype {
                package: datatype.defining_id,
                module: datatype.module.clone(),
                name: datatype.name.clone(),
                arguments: arguments.iter().map(Self::from).collect(),
            },
        }
    }
}

impl From<&TypeTag> for Signature {
    fn from(tag: &TypeTag) -> Self {
        match tag {
            TypeTag::Bool => Self::Bool,
            TypeTag::U8 => Self::U8,
            TypeTag::U16 => Self::U16,
            TypeTag::U32 => Self::U32,
            TypeTag::U64 => Self::U64,
            TypeTag::U128 => Self::U128,
            TypeTag::U256 => Self::U256,
            TypeTag::Address => Self::Address,
            TypeTag::Signer => Self::Signer,
            TypeTag::Vector(element) => Self::Vector(Box::new(Self::from(&**element))),
            TypeTag::Struct(tag) => Self::Datatype {
                package: *tag.address(),
                module: tag.module().to_string(),
                name: tag.name().to_string(),
                arguments: tag.type_params().iter().map(Self::from).collect(),
            },
        }
    }
}
