//! Reader of compiled modules. Every length is checked against the remaining bytes and a named limit.

use sui_sdk_types::Address;

use super::{
    Code, CompiledModule, Constant, DatatypeHandle, EnumDef, FLAG_ENTRY, FLAG_NATIVE, FieldDef,
    FieldHandle, FunctionDef, FunctionHandle, Instantiation, Instruction, JumpTable, ModuleHandle,
    Operand, StructDef, Token, VariantDef, VariantHandle,
    opcode::{self, Kind},
};
use crate::{
    limits,
    types::{AbilitySet, DatatypeParameter},
};

type Read<T> = Result<T, String>;

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or("length overflow")?;
        let slice = self
            .bytes
            .get(self.at..end)
            .ok_or_else(|| format!("unexpected end at byte {}", self.at))?;
        self.at = end;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.take(N)?
            .try_into()
            .map_err(|_| "unexpected end".to_owned())
    }

    fn byte(&mut self) -> Read<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn uleb(&mut self, max: u64) -> Read<u64> {
        let mut value = 0u64;
        let mut shift = 0u32;
        loop {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift > 28 || (shift > 0 && byte == 0) {
                return Err(format!("bad ULEB128 at byte {}", self.at));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
        }
        if value > max {
            Err(format!("{value} exceeds {max} at byte {}", self.at))
        } else {
            Ok(value)
        }
    }

    /// A number in the type that its bound fits into.
    fn narrow<T: TryFrom<u64>>(&self, value: u64) -> Read<T> {
        T::try_from(value).map_err(|_| format!("{value} is too large at byte {}", self.at))
    }

    fn index(&mut self) -> Read<u16> {
        let index = self.uleb(u64::from(u16::MAX))?;
        self.narrow(index)
    }

    fn count(&mut self, max: usize) -> Read<usize> {
        let count = self.uleb(max as u64)?;
        self.narrow(count)
    }

    fn abilities(&mut self) -> Read<AbilitySet> {
        let abilities = self.uleb(15)?;
        Ok(AbilitySet(self.narrow(abilities)?))
    }
}

/// Reads a module; indices are not checked yet.
pub(super) fn read(bytes: &[u8]) -> Read<CompiledModule> {
    if bytes.len() > limits::MODULE_BYTES {
        return Err(format!("module of {} bytes", bytes.len()));
    }
    let mut cursor = Cursor { bytes, at: 0 };
    if cursor.array::<4>()? != [0xa1, 0x1c, 0xeb, 0x0b] {
        return Err("bad magic".into());
    }
    let version = u32::from_le_bytes(cursor.array()?);
    if version != 6 && version != 0x0500_0007 {
        return Err(format!("unsupported version {version:#x}"));
    }
    let mut module = CompiledModule {
        version,
        ..CompiledModule::default()
    };
    let tables = read_headers(&mut cursor)?;
    let start = cursor.at;
    let mut by_offset = tables.clone();
    by_offset.sort_by_key(|table| table.1);
    let mut expected = 0usize;
    for (_, offset, length) in &by_offset {
        if *offset != expected || *length == 0 {
            return Err("tables are not contiguous".into());
        }
        expected = expected
            .checked_add(*length)
            .ok_or("table length overflow")?;
    }
    for (kind, offset, length) in &tables {
        let from = start.checked_add(*offset).ok_or("offset overflow")?;
        let to = from.checked_add(*length).ok_or("offset overflow")?;
        let content = bytes.get(from..to).ok_or("table beyond the end")?;
        read_table(
            &mut module,
            *kind,
            &mut Cursor {
                bytes: content,
                at: 0,
            },
        )?;
        module.table_order.push(*kind);
    }
    if tables != by_offset {
        return Err("table headers are not in the order of offsets".into());
    }
    cursor.at = start.checked_add(expected).ok_or("offset overflow")?;
    module.self_handle = cursor.index()?;
    if !cursor.done() {
        return Err("trailing bytes".into());
    }
    Ok(module)
}

fn read_headers(cursor: &mut Cursor<'_>) -> Read<Vec<(u8, usize, usize)>> {
    let count = cursor.count(limits::TABLES)?;
    let mut tables: Vec<(u8, usize, usize)> = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = cursor.byte()?;
        let offset = cursor.count(limits::MODULE_BYTES)?;
        let length = cursor.count(limits::MODULE_BYTES)?;
        if tables.iter().any(|table| table.0 == kind) {
            return Err(format!("duplicate table {kind:#x}"));
        }
        tables.push((kind, offset, length));
    }
    Ok(tables)
}

