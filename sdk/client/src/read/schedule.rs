//! Request schedule: whom to ask for which sliver next.

use std::{collections::VecDeque, sync::Arc};

use rand::seq::SliceRandom as _;
use walrus_core::{SliverPairIndex, SliverType, VerifiedBlobMetadataWithId};

use crate::{
    limits,
    nodes::{NodeCommittee, StorageNode},
};

/// A sliver to ask a node for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) node: Arc<StorageNode>,
    pub(super) pair: SliverPairIndex,
    /// The place of the node in the schedule.
    lane: usize,
}

/// All slivers of one type, by node. Of a node all are asked for before those of the next, as far as it may be asked for so many
/// at the same time: few nodes have work with a read, and none of them alone can hold it up. Of large slivers those that are bytes of
/// the blob come first, whoever has them: decoding the others takes longer than a request to another node.
pub(super) struct Schedule {
    lanes: Vec<Lane>,
    round: u32,
    /// Slivers that one node is asked for at the same time.
    per_node: usize,
}

struct Lane {
    node: Arc<StorageNode>,
    /// To be asked for before everything else, of all nodes.
    first: VecDeque<SliverPairIndex>,
    now: VecDeque<SliverPairIndex>,
    /// To be asked for again in the next round.
    later: VecDeque<SliverPairIndex>,
    in_flight: usize,
    /// It sent something else: nothing it says in this read counts.
    lied: bool,
    /// It could not be reached in this round.
    unreachable: bool,
}

impl Schedule {
    /// Nodes in random order.
    pub(super) fn new(
        committee: &NodeCommittee,
        metadata: &VerifiedBlobMetadataWithId,
        sliver_type: SliverType,
    ) -> Self {
        let mut nodes: Vec<_> = committee.nodes.to_vec();
        nodes.shuffle(&mut rand::rng());
        let (n_shards, size) = (
            metadata.n_shards(),
            metadata.sliver_length(sliver_type).max(1),
        );
        let source_symbols = metadata.config().source_symbols(sliver_type);
        let is_first = |pair: &SliverPairIndex| {
            let index = pair.to_sliver_index(sliver_type, n_shards);
            size >= limits::LARGE_SLIVER && index.get() < source_symbols
        };
        let lane = |node: Arc<StorageNode>| {
            let pairs = node.pairs(metadata.blob_id(), n_shards).into_iter();
            let (first, now) = pairs.partition(is_first);
            Lane {
                node,
                first,
                now,
                later: VecDeque::new(),
                in_flight: 0,
                lied: false,
                unreachable: false,
            }
        };
        let per_node = limits::MAX_READ_IN_FLIGHT_PER_NODE / size;
        Self {
            lanes: nodes.into_iter().map(lane).collect(),
            round: 1,
            per_node: per_node.clamp(1, limits::MAX_NODE_READS),
        }
    }

    /// The next sliver to ask for; `None` if there is nothing to ask for now.
    pub(super) fn next(&mut self) -> Option<Wanted> {
        let last = self.round >= limits::READ_ROUNDS;
        for lane in &mut self.lanes {
            if lane.lied || lane.unreachable {
                // What is left of it need not be tried in this round, or at all.
                let rest = lane.first.drain(..).chain(lane.now.drain(..));
                match last || lane.lied {
                    true => drop(rest),
                    false => lane.later.extend(rest),
                }
            }
        }
        self.next_among(|lane| &mut lane.first)
            .or_else(|| self.next_among(|lane| &mut lane.now))
    }

