//! Sorted runs: an index that only grows, of keys and values of fixed size.
//!
//! An entry takes its own bytes and nothing else: no node, no pointer, no empty place. The entries lie in sorted arrays, each more
//! than twice as long as the next, so there are at most as many as the number of entries has bits, and adding one costs as many
//! moves. Arrays never change, and copies share them: a copy costs a reference count and stays as it is.

use std::sync::Arc;

/// Entries in the order of their keys. A key is added once.
#[derive(Clone, Debug)]
pub(crate) struct Runs<K, V> {
    /// From the longest to the shortest.
    runs: Arc<Vec<Run<K, V>>>,
}

type Run<K, V> = Arc<Vec<(K, V)>>;

impl<K, V> Default for Runs<K, V> {
    fn default() -> Self {
        Self {
            runs: Arc::default(),
        }
    }
}

impl<K: Ord + Copy, V: Copy> Runs<K, V> {
    /// Adds entries, in any order.
    pub(crate) fn extend(&mut self, mut entries: Vec<(K, V)>) {
        if entries.is_empty() {
            return;
        }
        // Stable, as that is quick where long parts are in order already.
        entries.sort_by_key(|(key, _)| *key);
        let runs = Arc::make_mut(&mut self.runs);
        while let Some(last) = runs.pop_if(|last| last.len() / 2 <= entries.len()) {
            entries = merged(&last, &entries);
        }
        runs.push(Arc::new(entries));
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        // New entries are asked for more often than old ones.
        self.runs.iter().rev().find_map(|run| {
            let place = run.binary_search_by_key(key, |(key, _)| *key).ok()?;
            run.get(place).map(|(_, value)| *value)
        })
    }

    /// All entries, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.runs.iter().flat_map(|run| run.iter())
    }
}

/// Two sorted arrays as one.
fn merged<K: Ord + Copy, V: Copy>(left: &[(K, V)], right: &[(K, V)]) -> Vec<(K, V)> {
    let mut all = Vec::with_capacity(left.len().saturating_add(right.len()));
    let (mut left, mut right) = (left, right);
    while let (Some((first, rest_left)), Some((second, rest_right))) =
        (left.split_first(), right.split_first())
    {
        if first.0 <= second.0 {
            all.push(*first);
            left = rest_left;
        } else {
            all.push(*second);
            right = rest_right;
        }
    }
    all.extend_from_slice(left);
    all.extend_from_slice(right);
    all
}

#[cfg(test)]
mod tests {
    use super::Runs;

    /// Numbers in an order that is neither up nor down.
    fn shuffled(count: u64) -> impl Iterator<Item = u64> {
        (0..count).map(move |number| number * 7919 % count)
    }

    #[test]
    fn what_was_added_is_found_and_nothing_else() {
        let mut runs = Runs::default();
        let numbers: Vec<u64> = shuffled(10_007).collect();
        for batch in numbers.chunks(3) {
            runs.extend(
                batch
                    .iter()
                    .map(|number| (2 * number, number + 1))
                    .collect(),
            );
        }
        assert_eq!(runs.iter().count(), numbers.len());
        for number in numbers {
            assert_eq!(runs.get(&(2 * number)), Some(number + 1));
            assert_eq!(runs.get(&(2 * number + 1)), None);
        }
    }

    #[test]
    fn arrays_are_few_and_each_is_more_than_twice_the_next() {
        let mut runs = Runs::default();
        for number in shuffled(4_999) {
            runs.extend(vec![(number, ())]);
            let lengths: Vec<usize> = runs.runs.iter().map(|run| run.len()).collect();
            assert!(
                lengths.windows(2).all(|pair| pair[0] / 2 > pair[1]),
                "{lengths:?}"
            );
        }
    }

    #[test]
    fn a_copy_stays_as_it_is() {
        let mut runs = Runs::default();
        runs.extend((0..100u64).map(|number| (number, number)).collect());
        let copy = runs.clone();
        runs.extend((100..200u64).map(|number| (number, number)).collect());
        assert_eq!((copy.iter().count(), runs.iter().count()), (100, 200));
        assert_eq!(copy.get(&150), None);
        assert_eq!(runs.get(&150), Some(150));
        let mut all: Vec<u64> = runs.iter().map(|(number, _)| *number).collect();
        all.sort_unstable();
        assert_eq!(all, (0..200).collect::<Vec<_>>());
    }
}
