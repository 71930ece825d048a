//! Durations on the command line: `500ms`, `30s`, `10m`, `24h`.

use std::time::Duration;

use crate::report::duration;

/// Reads a duration: a number and its unit, seconds without one.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number
        .parse()
        .map_err(|_| format!("`{text}` is not a duration; try `500ms`, `30s`, `10m` or `24h`"))?;
    let seconds = |factor: u64| {
        number
            .checked_mul(factor)
            .map(Duration::from_secs)
            .ok_or_else(|| format!("`{text}` is too long"))
    };
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" | "" => seconds(1),
        "m" | "min" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        _ => Err(format!(
            "unknown unit `{unit}` in `{text}`; use ms, s, m, h or d"
        )),
    }
}

/// Length of an epoch of the storage network. Nodes need some time to change the epoch, and the chain counts in 64-bit
/// milliseconds since 1970.
pub(crate) fn parse_epoch_duration(text: &str) -> Result<Duration, String> {
    epoch_from(Duration::from_secs(1), text)
}

/// Length of an epoch of a chain, whose change is one checkpoint.
pub(crate) fn parse_chain_epoch_duration(text: &str) -> Result<Duration, String> {
    epoch_from(Duration::from_millis(100), text)
}

fn epoch_from(shortest: Duration, text: &str) -> Result<Duration, String> {
    const LONGEST_DAYS: u64 = 3650;
    let length = parse_duration(text)?;
    let longest = Duration::from_secs(LONGEST_DAYS * 86_400);
    match length {
        _ if length < shortest => Err(format!(
            "`{text}` is too short for an epoch; it lasts at least {}",
            duration(shortest)
        )),
        _ if length > longest => Err(format!(
            "`{text}` is too long for an epoch; it lasts at most 10 years, `{LONGEST_DAYS}d`"
        )),
        _ => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("24h"), Ok(Duration::from_secs(86_400)));
        for bad in [
            "",
            "s",
            "5y",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "9999999999999999999h",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_epoch_is_neither_shorter_nor_longer_than_a_network_can_have_it() {
        for (text, seconds) in [("1s", 1), ("24h", 86_400), ("3650d", 3650 * 86_400)] {
            let length = Duration::from_secs(seconds);
            assert_eq!(parse_epoch_duration(text), Ok(length));
        }
        for (text, why) in [
            ("0s", "at least 1 s"),
            ("999ms", "at least 1 s"),
            ("3651d", "at most 10 years"),
            ("18446744073709551615s", "at most 10 years"),
        ] {
            let refused = parse_epoch_duration(text).unwrap_err();
            assert!(refused.contains(why) && refused.contains(text), "{refused}");
        }
        assert!(parse_chain_epoch_duration("100ms").is_ok());
        let refused = parse_chain_epoch_duration("99ms").unwrap_err();
        assert!(refused.contains("at least 100 ms"), "{refused}");
    }
}
