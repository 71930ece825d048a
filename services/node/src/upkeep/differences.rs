//! Differences between the configuration and what the chain has of the node. Node spec 5.10.

use walrus_sui::{
    contract::PoolSummary,
    objects::{self, NodeMetadata, VecMap},
    transactions::NodeParameterUpdate,
};

use crate::operator::{Offer, VotingParams};

/// What the chain is to be told so that it has what the configuration says; nothing where both agree.
///
/// Extra fields of the metadata are looked at, but cannot be changed by a transaction yet: metadata with such stay as they are.
pub fn differences(offer: &Offer, network_key: &[u8], chain: &PoolSummary) -> NodeParameterUpdate {
    let (pool, info) = (&chain.pool, &chain.pool.node_info);
    let pending = pool.pending_commission_rate.0.contents.last();
    let commission = pending.map_or(u64::from(pool.commission_rate), |entry| entry.value);
    let votes = (&offer.voting_params, &pool.voting_params);
    let changed = |wanted: u64, told: u64| (wanted != told).then_some(wanted);
    NodeParameterUpdate {
        name: other(&offer.name, &info.name),
        network_address: other(&offer.network_address, &info.network_address),
        network_public_key: (network_key != info.network_public_key).then(|| network_key.to_vec()),
        next_public_key: None,
        metadata: metadata(offer)
            .filter(|wanted| *wanted != chain.metadata)
            // What the configuration cannot say is not taken away.
            .filter(|_| chain.metadata.extra_fields.contents.is_empty()),
        commission_rate: (u64::from(offer.commission_rate) != commission)
            .then_some(offer.commission_rate),
        storage_price: changed(votes.0.storage_price, votes.1.storage_price),
        write_price: changed(votes.0.write_price, votes.1.write_price),
        node_capacity: changed(votes.0.node_capacity, votes.1.node_capacity),
    }
}

/// The votes that are wanted, with the prices that were told where those that are wanted differ by at most so many percent as are
/// configured: the price of a WAL is never the same, and each change is a transaction. Node spec 5.10.
pub(super) fn without_small_changes(
    wanted: &VotingParams,
    told: &objects::VotingParams,
) -> VotingParams {
    let percent = u128::from(wanted.price_update_threshold_percent);
    let settled = |wanted: u64, told: u64| {
        let change = u128::from(wanted.abs_diff(told)).saturating_mul(100);
        match change > u128::from(told).saturating_mul(percent) {
            true => wanted,
            false => told,
        }
    };
    VotingParams {
        storage_price: settled(wanted.storage_price, told.storage_price),
        write_price: settled(wanted.write_price, told.write_price),
        ..wanted.clone()
    }
}

fn other(wanted: &str, told: &str) -> Option<String> {
    (wanted != told).then(|| wanted.to_owned())
}

fn metadata(offer: &Offer) -> Option<NodeMetadata> {
    let metadata = &offer.metadata;
    metadata.extra_fields.is_empty().then(|| NodeMetadata {
        image_url: metadata.image_url.clone(),
        project_url: metadata.project_url.clone(),
        description: metadata.description.clone(),
        extra_fields: VecMap { contents: vec![] },
    })
}

#[cfg(test)]
mod tests {
    use walrus_sui::{
        Address,
        objects::{
            Authorized, Element, ExtendedField, PendingValues, PoolState, StakingPool,
            StorageNodeInfo, TableRef, VecMapEntry,
        },
    };

    use super::*;
    use crate::operator;

