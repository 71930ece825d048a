//! Lengths of epochs on the command line, of networks and of chains.

use std::time::Duration;

use super::durations::parse_duration;
use crate::report::duration;

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
