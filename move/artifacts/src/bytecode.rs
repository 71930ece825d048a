//! Address table of a compiled Move module: reading it, and replacing an address in it (devchain spec 3.1).

use sui_sdk_types::Address;

/// Largest compiled module that is read.
pub const MAX_MODULE_BYTES: usize = 1024 * 1024;

const MAGIC: [u8; 4] = [0xa1, 0x1c, 0xeb, 0x0b];
const ADDRESS_TABLE: u8 = 0x8;
/// The format knows 20 kinds of tables, each at most once.
const MAX_TABLES: usize = 20;
const ADDRESS_BYTES: usize = 32;

/// The bytes are no compiled module that this version can rewrite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BytecodeError {
    /// Larger than any module.
    #[error("a module of {length} bytes is larger than {MAX_MODULE_BYTES}")]
    TooLarge {
        /// Its length.
        length: usize,
    },
    /// Not a compiled module.
    #[error("the module does not begin with a1 1c eb 0b")]
    Magic,
    /// Another version of the format.
    #[error("version {0:#010x} of the module format is not supported")]
    Version(u32),
    /// The header ends early.
    #[error("the module ends within its header")]
    Truncated,
    /// A number is not minimal ULEB128 of 32 bits.
    #[error("malformed number at byte {offset}")]
    Number {
        /// Where.
        offset: usize,
    },
    /// Too many tables.
    #[error("{count} tables, at most {MAX_TABLES}")]
    Tables {
        /// How many.
        count: u64,
    },
    /// A table reaches beyond the end, or the address table is not made of whole addresses.
    #[error("table {kind:#x} at {offset} with {length} bytes does not fit the module")]
    Table {
        /// Its kind.
        kind: u8,
        /// Offset in the table area.
        offset: u64,
        /// Its length.
        length: u64,
    },
    /// Two address tables.
    #[error("more than one address table")]
    DuplicateTable,
}

/// Replaces each occurrence of `from` in the address table by `to`; returns how many there were.
///
/// Only the address table is touched: constants and instructions may hold the same bytes by chance.
///
/// # Errors
/// [`BytecodeError`]; the module is unchanged then.
pub fn replace_address(
    module: &mut [u8],
    from: Address,
    to: Address,
) -> Result<usize, BytecodeError> {
    let Some(range) = address_table(module)? else {
        return Ok(0);
    };
    let table = module.get_mut(range).ok_or(BytecodeError::Truncated)?;
    let mut replaced = 0;
    for entry in table.chunks_exact_mut(ADDRESS_BYTES) {
        if entry == from.as_ref() as &[u8] {
            entry.copy_from_slice(to.as_ref());
            replaced += 1;
        }
    }
    Ok(replaced)
}

/// Where the address table is.
fn address_table(module: &[u8]) -> Result<Option<std::ops::Range<usize>>, BytecodeError> {
    if module.len() > MAX_MODULE_BYTES {
        return Err(BytecodeError::TooLarge {
            length: module.len(),
        });
    }
    let mut reader = Reader {
        bytes: module,
        offset: 0,
    };
    if reader.take::<4>()? != MAGIC {
        return Err(BytecodeError::Magic);
    }
    let version = u32::from_le_bytes(reader.take()?);
    // From version 7 on the high byte names the flavour; 5 is Sui's.
    if !matches!((version >> 24, version & 0x00ff_ffff), (0, 6) | (5, 7)) {
        return Err(BytecodeError::Version(version));
    }
    let count = reader.uleb()?;
    if count > MAX_TABLES as u64 {
        return Err(BytecodeError::Tables { count });
    }
    let mut found = None;
    for _ in 0..count {
        let [kind] = reader.take()?;
        let (offset, length) = (reader.uleb()?, reader.uleb()?);
        if kind == ADDRESS_TABLE && found.replace((offset, length)).is_some() {
            return Err(BytecodeError::DuplicateTable);
        }
    }
    let Some((offset, length)) = found else {
        return Ok(None);
    };
    let wrong = BytecodeError::Table {
        kind: ADDRESS_TABLE,
        offset,
        length,
    };
    let start = usize::try_from(offset)
        .ok()
        .and_then(|o| reader.offset.checked_add(o));
    let end = start
        .zip(usize::try_from(length).ok())
        .and_then(|(s, l)| s.checked_add(l));
    match start.zip(end) {
        Some((start, end)) if end <= module.len() && (end - start) % ADDRESS_BYTES == 0 => {
            Ok(Some(start..end))
        }
        _ => Err(wrong),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BytecodeError> {
        let end = self.offset.checked_add(N).ok_or(BytecodeError::Truncated)?;
        let bytes = self
            .bytes
            .get(self.offset..end)
            .ok_or(BytecodeError::Truncated)?;
        self.offset = end;
        bytes.try_into().map_err(|_| BytecodeError::Truncated)
    }

    /// Minimal ULEB128 of at most 32 bits.
    fn uleb(&mut self) -> Result<u64, BytecodeError> {
        let offset = self.offset;
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let [byte] = self.take()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let minimal = byte != 0 || shift == 0;
                if !minimal || value > u64::from(u32::MAX) {
                    return Err(BytecodeError::Number { offset });
                }
                return Ok(value);
            }
        }
        Err(BytecodeError::Number { offset })
    }
}
