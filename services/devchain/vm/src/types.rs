//! Runtime types, abilities and their conversion to and from type tags (devchain spec 3.1, 3.4).

use std::{fmt, sync::Arc};

use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};

use crate::error::{VmError, VmResult};

/// A set of abilities as in the binary format: copy 1, drop 2, store 4, key 8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AbilitySet(pub u8);

impl AbilitySet {
    /// No ability.
    pub const EMPTY: Self = Self(0);
    /// `copy`
    pub const COPY: Self = Self(1);
    /// `drop`
    pub const DROP: Self = Self(2);
    /// `store`
    pub const STORE: Self = Self(4);
    /// `key`
    pub const KEY: Self = Self(8);
    /// What integers, bool, address (and vectors of them) have: copy, drop, store.
    pub const PRIMITIVE: Self = Self(7);

    /// Whether all of `other` are in this set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    pub fn intersect(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// A declared type parameter of a datatype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatatypeParameter {
    /// Abilities that an argument must have.
    pub constraints: AbilitySet,
    /// Whether the parameter is phantom.
    pub phantom: bool,
}

/// Names a datatype and what the machine needs to know of it. Identity is (defining id, module, name).
#[derive(Debug)]
pub struct Datatype {
    /// Storage id of the package version that introduced it.
    pub defining_id: Address,
    /// Original id of its package.
    pub original_id: Address,
    /// Module name.
    pub module: String,
    /// Datatype name.
    pub name: String,
    /// Declared abilities.
    pub abilities: AbilitySet,
    /// Declared type parameters.
    pub parameters: Vec<DatatypeParameter>,
    /// Nesting of datatypes and vectors through the fields, at least 1; type parameters count 0.
    pub depth: usize,
    /// Fields of the struct or variants of the enum; field types may hold `Type::Param`.
    pub body: DatatypeBody,
}

/// Fields of a datatype.
#[derive(Debug)]
pub enum DatatypeBody {
    /// A struct: fields in order.
    Struct(Vec<Field>),
    /// An enum: variants in order of tags.
    Enum(Vec<Variant>),
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Field name.
    pub name: String,
    /// Field type in terms of the datatype's parameters.
    pub ty: Type,
}

/// One variant of an enum.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Variant name.
    pub name: String,
    /// Fields in order.
    pub fields: Vec<Field>,
}

impl PartialEq for Datatype {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || (self.defining_id == other.defining_id
                && self.name == other.name
                && self.module == other.module)
    }
}
impl Eq for Datatype {}

/// A runtime type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
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
    Vector(Arc<Type>),
    /// A struct or enum with its type arguments.
    Datatype(Arc<Datatype>, Arc<[Type]>),
    /// `&T`
    Reference(Arc<Type>),
    /// `&mut T`
    MutableReference(Arc<Type>),
    /// A type parameter of the surrounding function or datatype.
    Param(u16),
}

impl fmt::Display for Type {
    /// As in Move, with defining ids; type parameters are `T0`, `T1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("bool"),
            Type::U8 => f.write_str("u8"),
            Type::U16 => f.write_str("u16"),
            Type::U32 => f.write_str("u32"),
            Type::U64 => f.write_str("u64"),
            Type::U128 => f.write_str("u128"),
            Type::U256 => f.write_str("u256"),
            Type::Address => f.write_str("address"),
            Type::Signer => f.write_str("signer"),
            Type::Vector(inner) => write!(f, "vector<{inner}>"),
            Type::Reference(inner) => write!(f, "&{inner}"),
            Type::MutableReference(inner) => write!(f, "&mut {inner}"),
            Type::Param(index) => write!(f, "T{index}"),
            Type::Datatype(datatype, arguments) => {
                let (module, name) = (&datatype.module, &datatype.name);
                write!(f, "{}::{module}::{name}", datatype.defining_id)?;
                for (index, argument) in arguments.iter().enumerate() {
                    write!(f, "{}{argument}", if index == 0 { "<" } else { ", " })?;
                }
                f.write_str(if arguments.is_empty() { "" } else { ">" })
            }
        }
    }
}

impl Type {
    /// The type tag with defining ids.
    ///
    /// # Errors
    /// References and unbound parameters have no tag.
    pub fn to_tag(&self) -> VmResult<TypeTag> {
        self.tag_with(&|datatype| datatype.defining_id)
    }

    /// The type tag with original package ids (`type_name::with_original_ids`).
    ///
    /// # Errors
    /// As [`Type::to_tag`].
    pub fn to_original_tag(&self) -> VmResult<TypeTag> {
        self.tag_with(&|datatype| datatype.original_id)
    }

    /// The struct tag with defining ids if this is a datatype.
    ///
    /// # Errors
    /// Everything else has no struct tag.
    pub fn to_struct_tag(&self) -> VmResult<StructTag> {
        match self.to_tag()? {
            TypeTag::Struct(tag) => Ok(*tag),
            tag => Err(VmError::invariant(format!("{tag} is not a datatype"))),
        }
    }

