//! Terminal output while something takes time, and units for people: bars on a terminal, plain lines otherwise.

use std::{
    io::{Write, stderr},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use walrus_sdk::{ClientError, SpoolError, journal::JournalError};
use walrus_sui::money::Amount;

use crate::{printable, standard_output, terminal};

/// Columns of a terminal that tables fit.
pub(crate) const COLUMNS: usize = 80;

/// Where lines and bars go. Where standard output belongs to a result alone, as with `--json`, lines go to standard error.
#[derive(Clone)]
pub(crate) struct Reporter {
    bars: Option<MultiProgress>,
    keeps_out: bool,
}

impl Reporter {
    /// Bars only if standard error is a terminal; with `keeps_out`, no lines on standard output.
    pub(crate) fn new(keeps_out: bool) -> Self {
        Self {
            bars: terminal::bars().cloned(),
            keeps_out,
        }
    }

    /// Whether the result is for a program, which reads nothing else.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.keeps_out
    }

    /// Whether bars can be seen.
    pub(crate) fn shows_bars(&self) -> bool {
        self.bars.is_some()
    }

    /// Prints one line above the bars. Whatever names are in it, it is one line.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        let text = printable::line(text.as_ref());
        if self.keeps_out {
            say(text);
        } else {
            terminal::aside(|| standard_output::line(&text));
        }
    }

    /// Prints `name value` with the values of several such lines below each other.
    pub(crate) fn field(&self, name: &str, value: impl std::fmt::Display) {
        self.line(format!("  {name:<16} {value}"));
    }

    /// A bar for work of known size; nothing where there is no terminal.
    #[cfg(feature = "dev")]
    pub(crate) fn bar(&self, label: &str, total: u64) -> ProgressBar {
        self.bar_like("  {prefix:<13} {bar:8} {pos}/{len} {elapsed}", label, total)
    }

    /// A bar for bytes whose number is told later; nothing where there is no terminal.
    pub(crate) fn byte_bar(&self, label: &str) -> ProgressBar {
        self.bar_like("  {prefix:<13} {bar:8} {percent:>3} % {eta} left", label, 0)
    }

    fn bar_like(&self, template: &str, label: &str, total: u64) -> ProgressBar {
        let Some(bars) = &self.bars else {
            return ProgressBar::hidden();
        };
        let mut bar = ProgressBar::new(total).with_prefix(printable::line(label).into_owned());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar = bar.with_style(style);
        }
        bars.add(bar)
    }

    /// A spinner for work of unknown size; nothing where there is no terminal.
    pub(crate) fn spinner(&self, label: &str) -> ProgressBar {
        let spinner = match &self.bars {
            Some(bars) => bars.add(ProgressBar::new_spinner()),
            None => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template("  {prefix:<14} {spinner} {elapsed}") {
            spinner.set_style(style);
        }
        spinner.set_prefix(printable::line(label).into_owned());
        spinner.enable_steady_tick(Duration::from_millis(100));
        spinner
    }
}

/// The error of a store or a read, with what can be done about it here.
pub(crate) fn explain(error: ClientError) -> anyhow::Error {
    match &error {
        ClientError::Spool(SpoolError::NoSpace { .. } | SpoolError::Failed { .. }) => {
            anyhow::Error::from(error).context(
                "no room for what does not fit in memory; name another place with --spool-dir",
            )
        }
        ClientError::Journal(JournalError::Io { .. } | JournalError::Full { .. }) => {
            anyhow::Error::from(error).context(
                "what is paid cannot be written down, so nothing was; name another place with --journal-dir, or do without with \
                 --no-journal",
            )
        }
        _ => error.into(),
    }
}

/// Writes a text to standard error. Nobody may be there to read it, which changes nothing about what was done.
pub(crate) fn say(text: impl std::fmt::Display) {
    let text = text.to_string();
    let text = printable::lines(&text);
    terminal::aside(|| {
        let _ = writeln!(stderr(), "{text}");
    });
}

/// Writes a result to standard output. A reader that has seen enough and left, as `head` does, is no error.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write_result(bytes: &[u8]) -> anyhow::Result<()> {
    standard_output::result(&String::from_utf8_lossy(bytes))
}

/// A number of things: `1 epoch`, `2 epochs`.
pub(crate) fn count(number: impl Into<u64>, thing: &str) -> String {
    match number.into() {
        1 => format!("1 {thing}"),
        number => format!("{number} {thing}s"),
    }
}

