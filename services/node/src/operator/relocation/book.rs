//! Digest book: what files were hashed to before, so that a move that is begun again reads only what is new.
//!
//! An entry counts as long as the file has the same length and the same time of change. It is a file of lines, each a JSON object; a line that
//! a crash has cut off does not count, and costs reading one file again.

use std::{
    collections::HashMap,
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::RelocationError;

/// What was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    path: PathBuf,
    bytes: u64,
    changed_ns: i128,
    digest: String,
}

/// The digests of files that were hashed.
#[derive(Debug)]
pub(super) struct DigestBook {
    file: fs::File,
    path: PathBuf,
    entries: HashMap<PathBuf, Entry>,
}

impl DigestBook {
    /// Opens the book at `path`, or begins one.
    pub(super) fn open(path: &Path) -> Result<Self, RelocationError> {
        let open = || {
            let mut file = fs::File::options()
                .create(true)
                .read(true)
                .append(true)
                .open(path)?;
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            // Behind what a crash has cut off a new line begins.
            if text.last().is_some_and(|last| *last != b'\n') {
                file.write_all(b"\n")?;
            }
            Ok((file, text))
        };
        let (file, text) = open().map_err(RelocationError::io(path))?;
        let lines = text.split(|byte| *byte == b'\n');
        let entries = lines.filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
        Ok(Self {
            file,
            path: path.to_owned(),
            entries: entries.map(|entry| (entry.path.clone(), entry)).collect(),
        })
    }

    /// The length of a file and the digest of all of it, from the book if the file is as it was.
    pub(super) fn digest(&mut self, path: &Path) -> Result<(u64, String), RelocationError> {
        let (bytes, changed_ns) = stamp(path).map_err(RelocationError::io(path))?;
        if let Some(known) = self.entries.get(path)
            && (known.bytes, known.changed_ns) == (bytes, changed_ns)
        {
            return Ok((bytes, known.digest.clone()));
        }
        let digest = digest_of(path, bytes)?;
        let entry = Entry {
            path: path.to_owned(),
            bytes,
            changed_ns,
            digest: digest.clone(),
        };
        let mut line = serde_json::to_vec(&entry).unwrap_or_default();
        line.push(b'\n');
        self.file
            .write_all(&line)
            .map_err(RelocationError::io(&self.path))?;
        self.entries.insert(entry.path.clone(), entry);
        Ok((bytes, digest))
    }

    /// Forgets a file that is written anew: it may come to have the same length, and by a coarse clock the same time.
    pub(super) fn forget(&mut self, path: &Path) {
        self.entries.remove(path);
    }
}

/// BLAKE3 of the first `bytes` of a file, in hexadecimal digits.
pub(super) fn digest_of(path: &Path, bytes: u64) -> Result<String, RelocationError> {
    let file = fs::File::open(path).map_err(RelocationError::io(path))?;
    let mut hasher = blake3::Hasher::new();
    let read = hasher.update_reader(file.take(bytes));
    let hasher = read.map_err(RelocationError::io(path))?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn stamp(path: &Path) -> io::Result<(u64, i128)> {
    let metadata = fs::metadata(path)?;
    let changed = metadata.modified()?;
    let since = match changed.duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => i128::try_from(since.as_nanos()),
        Err(before) => i128::try_from(before.duration().as_nanos()).map(|nanos| -nanos),
    };
    Ok((metadata.len(), since.unwrap_or(i128::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_hashed_is_not_read_again_until_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let (path, file) = (dir.path().join("book"), dir.path().join("file"));
        fs::write(&file, "one").unwrap();
        let digest = |text: &str| {
            (
                text.len() as u64,
                blake3::hash(text.as_bytes()).to_hex().to_string(),
            )
        };
        assert_eq!(
            DigestBook::open(&path).unwrap().digest(&file).unwrap(),
            digest("one")
        );
        // The same length and time: the book is believed.
        let changed = fs::metadata(&file).unwrap().modified().unwrap();
        fs::write(&file, "two").unwrap();
        let handle = fs::File::options().write(true).open(&file).unwrap();
        handle.set_modified(changed).unwrap();
        // A crash has cut off what came last.
        let text = fs::read(&path).unwrap();
        fs::write(&path, [&text[..], br#"{"path": "/els"#].concat()).unwrap();
        let mut book = DigestBook::open(&path).unwrap();
        assert_eq!(book.digest(&file).unwrap(), digest("one"));
        fs::write(&file, "four").unwrap();
        assert_eq!(book.digest(&file).unwrap(), digest("four"));
        assert_eq!(
            DigestBook::open(&path).unwrap().digest(&file).unwrap(),
            digest("four")
        );
    }
}
