//! Vote: what decides whether a node is a candidate in the next vote (contracts spec 7.13).

use sui_sdk_types::Address;

use super::{ActiveSet, PendingValues, StakingInnerV1, StakingPool};

impl StakingInnerV1 {
    /// The epoch whose committee is voted on next: what is staked now counts from then on.
    pub fn next_open_epoch(&self) -> u32 {
        let ahead = if self.next_committee.is_some() { 2 } else { 1 };
        self.epoch.saturating_add(ahead)
    }
}

impl ActiveSet {
    /// Whether a node is in the set.
    pub fn contains(&self, node_id: Address) -> bool {
        self.nodes.iter().any(|entry| entry.node_id == node_id)
    }

    /// The smallest stake in FROST with which a node that is outside gets in.
    pub fn entry_stake(&self) -> u64 {
        let has_room = self.nodes.len() < usize::from(self.max_size);
        let smallest = self.nodes.iter().map(|entry| entry.staked_amount).min();
        let to_beat = smallest.filter(|_| !has_room).unwrap_or_default();
        self.threshold_stake.max(to_beat.saturating_add(1))
    }
}

impl StakingPool {
    /// FROST with which the node stands in a vote on the committee of `epoch`: the active stake and what joins it by then, less
    /// what leaves it.
    ///
    /// Principal that leaves after a single active epoch counts as it was staked. The contract adds what it earned, by rates of
    /// the past that are no part of the pool; so it may come to a few FROST less.
    pub fn stake_at(&self, epoch: u32) -> u64 {
        let by_then = |values: &PendingValues| -> u64 {
            let due = values.0.iter().filter(|(from, _)| **from <= epoch);
            due.fold(0, |sum, (_, value)| sum.saturating_add(*value))
        };
        let leaving = self.shares_to_wal(by_then(&self.pending_shares_withdraw));
        self.wal_balance
            .saturating_add(by_then(&self.pending_stake))
            .saturating_sub(leaving)
            .saturating_sub(by_then(&self.pre_active_withdrawals))
    }

    /// What shares of the pool are worth now, rounded down; one FROST each in an empty pool.
    fn shares_to_wal(&self, shares: u64) -> u64 {
        if self.wal_balance == 0 || self.num_shares == 0 {
            return shares;
        }
        let worth = u128::from(shares) * u128::from(self.wal_balance) / u128::from(self.num_shares);
        u64::try_from(worth).unwrap_or(u64::MAX)
    }
}
