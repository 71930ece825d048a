//! Instructions with resolved operands.

use std::sync::Arc;

use ethnum::U256;

use super::{Context, Loader};
use crate::{
    error::{VmError, VmResult},
    format::{Code, CompiledModule, Instruction, Operand, entry_index},
    types::Type,
    value::{Value, bcs},
};

/// A binary operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Mod,
    Div,
    BitOr,
    BitAnd,
    Xor,
    Or,
    And,
    Eq,
    Neq,
    Lt,
    Gt,
    Le,
    Ge,
    Shl,
    Shr,
}

/// Width of a cast's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    U8,
    U16,
    U32,
    U64,
    U128,
    U256,
}

/// A resolved instruction. Whether a borrow is mutable makes no difference at run time.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Pop,
    Ret,
    BrTrue(u16),
    BrFalse(u16),
    Branch(u16),
    U64(u64),
    Bool(bool),
    /// A rarely used immediate or a constant, with the bytes it counts for.
    Constant(Arc<ConstantValue>),
    CopyLoc(u16),
    MoveLoc(u16),
    StLoc(u16),
    BorrowLoc(u16),
    BorrowField(u16),
    /// Index of the function handle.
    Call(u16),
    CallGeneric(u16, TypeArguments),
    Pack(u16),
    Unpack(u16),
    PackVariant(u16, u16),
    UnpackVariant(u16),
    BorrowVariant(u16),
    Switch(Arc<[u16]>),
    ReadRef,
    WriteRef,
    Freeze,
    Nop,
    Abort,
    Not,
    Binary(Binary),
    Cast(Width),
    VecPack(Type, u64),
    VecUnpack(u64),
    VecLen,
    VecBorrow,
    VecPush,
    VecPop,
    VecSwap,
}

/// A constant that is loaded by copying; never holds references.
#[derive(Debug)]
pub(crate) enum ConstantValue {
    U8(u8),
    U16(u16),
    U32(u32),
    U128(u128),
    U256(U256),
    /// BCS of a constant with its type.
    Encoded(Type, Vec<u8>),
}

impl ConstantValue {
    /// The value and the bytes it counts for.
    pub(crate) fn load(&self) -> VmResult<(Value, u64)> {
        Ok(match self {
            ConstantValue::U8(value) => (Value::U8(*value), 1),
            ConstantValue::U16(value) => (Value::U16(*value), 2),
            ConstantValue::U32(value) => (Value::U32(*value), 4),
            ConstantValue::U128(value) => (Value::U128(*value), 16),
            ConstantValue::U256(value) => (Value::U256(*value), 32),
            ConstantValue::Encoded(ty, bytes) => (bcs::decode(ty, bytes)?, bytes.len() as u64),
        })
    }
}

/// Type arguments of an instantiation.
#[derive(Clone, Debug)]
pub(crate) struct TypeArguments {
    pub(crate) types: Arc<[Type]>,
    /// Whether they mention the caller's type parameters.
    pub(crate) open: bool,
}

fn is_open(ty: &Type) -> bool {
    match ty {
        Type::Param(_) => true,
        Type::Vector(inner) | Type::Reference(inner) | Type::MutableReference(inner) => {
            is_open(inner)
        }
        Type::Datatype(_, arguments) => arguments.iter().any(is_open),
        _ => false,
    }
}

/// Resolves the code of a function.
pub(super) fn resolve(
    loader: &Loader<'_>,
    context: &Context,
    module: &CompiledModule,
    code: &Code,
) -> VmResult<Vec<Op>> {
    code.instructions
        .iter()
        .map(|instruction| resolve_one(loader, context, module, code, instruction))
        .collect()
}

fn get<T>(list: &[T], index: u16) -> VmResult<&T> {
    list.get(usize::from(index))
        .ok_or_else(|| VmError::invariant("operand out of range"))
}

fn resolve_one(
    loader: &Loader<'_>,
    context: &Context,
    module: &CompiledModule,
    code: &Code,
    instruction: &Instruction,
) -> VmResult<Op> {
    let constant = |value| Op::Constant(Arc::new(value));
    Ok(match &instruction.operand {
        Operand::None => simple(instruction.code)?,
        Operand::U8(value) => constant(ConstantValue::U8(*value)),
        Operand::U16(value) => constant(ConstantValue::U16(*value)),
        Operand::U32(value) => constant(ConstantValue::U32(*value)),
        Operand::U64(value) => Op::U64(*value),
        Operand::U128(value) => constant(ConstantValue::U128(*value)),
        Operand::U256(value) => constant(ConstantValue::U256(U256::from_le_bytes(**value))),
        Operand::Vector(signature, count) => match instruction.code {
            0x40 => {
                let token = module
                    .signature(*signature)
                    .first()
                    .ok_or_else(|| VmError::invariant("empty signature"))?;
                Op::VecPack(loader.token(context, module, token)?, *count)
            }
            _ => Op::VecUnpack(*count),
        },
        Operand::Index(index) => indexed(loader, context, module, code, instruction.code, *index)?,
    })
}

