//! Membership: the node's place among the candidates for the next committee. The contract gives it up for a node with more stake, and gives
//! it back only to who asks.

use std::time::Duration;

use walrus_sui::{
    Address,
    objects::{ActiveSet, StakingPool},
    transactions::TransactionError,
};

use super::EpochDriver;
use crate::limits::DRIVER_POLL_MAX;

/// The situation in which a node was offered as a candidate: in the same one it is not offered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offer {
    /// The epoch whose committee is voted on next.
    epoch: u32,
    /// The node's stake in that vote, in FROST.
    stake: u64,
    /// The smallest stake with which a node gets in, in FROST.
    entry_stake: u64,
}

impl EpochDriver {
    /// Asks for a place if the node has none and is entitled to one; returns when to look again.
    pub(super) async fn join_step(
        &self,
        offered: &mut Option<Offer>,
    ) -> Result<Duration, TransactionError> {
        let node_id = self.node_id;
        let reader = self.writer.reader();
        let set = reader.active_set().await?;
        if !set.contains(node_id) {
            let epoch = reader.staking_state().await?.next_open_epoch();
            let pool = reader.pools(&[node_id]).await?.remove(&node_id);
            let offer = pool.and_then(|pool| offer(&set, node_id, &pool, epoch));
            if let Some(offer) = offer
                && *offered != Some(offer)
            {
                self.writer.try_join_active_set(self.cap).await?;
                *offered = Some(offer);
                tracing::info!(
                    stake = offer.stake,
                    entry_stake = offer.entry_stake,
                    "the node had lost its place among the candidates and asked for it"
                );
            }
        }
        Ok(DRIVER_POLL_MAX)
    }
}

/// What a node outside of the set asks with, if it has the stake for a place.
fn offer(set: &ActiveSet, node_id: Address, pool: &StakingPool, epoch: u32) -> Option<Offer> {
    let offer = Offer {
        epoch,
        stake: pool.stake_at(epoch),
        entry_stake: set.entry_stake(),
    };
    (!set.contains(node_id) && offer.stake >= offer.entry_stake).then_some(offer)
}

#[cfg(test)]
mod tests {
    use walrus_sui::objects::{
        ActiveSetEntry, Authorized, Element, ExtendedField, PendingValues, PoolState,
        StorageNodeInfo, TableRef, VecMap, VecMapEntry, VotingParams,
    };

    use super::*;

    const NODE: Address = Address::new([1; 32]);

    fn pending(entries: &[(u32, u64)]) -> PendingValues {
        let entry = |(key, value): &(u32, u64)| VecMapEntry {
            key: *key,
            value: *value,
        };
        PendingValues(VecMap {
            contents: entries.iter().map(entry).collect(),
        })
    }

    /// 900 FROST in 600 shares; 100 shares leave and 50 FROST join with epoch 8, 1000 FROST with epoch 9.
    fn pool() -> StakingPool {
        let table = TableRef {
            id: Address::ZERO,
            size: 0,
        };
        StakingPool {
            id: NODE,
            state: PoolState::Active,
            voting_params: VotingParams {
                storage_price: 0,
                write_price: 0,
                node_capacity: 0,
            },
            node_info: StorageNodeInfo {
                name: String::new(),
                node_id: NODE,
                network_address: String::new(),
                public_key: Element { bytes: vec![] },
                next_epoch_public_key: None,
                network_public_key: vec![],
                metadata: ExtendedField { id: Address::ZERO },
            },
            activation_epoch: 0,
            latest_epoch: 7,
            wal_balance: 900,
            num_shares: 600,
            pending_shares_withdraw: pending(&[(8, 100)]),
            pre_active_withdrawals: pending(&[(8, 20)]),
            pending_commission_rate: PendingValues::default(),
            commission_rate: 0,
            exchange_rates: table,
            pending_stake: pending(&[(8, 50), (9, 1000)]),
            rewards_pool: 0,
            commission: 0,
            commission_receiver: Authorized::Address(Address::ZERO),
            governance_authorized: Authorized::Address(Address::ZERO),
            extra_fields: table,
        }
    }

    /// A full set, whose smaller member has `smallest` FROST.
    fn full(smallest: u64) -> ActiveSet {
        let entry = |id: u8, staked_amount| ActiveSetEntry {
            node_id: Address::new([id; 32]),
            staked_amount,
        };
        ActiveSet {
            max_size: 2,
            threshold_stake: 500,
            nodes: vec![entry(2, 10_000), entry(3, smallest)],
            total_stake: 10_000 + smallest,
        }
    }

    #[test]
    fn a_node_asks_for_the_place_that_its_stake_is_worth() {
        // 900 + 50 - 150 - 20 in epoch 8, and a thousand more in epoch 9.
        let stake = |epoch| pool().stake_at(epoch);
        assert_eq!((stake(7), stake(8), stake(9)), (900, 780, 1780));
        let asks = |set: &ActiveSet, epoch| offer(set, NODE, &pool(), epoch).is_some();
        assert!(asks(&full(779), 8));
        assert!(!asks(&full(780), 8), "a tie does not put out a member");
        assert!(asks(&full(780), 9));
        let mut roomy = full(10_000);
        roomy.nodes.truncate(1);
        assert!(asks(&roomy, 8));
        roomy.threshold_stake = 781;
        assert!(!asks(&roomy, 8));
        roomy.threshold_stake = 0;
        let mut deserted = pool();
        (deserted.wal_balance, deserted.num_shares) = (0, 0);
        deserted.pending_stake = PendingValues::default();
        assert!(offer(&roomy, NODE, &deserted, 8).is_none());
        // It has one already.
        let mut set = full(10_000);
        if let Some(entry) = set.nodes.first_mut() {
            entry.node_id = NODE;
        }
        assert!(!asks(&set, 9));
    }
}
