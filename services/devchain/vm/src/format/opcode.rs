//! Opcodes and the kinds of their operands (devchain spec 3.2).

/// One instruction as it is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u8,
    pub(crate) operand: Operand,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    None,
    Index(u16),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    U256(Box<[u8; 32]>),
    /// Signature index and element count.
    Vector(u16, u64),
}

/// What follows an opcode in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    None,
    Local,
    Target,
    Table(Table),
    U8,
    U16,
    U32,
    U64,
    U128,
    U256,
    Vector,
    Deprecated,
}

/// The table that an index operand points into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Constant,
    FieldHandle,
    FieldInstantiation,
    FunctionHandle,
    FunctionInstantiation,
    StructDef,
    StructInstantiation,
    Signature,
    VariantHandle,
    VariantInstantiation,
    Jump,
}

/// Operand kind of an opcode, `None` if there is no such opcode.
pub(crate) fn kind(code: u8) -> Option<Kind> {
    Some(match code {
        0x01 | 0x02 | 0x08 | 0x09 | 0x14..=0x28 | 0x2E..=0x30 | 0x33..=0x35 | 0x4B..=0x4D => {
            Kind::None
        }
        0x03..=0x05 => Kind::Target,
        0x06 => Kind::U64,
        0x07 => Kind::Table(Table::Constant),
        0x0A..=0x0E => Kind::Local,
        0x0F | 0x10 => Kind::Table(Table::FieldHandle),
        0x11 => Kind::Table(Table::FunctionHandle),
        0x12 | 0x13 => Kind::Table(Table::StructDef),
        0x29..=0x2D | 0x3B..=0x3F => Kind::Deprecated,
        0x31 => Kind::U8,
        0x32 => Kind::U128,
        0x36 | 0x37 => Kind::Table(Table::FieldInstantiation),
        0x38 => Kind::Table(Table::FunctionInstantiation),
        0x39 | 0x3A => Kind::Table(Table::StructInstantiation),
        0x40 | 0x46 => Kind::Vector,
        0x41..=0x45 | 0x47 => Kind::Table(Table::Signature),
        0x48 => Kind::U16,
        0x49 => Kind::U32,
        0x4A => Kind::U256,
        0x4E | 0x50..=0x52 => Kind::Table(Table::VariantHandle),
        0x4F | 0x53..=0x55 => Kind::Table(Table::VariantInstantiation),
        0x56 => Kind::Table(Table::Jump),
        _ => return None,
    })
}
