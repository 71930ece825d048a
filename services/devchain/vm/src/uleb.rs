//! ULEB128, the form of lengths and tags in BCS and in compiled modules.

/// Appends a number, seven bits a byte, the least significant first.
pub(crate) fn write(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
#[test]
fn numbers_of_every_length_are_written() {
    let written = |value| {
        let mut out = Vec::new();
        write(&mut out, value);
        out
    };
    assert_eq!(written(0), [0]);
    assert_eq!(written(0x7F), [0x7F]);
    assert_eq!(written(0x80), [0x80, 1]);
    assert_eq!(written(0x3FFF), [0xFF, 0x7F]);
    assert_eq!(written(0x1_2345), [0xC5, 0xC6, 4]);
}
