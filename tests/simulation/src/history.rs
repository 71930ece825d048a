//! History: who was a member in which epoch, and when something was wrong with whom.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use walrus_core::{Epoch, ShardIndex};

/// Shards of each member.
pub(crate) type Shards = BTreeMap<u16, Vec<ShardIndex>>;

/// What has happened so far.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    epochs: BTreeMap<Epoch, (Instant, Shards)>,
    /// Of each node, when something was wrong with it, in the order in which that ended.
    wrong: BTreeMap<u16, Vec<(Instant, Instant)>>,
}

impl History {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn knows(&self, epoch: Epoch) -> bool {
        self.state().epochs.contains_key(&epoch)
    }

    /// An epoch begins, with these members.
    pub(crate) fn begins(&self, epoch: Epoch, members: Shards) {
        self.state().epochs.insert(epoch, (Instant::now(), members));
    }

    /// Something was wrong with a node, from `start` until now.
    pub(crate) fn was_wrong(&self, node: u16, start: Instant) {
        let mut state = self.state();
        state
            .wrong
            .entry(node)
            .or_default()
            .push((start, Instant::now()));
    }

    /// The shards of the members with which nothing was wrong for so long at a time within an epoch; none if it has not ended.
    pub(crate) fn well(&self, epoch: Epoch, long: Duration) -> Vec<(u16, Vec<ShardIndex>)> {
        let state = self.state();
        let next = epoch.saturating_add(1);
        let (Some((start, members)), Some((end, _))) =
            (state.epochs.get(&epoch), state.epochs.get(&next))
        else {
            return Vec::new();
        };
        let is_well = |node: &u16| {
            let mut wrong = state.wrong.get(node).cloned().unwrap_or_default();
            wrong.sort();
            let (mut free_from, mut longest) = (*start, Duration::ZERO);
            for (from, until) in wrong.into_iter().chain([(*end, *end)]) {
                longest = longest.max(from.min(*end).saturating_duration_since(free_from));
                free_from = free_from.max(until);
            }
            longest >= long
        };
        let well = members.iter().filter(|(node, _)| is_well(node));
        well.map(|(node, shards)| (*node, shards.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn members_are_well_for_as_long_as_nothing_is_wrong_with_them() {
        let history = History::default();
        let pass = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
        let long = Duration::from_secs(100);
        history.begins(
            1,
            [1, 2, 3].map(|node| (node, vec![ShardIndex(node)])).into(),
        );
        pass(90).await;
        let start = Instant::now();
        pass(20).await;
        history.was_wrong(1, start);
        pass(40).await;
        assert!(history.well(1, long).is_empty(), "it has not ended");
        history.was_wrong(2, Instant::now());
        history.begins(2, Shards::new());
        // 90 s and 40 s; 150 s; 150 s.
        let well = history.well(1, long);
        assert_eq!(well, [2, 3].map(|node| (node, vec![ShardIndex(node)])));
        assert_eq!(history.well(1, Duration::from_secs(90)).len(), 3);
        assert!(history.well(7, long).is_empty());
    }
}
