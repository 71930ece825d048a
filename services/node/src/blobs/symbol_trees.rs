//! Symbol cache: expanded slivers with their Merkle trees, kept for the next request of recovery symbols. Node spec 1.11.
//!
//! Whoever recovers a blob asks for one symbol of each of our slivers, and often for many; expanding and hashing a whole sliver
//! every time would cost a thousand times as much as the answer. Trees are bounded by bytes, the least recently used one goes
//! first. Nothing here knows whether a sliver may still be served: callers check that on each request.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use walrus_core::{
    Axis, BlobId, ShardIndex, SliverIndex, SliverType,
    recovery::{GeneralRecoverySymbol, SymbolTree},
};

/// What an entry takes beside its symbols and hashes: keys, places in the maps, allocations.
const ENTRY_OVERHEAD: usize = 512;

/// A sliver: its blob first, so that those of a blob lie together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TreeKey {
    pub(crate) blob_id: BlobId,
    pub(crate) shard: ShardIndex,
    pub(crate) sliver_type: SliverType,
}

/// A kept tree, of either sliver type.
pub(crate) trait SymbolSource: fmt::Debug + Send + Sync {
    /// The symbol for sliver `target` of the other sliver type, with its proof; `None` if there is no such sliver.
    fn symbol(&self, target: SliverIndex) -> Option<GeneralRecoverySymbol>;
    /// Memory that it takes.
    fn bytes(&self) -> usize;
}

impl<T: Axis> SymbolSource for SymbolTree<T> {
    fn symbol(&self, target: SliverIndex) -> Option<GeneralRecoverySymbol> {
        self.general_recovery_symbol(target)
    }

    fn bytes(&self) -> usize {
        let symbol = self
            .expanded()
            .symbol(SliverIndex(0))
            .map_or(0, <[u8]>::len);
        let tree = self.merkle_tree();
        // Each symbol with its hash, then the nodes of the tree.
        let symbols = tree.leaf_count().saturating_mul(symbol.saturating_add(32));
        symbols.saturating_add(tree.node_count().saturating_mul(32))
    }
}

type Tree = Arc<dyn SymbolSource>;

/// A place for one tree. Whoever builds it holds the lock, so that everybody else who wants it waits instead of building it too.
type Slot = Arc<Mutex<Option<Tree>>>;

#[derive(Debug)]
struct Entry {
    slot: Slot,
    /// The memory it takes and when it was used last; `None` as long as it is being built.
    kept: Option<(usize, u64)>,
}

#[derive(Debug, Default)]
struct Entries {
    by_key: BTreeMap<TreeKey, Entry>,
    /// Built ones by the time of their last use.
    by_use: BTreeMap<u64, TreeKey>,
    clock: u64,
    bytes: usize,
}

impl Entries {
    fn tick(&mut self, key: TreeKey) -> u64 {
        self.clock = self.clock.wrapping_add(1);
        self.by_use.insert(self.clock, key);
        self.clock
    }

