//! What a person sees while something takes time: bars on a terminal, plain lines otherwise.

use std::{
    io::{self, ErrorKind, IsTerminal, Write, stderr, stdout},
    time::Duration,
};

use anyhow::Context;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use walrus_sdk::{ClientError, ScratchError};

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
            bars: stderr().is_terminal().then(MultiProgress::new),
            keeps_out,
        }
    }

    /// Whether bars can be seen.
    pub(crate) fn shows_bars(&self) -> bool {
        self.bars.is_some()
    }

    /// Prints one line above the bars.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        let print = || {
            let text = text.as_ref();
            // A line that cannot be shown must not end a network that is up or a store that has been paid for.
            let _ = if self.keeps_out {
                writeln!(stderr(), "{text}")
            } else {
                writeln!(stdout(), "{text}")
            };
        };
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }

    /// Prints `name value` with the values of several such lines below each other.
    pub(crate) fn field(&self, name: &str, value: impl std::fmt::Display) {
        self.line(format!("  {name:<16} {value}"));
    }

    /// A bar for work of known size; nothing where there is no terminal.
    pub(crate) fn bar(&self, label: &str, total: u64) -> ProgressBar {
        self.bar_like(
            "  {prefix:<16} {bar:32} {pos}/{len} {elapsed}",
            label,
            total,
        )
    }

    /// A bar for bytes whose number is told later; nothing where there is no terminal.
    pub(crate) fn byte_bar(&self, label: &str) -> ProgressBar {
        self.bar_like(
            "  {prefix:<16} {bar:32} {percent:>3} % {binary_bytes_per_sec} {eta} left",
            label,
            0,
        )
    }

    fn bar_like(&self, template: &str, label: &str, total: u64) -> ProgressBar {
        let Some(bars) = &self.bars else {
            return ProgressBar::hidden();
        };
        let mut bar = ProgressBar::new(total).with_prefix(label.to_owned());
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
        if let Ok(style) = ProgressStyle::with_template("  {prefix:<16} {spinner} {elapsed}") {
            spinner.set_style(style);
        }
        spinner.set_prefix(label.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(100));
        spinner
    }
}

/// The error of a store or a read, with what can be done about it here.
pub(crate) fn explain(error: ClientError) -> anyhow::Error {
    match &error {
        ClientError::Scratch(ScratchError::NoSpace { .. } | ScratchError::Failed { .. }) => {
            anyhow::Error::from(error).context(
                "no room for what does not fit in memory; name another place with --spool-dir",
            )
        }
        _ => error.into(),
    }
}

/// Writes a line to standard error. Nobody may be there to read it, which changes nothing about what was done.
pub(crate) fn say(text: impl std::fmt::Display) {
    let _ = writeln!(stderr(), "{text}");
}

/// Writes a result to standard output. A reader that has seen enough and left, as `head` does, is no error.
pub(crate) fn write_result(bytes: &[u8]) -> anyhow::Result<()> {
    write_result_with(|stdout| stdout.write_all(bytes))
}

/// The same for a result that is not in memory.
pub(crate) fn write_result_with(
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut stdout = stdout().lock();
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// A number of bytes for people: `1.5 MiB (1572864 bytes)`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    match count {
        1 => return "1 byte".to_owned(),
        0..1024 => return format!("{count} bytes"),
        _ => {}
    }
    // For display only, so the loss of precision above 2^53 does not matter.
    let mut value = count as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit} ({count} bytes)")
}

/// A text with addresses for people: those of the framework are short, `0x2::coin::Coin` instead of 64 digits.
pub(crate) fn short_addresses(text: &str) -> String {
    /// Leading zeros that no address has by chance.
    const ZEROS: usize = 40;
    let mut parts = text.split("0x");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        let zeros = part.bytes().take_while(|byte| *byte == b'0').count();
        // The last digit stays, whatever it is.
        let left_out = match digits == 64 && zeros >= ZEROS {
            true => zeros.min(63),
            false => 0,
        };
        short.push_str("0x");
        short.push_str(part.get(left_out..).unwrap_or(part));
    }
    short
}

/// An amount of FROST for people, in WAL: `0.0012 WAL (1200000 FROST)`.
pub(crate) fn wal(frost: u64) -> String {
    format!("{} WAL ({frost} FROST)", billionths(frost))
}

/// An amount of MIST for people, in SUI; negative when it is gained.
pub(crate) fn sui(mist: i64) -> String {
    let sign = if mist < 0 { "-" } else { "" };
    let whole = billionths(mist.unsigned_abs());
    format!("{sign}{whole} SUI ({mist} MIST)")
}

fn billionths(amount: u64) -> String {
    const BILLION: u64 = 1_000_000_000;
    let fraction = format!("{:09}", amount % BILLION);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}", amount / BILLION)
}

/// A duration for people: `850 ms`, `12.3 s`, `5 min`, `24 h`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds == 0 {
        format!("{} ms", duration.as_millis())
    } else if seconds < 120 {
        format!("{:.1} s", duration.as_secs_f64())
    } else if seconds < 7200 {
        format!("{} min", seconds / 60)
    } else {
        format!("{} h", seconds / 3600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_framework_are_short() {
        let (zeros, ones) = ("0".repeat(63), "1".repeat(64));
        let text = format!("0x{ones}::a::A<0x{zeros}2::sui::SUI, u8> or 0x{zeros}0, 0x{ones}");
        let expected = format!("0x{ones}::a::A<0x2::sui::SUI, u8> or 0x0, 0x{ones}");
        assert_eq!(short_addresses(&text), expected);
        let own = format!("0x{}{}", "0".repeat(39), "1".repeat(25));
        for same in ["", "no address", "0x0002", "0x", &own] {
            assert_eq!(short_addresses(same), same);
        }
    }

    #[test]
    fn amounts_are_exact() {
        assert_eq!(wal(0), "0 WAL (0 FROST)");
        assert_eq!(wal(1_200_000), "0.0012 WAL (1200000 FROST)");
        assert_eq!(wal(5_000_000_000), "5 WAL (5000000000 FROST)");
        assert_eq!(sui(-1_500_000), "-0.0015 SUI (-1500000 MIST)");
        assert_eq!(sui(2_000_000_000), "2 SUI (2000000000 MIST)");
        assert_eq!(
            wal(u64::MAX),
            "18446744073.709551615 WAL (18446744073709551615 FROST)"
        );
    }

    #[test]
    fn sizes_keep_the_exact_number() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(1536), "1.5 KiB (1536 bytes)");
        assert_eq!(bytes(64 << 20), "64.0 MiB (67108864 bytes)");
    }
}
