//! Torn tail of a log, what follows its last whole record: the trace of a crash, or damage.
//!
//! Records are appended with one write each, and the next one is begun when the last is on disk. So a crash leaves at most one
//! record that is not whole, at the end: cut short, with pages that were never written, or as zeros. Everything else was done to
//! the file afterwards, and is not ours to cut off.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::frame::{PREFIX_BYTES, Prefix};
use crate::limits::MAX_TAIL_READ_BYTES;

/// What is looked at of a record before its checksum: the prefix, and the first two fields of a checkpoint's summary, epoch
/// and sequence number.
const HEAD_BYTES: usize = PREFIX_BYTES + 8 + 8;
/// Bytes of the tail that are looked through at a time.
const WINDOW_BYTES: u64 = 1024 * 1024;

/// Where the whole records of a log end.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// How many there are, which is also the sequence number of the one that should follow.
    pub(super) records: u64,
    /// Where they end.
    pub(super) offset: u64,
    /// Length of the file.
    pub(super) length: u64,
}

impl End {
    fn available(self) -> u64 {
        self.length.saturating_sub(self.offset)
    }
}

#[derive(Debug)]
pub(super) enum Tail {
    /// A crash explains it: nothing that was acknowledged is in it.
    Torn,
    /// Why no crash does.
    Damaged(String),
}

/// Judges what follows the whole records. `begun`: where the last record that the mark knows of begins.
pub(super) fn judge(file: &File, end: End, begun: Option<u64>) -> io::Result<Tail> {
    if is_zero(file, end.offset)? {
        return Ok(Tail::Torn);
    }
    match find_record(file, end)? {
        Search::Found { number, offset } => {
            return Ok(Tail::Damaged(format!(
                "checkpoint {number} follows it at byte {offset}"
            )));
        }
        Search::GivenUp => return Ok(Tail::Damaged("more than one record follows it".into())),
        Search::Nothing => {}
    }
    // The last write that was ever begun is this one.
    if begun == Some(end.offset) {
        return Ok(Tail::Torn);
    }
    let mut prefix = [0; PREFIX_BYTES];
    if end.available() < PREFIX_BYTES as u64 {
        return Ok(Tail::Torn);
    }
    let mut reader = file;
    reader.seek(SeekFrom::Start(end.offset))?;
    reader.read_exact(&mut prefix)?;
    let prefix = Prefix::decode(&prefix);
    let after = end.offset.saturating_add(prefix.total());
    if !prefix.fits(end.available()) || is_zero(file, after)? {
        return Ok(Tail::Torn);
    }
    Ok(Tail::Damaged(format!(
        "other bytes follow it from byte {after}"
    )))
}

/// Whether there is nothing but zeros from `offset` on; true at the end of the file.
pub(super) fn is_zero(mut file: &File, offset: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(offset))?;
    let mut window = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut window)?;
        if read == 0 {
            return Ok(true);
        }
        if window.iter().take(read).any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
}

enum Search {
    Nothing,
    Found {
        number: u64,
        offset: u64,
    },
    /// So much looks like records that it cannot all be checked.
    GivenUp,
}

/// Looks for a whole record after the first byte of the tail, at any offset.
fn find_record(mut file: &File, end: End) -> io::Result<Search> {
    // Checkpoints that have room before the end of the file.
    let last = end
        .records
        .saturating_add(end.available() / PREFIX_BYTES as u64);
    let numbers = end.records..=last;
    let mut budget = MAX_TAIL_READ_BYTES;
    let mut start = end.offset.saturating_add(1);
    while start < end.length {
        let mut window = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(WINDOW_BYTES).read_to_end(&mut window)?;
        if window.len() < HEAD_BYTES {
            break;
        }
        for (offset, head) in (start..).zip(window.windows(HEAD_BYTES)) {
            let Some((prefix, number)) = candidate(head) else {
                continue;
            };
            if !numbers.contains(&number) || !prefix.fits(end.length.saturating_sub(offset)) {
                continue;
            }
            let Some(left) = budget.checked_sub(prefix.total()) else {
                return Ok(Search::GivenUp);
            };
            budget = left;
            file.seek(SeekFrom::Start(offset.saturating_add(PREFIX_BYTES as u64)))?;
            let record = prefix.read(&mut BufReader::new(file))?;
            if record.is_some_and(|record| record.summary.sequence_number == number) {
                return Ok(Search::Found { number, offset });
            }
        }
        // A head that the window cut is whole in the next one.
        start = start.saturating_add((window.len() - (HEAD_BYTES - 1)) as u64);
    }
    Ok(Search::Nothing)
}

/// The prefix and the sequence number of a record that begins with these bytes.
fn candidate(head: &[u8]) -> Option<(Prefix, u64)> {
    let prefix = head.first_chunk::<PREFIX_BYTES>()?;
    let number = head.last_chunk::<8>()?;
    Some((Prefix::decode(prefix), u64::from_le_bytes(*number)))
}
