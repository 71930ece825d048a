//! Times on the command line: RFC 3339, or a date and a time without a zone, which is UTC. Client spec 2.5.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Reads a time.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    let in_utc = || {
        let civil: DateTime = text.parse().ok()?;
        civil.to_zoned(TimeZone::UTC).ok()
    };
    let time = text.parse::<Timestamp>().ok();
    time.or_else(|| in_utc().map(|zoned| zoned.timestamp()))
        .ok_or_else(|| {
            "expected a time such as 2027-03-20T15:00:00Z, or 2027-03-20 15:00:00 in UTC".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_zone_or_are_in_utc() {
        let seconds = |text| parse_time(text).map(|time| time.as_second());
        for text in [
            "2024-03-20T15:00:00Z",
            "2024-03-20 15:00:00",
            "2024-03-20T15:00:00",
            "2024-03-20T16:00:00+01:00",
        ] {
            assert_eq!(seconds(text), Ok(1_710_946_800), "{text}");
        }
        assert_eq!(seconds("2024-03-20"), Ok(1_710_892_800));
        for bad in ["", "tomorrow", "1710946800", "2024-13-01T00:00:00Z"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
