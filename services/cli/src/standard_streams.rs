//! File descriptors of standard input and standard output, as the process was given them.
//!
//! Rust's runtime puts `/dev/null` in the place of those that are closed, and takes a write to one that is open for reading only for
//! done. A result that only goes there would be lost without an error, and an empty blob stored in the place of an input. So both
//! are looked at before the runtime starts.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::ensure;
use rustix::{
    fd::BorrowedFd,
    fs::{OFlags, fcntl_getfl},
};

static CANNOT_READ: AtomicBool = AtomicBool::new(false);
static CANNOT_WRITE: AtomicBool = AtomicBool::new(false);

ctor::declarative::ctor! {
    /// Runs before the runtime does. Two system calls, and nothing of the standard library but atomics.
    #[ctor(unsafe)]
    fn look() {
        let input = is_without(rustix::stdio::stdin(), OFlags::WRONLY);
        let output = is_without(rustix::stdio::stdout(), OFlags::RDONLY);
        CANNOT_READ.store(input, Ordering::Relaxed);
        CANNOT_WRITE.store(output, Ordering::Relaxed);
    }
}

/// Whether a descriptor is closed, or open for the other direction alone.
fn is_without(descriptor: BorrowedFd<'_>, useless: OFlags) -> bool {
    fcntl_getfl(descriptor).map_or(true, |flags| flags & OFlags::RWMODE == useless)
}

/// That standard output can be written to, `/dev/null` included.
///
/// # Errors
/// A sentence, if it is closed or open for reading only.
pub(crate) fn check_output() -> anyhow::Result<()> {
    ensure!(
        !CANNOT_WRITE.load(Ordering::Relaxed),
        "standard output is closed, and the result goes nowhere else; nothing was done. Give it a file or a pipe, or /dev/null \
         if the result is not wanted"
    );
    Ok(())
}

/// That standard input can be read, `/dev/null` included.
///
/// # Errors
/// A sentence, if it is closed or open for writing only.
pub(crate) fn check_input() -> anyhow::Result<()> {
    ensure!(
        !CANNOT_READ.load(Ordering::Relaxed),
        "standard input is closed; give it a file or a pipe, or /dev/null if it is to be empty"
    );
    Ok(())
}
