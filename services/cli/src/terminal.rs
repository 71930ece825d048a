//! Bars on a terminal that other things are written to as well and whose width changes.
//!
//! A terminal that gets narrower breaks the lines that are on it already, most of them at least. So bars are short, and what a
//! draw takes away is as many rows as the last one takes up now, not as it took up then.

use std::{
    io::{self, IsTerminal, Write, stderr},
    sync::{LazyLock, Mutex, PoisonError},
};

use console::{Term, measure_text_width, truncate_str};
use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};
use tracing_subscriber::fmt::MakeWriter;

/// Draws a second at most.
const DRAWS: u8 = 15;
/// Columns that stay free: for the `^C` of a terminal, and the last one, behind which terminals differ.
const FREE: usize = 3;
/// Where a terminal does not tell.
const COLUMNS: u16 = 80;

static BARS: LazyLock<Option<MultiProgress>> = LazyLock::new(|| {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    (stderr().is_terminal() && !is_dumb).then(|| {
        let terminal = Box::new(BarTerminal::new(Term::stderr(), stderr()));
        MultiProgress::with_draw_target(ProgressDrawTarget::term_like_with_hz(terminal, DRAWS))
    })
});

/// Where bars are drawn: on standard error if it is a terminal.
pub(crate) fn bars() -> Option<&'static MultiProgress> {
    BARS.as_ref()
}

/// Writes something while no bars are shown.
pub(crate) fn aside<T>(write: impl FnOnce() -> T) -> T {
    match bars() {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// Whether standard error is to be in colour.
pub(crate) fn is_colourful() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stderr().is_terminal() && !refused
}

/// Where log lines go: to standard error, above the bars.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        aside(|| stderr().write(buffer))
    }

    fn write_all(&mut self, buffer: &[u8]) -> io::Result<()> {
        aside(|| stderr().write_all(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

/// How wide a terminal is now.
trait Columns: std::fmt::Debug + Send + Sync {
    fn columns(&self) -> u16;
}

impl Columns for Term {
    fn columns(&self) -> u16 {
        self.size_checked().map_or(COLUMNS, |(_, columns)| columns)
    }
}

/// The terminal as bars see it: the lines of a draw are collected and written at its end.
#[derive(Debug)]
struct BarTerminal<C, W> {
    columns: C,
    state: Mutex<Drawing<W>>,
}

#[derive(Debug)]
struct Drawing<W> {
    out: W,
    next: Vec<String>,
    /// Widths of the lines that are on the terminal; the cursor is behind the last one.
    shown: Vec<usize>,
}

impl<C: Columns, W: Write> BarTerminal<C, W> {
    fn new(columns: C, out: W) -> Self {
        let state = Drawing {
            out,
            next: Vec::new(),
            shown: Vec::new(),
        };
        Self {
            columns,
            state: Mutex::new(state),
        }
    }
}

impl<W: Write> Drawing<W> {
    fn draw(&mut self, columns: usize) -> io::Result<()> {
        let columns = columns.max(1);
        let mut text = String::new();
        if !self.shown.is_empty() {
            let rows = |width: &usize| width.div_ceil(columns).max(1);
            let above = self.shown.iter().map(rows).sum::<usize>() - 1;
            text.push('\r');
            if above > 0 {
                text.push_str(&format!("\x1b[{above}A"));
            }
            text.push_str("\x1b[J");
        }
        self.shown.clear();
        for line in self.next.drain(..) {
            let room = columns.saturating_sub(FREE).max(1);
            let line = truncate_str(&line, room, "").into_owned();
            if !self.shown.is_empty() {
                text.push_str("\r\n");
            }
            self.shown.push(measure_text_width(&line));
            text.push_str(&line);
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl<C: Columns, W: Write + std::fmt::Debug + Send> TermLike for BarTerminal<C, W> {
    fn width(&self) -> u16 {
        self.columns.columns()
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    /// Lines come one by one, and between them blanks up to the edge, which are left out.
    fn write_str(&self, text: &str) -> io::Result<()> {
        if !text.trim().is_empty() {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.next.push(text.trim_end().to_owned());
        }
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let columns = usize::from(self.columns.columns());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.draw(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing() -> Drawing<Vec<u8>> {
        Drawing {
            out: Vec::new(),
            next: Vec::new(),
            shown: Vec::new(),
        }
    }

    fn draw(drawing: &mut Drawing<Vec<u8>>, lines: &[&str], columns: usize) -> String {
        drawing.next = lines.iter().map(ToString::to_string).collect();
        drawing.draw(columns).unwrap();
        String::from_utf8(std::mem::take(&mut drawing.out)).unwrap()
    }

    #[test]
    fn a_draw_takes_away_the_rows_that_the_last_one_has_now() {
        let mut drawing = drawing();
        let bar = "x".repeat(40);
        assert_eq!(draw(&mut drawing, &[&bar], 80), bar);
        assert_eq!(
            draw(&mut drawing, &[&bar], 80),
            format!("\r\x1b[J{bar}"),
            "one row"
        );
        // 40 columns take three rows of 15.
        assert_eq!(
            draw(&mut drawing, &[&bar], 15),
            format!("\r\x1b[2A\x1b[J{}", &bar[..12])
        );
        assert_eq!(draw(&mut drawing, &["a", "b"], 80), "\r\x1b[Ja\r\nb");
        assert_eq!(draw(&mut drawing, &[], 80), "\r\x1b[1A\x1b[J");
        assert_eq!(draw(&mut drawing, &[], 80), "", "what else is there stays");
    }
}
