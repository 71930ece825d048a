//! Age of the program: one that is old may not know what the network has learned since. Client spec 2.1.

use std::{
    env, fs,
    io::{self, IsTerminal as _},
    path::Path,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;

/// When its sources were made, in seconds since 1970; nothing if they came without a repository and nobody said.
const MADE: Option<&str> = option_env!("WALRUS_MADE");
const DAY: Duration = Duration::from_secs(24 * 3600);
/// From then on it is old.
const OLD: Duration = DAY.saturating_mul(30);

/// A file below the home directory whose time says when somebody was warned.
const WARNED: &str = ".walrus/warned-of-age";

/// Warns people, not programs, if it is old; once a day where there is a directory to remember it in.
pub(crate) fn warn() {
    let now = SystemTime::now();
    if !io::stderr().is_terminal() {
        return;
    }
    if let Some(warning) = warning(MADE, now)
        && env::home_dir().is_none_or(|home| is_due(&home.join(WARNED), now))
    {
        tracing::warn!("{warning}");
    }
}

/// Whether nobody was warned in the last day; then it is remembered that somebody is now.
fn is_due(warned: &Path, now: SystemTime) -> bool {
    let last = fs::metadata(warned).and_then(|found| found.modified());
    let is_recent = |last| now.duration_since(last).is_ok_and(|past| past < DAY);
    if last.is_ok_and(is_recent) {
        return false;
    }
    // Where it cannot be remembered, people are warned again.
    let _ = fs::write(warned, "");
    true
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
    fn people_are_warned_once_a_day() {
        let home = tempfile::tempdir().unwrap();
        let warned = home.path().join("warned");
        let now = SystemTime::now() + Duration::from_secs(60);
        assert!(is_due(&warned, now) && !is_due(&warned, now));
        assert!(is_due(&warned, now + DAY) && !is_due(&warned, now));
        let nowhere = home.path().join("absent/warned");
        assert!(is_due(&nowhere, now) && is_due(&nowhere, now));
    }

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
