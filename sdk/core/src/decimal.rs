//! Decimal text of 256-bit integers, the form in which Sui JSON shows blob IDs.

/// Most digits a 256-bit integer has.
const MAX_DIGITS: usize = 78;

/// The decimal digits of a little-endian 256-bit integer, without leading zeros.
pub(crate) fn u256_le_to_decimal(bytes: &[u8; 32]) -> String {
    let mut number = *bytes;
    let mut digits = Vec::with_capacity(MAX_DIGITS);
    while number.iter().any(|byte| *byte != 0) {
        let mut remainder = 0u16;
        for byte in number.iter_mut().rev() {
            let value = remainder * 256 + u16::from(*byte);
            // The remainder is below 10, so this is below 256.
            [*byte, _] = (value / 10).to_le_bytes();
            remainder = value % 10;
        }
        let [digit, _] = remainder.to_le_bytes();
        digits.push(char::from(b'0' + digit));
    }
    if digits.is_empty() {
        digits.push('0');
    }
    digits.iter().rev().collect()
}

/// Parses decimal digits into a little-endian 256-bit integer; `None` on overflow or other characters.
pub(crate) fn decimal_to_u256_le(text: &str) -> Option<[u8; 32]> {
    if text.is_empty() || text.len() > MAX_DIGITS {
        return None;
    }
    let mut number = [0u8; 32];
    for digit in text.bytes() {
        if !digit.is_ascii_digit() {
            return None;
        }
        let mut carry = u16::from(digit - b'0');
        for byte in &mut number {
            let value = u16::from(*byte) * 10 + carry;
            *byte = (value & 0xff) as u8;
            carry = value >> 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}
