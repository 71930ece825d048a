//! Reads the tables of a compiled module (devchain spec 3.1). Published modules have passed the
//! verifier; anything unexpected still only gives `None`.

use sui_sdk_types::Address;

use super::{
    Body, DatatypeAbi, DatatypeParameter, FieldAbi, FunctionAbi, ModuleAbi, OpenType, Visibility,
};

const MAGIC: [u8; 4] = [0xa1, 0x1c, 0xeb, 0x0b];
const MAX_TYPE_DEPTH: usize = 256;
/// Most entries of any list: indices of the format are 16 bits.
const MAX_ENTRIES: u64 = 65_535;

const MODULE_HANDLES: u8 = 0x1;
const DATATYPE_HANDLES: u8 = 0x2;
const FUNCTION_HANDLES: u8 = 0x3;
const SIGNATURES: u8 = 0x5;
const IDENTIFIERS: u8 = 0x7;
const ADDRESSES: u8 = 0x8;
const STRUCTS: u8 = 0xa;
const FUNCTIONS: u8 = 0xc;
const ENUMS: u8 = 0x11;

/// The declarations of a compiled module.
pub(crate) fn parse(bytes: &[u8]) -> Option<ModuleAbi> {
    let (tables, self_handle) = Tables::read(bytes)?;
    let pool = Pool::read(&tables)?;
    let (address, _) = pool.modules.get(self_handle)?;
    let mut datatypes = Vec::new();
    let mut cursor = Cursor(tables.get(STRUCTS));
    while !cursor.0.is_empty() {
        datatypes.push(pool.struct_definition(&mut cursor)?);
    }
    let mut cursor = Cursor(tables.get(ENUMS));
    while !cursor.0.is_empty() {
        datatypes.push(pool.enum_definition(&mut cursor)?);
    }
    let mut functions = Vec::new();
    let mut cursor = Cursor(tables.get(FUNCTIONS));
    while !cursor.0.is_empty() {
        functions.push(pool.function_definition(&mut cursor)?);
    }
    Some(ModuleAbi {
        address: *address,
        datatypes,
        functions,
    })
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn uleb(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn index(&mut self) -> Option<usize> {
        usize::try_from(self.uleb()?).ok()
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.uleb().filter(|count| *count <= MAX_ENTRIES)?;
        (0..count).map(|_| item(self)).collect()
    }

    /// All items up to the end of the table.
    fn all<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        while !self.0.is_empty() {
            items.push(item(self)?);
        }
        Some(items)
    }
}

/// The raw tables by kind.
struct Tables<'a>(Vec<(u8, &'a [u8])>);

impl<'a> Tables<'a> {
    /// The tables and the index of the module's own handle.
    fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let mut cursor = Cursor(bytes);
        if cursor.take(4)? != MAGIC {
            return None;
        }
        cursor.take(4)?;
        let headers = cursor.list(|cursor| {
            let kind = cursor.byte()?;
            Some((kind, cursor.index()?, cursor.index()?))
        })?;
        let contents = cursor.0;
        let mut end = 0;
        let mut tables = Vec::with_capacity(headers.len());
        for (kind, offset, length) in headers {
            let stop = offset.checked_add(length)?;
            tables.push((kind, contents.get(offset..stop)?));
            end = end.max(stop);
        }
        let self_handle = Cursor(contents.get(end..)?).index()?;
        Some((Self(tables), self_handle))
    }

    fn get(&self, kind: u8) -> &'a [u8] {
        self.0
            .iter()
            .find(|(found, _)| *found == kind)
            .map_or(&[], |(_, table)| table)
    }
}

struct DatatypeHandle {
    module: usize,
    name: String,
    abilities: u8,
    type_parameters: Vec<DatatypeParameter>,
}

struct FunctionHandle {
    name: String,
    parameters: usize,
    returns: usize,
    type_parameters: Vec<u8>,
}

