//! Declarations of a module, without its code: structs, enums and functions by name, with types in terms of
//! **original** package ids as bytecode has them (devchain spec 1.4, 1.8, 3.1).
//!
//! ```
//! use sui_devchain_vm::{declarations::Declarations, package::Module};
//! # fn read(bytes: &[u8]) -> Result<(), sui_devchain_vm::VmError> {
//! let declarations: Declarations = Module::parse(bytes)?.declarations();
//! for function in &declarations.functions {
//!     println!("{} takes {} arguments", function.name, function.parameters.len());
//! }
//! # Ok(())
//! # }
//! # assert!(read(b"not a module").is_err());
//! ```

use sui_sdk_types::Address;

use crate::{
    format::{
        CompiledModule, FLAG_ENTRY, FLAG_NATIVE, FieldDef, FunctionDef, Token, VISIBILITY_FRIEND,
        VISIBILITY_PUBLIC,
    },
    package::Module,
    types::{AbilitySet, DatatypeParameter},
};

pub use crate::signature::Signature;

/// Visibility of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Only the module.
    Private,
    /// Everybody.
    Public,
    /// `public(package)` / friend.
    Friend,
}

/// The declarations of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declarations {
    /// Original id of the package (0x0 before publishing).
    pub address: Address,
    /// Module name.
    pub name: String,
    /// Structs, then enums, in the order of their definitions.
    pub datatypes: Vec<DatatypeDeclaration>,
    /// Functions in the order of their definitions.
    pub functions: Vec<FunctionDeclaration>,
    /// Modules that may call `friend` functions: original package id and module name.
    pub friends: Vec<(Address, String)>,
}

impl Declarations {
    /// The struct or enum of this name.
    pub fn datatype(&self, name: &str) -> Option<&DatatypeDeclaration> {
        self.datatypes.iter().find(|datatype| datatype.name == name)
    }

    /// The function of this name.
    pub fn function(&self, name: &str) -> Option<&FunctionDeclaration> {
        self.functions.iter().find(|function| function.name == name)
    }
}

/// A declared struct or enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatatypeDeclaration {
    /// Name.
    pub name: String,
    /// Declared abilities.
    pub abilities: AbilitySet,
    /// Type parameters in order.
    pub type_parameters: Vec<DatatypeParameter>,
    /// Fields or variants.
    pub body: DeclaredBody,
}

/// Fields of a struct or variants of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeclaredBody {
    /// A struct: fields in order (the compiler gives a struct without fields one bool).
    Struct(Vec<FieldDeclaration>),
    /// An enum: variants in the order of their tags.
    Enum(Vec<VariantDeclaration>),
}

/// A declared variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantDeclaration {
    /// Name.
    pub name: String,
    /// Fields in order.
    pub fields: Vec<FieldDeclaration>,
}

/// A declared field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDeclaration {
    /// Name.
    pub name: String,
    /// Type in terms of the datatype's parameters.
    pub signature: Signature,
}

/// A declared function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionDeclaration {
    /// Name.
    pub name: String,
    /// Who may call it.
    pub visibility: Visibility,
    /// Whether it is `entry`.
    pub is_entry: bool,
    /// Whether it is native.
    pub is_native: bool,
    /// Constraints of the type parameters.
    pub type_parameters: Vec<AbilitySet>,
    /// Parameter types.
    pub parameters: Vec<Signature>,
    /// Result types.
    pub returns: Vec<Signature>,
}

/// A constant of the pool, which clever abort codes name by index (devchain spec 2.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant<'a> {
    /// Its type (closed).
    pub signature: Signature,
    /// BCS of the value.
    pub bytes: &'a [u8],
}