    fn remove(&mut self, key: &TreeKey) {
        if let Some(Entry {
            kept: Some((bytes, used)),
            ..
        }) = self.by_key.remove(key)
        {
            self.by_use.remove(&used);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// The place of a tree, which counts as used.
    fn visit(&mut self, key: TreeKey) -> Slot {
        let used = match self.by_key.get(&key) {
            Some(Entry { slot, kept: None }) => return Arc::clone(slot),
            Some(Entry {
                kept: Some((_, used)),
                ..
            }) => Some(*used),
            None => None,
        };
        let now = used.map(|used| {
            self.by_use.remove(&used);
            self.tick(key)
        });
        let entry = self.by_key.entry(key).or_insert_with(|| Entry {
            slot: Slot::default(),
            kept: None,
        });
        if let (Some((_, used)), Some(now)) = (&mut entry.kept, now) {
            *used = now;
        }
        Arc::clone(&entry.slot)
    }

    fn holds(&self, key: &TreeKey, slot: &Slot) -> bool {
        self.by_key
            .get(key)
            .is_some_and(|entry| Arc::ptr_eq(&entry.slot, slot))
    }
}

/// The trees of one node.
#[derive(Debug)]
pub(crate) struct SymbolTrees {
    limit: usize,
    entries: Mutex<Entries>,
}

impl SymbolTrees {
    /// No tree yet, and never more than `limit` bytes of them.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            entries: Mutex::default(),
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tree of a sliver, and whether it was there already. It is built at most once at a time; who comes meanwhile waits. Call
    /// it where blocking is allowed.
    ///
    /// # Errors
    /// That of `build`. Nothing is kept then, and the next one who waits tries again.
    pub(crate) fn get_or_build<E>(
        &self,
        key: TreeKey,
        build: impl FnOnce() -> Result<Tree, E>,
    ) -> Result<(Tree, bool), E> {
        let slot = self.entries().visit(key);
        let mut place = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tree) = &*place {
            return Ok((Arc::clone(tree), true));
        }
        match build() {
            Ok(tree) => {
                *place = Some(Arc::clone(&tree));
                self.keep(&key, &slot, tree.bytes());
                Ok((tree, false))
            }
            Err(error) => {
                let mut entries = self.entries();
                if entries.holds(&key, &slot) {
                    entries.remove(&key);
                }
                Err(error)
            }
        }
    }

    /// Counts a tree that was built, and drops others if that is too much. It stays out if it was forgotten meanwhile.
    fn keep(&self, key: &TreeKey, slot: &Slot, bytes: usize) {
        let bytes = bytes.saturating_add(ENTRY_OVERHEAD);
        let mut entries = self.entries();
        if !entries.holds(key, slot) {
            return;
        }
        if bytes > self.limit {
            entries.remove(key);
            return;
        }
        let now = entries.tick(*key);
        entries.bytes = entries.bytes.saturating_add(bytes);
        if let Some(entry) = entries.by_key.get_mut(key) {
            entry.kept = Some((bytes, now));
        }
        while entries.bytes > self.limit {
            let Some(oldest) = entries.by_use.first_key_value().map(|(_, key)| *key) else {
                break;
            };
            entries.remove(&oldest);
        }
    }

    /// Forgets the tree of a sliver.
    pub(crate) fn forget(&self, key: &TreeKey) {
        self.entries().remove(key);
    }

    /// Forgets the trees of a blob.
    pub(crate) fn forget_blob(&self, blob_id: BlobId) {
        let first = TreeKey {
            blob_id,
            shard: ShardIndex(0),
            sliver_type: SliverType::Primary,
        };
        let mut entries = self.entries();
        loop {
            let next = entries
                .by_key
                .range((Bound::Included(first), Bound::Unbounded))
                .next();
            match next {
                Some((key, _)) if key.blob_id == blob_id => {
                    let key = *key;
                    entries.remove(&key);
                }
                _ => return,
            }
        }
    }

    /// Every sliver of which a tree is kept or being built.
    pub(crate) fn keys(&self) -> Vec<TreeKey> {
        self.entries().by_key.keys().copied().collect()
    }

    /// Memory that the trees take.
    pub(crate) fn bytes(&self) -> usize {
        self.entries().bytes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// Stands for a tree of so many bytes.
    #[derive(Debug)]
    struct OfBytes(usize);

    impl SymbolSource for OfBytes {
        fn symbol(&self, _: SliverIndex) -> Option<GeneralRecoverySymbol> {
            None
        }

        fn bytes(&self) -> usize {
            self.0 - ENTRY_OVERHEAD
        }
    }

    fn key(blob: u8, shard: u16) -> TreeKey {
        TreeKey {
            blob_id: BlobId([blob; 32]),
            shard: ShardIndex(shard),
            sliver_type: SliverType::Secondary,
        }
    }

    /// Looks a tree up; whether it was there.
    fn visit(trees: &SymbolTrees, key: TreeKey, bytes: usize) -> bool {
        let built = || Ok::<_, Infallible>(Arc::new(OfBytes(bytes)) as Tree);
        trees.get_or_build(key, built).unwrap().1
    }

    #[test]
    fn the_least_recently_used_tree_goes_first() {
        let trees = SymbolTrees::new(3000);
        for shard in 0..3 {
            assert!(!visit(&trees, key(1, shard), 1000));
        }
        assert_eq!(trees.bytes(), 3000);
        assert!(visit(&trees, key(1, 0), 1000));
        assert!(!visit(&trees, key(1, 3), 1500));
        assert_eq!(trees.bytes(), 2500);
        assert_eq!(trees.keys(), [key(1, 0), key(1, 3)]);
        assert!(visit(&trees, key(1, 0), 1000));
    }

    #[test]
    fn a_tree_beyond_the_limit_is_not_kept_and_displaces_nothing() {
        let trees = SymbolTrees::new(3000);
        visit(&trees, key(1, 0), 1000);
        assert!(!visit(&trees, key(1, 1), 3001));
        assert!(!visit(&trees, key(1, 1), 3001));
        assert_eq!(trees.keys(), [key(1, 0)]);
        assert_eq!(trees.bytes(), 1000);
    }

    #[test]
    fn a_blob_is_forgotten_without_its_neighbours() {
        let trees = SymbolTrees::new(10_000);
        for blob in 1..=3 {
            for shard in [0, 1, u16::MAX] {
                visit(&trees, key(blob, shard), 1000);
            }
        }
        trees.forget_blob(BlobId([2; 32]));
        assert_eq!(trees.bytes(), 6000);
        assert!(!trees.keys().iter().any(|key| key.blob_id.0 == [2; 32]));
        trees.forget(&key(1, 1));
        assert_eq!(trees.bytes(), 5000);
        assert!(visit(&trees, key(1, 0), 1000));
        assert!(!visit(&trees, key(2, 0), 1000));
    }

    #[test]
    fn one_builds_while_the_others_wait() {
        let (trees, built) = (SymbolTrees::new(10_000), AtomicUsize::new(0));
        let wanted = key(1, 1);
        let waiting = |count: usize| {
            let entries = trees.entries();
            let slot = &entries.by_key.get(&wanted).unwrap().slot;
            // The entry's own and the one of each that waits or builds.
            Arc::strong_count(slot) == 1 + count
        };
        let request = || {
            let build = || {
                built.fetch_add(1, Ordering::Relaxed);
                // The tree is not there before all four have come.
                while !waiting(4) {
                    std::thread::yield_now();
                }
                Ok::<_, Infallible>(Arc::new(OfBytes(1000)) as Tree)
            };
            trees.get_or_build(wanted, build).unwrap().1
        };
        let hits: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(request)).collect();
            let there = threads.into_iter().map(|thread| thread.join().unwrap());
            there.map(usize::from).sum()
        });
        assert_eq!((built.into_inner(), hits), (1, 3));
        assert_eq!(trees.bytes(), 1000);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let trees = SymbolTrees::new(10_000);
        let failed = trees.get_or_build(key(1, 1), || Err("the disk is gone"));
        assert_eq!(failed.unwrap_err(), "the disk is gone");
        assert!(trees.keys().is_empty());
        assert!(!visit(&trees, key(1, 1), 1000));
        assert!(visit(&trees, key(1, 1), 1000));
    }

    #[test]
    fn a_tree_that_is_forgotten_while_it_is_built_stays_out() {
        let trees = SymbolTrees::new(10_000);
        let build = || {
            trees.forget_blob(BlobId([1; 32]));
            Ok::<_, Infallible>(Arc::new(OfBytes(1000)) as Tree)
        };
        assert!(!trees.get_or_build(key(1, 1), build).unwrap().1);
        assert!(trees.keys().is_empty());
        assert_eq!(trees.bytes(), 0);
    }
}