/// The decoded tables that definitions point into.
struct Pool {
    identifiers: Vec<String>,
    modules: Vec<(Address, String)>,
    datatypes: Vec<DatatypeHandle>,
    functions: Vec<FunctionHandle>,
    signatures: Vec<Vec<OpenType>>,
}

impl Pool {
    fn read(tables: &Tables<'_>) -> Option<Self> {
        let identifiers = Cursor(tables.get(IDENTIFIERS)).all(|cursor| {
            let length = cursor.index()?;
            String::from_utf8(cursor.take(length)?.to_vec()).ok()
        })?;
        let addresses = Cursor(tables.get(ADDRESSES))
            .all(|cursor| Address::from_bytes(cursor.take(Address::LENGTH)?).ok())?;
        let modules = Cursor(tables.get(MODULE_HANDLES)).all(|cursor| {
            let address = *addresses.get(cursor.index()?)?;
            Some((address, identifiers.get(cursor.index()?)?.clone()))
        })?;
        let datatypes = Cursor(tables.get(DATATYPE_HANDLES)).all(|cursor| {
            Some(DatatypeHandle {
                module: cursor.index()?,
                name: identifiers.get(cursor.index()?)?.clone(),
                abilities: ability_set(cursor)?,
                type_parameters: cursor.list(|cursor| {
                    Some(DatatypeParameter {
                        constraints: ability_set(cursor)?,
                        phantom: cursor.uleb()? != 0,
                    })
                })?,
            })
        })?;
        let functions = Cursor(tables.get(FUNCTION_HANDLES)).all(|cursor| {
            cursor.index()?;
            Some(FunctionHandle {
                name: identifiers.get(cursor.index()?)?.clone(),
                parameters: cursor.index()?,
                returns: cursor.index()?,
                type_parameters: cursor.list(ability_set)?,
            })
        })?;
        let mut pool = Self {
            identifiers,
            modules,
            datatypes,
            functions,
            signatures: Vec::new(),
        };
        pool.signatures = Cursor(tables.get(SIGNATURES))
            .all(|cursor| cursor.list(|cursor| pool.token(cursor, 0)))?;
        Some(pool)
    }

    fn token(&self, cursor: &mut Cursor<'_>, depth: usize) -> Option<OpenType> {
        if depth > MAX_TYPE_DEPTH {
            return None;
        }
        Some(match cursor.byte()? {
            0x1 => OpenType::Bool,
            0x2 => OpenType::U8,
            0x3 => OpenType::U64,
            0x4 => OpenType::U128,
            0x5 => OpenType::Address,
            0x6 => OpenType::Reference(Box::new(self.token(cursor, depth + 1)?)),
            0x7 => OpenType::MutableReference(Box::new(self.token(cursor, depth + 1)?)),
            0x8 => {
                let handle = cursor.index()?;
                self.datatype(handle, Vec::new())?
            }
            0x9 => OpenType::Parameter(u16::try_from(cursor.uleb()?).ok()?),
            0xa => OpenType::Vector(Box::new(self.token(cursor, depth + 1)?)),
            0xb => {
                let handle = cursor.index()?;
                let arguments = cursor.list(|cursor| self.token(cursor, depth + 1))?;
                self.datatype(handle, arguments)?
            }
            0xc => OpenType::Signer,
            0xd => OpenType::U16,
            0xe => OpenType::U32,
            0xf => OpenType::U256,
            _ => return None,
        })
    }

    fn datatype(&self, handle: usize, arguments: Vec<OpenType>) -> Option<OpenType> {
        let handle = self.datatypes.get(handle)?;
        let (package, module) = self.modules.get(handle.module)?;
        Some(OpenType::Datatype {
            package: *package,
            module: module.clone(),
            name: handle.name.clone(),
            arguments,
        })
    }

