//! Platter: what of a directory is there after a power failure.
//!
//! It has a copy of each file as it was when it was synced last, and the names of each directory likewise. When the power fails, the
//! directory becomes one of those that a machine could find: what was synced is as it was, and with what was not, file by file and
//! directory by directory, the draw does what a disk may do ([`Fate`]). The moment may be in the middle of work: just before any sync.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::UNIX_EPOCH,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::sparse::{COPIED, copy_range, end_of_bytes, first_difference, remove};

/// Disks write so many bytes of a file at once.
const PAGE: u64 = 4096;

/// A file or directory, whatever its name is by now; the number alone is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    number: u64,
    born_ns: u128,
}

impl Node {
    fn of(metadata: &fs::Metadata) -> Self {
        let born = metadata.created().ok();
        let born = born.and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        Self {
            number: metadata.ino(),
            born_ns: born.map_or(0, |born| born.as_nanos()),
        }
    }
}

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    node: Node,
    is_directory: bool,
}

type Names = BTreeMap<OsString, Entry>;

/// What becomes of bytes that were written to a file and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// They are gone.
    Lost,
    /// All of them are there.
    Written,
    /// The first of them are there.
    Torn,
    /// The first of them are there, and zeros in place of the others: the length was written before the bytes.
    Zeroed,
}

const FATES: [Fate; 4] = [Fate::Lost, Fate::Written, Fate::Torn, Fate::Zeroed];

/// Whether there is power.
enum Power {
    On,
    /// Fails just before a sync: so many come first.
    Fails {
        syncs: u32,
        failed: Box<dyn FnOnce() + Send>,
    },
    Off,
}

struct State {
    names: BTreeMap<Node, Names>,
    /// Files that were synced, and up to where their copies have bytes.
    files: BTreeMap<Node, u64>,
    power: Power,
    draw: StdRng,
}

/// The platter beneath a directory.
pub(crate) struct Platter {
    root: PathBuf,
    /// Where the copies are.
    copies: PathBuf,
    state: Mutex<State>,
}

impl fmt::Debug for Platter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Platter").field(&self.root).finish()
    }
}