    fn tag_with(&self, id: &dyn Fn(&Datatype) -> Address) -> VmResult<TypeTag> {
        Ok(match self {
            Type::Bool => TypeTag::Bool,
            Type::U8 => TypeTag::U8,
            Type::U16 => TypeTag::U16,
            Type::U32 => TypeTag::U32,
            Type::U64 => TypeTag::U64,
            Type::U128 => TypeTag::U128,
            Type::U256 => TypeTag::U256,
            Type::Address => TypeTag::Address,
            Type::Signer => TypeTag::Signer,
            Type::Vector(inner) => TypeTag::Vector(Box::new(inner.tag_with(id)?)),
            Type::Datatype(datatype, arguments) => {
                let arguments = arguments
                    .iter()
                    .map(|ty| ty.tag_with(id))
                    .collect::<VmResult<Vec<_>>>()?;
                let module = Identifier::new(datatype.module.as_str())
                    .map_err(|_| VmError::invariant("module name is no identifier"))?;
                let name = Identifier::new(datatype.name.as_str())
                    .map_err(|_| VmError::invariant("datatype name is no identifier"))?;
                TypeTag::Struct(Box::new(StructTag::new(
                    id(datatype),
                    module,
                    name,
                    arguments,
                )))
            }
            Type::Reference(_) | Type::MutableReference(_) | Type::Param(_) => {
                return Err(VmError::invariant(
                    "references and type parameters have no type tag",
                ));
            }
        })
    }

    /// Replaces type parameters by `arguments`.
    ///
    /// # Errors
    /// A parameter out of range.
    pub fn substitute(&self, arguments: &[Type]) -> VmResult<Type> {
        Ok(match self {
            Type::Param(index) => arguments
                .get(usize::from(*index))
                .cloned()
                .ok_or_else(|| VmError::invariant("type parameter out of range"))?,
            Type::Vector(inner) => Type::Vector(Arc::new(inner.substitute(arguments)?)),
            Type::Reference(inner) => Type::Reference(Arc::new(inner.substitute(arguments)?)),
            Type::MutableReference(inner) => {
                Type::MutableReference(Arc::new(inner.substitute(arguments)?))
            }
            Type::Datatype(_, inner) if inner.is_empty() => self.clone(),
            Type::Datatype(datatype, inner) => {
                let inner = inner
                    .iter()
                    .map(|ty| ty.substitute(arguments))
                    .collect::<VmResult<Vec<_>>>()?;
                Type::Datatype(datatype.clone(), inner.into())
            }
            _ => self.clone(),
        })
    }

    /// Number of nodes and bound of the nesting of values, both including this node.
    pub(crate) fn measure(&self) -> (usize, usize) {
        match self {
            Type::Vector(inner) | Type::Reference(inner) | Type::MutableReference(inner) => {
                let (nodes, depth) = inner.measure();
                (nodes.saturating_add(1), depth.saturating_add(1))
            }
            Type::Datatype(datatype, arguments) => {
                let (mut nodes, mut depth) = (1usize, 0usize);
                for argument in arguments.iter() {
                    let (more, deeper) = argument.measure();
                    nodes = nodes.saturating_add(more);
                    depth = depth.max(deeper);
                }
                (nodes, depth.saturating_add(datatype.depth))
            }
            Type::Param(_) => (1, 0),
            _ => (1, 1),
        }
    }

    /// Refuses types that are too large or nest too deeply.
    pub(crate) fn check_size(&self) -> VmResult<()> {
        let (nodes, depth) = self.measure();
        if nodes > crate::limits::TYPE_NODES || depth > crate::limits::VALUE_DEPTH {
            return Err(VmError::primitive("type is too large or nested too deeply"));
        }
        Ok(())
    }

    /// The abilities of the type. `parameters` are the constraints of the surrounding function's type parameters
    /// (empty for closed types).
    pub fn abilities(&self, parameters: &[AbilitySet]) -> AbilitySet {
        match self {
            Type::Reference(_) | Type::MutableReference(_) => AbilitySet(3),
            Type::Signer => AbilitySet::DROP,
            Type::Param(index) => parameters
                .get(usize::from(*index))
                .copied()
                .unwrap_or_default(),
            Type::Vector(inner) => AbilitySet::PRIMITIVE.intersect(inner.abilities(parameters)),
            Type::Datatype(datatype, arguments) => {
                let mut result = datatype.abilities;
                for (argument, parameter) in arguments.iter().zip(&datatype.parameters) {
                    if parameter.phantom {
                        continue;
                    }
                    let have = argument.abilities(parameters);
                    let mut allowed = have.intersect(AbilitySet::PRIMITIVE);
                    if have.has(AbilitySet::STORE) {
                        allowed = allowed.union(AbilitySet::KEY);
                    }
                    result = result.intersect(allowed);
                }
                result
            }
            _ => AbilitySet::PRIMITIVE,
        }
    }

    /// Whether this is the datatype `package::module::name` (by defining id).
    pub fn is_datatype(&self, package: &Address, module: &str, name: &str) -> bool {
        matches!(self, Type::Datatype(datatype, _)
            if datatype.defining_id == *package && datatype.module == module && datatype.name == name)
    }
}

/// The address 0x1, 0x2, ….
pub(crate) fn standard_id(number: u8) -> Address {
    let mut bytes = [0; 32];
    bytes[31] = number;
    Address::new(bytes)
}
