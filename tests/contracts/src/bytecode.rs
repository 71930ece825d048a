//! Bytecode patching: changing constants of compiled modules (devchain spec 3.1), so that tests have a package that differs from the
//! published one in exactly one number.

const MAGIC: [u8; 4] = [0xa1, 0x1c, 0xeb, 0x0b];
const CONSTANT_TABLE: u8 = 0x6;
/// Type and length of a `u64` in the constant table.
const U64_CONSTANT: [u8; 2] = [0x03, 0x08];

/// Replaces a `u64` in the constant table of a compiled module; returns how many entries were replaced. The compiler
/// stores equal constants once.
#[must_use]
pub(crate) fn replace_u64_constant(module: &mut [u8], from: u64, to: u64) -> usize {
    let table = constant_table(module);
    let mut offset = table.start;
    let mut replaced = 0;
    while offset < table.end {
        let is_u64 = module[offset..offset + 2] == U64_CONSTANT;
        // Other types of this table are one byte or `vector<…>` of one: what follows is length and bytes.
        let type_bytes = module[offset..]
            .iter()
            .take_while(|byte| **byte == 0x0a)
            .count()
            + 1;
        let (length, content) = uleb(module, offset + type_bytes);
        if is_u64 && module[content..content + 8] == from.to_le_bytes() {
            module[content..content + 8].copy_from_slice(&to.to_le_bytes());
            replaced += 1;
        }
        offset = content + length;
    }
    replaced
}

fn constant_table(module: &[u8]) -> std::ops::Range<usize> {
    assert_eq!(module[..4], MAGIC, "a compiled module");
    // Magic and version, then the number of tables.
    let (count, mut offset) = uleb(module, 8);
    let mut found = 0..0;
    for _ in 0..count {
        let kind = module[offset];
        let (start, next) = uleb(module, offset + 1);
        let (length, next) = uleb(module, next);
        offset = next;
        if kind == CONSTANT_TABLE {
            found = start..start + length;
        }
    }
    // Offsets count from the end of the header.
    found.start + offset..found.end + offset
}

/// A number and the offset behind it.
fn uleb(bytes: &[u8], mut offset: usize) -> (usize, usize) {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[offset];
        offset += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return (value, offset);
        }
        shift += 7;
    }
}
