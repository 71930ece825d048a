//! Standard output, and whether what a command printed got there. That it did not must not end a network that is up or a store
//! that is paid for, so it is told when the command is over.

use std::{
    io::{self, ErrorKind, Write, stdout},
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;

/// Bytes of what was printed that are kept for standard error.
const KEPT: usize = 1 << 20;

static PRINTED: Mutex<Printed> = Mutex::new(Printed::new());

/// What was printed so far.
#[derive(Debug)]
struct Printed {
    /// As much of it as is kept.
    text: String,
    /// Why not all of it got there.
    lost: Option<io::Error>,
    /// Whether that is the error of the command already.
    is_told: bool,
    /// What else the command leaves behind.
    effect: Effect,
}

fn printed() -> MutexGuard<'static, Printed> {
    PRINTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints one line.
pub(crate) fn line(text: &str) {
    printed().print(&mut stdout().lock(), &format!("{text}\n"));
}

/// Prints a result as it is.
///
/// # Errors
/// If it cannot be written. That nobody reads it is for [`finish`] to tell.
pub(crate) fn result(text: &str) -> anyhow::Result<()> {
    let mut printed = printed();
    printed.print(&mut stdout().lock(), text);
    match &printed.lost {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            let error = cannot_write(error);
            printed.is_told = true;
            Err(error)
        }
        _ => Ok(()),
    }
}

/// Writes a result that is not in memory.
///
/// # Errors
/// The same.
pub(crate) fn stream(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    // Both locks are never held together in this order.
    let written = {
        let mut out = stdout().lock();
        write(&mut out).and_then(|()| out.flush())
    };
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            printed().lost.get_or_insert(error);
            Ok(())
        }
        Err(error) => Err(cannot_write(&error)),
        Ok(()) => Ok(()),
    }
}

/// What a command leaves behind besides what it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing that asking again would not tell.
    None,
    /// Something was paid for: what it is must be told.
    Paid,
}

/// Says what the command that begins leaves behind.
pub(crate) fn expect(effect: Effect) {
    printed().effect = effect;
}

/// The end of a command: whether all that it printed got there. If not, what was paid for is told on standard error, by `tell`.
///
/// # Errors
/// If something is lost. A reader that left, as `head` does, has seen enough of a command that leaves nothing behind.
pub(crate) fn finish(tell: impl FnOnce(&str)) -> anyhow::Result<()> {
    let mut printed = printed();
    let flushed = stdout().flush();
    printed.end(flushed, tell)
}

/// The error of a command that ends because of it.
fn cannot_write(error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot write to standard output: {error}")
}

impl Printed {
    const fn new() -> Self {
        Self {
            text: String::new(),
            lost: None,
            is_told: false,
            effect: Effect::None,
        }
    }

    /// Nothing is written after something that was lost: a result has no holes.
    fn print(&mut self, out: &mut dyn Write, text: &str) {
        if self.text.len().saturating_add(text.len()) <= KEPT {
            self.text.push_str(text);
        }
        if self.lost.is_some() {
            return;
        }
        if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            self.lost = Some(error);
        }
    }

    fn end(&mut self, flushed: io::Result<()>, tell: impl FnOnce(&str)) -> anyhow::Result<()> {
        let lost = self.lost.take().or(flushed.err());
        let Some(error) = lost else { return Ok(()) };
        match self.effect {
            Effect::None if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Effect::None => {}
            Effect::Paid => tell(self.text.trim_end()),
        }
        if self.is_told {
            return Ok(());
        }
        Err(error).context("cannot write to standard output")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `room` bytes and then fails.
    struct Device {
        room: usize,
        end: ErrorKind,
        taken: Vec<u8>,
    }

    impl Write for Device {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            let fits = buffer.len().min(self.room);
            if fits == 0 && !buffer.is_empty() {
                return Err(self.end.into());
            }
            self.room -= fits;
            self.taken.extend_from_slice(&buffer[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn print_into(room: usize, end: ErrorKind) -> (Printed, Vec<u8>) {
        let mut device = Device {
            room,
            end,
            taken: Vec::new(),
        };
        let mut printed = Printed::new();
        for line in ["one\n", "two\n", "3\n"] {
            printed.print(&mut device, line);
        }
        (printed, device.taken)
    }

    #[test]
    fn what_was_paid_for_is_told_when_its_result_is_lost() {
        for (room, end) in [
            (0, ErrorKind::StorageFull),
            (5, ErrorKind::StorageFull),
            (5, ErrorKind::BrokenPipe),
        ] {
            let (mut printed, taken) = print_into(room, end);
            assert!(taken.len() <= room, "nothing comes after a hole");
            printed.effect = Effect::Paid;
            let mut told = String::new();
            let error = printed.end(Ok(()), |text| told = text.to_owned());
            assert!(
                error
                    .unwrap_err()
                    .to_string()
                    .contains("cannot write to standard output")
            );
            assert_eq!(told, "one\ntwo\n3");
        }
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_error_of_a_command_that_only_looks() {
        let end = |room, kind| {
            let (mut printed, _) = print_into(room, kind);
            printed.end(Ok(()), |_| panic!("nothing was paid"))
        };
        assert!(end(100, ErrorKind::StorageFull).is_ok());
        assert!(end(5, ErrorKind::BrokenPipe).is_ok());
        assert!(end(0, ErrorKind::BrokenPipe).is_ok());
        assert!(end(5, ErrorKind::StorageFull).is_err());
    }
}