impl Module {
    /// What the module declares.
    pub fn declarations(&self) -> Declarations {
        let module = &self.0;
        let structs = module.struct_defs.iter().map(|def| {
            let defined = def.fields.as_deref().unwrap_or(&[]);
            datatype(
                module,
                def.handle,
                DeclaredBody::Struct(fields(module, defined)),
            )
        });
        let enums = module.enum_defs.iter().map(|def| {
            let variants = def.variants.iter().map(|variant| VariantDeclaration {
                name: module.identifier(variant.name).to_owned(),
                fields: fields(module, &variant.fields),
            });
            datatype(module, def.handle, DeclaredBody::Enum(variants.collect()))
        });
        let friends = module.friends.iter().map(|friend| {
            let name = module.identifier(friend.name).to_owned();
            (module.address(friend.address), name)
        });
        Declarations {
            address: module.self_address(),
            name: module.name().to_owned(),
            datatypes: structs.chain(enums).collect(),
            functions: module
                .function_defs
                .iter()
                .map(|def| function(module, def))
                .collect(),
            friends: friends.collect(),
        }
    }

    /// The constant at `index` of the pool.
    pub fn constant(&self, index: u16) -> Option<Constant<'_>> {
        let constant = self.0.constants.get(usize::from(index))?;
        Some(Constant {
            signature: signature(&self.0, &constant.token),
            bytes: &constant.bytes,
        })
    }
}

fn datatype(module: &CompiledModule, handle: u16, body: DeclaredBody) -> DatatypeDeclaration {
    let declared = module.datatype_handles.get(usize::from(handle));
    DatatypeDeclaration {
        name: module.datatype_name(handle).to_owned(),
        abilities: declared.map(|handle| handle.abilities).unwrap_or_default(),
        type_parameters: declared
            .map(|handle| handle.parameters.clone())
            .unwrap_or_default(),
        body,
    }
}

fn fields(module: &CompiledModule, defs: &[FieldDef]) -> Vec<FieldDeclaration> {
    let declare = |def: &FieldDef| FieldDeclaration {
        name: module.identifier(def.name).to_owned(),
        signature: signature(module, &def.token),
    };
    defs.iter().map(declare).collect()
}

fn function(module: &CompiledModule, def: &FunctionDef) -> FunctionDeclaration {
    let handle = module.function_handles.get(usize::from(def.handle));
    let types = |index: Option<u16>| -> Vec<Signature> {
        let tokens = index.map_or(&[][..], |index| module.signature(index));
        tokens.iter().map(|ty| signature(module, ty)).collect()
    };
    FunctionDeclaration {
        name: module.function_name(def).to_owned(),
        visibility: match def.visibility {
            VISIBILITY_PUBLIC => Visibility::Public,
            VISIBILITY_FRIEND => Visibility::Friend,
            _ => Visibility::Private,
        },
        is_entry: def.flags & FLAG_ENTRY != 0,
        is_native: def.flags & FLAG_NATIVE != 0,
        type_parameters: handle
            .map(|handle| handle.type_parameters.clone())
            .unwrap_or_default(),
        parameters: types(handle.map(|handle| handle.parameters)),
        returns: types(handle.map(|handle| handle.returns)),
    }
}

fn signature(module: &CompiledModule, token: &Token) -> Signature {
    let inner = |token: &Token| Box::new(signature(module, token));
    match token {
        Token::Bool => Signature::Bool,
        Token::U8 => Signature::U8,
        Token::U16 => Signature::U16,
        Token::U32 => Signature::U32,
        Token::U64 => Signature::U64,
        Token::U128 => Signature::U128,
        Token::U256 => Signature::U256,
        Token::Address => Signature::Address,
        Token::Signer => Signature::Signer,
        Token::Vector(token) => Signature::Vector(inner(token)),
        Token::Reference(token) => Signature::Reference(inner(token)),
        Token::MutableReference(token) => Signature::MutableReference(inner(token)),
        Token::Param(index) => Signature::Parameter(*index),
        Token::Datatype(handle, arguments) => {
            let declared = module.datatype_handles.get(usize::from(*handle));
            let (package, name) = declared.map_or((Address::ZERO, ""), |handle| {
                module.module_of(handle.module)
            });
            Signature::Datatype {
                package,
                module: name.to_owned(),
                name: module.datatype_name(*handle).to_owned(),
                arguments: arguments.iter().map(|ty| signature(module, ty)).collect(),
            }
        }
    }
}
