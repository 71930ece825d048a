//! Disk space: how much of it a file system has, and taking it.

use std::{fs::File, io, path::Path};

/// Bytes that whoever runs this may still write to the file system of `directory`.
pub(super) fn available(directory: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(directory)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Makes the file `bytes` long and takes the room for it at once, where the file system can do that: then writing cannot find
/// the disk full later.
pub(super) fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)?;
    if bytes == 0 {
        return Ok(());
    }
    match allocate(file, bytes) {
        // Without it the file grows as it is written.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        result => result,
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    Ok(rustix::fs::fallocate(
        file,
        rustix::fs::FallocateFlags::empty(),
        0,
        bytes,
    )?)
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether files in a directory are kept in memory.
#[cfg(target_os = "linux")]
pub(super) fn is_memory(directory: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    // The width of the field depends on the machine; the numbers have 32 bits.
    rustix::fs::statfs(directory).is_ok_and(|found| {
        let kind = found.f_type as u64 & 0xffff_ffff;
        kind == TMPFS || kind == RAMFS
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_memory(_: &Path) -> bool {
    false
}
