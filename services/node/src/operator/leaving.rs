//! Leaving: whether a node may be shut down for good, and if not, from when on. Node spec 7.5.

use serde::{Deserialize, Serialize};
use walrus_sui::{
    Address,
    money::Amount,
    objects::{CommitteeShards, EpochState, StakingInnerV1},
};

/// What still holds a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaving {
    /// Whether it may be shut down now.
    pub safe: bool,
    /// Shards of this epoch.
    pub owned_shards: usize,
    /// Shards of the next one; absent until its committee is chosen.
    pub next_shards: Option<usize>,
    /// Shards of the epoch before, which others may still read here.
    pub readable_shards: usize,
    /// What is staked with the node, in FROST.
    pub stake_frost: u64,
    /// From when on it is safe, in milliseconds since 1970, if it does what `says` says; absent if that cannot be told.
    pub safe_from_ms: Option<u64>,
    /// A sentence: why, and what to do.
    pub says: String,
}

/// Looks at what holds the node `node_id`, with which so much is staked.
pub fn leaving(staking: &StakingInnerV1, node_id: Address, stake_frost: u64) -> Leaving {
    let shards = |committee: &CommitteeShards| {
        let mut entries = committee.0.contents.iter();
        let own = entries.find(|entry| entry.key == node_id);
        own.map_or(0, |entry| entry.value.len())
    };
    let (epoch, duration) = (staking.epoch, staking.epoch_duration);
    let owned_shards = shards(&staking.committee);
    let next_shards = staking.next_committee.as_ref().map(shards);
    let readable_shards = shards(&staking.previous_committee);
    // The beginning of the next epoch, as far as it is known.
    let next_epoch = match staking.epoch_state {
        EpochState::EpochChangeSync(_) => None,
        EpochState::EpochChangeDone(since) | EpochState::NextParamsSelected(since) => {
            Some(since.saturating_add(duration))
        }
    };
    // Epochs that have to begin before nobody may want anything of it, once the stake is gone.
    let (epochs, says) = match (next_shards, owned_shards, readable_shards) {
        (Some(next), _, _) if next > 0 => (
            3,
            format!(
                "the node has {next} shards in epoch {}, whose committee is chosen: have its stake withdrawn before the middle of that epoch, and let it run for one epoch after its last one",
                epoch.saturating_add(1)
            ),
        ),
        (Some(_), 1.., _) => (
            2,
            format!(
                "the node has {owned_shards} shards in epoch {epoch} and none in the next: let it run until that one is over, since its shards are read from while the others fill theirs"
            ),
        ),
        (None, 1.., _) => (
            2,
            format!(
                "the node has {owned_shards} shards in epoch {epoch}: have its stake ({}) withdrawn before the middle of the epoch, and let it run until the next one is over",
                Amount::wal(stake_frost)
            ),
        ),
        (_, 0, 1..) => (
            1,
            format!(
                "the node had {readable_shards} shards in epoch {}, and is read from until epoch {epoch} is over",
                epoch.saturating_sub(1)
            ),
        ),
        (_, 0, 0) => (
            0,
            "nobody needs the node: it has no shards, and had none".to_owned(),
        ),
    };
    let safe_from_ms = next_epoch
        .filter(|_| epochs > 0)
        .map(|next| next.saturating_add(duration.saturating_mul(epochs - 1)));
    Leaving {
        safe: epochs == 0,
        owned_shards,
        next_shards,
        readable_shards,
        stake_frost,
        safe_from_ms,
        says,
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::ShardIndex;
    use walrus_sui::objects::{VecMap, VecMapEntry};

    use super::*;
    use crate::chain::staking;

    const NODE: Address = Address::new([7; 32]);

    fn committee(shards: u16) -> CommitteeShards {
        let entry = VecMapEntry {
            key: NODE,
            value: (0..shards).map(ShardIndex).collect(),
        };
        CommitteeShards(VecMap {
            contents: vec![entry],
        })
    }

    #[test]
    fn a_node_may_go_when_its_shards_are_read_nowhere_any_more() {
        // Shards of the epoch before, of this one, of the next, and after how many epoch durations from 1000 it may go.
        for (previous, current, next, epochs) in [
            (0, 0, None, 0),
            (3, 0, None, 1),
            (3, 0, Some(0), 1),
            (3, 3, None, 2),
            (0, 3, Some(0), 2),
            (0, 0, Some(2), 3),
            (3, 3, Some(2), 3),
        ] {
            let mut state = staking(5, EpochState::NextParamsSelected(1_000), 600);
            state.previous_committee = committee(previous);
            state.committee = committee(current);
            state.next_committee = next.map(committee);
            let leaving = leaving(&state, NODE, 9);
            assert_eq!(leaving.safe, epochs == 0, "{leaving:?}");
            let from = (epochs > 0).then(|| 1_000 + epochs * 600);
            assert_eq!(leaving.safe_from_ms, from, "{leaving:?}");
        }
    }

    #[test]
    fn during_an_epoch_change_no_date_is_told() {
        let mut state = staking(5, EpochState::EpochChangeSync(1), 600);
        state.committee = committee(1);
        let leaving = leaving(&state, NODE, 9);
        assert!(!leaving.safe && leaving.safe_from_ms.is_none());
    }
}