    fn next_among(
        &mut self,
        queue: impl Fn(&mut Lane) -> &mut VecDeque<SliverPairIndex>,
    ) -> Option<Wanted> {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if lane.in_flight < self.per_node
                && let Some(pair) = queue(lane).pop_front()
            {
                lane.in_flight += 1;
                return Some(Wanted {
                    node: Arc::clone(&lane.node),
                    pair,
                    lane: index,
                });
            }
        }
        None
    }

    /// Another sliver of the node that `wanted` is of, to ask for in the same request.
    pub(super) fn next_of_same(&mut self, wanted: &Wanted) -> Option<Wanted> {
        let lane = self.lanes.get_mut(wanted.lane)?;
        if lane.in_flight >= self.per_node {
            return None;
        }
        let pair = lane.first.pop_front().or_else(|| lane.now.pop_front())?;
        lane.in_flight += 1;
        Some(Wanted {
            pair,
            ..wanted.clone()
        })
    }

    /// A request has ended.
    pub(super) fn ended(&mut self, wanted: &Wanted) {
        if let Some(lane) = self.lanes.get_mut(wanted.lane) {
            lane.in_flight = lane.in_flight.saturating_sub(1);
        }
    }

    /// Asks for the sliver again in the next round, if there is one.
    pub(super) fn put_off(&mut self, wanted: &Wanted) {
        if self.round < limits::READ_ROUNDS
            && let Some(lane) = self.lanes.get_mut(wanted.lane)
        {
            lane.later.push_back(wanted.pair);
        }
    }

    /// The node could not be reached: it is asked for nothing more in this round.
    pub(super) fn unreachable(&mut self, wanted: &Wanted) {
        if let Some(lane) = self.lanes.get_mut(wanted.lane) {
            lane.unreachable = true;
        }
    }

    /// The node sent something else: it is asked for nothing more.
    pub(super) fn lied(&mut self, wanted: &Wanted) {
        if let Some(lane) = self.lanes.get_mut(wanted.lane) {
            lane.lied = true;
        }
    }

    /// Goes on to the next round, when nothing is in flight; whether there is something to ask for in it.
    pub(super) fn next_round(&mut self) -> bool {
        self.round = self.round.saturating_add(1);
        let mut any = false;
        for lane in &mut self.lanes {
            lane.now = std::mem::take(&mut lane.later);
            lane.unreachable = false;
            any |= !lane.now.is_empty() && !lane.lied;
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use walrus_core::{EncodingConfig, ShardIndex, encoder::BlobEncoder};
    use walrus_node_client::NodeClientOptions;
    use walrus_sui::{
        Address,
        contract::{Committee, CommitteeMember},
    };

    use super::*;
    use crate::nodes::Connections;

    const SHARDS: u16 = 12;

    /// Three nodes of four shards each.
    fn committee() -> NodeCommittee {
        let members = (0..3_u16)
            .map(|index| CommitteeMember {
                node_id: Address::new([index as u8; 32]),
                weight: 4,
                shards: (4 * index..4 * index + 4).map(ShardIndex).collect(),
                public_key: None,
                network_public_key: None,
                network_address: String::new(),
                name: format!("node-{index}"),
            })
            .collect();
        let committee = Committee {
            epoch: 1,
            n_shards: SHARDS,
            members,
        };
        NodeCommittee::new(&committee, &Connections::new(NodeClientOptions::default())).unwrap()
    }

    fn schedule(per_node: usize) -> Schedule {
        schedule_of(b"blob", per_node)
    }

    fn schedule_of(blob: &[u8], per_node: usize) -> Schedule {
        let config = EncodingConfig::new(SHARDS).unwrap();
        let encoder = BlobEncoder::new(config, blob).unwrap();
        let metadata = encoder.compute_metadata().unwrap();
        let mut schedule = Schedule::new(&committee(), &metadata, SliverType::Primary);
        schedule.per_node = per_node;
        schedule
    }

    fn all(schedule: &mut Schedule) -> Vec<Wanted> {
        std::iter::from_fn(|| schedule.next()).collect()
    }

    #[test]
    fn every_sliver_is_asked_for_once_node_after_node() {
        let wanted = all(&mut schedule(100));
        let pairs: BTreeSet<_> = wanted.iter().map(|wanted| wanted.pair).collect();
        assert_eq!(pairs.len(), usize::from(SHARDS));
        assert_eq!(wanted.len(), pairs.len());
        assert!(wanted.is_sorted_by_key(|wanted| wanted.lane));
    }

    #[test]
    fn of_large_slivers_those_of_the_blob_come_first() {
        let rows = usize::from(
            EncodingConfig::new(SHARDS)
                .unwrap()
                .primary_source_symbols(),
        );
        let blob = vec![7; rows * limits::LARGE_SLIVER];
        let wanted = all(&mut schedule_of(&blob, 100));
        assert_eq!(wanted.len(), usize::from(SHARDS));
        let (first, rest) = wanted.split_at(rows);
        assert!(first.iter().all(|wanted| wanted.pair.as_usize() < rows));
        assert!(rest.iter().all(|wanted| wanted.pair.as_usize() >= rows));
    }

    #[test]
    fn a_node_is_asked_for_so_many_at_the_same_time() {
        let mut schedule = schedule(2);
        let first = all(&mut schedule);
        assert_eq!(first.len(), 6);
        schedule.ended(&first[0]);
        let next = all(&mut schedule);
        assert_eq!(next.len(), 1);
        assert_eq!(next[0].lane, first[0].lane);
    }

    #[test]
    fn what_failed_is_asked_for_again_in_one_more_round() {
        let mut schedule = schedule(1);
        let first = all(&mut schedule);
        for wanted in &first {
            schedule.ended(wanted);
        }
        schedule.lied(&first[0]);
        schedule.unreachable(&first[1]);
        schedule.put_off(&first[1]);
        // Of the third only, and of the second not in this round.
        let mut rest = Vec::new();
        while let Some(wanted) = schedule.next() {
            assert_eq!(wanted.lane, first[2].lane);
            schedule.ended(&wanted);
            rest.push(wanted);
        }
        assert_eq!(rest.len(), 3);
        assert!(schedule.next_round());
        let again = schedule.next().unwrap();
        assert_eq!(again.lane, first[1].lane);
        schedule.put_off(&again);
        schedule.ended(&again);
        while let Some(wanted) = schedule.next() {
            assert_eq!(wanted.lane, first[1].lane);
            schedule.ended(&wanted);
        }
        assert!(!schedule.next_round(), "there are two rounds");
    }
}