fn simple(code: u8) -> VmResult<Op> {
    Ok(match code {
        0x01 => Op::Pop,
        0x02 => Op::Ret,
        0x08 => Op::Bool(true),
        0x09 => Op::Bool(false),
        0x14 => Op::ReadRef,
        0x15 => Op::WriteRef,
        0x16 => Op::Binary(Binary::Add),
        0x17 => Op::Binary(Binary::Sub),
        0x18 => Op::Binary(Binary::Mul),
        0x19 => Op::Binary(Binary::Mod),
        0x1A => Op::Binary(Binary::Div),
        0x1B => Op::Binary(Binary::BitOr),
        0x1C => Op::Binary(Binary::BitAnd),
        0x1D => Op::Binary(Binary::Xor),
        0x1E => Op::Binary(Binary::Or),
        0x1F => Op::Binary(Binary::And),
        0x20 => Op::Not,
        0x21 => Op::Binary(Binary::Eq),
        0x22 => Op::Binary(Binary::Neq),
        0x23 => Op::Binary(Binary::Lt),
        0x24 => Op::Binary(Binary::Gt),
        0x25 => Op::Binary(Binary::Le),
        0x26 => Op::Binary(Binary::Ge),
        0x27 => Op::Abort,
        0x28 => Op::Nop,
        0x2E => Op::Freeze,
        0x2F => Op::Binary(Binary::Shl),
        0x30 => Op::Binary(Binary::Shr),
        0x33 => Op::Cast(Width::U8),
        0x34 => Op::Cast(Width::U64),
        0x35 => Op::Cast(Width::U128),
        0x4B => Op::Cast(Width::U16),
        0x4C => Op::Cast(Width::U32),
        0x4D => Op::Cast(Width::U256),
        _ => {
            return Err(VmError::invariant(format!(
                "opcode {code:#x} without operand"
            )));
        }
    })
}

fn indexed(
    loader: &Loader<'_>,
    context: &Context,
    module: &CompiledModule,
    code: &Code,
    opcode: u8,
    index: u16,
) -> VmResult<Op> {
    Ok(match opcode {
        0x03 => Op::BrTrue(index),
        0x04 => Op::BrFalse(index),
        0x05 => Op::Branch(index),
        0x07 => {
            let constant = get(&module.constants, index)?;
            let ty = loader.token(context, module, &constant.token)?;
            Op::Constant(Arc::new(ConstantValue::Encoded(ty, constant.bytes.clone())))
        }
        0x0A => Op::CopyLoc(index),
        0x0B => Op::MoveLoc(index),
        0x0C => Op::StLoc(index),
        0x0D | 0x0E => Op::BorrowLoc(index),
        0x0F | 0x10 => Op::BorrowField(get(&module.field_handles, index)?.field),
        0x36 | 0x37 => {
            let base = get(&module.field_instantiations, index)?.base;
            Op::BorrowField(get(&module.field_handles, base)?.field)
        }
        0x11 => Op::Call(index),
        0x38 => {
            let entry = get(&module.function_instantiations, index)?;
            let types = loader.tokens(context, module, module.signature(entry.arguments))?;
            let open = types.iter().any(is_open);
            Op::CallGeneric(
                entry.base,
                TypeArguments {
                    types: types.into(),
                    open,
                },
            )
        }
        0x12 => Op::Pack(field_count(module, index)?),
        0x13 => Op::Unpack(field_count(module, index)?),
        0x39 => Op::Pack(field_count(
            module,
            get(&module.struct_instantiations, index)?.base,
        )?),
        0x3A => Op::Unpack(field_count(
            module,
            get(&module.struct_instantiations, index)?.base,
        )?),
        0x41 => Op::VecLen,
        0x42 | 0x43 => Op::VecBorrow,
        0x44 => Op::VecPush,
        0x45 => Op::VecPop,
        0x47 => Op::VecSwap,
        0x4E..=0x55 => variant(module, opcode, index)?,
        0x56 => Op::Switch(get(&code.jump_tables, index)?.targets.clone().into()),
        _ => return Err(VmError::invariant(format!("opcode {opcode:#x} with index"))),
    })
}

fn variant(module: &CompiledModule, opcode: u8, index: u16) -> VmResult<Op> {
    let generic = matches!(opcode, 0x4F | 0x53..=0x55);
    let (def, tag) = if generic {
        let handle = get(&module.variant_instantiations, index)?;
        (
            get(&module.enum_instantiations, handle.owner)?.base,
            handle.tag,
        )
    } else {
        let handle = get(&module.variant_handles, index)?;
        (handle.owner, handle.tag)
    };
    let variant = get(&get(&module.enum_defs, def)?.variants, tag)?;
    let fields = entry_index(variant.fields.len())?;
    Ok(match opcode {
        0x4E | 0x4F => Op::PackVariant(tag, fields),
        0x50 | 0x53 => Op::UnpackVariant(tag),
        _ => Op::BorrowVariant(tag),
    })
}

fn field_count(module: &CompiledModule, def: u16) -> VmResult<u16> {
    let fields = get(&module.struct_defs, def)?.fields.as_ref();
    entry_index(fields.map_or(0, Vec::len))
}
