//! File handle cache: files that get piece after piece stay open in between, as far as the system allows.

use std::{
    collections::HashMap,
    fs::File,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::PositionalFile;
use crate::sliver::SliverId;

/// Most files kept open. Of 1000 shards 666 are recovery rows, which get a piece with every block of columns, and
/// of large blobs the source rows do too; of the 1024 files that a process may usually open a third is left to others.
const MOST_OPEN: usize = 680;

/// Files of slivers that are not complete.
///
/// Those that come first stay open until they are complete: pieces come row after row, over and over, so the file
/// used longest ago is the one that is needed next.
#[derive(Debug)]
pub(crate) struct OpenFiles(Mutex<State>);

#[derive(Debug)]
struct State {
    most: usize,
    open: HashMap<SliverId, Arc<PositionalFile>>,
}

impl OpenFiles {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            most: MOST_OPEN,
            open: HashMap::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of a sliver; `open` opens it. If the system has no more files for us, those that are kept are
    /// closed, and from then on at most half as many are kept.
    ///
    /// # Errors
    /// That of `open`.
    pub(crate) fn get(
        &self,
        sliver: SliverId,
        open: impl Fn() -> io::Result<File>,
    ) -> io::Result<Arc<PositionalFile>> {
        if let Some(file) = self.state().open.get(&sliver) {
            return Ok(Arc::clone(file));
        }
        let opened = match open() {
            Err(error) if is_exhausted(&error) => {
                self.give_back();
                open()
            }
            opened => opened,
        };
        let file = Arc::new(PositionalFile::new(opened?));
        let mut state = self.state();
        if state.open.len() < state.most {
            state.open.insert(sliver, Arc::clone(&file));
        }
        Ok(file)
    }

    /// Closes the file of a complete sliver.
    pub(crate) fn close(&self, sliver: SliverId) {
        self.state().open.remove(&sliver);
    }

    fn give_back(&self) {
        let mut state = self.state();
        // Another thread may have given them back a moment before.
        if !state.open.is_empty() {
            state.most = state.open.len() / 2;
            state.open.clear();
        }
    }
}

/// Whether the process or the system has too many open files.
fn is_exhausted(error: &io::Error) -> bool {
    #[cfg(unix)]
    const CODES: [i32; 2] = [23, 24]; // ENFILE, EMFILE
    #[cfg(not(unix))]
    const CODES: [i32; 1] = [4]; // ERROR_TOO_MANY_OPEN_FILES
    error
        .raw_os_error()
        .is_some_and(|code| CODES.contains(&code))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn sliver(index: u16) -> SliverId {
        SliverId::Primary(index.into())
    }

    #[test]
    fn files_stay_open_until_they_are_complete() {
        let (files, opened) = (OpenFiles::new(), Cell::new(0));
        let open = || {
            opened.set(opened.get() + 1);
            tempfile::tempfile()
        };
        for _ in 0..3 {
            files.get(sliver(1), open).unwrap();
        }
        assert_eq!(opened.get(), 1);
        files.close(sliver(1));
        files.get(sliver(1), open).unwrap();
        assert_eq!(opened.get(), 2);
    }

    #[test]
    fn no_more_are_kept_than_may_be() {
        let files = OpenFiles::new();
        // One file stands for all: the process that runs tests may have few.
        let kept = files.get(sliver(0), tempfile::tempfile).unwrap();
        let mut state = files.state();
        state.open = (0..MOST_OPEN as u16)
            .map(|index| (sliver(index), Arc::clone(&kept)))
            .collect();
        drop(state);
        files.get(sliver(u16::MAX), tempfile::tempfile).unwrap();
        assert_eq!(files.state().open.len(), MOST_OPEN);
        assert!(!files.state().open.contains_key(&sliver(u16::MAX)));
    }

    #[test]
    fn files_are_given_back_when_the_system_has_no_more() {
        let files = OpenFiles::new();
        for index in 0..8 {
            files.get(sliver(index), tempfile::tempfile).unwrap();
        }
        let refused = Cell::new(false);
        let open = || match refused.replace(true) {
            false => Err(io::Error::from_raw_os_error(if cfg!(unix) {
                24
            } else {
                4
            })),
            true => tempfile::tempfile(),
        };
        files.get(sliver(8), open).unwrap();
        let counts = || {
            let state = files.state();
            (state.most, state.open.len())
        };
        assert_eq!(counts(), (4, 1));
        files.close(sliver(8));
        // Two threads at once: the second one finds nothing to give back.
        files.give_back();
        assert_eq!(counts(), (4, 0));
    }
}
