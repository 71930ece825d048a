//! Journal file: a list of lines that grows at its end, and is locked as long as the store runs that writes it.
//!
//! A line counts once it is whole: what a crash leaves of the last one is cut off. What must survive is synchronized, file and
//! directory, before it is acted upon.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::{JournalError, entry::Entries, line::Line};
use crate::limits;

/// What the names of the files end with.
pub(super) const SUFFIX: &str = ".uploads";

/// Whether lines must survive whatever happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// They are on the disk when they are written.
    Synchronized,
    /// They can be found out again.
    Eventual,
}

/// A file that this store has locked. When it is dropped with nothing left to know, it is gone.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines.
    length: u64,
    /// The directory has its name for good.
    is_placed: bool,
    entries: Entries,
    /// What could not be understood, and everything after it.
    damage: Option<Damage>,
}

/// A line that cannot be understood though others follow.
#[derive(Debug, Clone)]
pub(super) struct Damage {
    line: usize,
    reason: String,
}

/// A file that was found.
pub(super) enum Found {
    /// Whoever wrote it has ended.
    Left(JournalFile),
    /// A store writes it.
    Live(Entries),
    /// It is gone by now.
    Gone,
}

impl JournalFile {
    /// A new file in this folder.
    pub(super) fn create(folder: &Path) -> Result<Self, JournalError> {
        let name = format!("{:016x}{SUFFIX}", rand::random::<u64>());
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(true).mode(0o600);
        let file = options.open(&path).map_err(JournalError::io(&path))?;
        // Nobody else looks at it before it has its first line.
        file.lock().map_err(JournalError::io(&path))?;
        Ok(Self {
            path,
            file,
            length: 0,
            is_placed: false,
            entries: Entries::default(),
            damage: None,
        })
    }

    /// Looks at a file, and takes it over if its store has ended.
    pub(super) fn find(path: &Path) -> Result<Found, JournalError> {
        let io = JournalError::io;
        let file = match OpenOptions::new().read(true).append(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Gone),
            Err(error) => return Err(io(path)(error)),
        };
        let is_live = match file.try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(error)) => return Err(io(path)(error)),
        };
        let content = read(&file).map_err(io(path))?;
        if file.metadata().map_err(io(path))?.nlink() == 0 {
            return Ok(Found::Gone);
        }
        if is_live {
            return Ok(Found::Live(content.entries));
        }
        let Content {
            entries,
            length,
            damage,
        } = content;
        // What follows a damaged line may be of use to somebody who looks at it.
        let metadata = file.metadata().map_err(io(path))?;
        if damage.is_none() && metadata.len() > length {
            file.set_len(length).map_err(io(path))?;
        }
        Ok(Found::Left(Self {
            path: path.to_owned(),
            file,
            length,
            is_placed: true,
            entries,
            damage,
        }))
    }

    /// Adds lines.
    pub(super) fn append(
        &mut self,
        lines: Vec<Line>,
        durability: Durability,
    ) -> Result<(), JournalError> {
        let bytes = encoded(&lines).map_err(JournalError::io(&self.path))?;
        let written = (&self.file)
            .write_all(&bytes)
            .and_then(|()| self.sync(durability));
        if let Err(error) = written {
            // A part of a line would spoil the next one. If it cannot be cut off, the next write fails for the same reason.
            let _ = self.file.set_len(self.length);
            return Err(JournalError::io(&self.path)(error));
        }
        self.length = self.length.saturating_add(bytes.len() as u64);
        for line in lines {
            let taken = self.entries.take(line);
            taken.map_err(|reason| JournalError::io(&self.path)(io::Error::other(reason)))?;
        }
        Ok(())
    }

    fn sync(&mut self, durability: Durability) -> io::Result<()> {
        if durability == Durability::Eventual {
            return Ok(());
        }
        self.file.sync_data()?;
        if !self.is_placed {
            if let Some(folder) = self.path.parent() {
                File::open(folder)?.sync_all()?;
            }
            self.is_placed = true;
        }
        Ok(())
    }

    /// Removes it, whatever is in it.
    pub(super) fn remove(self) -> Result<(), JournalError> {
        fs::remove_file(&self.path).map_err(JournalError::io(&self.path))
    }

    pub(super) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// The error of an upload that is in a file which cannot be understood.
    pub(super) fn damaged(&self) -> Option<JournalError> {
        let Damage { line, reason } = self.damage.clone()?;
        Some(JournalError::Damaged {
            path: self.path.clone(),
            line,
            reason,
        })
    }

    /// Milliseconds since 1970 when it was last written to.
    pub(super) fn written(&self) -> Result<u64, JournalError> {
        let metadata = self.file.metadata().map_err(JournalError::io(&self.path))?;
        let seconds = u64::try_from(metadata.mtime()).unwrap_or_default();
        Ok(seconds.saturating_mul(1000))
    }
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        if self.entries.is_over() && self.damage.is_none() {
            // It is removed when the next store looks at it, otherwise.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What is in a file.
struct Content {
    entries: Entries,
    /// Bytes of the lines that could be understood.
    length: u64,
    damage: Option<Damage>,
}

/// Reads a file without a lock.
pub(super) fn read_entries(path: &Path) -> Result<Entries, JournalError> {
    match File::open(path) {
        Ok(file) => Ok(read(&file).map_err(JournalError::io(path))?.entries),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entries::default()),
        Err(error) => Err(JournalError::io(path)(error)),
    }
}

fn read(file: &File) -> io::Result<Content> {
    let mut bytes = Vec::new();
    let read = file
        .take(limits::JOURNAL_FILE_BYTES)
        .read_to_end(&mut bytes)?;
    let mut content = Content {
        entries: Entries::default(),
        length: 0,
        damage: None,
    };
    if read as u64 == limits::JOURNAL_FILE_BYTES {
        content.damage = Some(Damage {
            line: 1,
            reason: "the file is too large".to_owned(),
        });
        return Ok(content);
    }
    let mut lines = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
        .peekable();
    while let Some((index, line)) = lines.next() {
        let is_last = lines.peek().is_none();
        match take(&mut content.entries, line) {
            Ok(()) => content.length = content.length.saturating_add(line.len() as u64),
            // What a crash left of it: nothing was done yet.
            Err(_) if is_last => {}
            Err(reason) => {
                let line = index.saturating_add(1);
                content.damage = Some(Damage { line, reason });
                break;
            }
        }
    }
    Ok(content)
}

fn take(entries: &mut Entries, line: &[u8]) -> Result<(), String> {
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err("it has no end".to_owned());
    };
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    entries.take(line).map_err(str::to_owned)
}

fn encoded(lines: &[Line]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut bytes, line)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