fn entries<T>(
    cursor: &mut Cursor<'_>,
    name: &str,
    limit: usize,
    mut entry: impl FnMut(&mut Cursor<'_>) -> Read<T>,
) -> Read<Vec<T>> {
    let mut list = Vec::new();
    while !cursor.done() {
        if list.len() >= limit {
            return Err(format!("more than {limit} {name}"));
        }
        list.push(entry(cursor)?);
    }
    Ok(list)
}

fn read_table(module: &mut CompiledModule, kind: u8, cursor: &mut Cursor<'_>) -> Read<()> {
    let version = module.version;
    match kind {
        0x1 => {
            module.module_handles = entries(
                cursor,
                "module handles",
                limits::MODULE_HANDLES,
                module_handle,
            )?
        }
        0x2 => {
            module.datatype_handles = entries(
                cursor,
                "datatype handles",
                limits::DATATYPE_HANDLES,
                datatype_handle,
            )?
        }
        0x3 => {
            module.function_handles = entries(
                cursor,
                "function handles",
                limits::FUNCTION_HANDLES,
                function_handle,
            )?
        }
        0x4 => {
            module.function_instantiations = entries(
                cursor,
                "function instantiations",
                limits::FUNCTION_INSTANTIATIONS,
                instantiation,
            )?
        }
        0x5 => module.signatures = entries(cursor, "signatures", limits::SIGNATURES, signature)?,
        0x6 => module.constants = entries(cursor, "constants", limits::CONSTANTS, constant)?,
        0x7 => {
            module.identifiers = entries(cursor, "identifiers", limits::IDENTIFIERS, identifier)?
        }
        0x8 => {
            module.addresses = entries(cursor, "addresses", limits::ADDRESSES, |c| {
                Ok(Address::new(c.array()?))
            })?
        }
        0xA => {
            module.struct_defs = entries(
                cursor,
                "struct definitions",
                limits::DATATYPE_DEFINITIONS,
                struct_def,
            )?
        }
        0xB => {
            module.struct_instantiations = entries(
                cursor,
                "struct instantiations",
                limits::STRUCT_INSTANTIATIONS,
                instantiation,
            )?
        }
        0xC => {
            module.function_defs = entries(
                cursor,
                "function definitions",
                limits::FUNCTION_DEFINITIONS,
                |c| function_def(c, version),
            )?
        }
        0xD => {
            module.field_handles =
                entries(cursor, "field handles", limits::FIELD_HANDLES, field_handle)?
        }
        0xE => {
            module.field_instantiations = entries(
                cursor,
                "field instantiations",
                limits::FIELD_INSTANTIATIONS,
                instantiation,
            )?
        }
        0xF => module.friends = entries(cursor, "friends", limits::FRIENDS, module_handle)?,
        0x10 => return Err("metadata is not allowed".into()),
        0x11..=0x14 if version < 0x0500_0007 => return Err("enums need version 7".into()),
        0x11 => {
            module.enum_defs = entries(
                cursor,
                "enum definitions",
                limits::DATATYPE_DEFINITIONS,
                enum_def,
            )?
        }
        0x12 => {
            module.enum_instantiations = entries(
                cursor,
                "enum instantiations",
                limits::ENUM_INSTANTIATIONS,
                instantiation,
            )?
        }
        0x13 => {
            module.variant_handles = entries(
                cursor,
                "variant handles",
                limits::VARIANT_HANDLES,
                variant_handle,
            )?
        }
        0x14 => {
            module.variant_instantiations = entries(
                cursor,
                "variant instantiations",
                limits::VARIANT_HANDLES,
                variant_handle,
            )?
        }
        _ => return Err(format!("unknown table {kind:#x}")),
    }
    Ok(())
}

fn module_handle(cursor: &mut Cursor<'_>) -> Read<ModuleHandle> {
    Ok(ModuleHandle {
        address: cursor.index()?,
        name: cursor.index()?,
    })
}

fn instantiation(cursor: &mut Cursor<'_>) -> Read<Instantiation> {
    Ok(Instantiation {
        base: cursor.index()?,
        arguments: cursor.index()?,
    })
}

fn field_handle(cursor: &mut Cursor<'_>) -> Read<FieldHandle> {
    Ok(FieldHandle {
        owner: cursor.index()?,
        field: cursor.index()?,
    })
}

fn variant_handle(cursor: &mut Cursor<'_>) -> Read<VariantHandle> {
    Ok(VariantHandle {
        owner: cursor.index()?,
        tag: cursor.index()?,
    })
}

fn datatype_handle(cursor: &mut Cursor<'_>) -> Read<DatatypeHandle> {
    let (module, name, abilities) = (cursor.index()?, cursor.index()?, cursor.abilities()?);
    let mut parameters = Vec::new();
    for _ in 0..cursor.count(limits::TYPE_PARAMETERS)? {
        parameters.push(DatatypeParameter {
            constraints: cursor.abilities()?,
            phantom: cursor.uleb(1)? == 1,
        });
    }
    Ok(DatatypeHandle {
        module,
        name,
        abilities,
        parameters,
    })
}

fn function_handle(cursor: &mut Cursor<'_>) -> Read<FunctionHandle> {
    let (module, name) = (cursor.index()?, cursor.index()?);
    let (parameters, returns) = (cursor.index()?, cursor.index()?);
    let mut type_parameters = Vec::new();
    for _ in 0..cursor.count(limits::TYPE_PARAMETERS)? {
        type_parameters.push(cursor.abilities()?);
    }
    Ok(FunctionHandle {
        module,
        name,
        parameters,
        returns,
        type_parameters,
    })
}

fn signature(cursor: &mut Cursor<'_>) -> Read<Vec<Token>> {
    let count = cursor.count(limits::SIGNATURE_TOKENS)?;
    (0..count).map(|_| whole_type(cursor)).collect()
}

/// One type, which has a weight of its own.
fn whole_type(cursor: &mut Cursor<'_>) -> Read<Token> {
    token(cursor, &mut 0)
}

fn token(cursor: &mut Cursor<'_>, weight: &mut usize) -> Read<Token> {
    let byte = cursor.byte()?;
    *weight += match byte {
        0x8 | 0x9 | 0xB => limits::HEAVY_NODE,
        _ => 1,
    };
    if *weight > limits::TYPE_WEIGHT {
        return Err(format!(
            "a type weighs more than {} (a datatype or type parameter weighs {})",
            limits::TYPE_WEIGHT,
            limits::HEAVY_NODE
        ));
    }
    let mut inner = |cursor: &mut Cursor<'_>| token(cursor, weight).map(Box::new);
    Ok(match byte {
        0x1 => Token::Bool,
        0x2 => Token::U8,
        0x3 => Token::U64,
        0x4 => Token::U128,
        0x5 => Token::Address,
        0x6 => Token::Reference(inner(cursor)?),
        0x7 => Token::MutableReference(inner(cursor)?),
        0x8 => Token::Datatype(cursor.index()?, Vec::new()),
        0x9 => Token::Param(cursor.index()?),
        0xA => Token::Vector(inner(cursor)?),
        0xB => {
            let handle = cursor.index()?;
            let count = cursor.count(limits::TYPE_PARAMETERS)?;
            if count == 0 {
                return Err("generic type without arguments".into());
            }
            let arguments = (0..count)
                .map(|_| token(cursor, weight))
                .collect::<Read<_>>()?;
            Token::Datatype(handle, arguments)
        }
        0xC => Token::Signer,
        0xD => Token::U16,
        0xE => Token::U32,
        0xF => Token::U256,
        byte => return Err(format!("unknown type token {byte:#x}")),
    })
}

fn constant(cursor: &mut Cursor<'_>) -> Read<Constant> {
    let token = whole_type(cursor)?;
    let length = cursor.count(limits::CONSTANT_BYTES)?;
    Ok(Constant {
        token,
        bytes: cursor.take(length)?.to_vec(),
    })
}

fn identifier(cursor: &mut Cursor<'_>) -> Read<String> {
    let length = cursor.count(limits::IDENTIFIER_BYTES)?;
    let text = std::str::from_utf8(cursor.take(length)?).map_err(|_| "identifier is not UTF-8")?;
    if is_identifier(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("bad identifier {text:?}"))
    }
}

fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    let start = match bytes.next() {
        Some(b'_') => text.len() > 1,
        Some(byte) => byte.is_ascii_alphabetic(),
        None => false,
    };
    start && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn fields(cursor: &mut Cursor<'_>) -> Read<Vec<FieldDef>> {
    let count = cursor.count(limits::FIELDS)?;
    (0..count)
        .map(|_| {
            Ok(FieldDef {
                name: cursor.index()?,
                token: whole_type(cursor)?,
            })
        })
        .collect()
}

fn struct_def(cursor: &mut Cursor<'_>) -> Read<StructDef> {
    let handle = cursor.index()?;
    let fields = match cursor.byte()? {
        1 => None,
        2 => Some(fields(cursor)?),
        flag => return Err(format!("struct flag {flag}")),
    };
    Ok(StructDef { handle, fields })
}

fn enum_def(cursor: &mut Cursor<'_>) -> Read<EnumDef> {
    let handle = cursor.index()?;
    let flag = cursor.byte()?;
    if flag != 2 {
        return Err(format!("enum flag {flag}"));
    }
    let count = cursor.count(limits::VARIANTS)?;
    let variants = (0..count)
        .map(|_| {
            Ok(VariantDef {
                name: cursor.index()?,
                fields: fields(cursor)?,
            })
        })
        .collect::<Read<Vec<_>>>()?;
    let fields: usize = variants.iter().map(|variant| variant.fields.len()).sum();
    if fields > limits::FIELDS {
        return Err(format!(
            "an enum has {fields} fields in all its variants, the limit is {}",
            limits::FIELDS
        ));
    }
    Ok(EnumDef { handle, variants })
}

