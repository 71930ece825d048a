//! Byte ranges of a request (RFC 9110, 14.1 and 14.2).

use std::ops::Range;

use crate::limits;

/// A `Range` header that cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RangeError {
    /// It does not follow the grammar, or a range ends before it begins.
    #[error(
        "the range is malformed: `bytes=A-B`, `bytes=A-` or `bytes=-N` is expected, or several of them"
    )]
    Malformed,
    /// It has too many ranges.
    #[error("at most {} ranges are served at once", limits::RANGES)]
    TooMany,
    /// Nothing of what is there is in it.
    #[error("the range begins behind the end: there are {size} bytes")]
    Unsatisfiable {
        /// Bytes that are there.
        size: u64,
    },
}

/// The ranges that `header` asks for of `size` bytes, at least one and none of them empty, clamped to the end; `None` if the header
/// is of another unit, which means nothing here.
///
/// Ranges that overlap are joined, and then sorted, so that no answer is larger than the whole.
pub(crate) fn parse(header: &str, size: u64) -> Result<Option<Vec<Range<u64>>>, RangeError> {
    let Some((unit, specs)) = header.split_once('=') else {
        return Err(RangeError::Malformed);
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ok(None);
    }
    let mut ranges = Vec::new();
    let mut count = 0;
    for spec in specs
        .split(',')
        .map(str::trim)
        .filter(|spec| !spec.is_empty())
    {
        count += 1;
        if count > limits::RANGES {
            return Err(RangeError::TooMany);
        }
        let range = parse_one(spec, size)?;
        if !range.is_empty() {
            ranges.push(range);
        }
    }
    match (count, ranges.is_empty()) {
        (0, _) => Err(RangeError::Malformed),
        (_, true) => Err(RangeError::Unsatisfiable { size }),
        (_, false) => Ok(Some(without_overlaps(ranges))),
    }
}

/// One range; empty if nothing is in it.
fn parse_one(spec: &str, size: u64) -> Result<Range<u64>, RangeError> {
    let (first, last) = spec.split_once('-').ok_or(RangeError::Malformed)?;
    if first.is_empty() {
        let suffix = number(last)?;
        return Ok(size.saturating_sub(suffix)..size);
    }
    let first = number(first)?;
    if last.is_empty() {
        return Ok(first.min(size)..size);
    }
    let last = number(last)?;
    if last < first {
        return Err(RangeError::Malformed);
    }
    Ok(first.min(size)..last.saturating_add(1).min(size))
}

/// A number of digits alone. One that is too large is as good as infinite.
fn number(text: &str) -> Result<u64, RangeError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RangeError::Malformed);
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}

fn without_overlaps(ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted = ranges.clone();
    sorted.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(before) if range.start < before.end => before.end = before.end.max(range.end),
            _ => joined.push(range),
        }
    }
    if joined.len() == ranges.len() {
        // In the order of the request.
        return ranges;
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[allow(clippy::single_range_in_vec_init)]
    #[test]
    fn ranges_are_clamped_to_what_is_there() {
        for (header, expected) in [
            ("bytes=0-9", vec![0..10]),
            ("bytes=5-", vec![5..100]),
            ("bytes=-7", vec![93..100]),
            ("bytes=-700", vec![0..100]),
            ("bytes=90-1000", vec![90..100]),
            ("bytes=99-99", vec![99..100]),
            ("Bytes= 0-0 , -1,", vec![0..1, 99..100]),
            ("bytes=50-59,0-9", vec![50..60, 0..10]),
            ("bytes=0-0,100-", vec![0..1]),
            ("bytes=0-99999999999999999999999", vec![0..100]),
        ] {
            assert_eq!(parse(header, 100), Ok(Some(expected)), "{header}");
        }
    }

    #[allow(clippy::single_range_in_vec_init)]
    #[test]
    fn no_answer_is_larger_than_the_whole() {
        assert_eq!(parse("bytes=50-59,0-9,5-54", 100), Ok(Some(vec![0..60])));
        let many = ["0-"; limits::RANGES].join(",");
        assert_eq!(parse(&format!("bytes={many}"), 100), Ok(Some(vec![0..100])));
        let error = parse(&format!("bytes={many},0-"), 100);
        assert_eq!(error, Err(RangeError::TooMany));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_is_within_what_is_there(
            specs in "[0-9,\\- ]{0,30}",
            size in 0_u64..2000,
        ) {
            if let Ok(Some(ranges)) = parse(&format!("bytes={specs}"), size) {
                let total: u64 = ranges.iter().map(|range| range.end - range.start).sum();
                prop_assert!(total <= size);
                prop_assert!(!ranges.is_empty());
                for range in ranges {
                    prop_assert!(range.start < range.end && range.end <= size);
                }
            }
        }

        #[test]
        fn a_range_has_the_bytes_that_it_names(first in 0_u64..100, length in 1_u64..100) {
            let last = first + length - 1;
            let found = parse(&format!("bytes={first}-{last}"), 1000);
            let expected = first..last + 1;
            prop_assert_eq!(found, Ok(Some(vec![expected])));
        }
    }

    #[test]
    fn what_is_no_range_is_told_from_what_nothing_is_in() {
        for header in [
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-",
            "bytes=1",
            "bytes=2-1",
            "bytes=+1-2",
            "bytes=0-1-2",
            "bytes=0x1-2",
        ] {
            assert_eq!(parse(header, 100), Err(RangeError::Malformed), "{header}");
        }
        for (header, size) in [
            ("bytes=100-", 100),
            ("bytes=-0", 100),
            ("bytes=0-", 0),
            ("bytes=18446744073709551615-", 100),
        ] {
            let error = Err(RangeError::Unsatisfiable { size });
            assert_eq!(parse(header, size), error, "{header}");
        }
        assert_eq!(parse("items=0-1", 100), Ok(None));
    }
}
