//! Byte ranges on the command line, as in HTTP: `0-99`, `100-`, `-100`.

use std::ops::Range;

/// Some bytes of a blob whose length is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// From the first to the last one, both included.
    Between(u64, u64),
    /// From here on.
    From(u64),
    /// So many at the end.
    Last(u64),
}

/// Reads a range.
pub(crate) fn parse_range(text: &str) -> Result<ByteRange, String> {
    let wrong = || "expected bytes such as 0-99, 100- or -100".to_owned();
    let text = text.strip_prefix("bytes=").unwrap_or(text);
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u64>().map_err(|_| wrong()),
        false => Err(wrong()),
    };
    match (first, last) {
        ("", last) => Ok(ByteRange::Last(number(last)?)),
        (first, "") => Ok(ByteRange::From(number(first)?)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            match first <= last {
                true => Ok(ByteRange::Between(first, last)),
                false => Err(format!("byte {first} does not come before byte {last}")),
            }
        }
    }
}

impl ByteRange {
    /// The bytes that a blob of this length has of it; `None` if it begins behind the end.
    pub(crate) fn of(self, length: u64) -> Option<Range<u64>> {
        match self {
            Self::Last(count) => Some(length.saturating_sub(count)..length),
            Self::From(first) | Self::Between(first, _) if first >= length => None,
            Self::From(first) => Some(first..length),
            Self::Between(first, last) => Some(first..last.saturating_add(1).min(length)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_http() {
        for (text, expected) in [
            ("0-0", Some(0..1)),
            ("0-99", Some(0..100)),
            ("bytes=5-7", Some(5..8)),
            ("90-200", Some(90..100)),
            ("5-", Some(5..100)),
            ("-7", Some(93..100)),
            ("-700", Some(0..100)),
            ("-0", Some(100..100)),
            ("100-", None),
            ("100-200", None),
            ("0-18446744073709551615", Some(0..100)),
        ] {
            assert_eq!(parse_range(text).unwrap().of(100), expected, "{text}");
        }
        for bad in [
            "",
            "-",
            "5",
            "7-5",
            "a-b",
            "0--5",
            "+1-2",
            "0-99999999999999999999",
        ] {
            assert!(parse_range(bad).is_err(), "{bad}");
        }
    }
}
