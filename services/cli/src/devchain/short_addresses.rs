//! Addresses for people: those of the framework are short.

/// A text with addresses for people: those of the framework are short, `0x2::coin::Coin` instead of 64 digits.
pub(crate) fn short_addresses(text: &str) -> String {
    /// Leading zeros that no address has by chance.
    const ZEROS: usize = 40;
    let mut parts = text.split("0x");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        let zeros = part.bytes().take_while(|byte| *byte == b'0').count();
        // The last digit stays, whatever it is.
        let left_out = match digits == 64 && zeros >= ZEROS {
            true => zeros.min(63),
            false => 0,
        };
        short.push_str("0x");
        short.push_str(part.get(left_out..).unwrap_or(part));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_framework_are_short() {
        let (zeros, ones) = ("0".repeat(63), "1".repeat(64));
        let text = format!("0x{ones}::a::A<0x{zeros}2::sui::SUI, u8> or 0x{zeros}0, 0x{ones}");
        let expected = format!("0x{ones}::a::A<0x2::sui::SUI, u8> or 0x0, 0x{ones}");
        assert_eq!(short_addresses(&text), expected);
        let own = format!("0x{}{}", "0".repeat(39), "1".repeat(25));
        for same in ["", "no address", "0x0002", "0x", &own] {
            assert_eq!(short_addresses(same), same);
        }
    }
}
