//! Syncs: `fsync(2)` and `fdatasync(2)` of this program, which tell the platters of a simulation what has become durable.
//!
//! This program has functions of these names, which take the place of libc's, as that of [`crate::randomness`] does: whatever
//! syncs a file through the standard library comes by, the database library included.
// The symbols, and the number of an error that is libc's to keep.
#![allow(unsafe_code)]

use std::{
    ffi::c_int,
    os::fd::BorrowedFd,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use crate::platter::Platter;

/// All that there are.
static PLATTERS: RwLock<Vec<Arc<Platter>>> = RwLock::new(Vec::new());

unsafe extern "C" {
    safe fn __errno_location() -> *mut c_int;
}

/// Whatever is synced below the platter's directory is told to it from now on.
pub(crate) fn listen(platter: Arc<Platter>) {
    let mut platters = PLATTERS.write().unwrap_or_else(PoisonError::into_inner);
    platters.push(platter);
}

/// Ends that for all platters below a directory.
pub(crate) fn forget(directory: &Path) {
    let mut platters = PLATTERS.write().unwrap_or_else(PoisonError::into_inner);
    platters.retain(|platter| !platter.root().starts_with(directory));
}

/// In place of libc's: see there.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn fsync(descriptor: c_int) -> c_int {
    synced(descriptor, |file| rustix::fs::fsync(file))
}

/// In place of libc's: see there.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    synced(descriptor, |file| rustix::fs::fdatasync(file))
}

/// Syncs a file: what is a platter's in its own way, and everything else as the system does.
fn synced(
    descriptor: c_int,
    by_system: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<()>,
) -> c_int {
    let of_platter = || {
        let platters = PLATTERS.read().unwrap_or_else(PoisonError::into_inner);
        if platters.is_empty() {
            return None;
        }
        let path = PathBuf::from(format!("/proc/self/fd/{descriptor}"));
        let names = std::fs::read_link(&path).ok()?;
        let mut below = platters.iter();
        let platter = below.find(|platter| names.starts_with(platter.root()))?;
        Some((Arc::clone(platter), path))
    };
    let synced = match of_platter() {
        // A file that cannot be copied is one that is not synced, and the simulation says so.
        Some((platter, path)) => platter.synced(&path).map_err(|_| rustix::io::Errno::IO),
        None if descriptor < 0 => Err(rustix::io::Errno::BADF),
        // SAFETY: the caller lends an open descriptor for the time of the call; one that is not open is an error of the system.
        None => by_system(unsafe { BorrowedFd::borrow_raw(descriptor) }),
    };
    match synced {
        Ok(()) => 0,
        Err(error) => {
            // SAFETY: it points to the error number of this thread.
            unsafe { *__errno_location() = error.raw_os_error() };
            -1
        }
    }
}
