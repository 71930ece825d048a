//! Problems: what each part of the node knows to be wrong, for the health document and the status.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What is wrong, in sentences. Each part speaks for itself, and takes back what it said by saying something else.
#[derive(Debug, Default)]
pub struct Problems(Mutex<BTreeMap<&'static str, Vec<String>>>);

impl Problems {
    /// What `part` knows to be wrong from now on; nothing if `sentences` is empty. What is new goes to the log.
    pub fn set(&self, part: &'static str, sentences: Vec<String>) {
        let mut known = self.known();
        let before = known.get(part).cloned().unwrap_or_default();
        for sentence in sentences
            .iter()
            .filter(|sentence| !before.contains(sentence))
        {
            tracing::error!(part, "{sentence}");
        }
        known.insert(part, sentences);
    }

    /// Everything that is wrong.
    pub fn list(&self) -> Vec<String> {
        self.known().values().flatten().cloned().collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<&'static str, Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_takes_back_what_it_said_and_nothing_else() {
        let problems = Problems::default();
        problems.set("keys", vec!["wrong key".to_owned()]);
        problems.set("disks", vec!["full".to_owned()]);
        assert_eq!(problems.list(), ["full", "wrong key"]);
        problems.set("disks", vec![]);
        assert_eq!(problems.list(), ["wrong key"]);
    }
}