/// A number of bytes for people, and exactly: `1.5 MiB (1572864 bytes)`.
pub(crate) fn bytes(number: u64) -> String {
    match number {
        0..1024 => count(number, "byte"),
        _ => format!("{} ({number} bytes)", size(number)),
    }
}

/// A number of bytes for people, rounded to a tenth of a unit: `1 byte`, `300 KiB`, `1.5 MiB`.
pub(crate) fn size(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return count(number, "byte");
    }
    let tenths = |unit: u128| (u128::from(number) * 10 + unit / 2) / unit;
    let mut unit = 1 << 10;
    let mut name = UNITS[0];
    for next in &UNITS[1..] {
        // What would be rounded to 1024 of a unit is one of the next.
        if tenths(unit) < 10 * 1024 {
            break;
        }
        unit <<= 10;
        name = next;
    }
    format!(
        "{} {name}",
        decimal(tenths(unit), u128::from(number) % unit == 0)
    )
}

/// `15` tenths as `1.5`; a whole number as such if it is exact.
fn decimal(tenths: u128, exact: bool) -> String {
    match tenths % 10 {
        0 if exact => (tenths / 10).to_string(),
        digit => format!("{}.{digit}", tenths / 10),
    }
}

/// An amount of FROST for people, in WAL and exactly: `0.0012 WAL (1200000 FROST)`.
pub(crate) fn wal(frost: u64) -> String {
    format!("{:#}", Amount::wal(frost))
}

/// An amount of FROST for people, in WAL: `0.0012 WAL`.
pub(crate) fn wal_only(frost: u64) -> String {
    Amount::wal(frost).to_string()
}

/// An amount of MIST for people, in SUI and exactly; a negative one is given back, as what storage on the chain had cost is.
pub(crate) fn sui(mist: impl Into<i128>) -> String {
    match mist.into() {
        gained @ ..0 => format!("{:#} given back", Amount::sui(gained.saturating_neg())),
        taken => format!("{:#}", Amount::sui(taken)),
    }
}

/// A duration for people, in two units at most: `850 ms`, `12.3 s`, `90 s`, `5 min`, `5 min 30 s`, `36 h`, `14 days`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let two = |number: u64, unit: &str, part: u64, name: &str| match part {
        0 => format!("{number} {unit}"),
        part => format!("{number} {unit} {part} {name}"),
    };
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..120 => {
            let tenths = (duration.as_millis() + 50) / 100;
            format!("{} s", decimal(tenths, duration.subsec_nanos() == 0))
        }
        120..7200 => two(seconds / 60, "min", seconds % 60, "s"),
        7200..172_800 => two(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => {
            let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
            two(days, "days", hours, "h")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        assert_eq!(wal(0), "0 WAL (0 FROST)");
        assert_eq!(wal(1_200_000), "0.0012 WAL (1200000 FROST)");
        assert_eq!(wal(5_000_000_000), "5 WAL (5000000000 FROST)");
        assert_eq!(sui(-1_500_000_i64), "0.0015 SUI (1500000 MIST) given back");
        assert_eq!(sui(2_000_000_000_u64), "2 SUI (2000000000 MIST)");
        assert_eq!(
            wal(u64::MAX),
            "18446744073.709551615 WAL (18446744073709551615 FROST)"
        );
    }

    #[test]
    fn sizes_keep_the_exact_number() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1536), "1.5 KiB (1536 bytes)");
        assert_eq!(bytes(64 << 20), "64 MiB (67108864 bytes)");
        // Not exactly, and not 1024.0 KiB.
        assert_eq!(bytes((64 << 20) + 1), "64.0 MiB (67108865 bytes)");
        assert_eq!(bytes((1 << 20) - 1), "1.0 MiB (1048575 bytes)");
        assert_eq!(size(300 << 10), "300 KiB");
        assert_eq!(size(u64::MAX), "16.0 EiB");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(count(0_u64, "epoch"), "0 epochs");
        assert_eq!(count(1_u32, "epoch"), "1 epoch");
        assert_eq!(count(2_u16, "shard"), "2 shards");
    }

    #[test]
    fn durations_say_no_more_than_is_meant() {
        for (millis, text) in [
            (0, "0 ms"),
            (850, "850 ms"),
            (1_000, "1 s"),
            (12_340, "12.3 s"),
            (90_000, "90 s"),
            (90_010, "90.0 s"),
            (119_999, "120.0 s"),
            (120_000, "2 min"),
            (330_000, "5 min 30 s"),
            (86_400_000, "24 h"),
            (9_000_000, "2 h 30 min"),
            (1_209_600_000, "14 days"),
            (180_000_000, "2 days 2 h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