impl Platter {
    /// That of a directory, which is made; everything in it is taken for durable. `copies` is a directory for its own use.
    ///
    /// # Errors
    /// If files cannot be made.
    pub(crate) fn new(root: PathBuf, copies: PathBuf, seed: u64) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        fs::create_dir_all(&copies)?;
        let this = Self {
            root: root.canonicalize()?,
            copies,
            state: Mutex::new(State {
                names: BTreeMap::new(),
                files: BTreeMap::new(),
                power: Power::On,
                draw: StdRng::seed_from_u64(seed),
            }),
        };
        this.settle()?;
        Ok(this)
    }

    /// Its directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the power has failed and is not back.
    pub(crate) fn is_off(&self) -> bool {
        matches!(self.state().power, Power::Off)
    }

    /// A file or directory was synced; `path` leads to it.
    ///
    /// # Errors
    /// If it cannot be copied, or the power has failed.
    pub(crate) fn synced(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        match &mut state.power {
            Power::On => {}
            Power::Off => return Err(ErrorKind::NotConnected.into()),
            Power::Fails { syncs, .. } if *syncs > 0 => *syncs = syncs.saturating_sub(1),
            Power::Fails { .. } => {
                let power = std::mem::replace(&mut state.power, Power::Off);
                self.lose(&mut state)?;
                drop(state);
                if let Power::Fails { failed, .. } = power {
                    failed();
                }
                return Err(ErrorKind::NotConnected.into());
            }
        }
        self.keep(&mut state, path)
    }

    /// Has the power fail when so many syncs have come, and tells that `failed`, in the thread that syncs.
    pub(crate) fn fail_after(&self, syncs: u32, failed: impl FnOnce() + Send + 'static) {
        let failed = Box::new(failed);
        self.state().power = Power::Fails { syncs, failed };
    }

    /// The power does not fail after all; returns whether it has already.
    pub(crate) fn hold(&self) -> bool {
        let mut state = self.state();
        if matches!(state.power, Power::Off) {
            return true;
        }
        state.power = Power::On;
        false
    }

    /// Has the power fail now, unless it has already.
    ///
    /// # Errors
    /// If files cannot be made.
    pub(crate) fn fail(&self) -> io::Result<()> {
        let mut state = self.state();
        match std::mem::replace(&mut state.power, Power::Off) {
            Power::Off => Ok(()),
            Power::On | Power::Fails { .. } => self.lose(&mut state),
        }
    }

    /// The power is back: the directory is what the failure has left. Nobody may use what it was before any more.
    ///
    /// # Errors
    /// If files cannot be moved.
    pub(crate) fn restore(&self) -> io::Result<()> {
        // Whoever did not notice the failure at once may have made it again.
        remove(&self.root)?;
        remove(&self.beside("before"))?;
        fs::rename(self.beside("after"), &self.root)?;
        self.settle()?;
        self.state().power = Power::On;
        Ok(())
    }

    /// Where the directory is that is without power: whoever still uses it is not told of the failure.
    pub(crate) fn without_power(&self) -> PathBuf {
        self.beside("before")
    }

    /// Takes all that there is for durable.
    ///
    /// # Errors
    /// If files cannot be copied.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let mut state = self.state();
        state.names.clear();
        state.files.clear();
        remove(&self.copies)?;
        fs::create_dir_all(&self.copies)?;
        self.keep_all(&mut state, &self.root)
    }

    fn keep_all(&self, state: &mut State, path: &Path) -> io::Result<()> {
        self.keep(state, path)?;
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                self.keep_all(state, &entry?.path())?;
            }
        }
        Ok(())
    }

    fn beside(&self, what: &str) -> PathBuf {
        self.copies.with_extension(what)
    }

    fn copy_of(&self, node: Node) -> PathBuf {
        self.copies
            .join(format!("{}-{}", node.number, node.born_ns))
    }

    /// What is there is durable.
    fn keep(&self, state: &mut State, path: &Path) -> io::Result<()> {
        let metadata = fs::metadata(path)?;
        let node = Node::of(&metadata);
        if metadata.is_dir() {
            let names = names(path)?;
            state.names.insert(node, names);
            return Ok(());
        }
        if !metadata.is_file() {
            return Ok(());
        }
        let (source, end) = (fs::File::open(path)?, metadata.len());
        let copy = fs::File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.copy_of(node))?;
        let has_bytes = end_of_bytes(&source, end)?;
        // Large files are appended to: what is new lies behind where it ended, or in its last page.
        let same = match state.files.get(&node) {
            Some(same) if end > COPIED as u64 => (*same).min(end).saturating_sub(1) / PAGE * PAGE,
            _ => 0,
        };
        copy.set_len(has_bytes.max(same))?;
        copy_range(&source, &copy, same, has_bytes)?;
        copy.set_len(end)?;
        state.files.insert(node, has_bytes);
        Ok(())
    }

    /// Makes the directory as the failure leaves it, beside; what was there goes out of the way of who looks for it by name.
    fn lose(&self, state: &mut State) -> io::Result<()> {
        let after = self.beside("after");
        remove(&after)?;
        let root = Entry {
            node: Node::of(&fs::metadata(&self.root)?),
            is_directory: true,
        };
        self.leave(state, root, Some(&self.root), &after)?;
        remove(&self.beside("before"))?;
        fs::rename(&self.root, self.beside("before"))
    }

    /// Leaves what is there of one file or directory at `to`; `now` is where it is, if it still is.
    fn leave(
        &self,
        state: &mut State,
        entry: Entry,
        now: Option<&Path>,
        to: &Path,
    ) -> io::Result<()> {
        if !entry.is_directory {
            return self.leave_file(state, entry.node, now, to);
        }
        fs::create_dir(to)?;
        let durable = state.names.get(&entry.node).cloned().unwrap_or_default();
        let present = now.map(names).transpose()?.unwrap_or_default();
        // What was changed in a directory since it was synced is there as a whole or not at all: file systems keep a journal of it.
        let left = if durable != present && state.draw.random() {
            &present
        } else {
            &durable
        };
        for (name, entry) in left {
            let is_there = present.get(name).is_some_and(|found| found == entry);
            let now = now.filter(|_| is_there).map(|now| now.join(name));
            self.leave(state, *entry, now.as_deref(), &to.join(name))?;
        }
        Ok(())
    }

    fn leave_file(
        &self,
        state: &mut State,
        node: Node,
        now: Option<&Path>,
        to: &Path,
    ) -> io::Result<()> {
        let copy = self.copy_of(node);
        let is_kept = state.files.contains_key(&node);
        let left = fs::File::options().write(true).create_new(true).open(to)?;
        let mut first_change = 0;
        if is_kept {
            let copy = fs::File::open(&copy)?;
            let end = copy.metadata()?.len();
            copy_range(&copy, &left, 0, end_of_bytes(&copy, end)?)?;
            left.set_len(end)?;
            if let Some(now) = now {
                first_change = first_difference(&copy, &fs::File::open(now)?)?;
            }
        }
        let Some(now) = now else { return Ok(()) };
        let now = fs::File::open(now)?;
        let end = now.metadata()?.len();
        let last_change = end_of_bytes(&now, end)?;
        if first_change >= last_change && is_kept && end == left.metadata()?.len() {
            return Ok(());
        }
        let fate = FATES.choose(&mut state.draw).copied();
        let fate = fate.unwrap_or(Fate::Lost);
        let until = match fate {
            Fate::Lost => return Ok(()),
            Fate::Written => last_change,
            Fate::Torn | Fate::Zeroed if first_change >= last_change => last_change,
            Fate::Torn | Fate::Zeroed => state.draw.random_range(first_change..last_change),
        };
        copy_range(&now, &left, first_change.min(until), until)?;
        match fate {
            Fate::Torn => left.set_len(until.max(left.metadata()?.len().min(end))),
            Fate::Lost | Fate::Written | Fate::Zeroed => left.set_len(end),
        }
    }
}

