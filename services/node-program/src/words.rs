//! Words: times and sizes for people.

use walrus_service::clock::Clock;

/// A length of time in its two largest units.
pub(crate) fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    if days > 0 {
        format!("{days} d {} h", hours % 24)
    } else if hours > 0 {
        format!("{hours} h {} min", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes} min {} s", seconds % 60)
    } else {
        format!("{seconds} s")
    }
}

/// How long before or after now a moment is, in milliseconds since 1970.
pub(crate) fn when(unix_ms: u64) -> String {
    let now = Clock::system().unix_ms();
    match unix_ms.checked_sub(now) {
        Some(ahead) => format!("in {}", duration(ahead / 1000)),
        None => format!("due for {}", duration(now.saturating_sub(unix_ms) / 1000)),
    }
}

/// How long ago a moment was, in milliseconds since 1970.
pub(crate) fn ago(unix_ms: u64) -> String {
    let past = Clock::system().unix_ms().saturating_sub(unix_ms);
    format!("({} ago)", duration(past / 1000))
}

/// Bytes in the largest unit of which there is one.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in UNITS {
        let one = 1_u64 << shift;
        if bytes >= one {
            let tenths = (bytes % one).saturating_mul(10) >> shift;
            return format!("{}.{tenths} {unit}", bytes >> shift);
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(3 * 3600 + 120), "3 h 2 min");
        assert_eq!(duration(90_000), "1 d 1 h");
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "16777215.9 TiB");
    }
}
