//! Open segment files: a bounded number stays open, the least recently used one is closed first.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use walrus_core::ShardIndex;

use super::record::Salt;

/// A segment of a node. The salt tells it from one of a shard that was here before.
pub(crate) type SegmentKey = (ShardIndex, u32, Option<Salt>);

/// Files that stay open. Reads and writes name their place, so that one handle serves all threads.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    limit: usize,
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    open: HashMap<SegmentKey, (Arc<File>, u64)>,
    /// By when they were used last.
    by_use: BTreeMap<u64, SegmentKey>,
    uses: u64,
}

impl OpenFiles {
    /// At most `limit` files at once, besides those that are being read.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            files: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        // Poisoning is harmless: nothing in here panics between two changes that belong together.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of a segment, opened for reading and writing if it is not open.
    pub(crate) fn get(&self, key: SegmentKey, path: &Path) -> io::Result<Arc<File>> {
        if let Some(file) = self.lock().touch(key) {
            return Ok(file);
        }
        let file = File::options().read(true).write(true).open(path)?;
        Ok(self.insert(key, file))
    }

    /// The file of a segment, if it is open.
    pub(crate) fn opened(&self, key: SegmentKey) -> Option<Arc<File>> {
        let files = self.lock();
        files.open.get(&key).map(|(file, _)| Arc::clone(file))
    }

    /// Keeps a file that was just opened or created.
    pub(crate) fn insert(&self, key: SegmentKey, file: File) -> Arc<File> {
        let file = Arc::new(file);
        let mut files = self.lock();
        files.forget(key);
        while files.open.len() >= self.limit {
            let Some((_, oldest)) = files.by_use.first_key_value() else {
                break;
            };
            let oldest = *oldest;
            files.forget(oldest);
        }
        files.note(key, Arc::clone(&file));
        file
    }

    /// Closes the file of a segment, as soon as nobody reads it any more.
    pub(crate) fn forget(&self, key: SegmentKey) {
        self.lock().forget(key);
    }

    /// How many files are open.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().open.len()
    }
}

impl Files {
    fn touch(&mut self, key: SegmentKey) -> Option<Arc<File>> {
        let (file, used) = self.open.get(&key)?;
        let (file, used) = (Arc::clone(file), *used);
        self.by_use.remove(&used);
        self.note(key, Arc::clone(&file));
        Some(file)
    }

    fn note(&mut self, key: SegmentKey, file: Arc<File>) {
        self.uses = self.uses.wrapping_add(1);
        self.by_use.insert(self.uses, key);
        self.open.insert(key, (file, self.uses));
    }

    fn forget(&mut self, key: SegmentKey) {
        if let Some((_, used)) = self.open.remove(&key) {
            self.by_use.remove(&used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_stay_open_as_were_used_last() {
        let dir = tempfile::tempdir().unwrap();
        let files = OpenFiles::new(3);
        let path = |number: u32| dir.path().join(number.to_string());
        let key = |number| (ShardIndex(1), number, None);
        for number in 0..5 {
            std::fs::write(path(number), []).unwrap();
            files.get(key(number), &path(number)).unwrap();
            // The first is used again and again.
            files.get(key(0), &path(0)).unwrap();
            assert!(files.len() <= 3);
        }
        let mut open: Vec<_> = files.lock().open.keys().map(|key| key.1).collect();
        open.sort_unstable();
        assert_eq!(open, [0, 3, 4]);
        files.forget(key(3));
        assert_eq!(files.len(), 2);
        assert_eq!(files.lock().by_use.len(), 2);
        assert!(files.get(key(9), &path(9)).is_err());
    }
}