fn names(directory: &Path) -> io::Result<Names> {
    let mut names = Names::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let found = Entry {
            node: Node::of(&metadata),
            is_directory: metadata.is_dir(),
        };
        names.insert(entry.file_name(), found);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        os::unix::fs::FileExt as _,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
    };

    use walrus_service::tables::{Database, Options};

    use super::*;
    use crate::{snapshot::scratch, syncs};

    /// A platter in a fresh directory, to which all is told that is synced there.
    fn platter(seed: u64) -> (tempfile::TempDir, Arc<Platter>) {
        let scratch = scratch().unwrap();
        let [root, copies] = ["disk", "copies"].map(|name| scratch.path().join(name));
        let platter = Arc::new(Platter::new(root, copies, seed).unwrap());
        syncs::listen(Arc::clone(&platter));
        (scratch, platter)
    }

    fn append(path: &Path, bytes: &[u8]) -> fs::File {
        let mut file = fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn sync_directory(path: &Path) {
        fs::File::open(path).unwrap().sync_all().unwrap();
    }

    #[test]
    fn what_was_synced_is_there_and_of_the_rest_a_part() {
        let synced = vec![7; 100_000];
        let mut found = std::collections::BTreeSet::new();
        for seed in 0..40 {
            let (_scratch, platter) = platter(seed);
            let path = platter.root().join("file");
            append(&path, &synced).sync_data().unwrap();
            sync_directory(platter.root());
            append(&path, &[8; 10_000]);
            platter.fail().unwrap();
            assert!(!path.exists(), "whoever looks for it by name finds nothing");
            platter.restore().unwrap();
            let bytes = fs::read(&path).unwrap();
            assert_eq!(bytes[..100_000], synced);
            let written = bytes[100_000..].iter().filter(|byte| **byte == 8).count();
            assert!(bytes[100_000..].iter().skip(written).all(|byte| *byte == 0));
            found.insert((written.min(1) + written / 10_000, bytes.len() == 110_000));
        }
        // Nothing; a part of it, with zeros behind or without; all.
        let expected = [(0, false), (1, false), (1, true), (2, true)];
        assert_eq!(found, expected.into(), "each of the fates");
    }

    #[test]
    fn names_are_those_of_the_last_sync_or_of_the_last_moment() {
        let mut found = std::collections::BTreeSet::new();
        for seed in 0..20 {
            let (_scratch, platter) = platter(seed);
            let [old, new] = ["old", "new"].map(|name| platter.root().join(name));
            append(&old, b"old").sync_all().unwrap();
            sync_directory(platter.root());
            append(&new, b"new").sync_all().unwrap();
            fs::remove_file(&old).unwrap();
            platter.fail().unwrap();
            platter.restore().unwrap();
            match (fs::read(&old), fs::read(&new)) {
                (Ok(bytes), Err(_)) if bytes == b"old" => found.insert("as synced"),
                (Err(_), Ok(bytes)) if bytes == b"new" => found.insert("as it was"),
                other => panic!("{other:?}"),
            };
        }
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn power_fails_just_before_a_sync_and_is_told() {
        let (_scratch, platter) = platter(1);
        let path = platter.root().join("file");
        append(&path, b"one").sync_all().unwrap();
        sync_directory(platter.root());
        let failed = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&failed);
        platter.fail_after(1, move || told.store(true, Ordering::Relaxed));
        append(&path, b"two").sync_data().unwrap();
        let third = append(&path, b"three");
        assert!(!failed.load(Ordering::Relaxed) && !platter.is_off());
        third.sync_data().unwrap_err();
        assert!(failed.load(Ordering::Relaxed) && platter.is_off());
        // Too late: it is another directory by now.
        let mut third = third;
        third.write_all(b"more").unwrap();
        platter.restore().unwrap();
        let bytes = fs::read(&path).unwrap();
        assert!(
            bytes.starts_with(b"onetwo") && bytes.len() <= 11,
            "{bytes:?}"
        );
    }

    #[test]
    fn a_database_has_what_it_has_committed_durably_and_nothing_without_what_came_before() {
        for seed in 0..20 {
            let (_scratch, platter) = platter(seed);
            let path = platter.root().join("db");
            let open = || Database::open(&path, &Options::default()).unwrap();
            let table = |database: &Database| database.table::<u64, u64>("numbers").unwrap();
            let mut durable = 0;
            for round in 0..3 {
                let database = open();
                let numbers = table(&database);
                let found = (0..).take_while(|n| numbers.contains(n).unwrap()).count() as u64;
                let all = numbers
                    .pages(1000)
                    .map(|page| page.unwrap().len())
                    .sum::<usize>();
                assert_eq!(found, all as u64, "seed {seed}, round {round}");
                assert!(
                    found >= durable,
                    "seed {seed}, round {round}: {found} of {durable}"
                );
                let write = |number| {
                    let mut batch = database.batch();
                    batch.insert(&numbers, &number, &number).unwrap();
                    batch
                };
                (found..found + 300).for_each(|number| write(number).commit().unwrap());
                durable = found + 300;
                write(durable).commit_durably().unwrap();
                durable += 1;
                (durable..durable + 300).for_each(|number| write(number).commit().unwrap());
                platter.fail().unwrap();
                drop((numbers, database));
                platter.restore().unwrap();
            }
        }
    }

    #[test]
    fn holes_and_truncations_are_as_they_were() {
        for seed in 0..10 {
            let (_scratch, platter) = platter(seed);
            let path = platter.root().join("journal");
            let file = fs::File::options()
                .write(true)
                .create_new(true)
                .open(&path)
                .unwrap();
            file.set_len(1 << 26).unwrap();
            // Twice, as what is new begins in the middle of a page.
            file.write_all_at(&[1; 2000], 0).unwrap();
            file.sync_all().unwrap();
            file.write_all_at(&[1; 3000], 2000).unwrap();
            file.sync_all().unwrap();
            sync_directory(platter.root());
            file.write_all_at(&[2; 5000], 5000).unwrap();
            platter.fail().unwrap();
            platter.restore().unwrap();
            let file = fs::File::options()
                .read(true)
                .write(true)
                .open(&path)
                .unwrap();
            assert_eq!(file.metadata().unwrap().len(), 1 << 26);
            let mut bytes = vec![0; 20_000];
            file.read_exact_at(&mut bytes, 0).unwrap();
            assert_eq!(bytes[..5000], [1; 5000]);
            assert!(bytes[10_000..].iter().all(|byte| *byte == 0));

            file.set_len(3000).unwrap();
            file.sync_all().unwrap();
            platter.fail().unwrap();
            platter.restore().unwrap();
            assert_eq!(fs::read(&path).unwrap(), [1; 3000]);
        }
    }
}
