//! Compiled modules: in-memory form, reader, writer and bounds checks (devchain spec 3.1, 3.2).

mod bounds;
#[cfg(test)]
mod limit_tests;
pub(crate) mod opcode;
mod read;
#[cfg(test)]
mod tests;
mod write;

use sui_sdk_types::Address;

use crate::error::{VmError, VmResult};
use crate::types::{AbilitySet, DatatypeParameter};

pub(crate) use opcode::{Instruction, Operand};

/// An index into a table of a module, or the number of its entries, as operands hold them: the reader bounds every table.
pub(crate) fn entry_index(number: usize) -> VmResult<u16> {
    u16::try_from(number)
        .map_err(|_| VmError::invariant(format!("entry {number} of a table of a module")))
}

/// A type token of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Bool,
    U8,
    U16,
    U32,
    U64,
    U128,
    U256,
    Address,
    Signer,
    Vector(Box<Token>),
    Reference(Box<Token>),
    MutableReference(Box<Token>),
    Datatype(u16, Vec<Token>),
    Param(u16),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModuleHandle {
    pub(crate) address: u16,
    pub(crate) name: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DatatypeHandle {
    pub(crate) module: u16,
    pub(crate) name: u16,
    pub(crate) abilities: AbilitySet,
    pub(crate) parameters: Vec<DatatypeParameter>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionHandle {
    pub(crate) module: u16,
    pub(crate) name: u16,
    pub(crate) parameters: u16,
    pub(crate) returns: u16,
    pub(crate) type_parameters: Vec<AbilitySet>,
}

/// An index into a base table together with a signature of type arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instantiation {
    pub(crate) base: u16,
    pub(crate) arguments: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Constant {
    pub(crate) token: Token,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldDef {
    pub(crate) name: u16,
    pub(crate) token: Token,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StructDef {
    pub(crate) handle: u16,
    /// `None`: native struct (no Sui module has one; refused by the verifier).
    pub(crate) fields: Option<Vec<FieldDef>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VariantDef {
    pub(crate) name: u16,
    pub(crate) fields: Vec<FieldDef>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnumDef {
    pub(crate) handle: u16,
    pub(crate) variants: Vec<VariantDef>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JumpTable {
    pub(crate) enum_def: u16,
    pub(crate) targets: Vec<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) locals: u16,
    pub(crate) instructions: Vec<Instruction>,
    pub(crate) jump_tables: Vec<JumpTable>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionDef {
    pub(crate) handle: u16,
    pub(crate) visibility: u8,
    pub(crate) flags: u8,
    pub(crate) acquires: Vec<u16>,
    /// `None` for natives.
    pub(crate) code: Option<Code>,
}

pub(crate) const VISIBILITY_PUBLIC: u8 = 1;
pub(crate) const VISIBILITY_FRIEND: u8 = 3;
pub(crate) const FLAG_NATIVE: u8 = 2;
pub(crate) const FLAG_ENTRY: u8 = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldHandle {
    pub(crate) owner: u16,
    pub(crate) field: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VariantHandle {
    /// Enum definition, or enum instantiation for generic variant handles.
    pub(crate) owner: u16,
    pub(crate) tag: u16,
}

/// A compiled module whose indices are all in range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CompiledModule {
    pub(crate) version: u32,
    pub(crate) self_handle: u16,
    /// Kinds of the tables in file order, so that writing gives the same bytes.
    pub(crate) table_order: Vec<u8>,
    pub(crate) module_handles: Vec<ModuleHandle>,
    pub(crate) datatype_handles: Vec<DatatypeHandle>,
    pub(crate) function_handles: Vec<FunctionHandle>,
    pub(crate) function_instantiations: Vec<Instantiation>,
    pub(crate) signatures: Vec<Vec<Token>>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) identifiers: Vec<String>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) struct_defs: Vec<StructDef>,
    pub(crate) struct_instantiations: Vec<Instantiation>,
    pub(crate) function_defs: Vec<FunctionDef>,
    pub(crate) field_handles: Vec<FieldHandle>,
    pub(crate) field_instantiations: Vec<Instantiation>,
    pub(crate) friends: Vec<ModuleHandle>,
    pub(crate) enum_defs: Vec<EnumDef>,
    pub(crate) enum_instantiations: Vec<Instantiation>,
    pub(crate) variant_handles: Vec<VariantHandle>,
    pub(crate) variant_instantiations: Vec<VariantHandle>,
}

impl CompiledModule {
    /// Reads a module, checks limits and every index.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let module = read::read(bytes)?;
        bounds::check(&module)?;
        Ok(module)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        write::write(self)
    }

    pub(crate) fn identifier(&self, index: u16) -> &str {
        self.identifiers
            .get(usize::from(index))
            .map_or("", String::as_str)
    }

    pub(crate) fn address(&self, index: u16) -> Address {
        self.addresses
            .get(usize::from(index))
            .copied()
            .unwrap_or(Address::ZERO)
    }

    /// Address and name of a module handle.
    pub(crate) fn module_of(&self, index: u16) -> (Address, &str) {
        match self.module_handles.get(usize::from(index)) {
            Some(handle) => (self.address(handle.address), self.identifier(handle.name)),
            None => (Address::ZERO, ""),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.module_of(self.self_handle).1
    }

    pub(crate) fn self_address(&self) -> Address {
        self.module_of(self.self_handle).0
    }

    pub(crate) fn signature(&self, index: u16) -> &[Token] {
        self.signatures
            .get(usize::from(index))
            .map_or(&[], Vec::as_slice)
    }

    pub(crate) fn datatype_name(&self, handle: u16) -> &str {
        self.datatype_handles
            .get(usize::from(handle))
            .map_or("", |handle| self.identifier(handle.name))
    }

    pub(crate) fn function_name(&self, def: &FunctionDef) -> &str {
        self.function_handles
            .get(usize::from(def.handle))
            .map_or("", |handle| self.identifier(handle.name))
    }
}
