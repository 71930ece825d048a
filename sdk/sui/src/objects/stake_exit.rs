//! Exit of a stake: how it comes back to its owner, and from which epoch on (contracts spec 7.11).

use super::{Address, CommitteeShards, StakedWal, StakedWalState, StakingInnerV1};

/// How a stake comes back to its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StakeExit {
    /// It does not count yet: it can be withdrawn now, and has earned nothing.
    NotCounting,
    /// Its node is in no committee: it can be withdrawn now.
    NodeIsOut,
    /// By a request, which can be made now.
    OnRequest {
        /// The epoch from which it can be withdrawn then.
        withdraw_epoch: u32,
    },
    /// It was requested.
    Requested {
        /// The epoch from which it can be withdrawn.
        withdraw_epoch: u32,
    },
}

impl StakeExit {
    /// Whether it can be withdrawn in `epoch`, the current one.
    pub fn is_open(self, epoch: u32) -> bool {
        match self {
            Self::NotCounting | Self::NodeIsOut => true,
            Self::OnRequest { .. } => false,
            Self::Requested { withdraw_epoch } => withdraw_epoch <= epoch,
        }
    }
}

impl StakingInnerV1 {
    /// How a stake comes back to its owner, as things are now.
    pub fn exit_of(&self, stake: &StakedWal) -> StakeExit {
        if let StakedWalState::Withdrawing { withdraw_epoch } = stake.state {
            return StakeExit::Requested { withdraw_epoch };
        }
        let next = self.next_committee.as_ref();
        let is_next = next.is_some_and(|committee| committee.has(stake.node_id));
        let begins_next = stake.activation_epoch == self.epoch.saturating_add(1);
        match stake.activation_epoch > self.epoch {
            true if begins_next && is_next => {}
            true => return StakeExit::NotCounting,
            false if is_next => {}
            false if self.committee.has(stake.node_id) => {
                let withdraw_epoch = self.epoch.saturating_add(1);
                return StakeExit::OnRequest { withdraw_epoch };
            }
            false => return StakeExit::NodeIsOut,
        }
        let withdraw_epoch = self.epoch.saturating_add(2);
        StakeExit::OnRequest { withdraw_epoch }
    }
}

impl CommitteeShards {
    /// Whether a node is a member.
    pub fn has(&self, node_id: Address) -> bool {
        self.0.get(&node_id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{EpochState, ExtendedField, TableRef, VecMap, VecMapEntry};

    fn id(byte: u8) -> Address {
        Address::new([byte; 32])
    }

    fn committee(nodes: &[u8]) -> CommitteeShards {
        let contents = nodes.iter().map(|node| VecMapEntry {
            key: id(*node),
            value: Vec::new(),
        });
        CommitteeShards(VecMap {
            contents: contents.collect(),
        })
    }

    /// Epoch 10; node 1 is in the current committee, 2 in both, 3 in the next one, 4 in none.
    fn staking(is_selected: bool) -> StakingInnerV1 {
        let field = ExtendedField { id: id(0) };
        StakingInnerV1 {
            n_shards: 10,
            epoch_duration: 1,
            first_epoch_start: 0,
            pools: TableRef { id: id(0), size: 4 },
            epoch: 10,
            active_set: field,
            next_committee: is_selected.then(|| committee(&[2, 3])),
            committee: committee(&[1, 2]),
            previous_committee: committee(&[1, 2]),
            next_epoch_params: None,
            epoch_state: EpochState::EpochChangeDone(0),
            next_epoch_public_keys: field,
        }
    }

    fn exit(is_selected: bool, node: u8, activation_epoch: u32) -> StakeExit {
        staking(is_selected).exit_of(&StakedWal {
            id: id(9),
            state: StakedWalState::Staked,
            node_id: id(node),
            principal: 1,
            activation_epoch,
        })
    }

    #[test]
    fn the_table_of_the_specification_holds() {
        let on_request = |withdraw_epoch| StakeExit::OnRequest { withdraw_epoch };
        for (is_selected, node, activation, expected) in [
            // What does not count yet.
            (false, 1, 11, StakeExit::NotCounting),
            (true, 1, 11, StakeExit::NotCounting),
            (true, 2, 11, on_request(12)),
            (true, 3, 11, on_request(12)),
            (true, 3, 12, StakeExit::NotCounting),
            // What counts.
            (false, 1, 10, on_request(11)),
            (true, 1, 10, on_request(11)),
            (true, 2, 3, on_request(12)),
            (true, 3, 3, on_request(12)),
            (false, 4, 3, StakeExit::NodeIsOut),
            (true, 4, 10, StakeExit::NodeIsOut),
        ] {
            let found = exit(is_selected, node, activation);
            assert_eq!(found, expected, "{is_selected} {node} {activation}");
        }
    }

    #[test]
    fn what_was_requested_is_open_when_its_epoch_has_begun() {
        let requested = StakeExit::Requested { withdraw_epoch: 11 };
        assert!(!requested.is_open(10) && requested.is_open(11) && requested.is_open(12));
        assert!(StakeExit::NodeIsOut.is_open(0) && StakeExit::NotCounting.is_open(0));
        assert!(!StakeExit::OnRequest { withdraw_epoch: 0 }.is_open(5));
    }
}