fn function_def(cursor: &mut Cursor<'_>, version: u32) -> Read<FunctionDef> {
    let handle = cursor.index()?;
    let (visibility, flags) = (cursor.byte()?, cursor.byte()?);
    if !matches!(visibility, 0 | 1 | 3) || flags & !(FLAG_NATIVE | FLAG_ENTRY) != 0 {
        return Err(format!("visibility {visibility} flags {flags}"));
    }
    let acquires = (0..cursor.count(255)?)
        .map(|_| cursor.index())
        .collect::<Read<_>>()?;
    let code = if flags & FLAG_NATIVE == 0 {
        Some(code(cursor, version)?)
    } else {
        None
    };
    Ok(FunctionDef {
        handle,
        visibility,
        flags,
        acquires,
        code,
    })
}

fn code(cursor: &mut Cursor<'_>, version: u32) -> Read<Code> {
    let locals = cursor.index()?;
    let count = cursor.count(limits::INSTRUCTIONS)?;
    let mut instructions = Vec::with_capacity(count.min(cursor.bytes.len()));
    for _ in 0..count {
        instructions.push(instruction(cursor)?);
    }
    let mut jump_tables = Vec::new();
    if version >= 0x0500_0007 {
        for _ in 0..cursor.count(limits::JUMP_TABLES)? {
            let enum_def = cursor.index()?;
            let count = cursor.count(limits::VARIANTS)?;
            if cursor.byte()? != 1 {
                return Err("jump table flag".into());
            }
            let targets = (0..count).map(|_| cursor.index()).collect::<Read<_>>()?;
            jump_tables.push(JumpTable { enum_def, targets });
        }
    }
    Ok(Code {
        locals,
        instructions,
        jump_tables,
    })
}

fn instruction(cursor: &mut Cursor<'_>) -> Read<Instruction> {
    let code = cursor.byte()?;
    let kind = opcode::kind(code).ok_or_else(|| format!("unknown opcode {code:#x}"))?;
    let operand = match kind {
        Kind::None => Operand::None,
        Kind::Local => {
            let local = cursor.uleb(limits::LOCALS as u64)?;
            Operand::Index(cursor.narrow(local)?)
        }
        Kind::Target | Kind::Table(_) => Operand::Index(cursor.index()?),
        Kind::U8 => Operand::U8(cursor.byte()?),
        Kind::U16 => Operand::U16(u16::from_le_bytes(cursor.array()?)),
        Kind::U32 => Operand::U32(u32::from_le_bytes(cursor.array()?)),
        Kind::U64 => Operand::U64(u64::from_le_bytes(cursor.array()?)),
        Kind::U128 => Operand::U128(u128::from_le_bytes(cursor.array()?)),
        Kind::U256 => Operand::U256(Box::new(cursor.array()?)),
        Kind::Vector => Operand::Vector(cursor.index()?, u64::from_le_bytes(cursor.array()?)),
        Kind::Deprecated => return Err(format!("deprecated opcode {code:#x}")),
    };
    Ok(Instruction { code, operand })
}
