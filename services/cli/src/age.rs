//! Age of the program: one that is old may not know what the network has learned since. Client spec 2.1.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// When its sources were made, in seconds since 1970; nothing if they came without a repository and nobody said.
const MADE: Option<&str> = option_env!("WALRUS_MADE");
const DAY: Duration = Duration::from_secs(24 * 3600);
/// From then on it is old.
const OLD: Duration = DAY.saturating_mul(30);

/// Warns if it is old.
pub(crate) fn warn() {
    if let Some(warning) = warning(MADE, SystemTime::now()) {
        tracing::warn!("{warning}");
    }
}

fn warning(made: Option<&str>, now: SystemTime) -> Option<String> {
    let seconds: u64 = made?.parse().ok()?;
    let made = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    let age = now.duration_since(made).ok().filter(|age| *age > OLD)?;
    let days = age.as_secs() / DAY.as_secs();
    let date = Timestamp::try_from(made).ok()?.strftime("%F").to_string();
    Some(format!(
        "this program is of {date}, {days} days ago; the network may have changed since: see whether there is a newer one"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_thirty_days_says_of_when_it_is() {
        // 2026-12-01.
        let made = "1796083200";
        let after = |days: u32| {
            let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_083_200);
            warning(Some("1796083200"), made + DAY * days)
        };
        assert_eq!(after(30), None);
        let said = after(31).unwrap();
        assert!(said.contains("of 2026-12-01, 31 days ago"), "{said}");
        for (made, now) in [
            (None, SystemTime::now()),
            (Some("soon"), SystemTime::now()),
            (Some("99999999999999999999"), SystemTime::now()),
            (Some("18446744073709551615"), SystemTime::now()),
            // Its clock is behind.
            (Some(made), SystemTime::UNIX_EPOCH),
        ] {
            assert_eq!(warning(made, now), None, "{made:?}");
        }
    }
}