    fn fields(&self, cursor: &mut Cursor<'_>) -> Option<Vec<FieldAbi>> {
        cursor.list(|cursor| {
            Some(FieldAbi {
                name: self.identifiers.get(cursor.index()?)?.clone(),
                type_: self.token(cursor, 0)?,
            })
        })
    }

    fn struct_definition(&self, cursor: &mut Cursor<'_>) -> Option<DatatypeAbi> {
        let handle = self.datatypes.get(cursor.index()?)?;
        // Flag 1 is a native struct, which has no fields.
        let body = match cursor.byte()? {
            2 => Body::Struct(self.fields(cursor)?),
            _ => Body::Struct(Vec::new()),
        };
        Some(declare(handle, body))
    }

    fn enum_definition(&self, cursor: &mut Cursor<'_>) -> Option<DatatypeAbi> {
        let handle = self.datatypes.get(cursor.index()?)?;
        cursor.byte()?;
        let variants = cursor.list(|cursor| {
            let name = self.identifiers.get(cursor.index()?)?.clone();
            Some((name, self.fields(cursor)?))
        })?;
        Some(declare(handle, Body::Enum(variants)))
    }

    fn function_definition(&self, cursor: &mut Cursor<'_>) -> Option<FunctionAbi> {
        const NATIVE: u8 = 0x2;
        const ENTRY: u8 = 0x4;
        let handle = self.functions.get(cursor.index()?)?;
        let visibility = match cursor.byte()? {
            0 => Visibility::Private,
            1 => Visibility::Public,
            3 => Visibility::Friend,
            _ => return None,
        };
        let flags = cursor.byte()?;
        cursor.list(Cursor::uleb)?;
        if flags & NATIVE == 0 {
            skip_code(cursor)?;
        }
        Some(FunctionAbi {
            name: handle.name.clone(),
            visibility,
            is_entry: flags & ENTRY != 0,
            type_parameters: handle.type_parameters.clone(),
            parameters: self.signatures.get(handle.parameters)?.clone(),
            returns: self.signatures.get(handle.returns)?.clone(),
        })
    }
}

fn declare(handle: &DatatypeHandle, body: Body) -> DatatypeAbi {
    DatatypeAbi {
        name: handle.name.clone(),
        abilities: handle.abilities,
        type_parameters: handle.type_parameters.clone(),
        body,
    }
}

fn ability_set(cursor: &mut Cursor<'_>) -> Option<u8> {
    u8::try_from(cursor.uleb()?).ok()
}

/// Locals, instructions and jump tables of a function.
fn skip_code(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.uleb()?;
    cursor.list(skip_instruction)?;
    cursor.list(|cursor| {
        cursor.uleb()?;
        let branches = cursor.uleb().filter(|count| *count <= MAX_ENTRIES)?;
        cursor.byte()?;
        for _ in 0..branches {
            cursor.uleb()?;
        }
        Some(())
    })?;
    Some(())
}

/// Operands by opcode (devchain spec 3.2).
fn skip_instruction(cursor: &mut Cursor<'_>) -> Option<()> {
    match cursor.byte()? {
        0x03..=0x05
        | 0x07
        | 0x0a..=0x13
        | 0x29..=0x2d
        | 0x36..=0x3f
        | 0x41..=0x45
        | 0x47
        | 0x4e..=0x56 => {
            cursor.uleb()?;
        }
        0x06 => {
            cursor.take(8)?;
        }
        0x31 => {
            cursor.take(1)?;
        }
        0x48 => {
            cursor.take(2)?;
        }
        0x49 => {
            cursor.take(4)?;
        }
        0x32 => {
            cursor.take(16)?;
        }
        0x4a => {
            cursor.take(32)?;
        }
        0x40 | 0x46 => {
            cursor.uleb()?;
            cursor.take(8)?;
        }
        0x01 | 0x02 | 0x08 | 0x09 | 0x14..=0x28 | 0x2e..=0x30 | 0x33..=0x35 | 0x4b..=0x4d => {}
        _ => return None,
    }
    Some(())
}