    /// What the chain has of a node that was registered with [`offer`].
    fn chain() -> PoolSummary {
        let table = TableRef {
            id: Address::ZERO,
            size: 0,
        };
        let votes = operator::VotingParams::default();
        let pool = StakingPool {
            id: Address::ZERO,
            state: PoolState::Active,
            voting_params: objects::VotingParams {
                storage_price: votes.storage_price,
                write_price: votes.write_price,
                node_capacity: votes.node_capacity,
            },
            node_info: StorageNodeInfo {
                name: "n".to_owned(),
                node_id: Address::ZERO,
                network_address: "h.example:1".to_owned(),
                public_key: Element { bytes: vec![] },
                next_epoch_public_key: None,
                network_public_key: vec![7; 33],
                metadata: ExtendedField { id: Address::ZERO },
            },
            activation_epoch: 0,
            latest_epoch: 0,
            wal_balance: 0,
            num_shares: 0,
            pending_shares_withdraw: PendingValues::default(),
            pre_active_withdrawals: PendingValues::default(),
            pending_commission_rate: PendingValues::default(),
            commission_rate: 6000,
            exchange_rates: table,
            pending_stake: PendingValues::default(),
            rewards_pool: 0,
            commission: 0,
            commission_receiver: Authorized::Address(Address::ZERO),
            governance_authorized: Authorized::Address(Address::ZERO),
            extra_fields: table,
        };
        PoolSummary {
            pool,
            metadata: NodeMetadata::default(),
        }
    }

    fn offer() -> Offer {
        Offer {
            name: "n".to_owned(),
            network_address: "h.example:1".to_owned(),
            metadata: operator::MetadataConfig::default(),
            commission_rate: 6000,
            voting_params: operator::VotingParams::default(),
        }
    }

    #[test]
    fn a_node_as_it_was_registered_has_nothing_to_tell() {
        let none = NodeParameterUpdate::default();
        assert_eq!(differences(&offer(), &[7; 33], &chain()), none);
    }

    #[test]
    fn each_key_of_the_table_is_told_when_it_differs() {
        let mut wanted = offer();
        wanted.name = "m".to_owned();
        wanted.network_address = "h.example:2".to_owned();
        wanted.metadata.description = "d".to_owned();
        wanted.commission_rate = 5;
        wanted.voting_params.storage_price = 1;
        wanted.voting_params.write_price = 2;
        wanted.voting_params.node_capacity = 3;
        let update = differences(&wanted, &[8; 33], &chain());
        let metadata = NodeMetadata {
            description: "d".to_owned(),
            ..NodeMetadata::default()
        };
        let expected = NodeParameterUpdate {
            name: Some("m".to_owned()),
            network_address: Some("h.example:2".to_owned()),
            network_public_key: Some(vec![8; 33]),
            next_public_key: None,
            metadata: Some(metadata),
            commission_rate: Some(5),
            storage_price: Some(1),
            write_price: Some(2),
            node_capacity: Some(3),
        };
        assert_eq!(update, expected);
    }

    #[test]
    fn a_price_moves_the_vote_when_it_differs_by_more_than_a_threshold() {
        let told = objects::VotingParams {
            storage_price: 1_000,
            write_price: 200,
            node_capacity: 5,
        };
        let settled = |storage_price, write_price| {
            let wanted = VotingParams {
                storage_price,
                write_price,
                ..VotingParams::default()
            };
            let votes = without_small_changes(&wanted, &told);
            (votes.storage_price, votes.write_price)
        };
        assert_eq!(settled(1_100, 180), (1_000, 200));
        assert_eq!(settled(1_101, 180), (1_101, 200));
        assert_eq!(settled(899, 179), (899, 179));
        let free = objects::VotingParams {
            storage_price: 0,
            ..told
        };
        let votes = without_small_changes(&VotingParams::default(), &free);
        assert_eq!(votes.storage_price, VotingParams::default().storage_price);
    }

    #[test]
    fn a_commission_on_its_way_is_what_counts() {
        let mut chain = chain();
        chain.pool.commission_rate = 100;
        let pending = |key, value| VecMapEntry { key, value };
        chain.pool.pending_commission_rate.0.contents = vec![pending(3, 50), pending(4, 6000)];
        assert_eq!(
            differences(&offer(), &[7; 33], &chain).commission_rate,
            None
        );
        chain.pool.pending_commission_rate.0.contents.pop();
        let update = differences(&offer(), &[7; 33], &chain);
        assert_eq!(update.commission_rate, Some(6000));
    }
}
