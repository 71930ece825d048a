//! Sizes as people write them: `500G`, `2TiB`.

use std::str::FromStr;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let suffix = text.get(digits.len()..).unwrap_or_default();
        let suffix = suffix.strip_suffix('B').unwrap_or(suffix);
        let (letter, base) = match suffix.strip_suffix('i') {
            Some(letter) => (letter, 1024_u64),
            None => (suffix, 1000),
        };
        let power = match letter {
            "" if base == 1000 => 0,
            "K" => 1,
            "M" => 2,
            "G" => 3,
            "T" => 4,
            "P" => 5,
            _ => {
                return Err(format!(
                    "`{text}` has no suffix of K, M, G, T, P, Ki, Mi, Gi, Ti, Pi"
                ));
            }
        };
        let count: u64 = digits
            .parse()
            .map_err(|_| format!("`{digits}` is not a whole number"))?;
        count
            .checked_mul(base.pow(power))
            .map(Self)
            .ok_or_else(|| format!("{text} is more than 2^64 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_decimal_or_binary_with_or_without_bytes() {
        for (text, bytes) in [
            ("17", Ok(17)),
            ("17B", Ok(17)),
            ("250G", Ok(250_000_000_000)),
            ("250GB", Ok(250_000_000_000)),
            ("2TiB", Ok(2 << 40)),
            ("1Ki", Ok(1024)),
            ("3P", Ok(3_000_000_000_000_000)),
            ("1k", Err(())),
            ("i", Err(())),
            ("", Err(())),
            ("1.5G", Err(())),
            ("20000P", Err(())),
        ] {
            let parsed = text.parse::<Size>().map(|size| size.0).map_err(|_| ());
            assert_eq!(parsed, bytes, "{text}");
        }
    }
}
