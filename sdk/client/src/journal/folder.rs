//! Journal folder: which uploads stores are at work on, and which were left by those that ended before they were done.
//!
//! Who begins looks at all files while it holds the folder's lock, so that no two stores take the same upload.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    JournalError, OpenUpload, UploadKey,
    entry::Entry,
    file::{Durability, Found, JournalFile, SUFFIX, read_entries},
    line::{Begun, Line},
};
use crate::limits;

/// What a store begins with.
#[derive(Debug)]
pub(super) struct Claimed {
    /// Where it writes down what it does.
    pub(super) file: JournalFile,
    /// What was left of these uploads.
    pub(super) left: BTreeMap<UploadKey, Entry>,
    /// What others are at work on, so that this store must not touch it.
    pub(super) busy: BTreeSet<UploadKey>,
}

/// Begins a store, or says what keeps it from that.
pub(super) fn claim(folder: &Path, mut begun: Begun) -> Result<Claimed, JournalError> {
    let _lock = lock(folder)?;
    let (mut busy, mut owners) = (BTreeSet::new(), Vec::new());
    let paths = paths(folder)?;
    if paths.len() >= limits::JOURNAL_FILES {
        return Err(JournalError::Full {
            folder: folder.to_owned(),
            files: paths.len(),
        });
    }
    for path in paths {
        match JournalFile::find(&path)? {
            Found::Gone => {}
            Found::Live(entries) => {
                busy.extend(begun.keys.iter().filter(|key| entries.is_claimed(key)));
            }
            Found::Left(file) => owners.extend(left(file, &begun)?),
        }
    }
    begun.keys.retain(|key| !busy.contains(key));
    let mut file = JournalFile::create(folder)?;
    let keys = begun.keys.clone();
    let mut lines = vec![Line::Begun(begun)];
    let left = newest(&owners, &keys);
    if left.is_empty() {
        // Whatever needs to survive comes later, and the directory with it.
        file.append(lines, Durability::Eventual)?;
        return Ok(Claimed { file, left, busy });
    }
    lines.extend(left.values().cloned().flat_map(Entry::into_lines));
    file.append(lines, Durability::Synchronized)?;
    for mut owner in owners {
        let taken = owner.entries().open().keys();
        let keys = taken.filter(|key| left.contains_key(key)).copied();
        let keys: Vec<_> = keys.collect();
        owner.append(vec![Line::Ended { keys }], Durability::Synchronized)?;
    }
    Ok(Claimed { file, left, busy })
}

/// A file that was left, if it has to do with what begins. One that is too old to be of use is removed.
fn left(file: JournalFile, begun: &Begun) -> Result<Option<JournalFile>, JournalError> {
    let is_wanted = |key: &&UploadKey| begun.keys.contains(key);
    if let Some(error) = file.damaged() {
        let known = file.entries().begun();
        let wanted = known.is_none_or(|known| known.keys.iter().any(|key| is_wanted(&key)));
        return if wanted { Err(error) } else { Ok(None) };
    }
    let age = Duration::from_millis(begun.at.saturating_sub(file.written()?));
    if age >= limits::JOURNAL_KEPT {
        file.remove()?;
        return Ok(None);
    }
    let wanted = file.entries().open().keys().any(|key| is_wanted(&key));
    Ok(wanted.then_some(file))
}

/// Of each upload what the store says that had it last.
fn newest(owners: &[JournalFile], keys: &[UploadKey]) -> BTreeMap<UploadKey, Entry> {
    let mut left: BTreeMap<UploadKey, Entry> = BTreeMap::new();
    for (key, entry) in owners.iter().flat_map(|owner| owner.entries().open()) {
        if !keys.contains(key) {
            continue;
        }
        let known = left.get(key);
        if known.is_none_or(|known| known.paid.generation < entry.paid.generation) {
            left.insert(*key, entry.clone());
        }
    }
    left
}

/// Forgets an upload that no store is at work on.
pub(super) fn forget(folder: &Path, key: &UploadKey) -> Result<(), JournalError> {
    if !exists(folder)? {
        return Ok(());
    }
    let _lock = lock(folder)?;
    for path in paths(folder)? {
        match JournalFile::find(&path)? {
            Found::Live(entries) if entries.is_claimed(key) => {
                return Err(JournalError::Busy { key: *key });
            }
            Found::Left(mut file) if file.entries().open().contains_key(key) => {
                let keys = vec![*key];
                file.append(vec![Line::Ended { keys }], Durability::Eventual)?;
            }
            Found::Left(_) | Found::Live(_) | Found::Gone => {}
        }
    }
    Ok(())
}

/// What is open in all files, by key.
pub(super) fn open_uploads(folder: &Path) -> Result<Vec<OpenUpload>, JournalError> {
    let mut found: BTreeMap<UploadKey, (u32, OpenUpload)> = BTreeMap::new();
    if !exists(folder)? {
        return Ok(Vec::new());
    }
    for path in paths(folder)? {
        for (key, entry) in read_entries(&path)?.open() {
            let generation = entry.paid.generation;
            if found.get(key).is_none_or(|(known, _)| *known < generation) {
                found.insert(*key, (generation, entry.describe()));
            }
        }
    }
    Ok(found.into_values().map(|(_, upload)| upload).collect())
}

fn exists(folder: &Path) -> Result<bool, JournalError> {
    folder.try_exists().map_err(JournalError::io(folder))
}

/// The lock of the folder, which is made if there is none.
fn lock(folder: &Path) -> Result<File, JournalError> {
    let mut builder = DirBuilder::new();
    let builder = builder.recursive(true).mode(0o700);
    builder.create(folder).map_err(JournalError::io(folder))?;
    let path = folder.join("lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(JournalError::io(&path))?;
    file.lock().map_err(JournalError::io(&path))?;
    Ok(file)
}

/// The journal files of a folder.
fn paths(folder: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let entries = fs::read_dir(folder).map_err(JournalError::io(folder))?;
    let paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(JournalError::io(folder))?;
    let is_one = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.ends_with(SUFFIX))
    };
    Ok(paths.into_iter().filter(is_one).collect())
}
