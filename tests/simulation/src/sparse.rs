//! Sparse files: copied and compared by what was written to them. A database makes the files of its journal large at once, and most of
//! them stays a hole, which takes no room in memory and no time here.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::FileExt as _,
    path::Path,
};

use rustix::{fs::SeekFrom, io::Errno};

/// How much is copied at once.
pub(crate) const COPIED: usize = 1 << 16;

/// Copies a directory and all below it; `to` is made, unless it is there.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (inner, copy) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&inner, &copy)?;
        } else if kind.is_file() {
            let (inner, copy) = (fs::File::open(&inner)?, fs::File::create(&copy)?);
            let end = inner.metadata()?.len();
            copy_range(&inner, &copy, 0, end_of_bytes(&inner, end)?)?;
            copy.set_len(end)?;
            copy.set_permissions(inner.metadata()?.permissions())?;
        }
    }
    Ok(())
}

/// Where the bytes of a file end whose rest was never written; its length is `end`.
pub(crate) fn end_of_bytes(file: &fs::File, end: u64) -> io::Result<u64> {
    let (mut at, mut bytes_end) = (0, 0);
    while at < end {
        match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(data) => bytes_end = rustix::fs::seek(file, SeekFrom::Hole(data))?,
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        }
        at = bytes_end;
    }
    Ok(bytes_end.min(end))
}

/// Copies the bytes from `start` to `end` to the same place of another file.
pub(crate) fn copy_range(from: &fs::File, to: &fs::File, start: u64, end: u64) -> io::Result<()> {
    let (mut buffer, mut at) = (vec![0; COPIED], start);
    while at < end {
        let most = usize::try_from(end.saturating_sub(at)).unwrap_or(COPIED);
        let part = buffer.get_mut(..most.min(COPIED)).unwrap_or_default();
        let read = from.read_at(part, at)?;
        let part = part.get(..read).unwrap_or_default();
        if part.is_empty() {
            break;
        }
        to.write_all_at(part, at)?;
        at = at.saturating_add(read as u64);
    }
    Ok(())
}

/// Where two files differ first: behind the shorter one at the latest.
pub(crate) fn first_difference(one: &fs::File, other: &fs::File) -> io::Result<u64> {
    let (mut ours, mut theirs) = (vec![0; COPIED], vec![0; COPIED]);
    let end = one.metadata()?.len().min(other.metadata()?.len());
    let has_bytes = end_of_bytes(one, end)?.max(end_of_bytes(other, end)?);
    let mut at = 0;
    while at < has_bytes {
        let read = one.read_at(&mut ours, at)?;
        let read = read.min(other.read_at(&mut theirs, at)?);
        let pairs = ours.iter().zip(&theirs).take(read);
        let same = pairs.take_while(|(one, other)| one == other).count();
        at = at.saturating_add(same as u64);
        if same < read || read == 0 {
            return Ok(at.min(end));
        }
    }
    Ok(end)
}

/// Removes a directory, if it is there.
pub(crate) fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
