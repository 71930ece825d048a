//! `walrus stake nodes`: whom one can stake with. Client spec 2.8.

use std::{cmp::Ordering, collections::BTreeSet};

use serde::Serialize;
use walrus_sui::{
    Address,
    contract::ContractReader,
    objects::{ActiveSet, PoolState, StakingInnerV1, StakingPool},
};

use super::{Report, show};
use crate::{
    args::{GlobalOptions, StakeNodesArgs, StakeOrder},
    context::Network,
    report::{Reporter, wal, wal_only},
    table::{
        Align::{Left, Right},
        Table,
    },
};

/// Basis points of a whole.
const WHOLE: f64 = 10_000.0;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodesOutput {
    epoch: u32,
    /// FROST with which a node becomes a candidate.
    entry_stake: u64,
    nodes: Vec<Node>,
}

/// A node, and what there is to know before one stakes with it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    node_id: Address,
    name: String,
    network_address: String,
    /// In the current committee.
    n_shards: usize,
    /// In that of the next epoch, once it is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_n_shards: Option<usize>,
    /// FROST that count now.
    stake: u64,
    /// FROST that count in the next vote.
    next_stake: u64,
    is_candidate: bool,
    takes_stake: bool,
    /// What it keeps of its rewards, in basis points.
    commission_rate: u16,
    /// What it will keep, from which epoch on.
    next_commission_rates: Vec<NextRate>,
    /// What a stake has earned in the last epoch, as a part of it and after the commission; absent of nodes that earned nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_return: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NextRate {
    epoch: u32,
    rate: u64,
}

/// What a stake with a pool has earned from the beginning of the last epoch to that of this one, as a part of it; nothing if the pool was
/// in no committee.
pub(super) async fn last_returns(
    reader: &ContractReader,
    staking: &StakingInnerV1,
    pools: &[&StakingPool],
) -> anyhow::Result<Vec<Option<f64>>> {
    /// Large enough that rounding does not show.
    const SAMPLE: u64 = 1_000_000_000_000_000;
    let Some(last) = staking.epoch.checked_sub(1).filter(|epoch| *epoch > 0) else {
        return Ok(vec![None; pools.len()]);
    };
    let wanted = pools
        .iter()
        .flat_map(|pool| [(*pool, last), (*pool, staking.epoch)]);
    let rates = reader.exchange_rates(&wanted.collect::<Vec<_>>()).await?;
    let returns = rates.chunks_exact(2).zip(pools).map(|(rates, pool)| {
        let earned = pool.latest_epoch == staking.epoch && pool.activation_epoch <= last;
        match rates {
            [Some(begin), Some(end)] if earned => {
                let worth = end.to_wal(begin.to_shares(SAMPLE));
                let gained = worth.saturating_sub(SAMPLE);
                #[expect(clippy::cast_precision_loss, reason = "a part for people")]
                let part = gained as f64 / SAMPLE as f64;
                Some(part)
            }
            _ => None,
        }
    });
    Ok(returns.collect())
}

/// A part of a whole for people: `0.0123 %`.
pub(super) fn percent(part: f64) -> String {
    format!("{:.4} %", part * 100.0)
}

impl Node {
    fn new(
        pool: &StakingPool,
        staking: &StakingInnerV1,
        candidates: &ActiveSet,
        last_return: Option<f64>,
    ) -> Self {
        let shards = |committee: &walrus_sui::objects::CommitteeShards| {
            committee.0.get(&pool.id).map_or(0, Vec::len)
        };
        let rates = pool.pending_commission_rate.0.iter();
        Self {
            node_id: pool.id,
            name: pool.node_info.name.clone(),
            network_address: pool.node_info.network_address.clone(),
            n_shards: shards(&staking.committee),
            next_n_shards: staking.next_committee.as_ref().map(shards),
            stake: pool.wal_balance,
            next_stake: pool.stake_at(staking.next_open_epoch()),
            is_candidate: candidates.contains(pool.id),
            takes_stake: pool.state == PoolState::Active,
            commission_rate: pool.commission_rate,
            next_commission_rates: rates
                .filter(|(epoch, _)| **epoch > staking.epoch)
                .map(|(epoch, rate)| NextRate {
                    epoch: *epoch,
                    rate: *rate,
                })
                .collect(),
            last_return,
        }
    }
}

impl Report for NodesOutput {
    fn print(&self, reporter: &Reporter) {
        let mut table = Table::new([
            ("name", Left),
            ("shards", Right),
            ("stake", Right),
            ("commission", Right),
            ("last return", Right),
        ]);
        for node in &self.nodes {
            let commission = f64::from(node.commission_rate) / WHOLE * 100.0;
            let last_return = node.last_return.map_or_else(|| "-".to_owned(), percent);
            let mut below = vec![node.node_id.to_string()];
            if !node.takes_stake {
                below.push("leaves the network and takes no stake".to_owned());
            } else if !node.is_candidate {
                let missing = self.entry_stake.saturating_sub(node.next_stake);
                below.push(format!("no candidate: {} missing", wal(missing)));
            }
            for next in &node.next_commission_rates {
                let epoch = next.epoch;
                #[expect(clippy::cast_precision_loss, reason = "a part for people")]
                let rate = next.rate as f64 / WHOLE * 100.0;
                below.push(format!("commission from epoch {epoch} on: {rate:.2} %"));
            }
            table.row(
                [
                    node.name.clone(),
                    node.n_shards.to_string(),
                    wal_only(node.stake),
                    format!("{commission:.2} %"),
                    last_return,
                ],
                below,
            );
        }
        table.print(reporter);
        reporter.line(format!("A candidate needs {}.", wal(self.entry_stake)));
    }
}

/// Lists nodes.
pub(crate) async fn run(global: &GlobalOptions, args: StakeNodesArgs) -> anyhow::Result<()> {
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let reader = network.reader();
    let staking = reader.staking_state().await?;
    let candidates = reader.active_set().await?;
    let ids: BTreeSet<Address> = candidates
        .nodes
        .iter()
        .map(|entry| entry.node_id)
        .chain(staking.committee.0.iter().map(|(id, _)| *id))
        .chain(
            staking
                .next_committee
                .iter()
                .flat_map(|next| next.0.iter().map(|(id, _)| *id)),
        )
        .collect();
    let pools = reader.pools(&ids.into_iter().collect::<Vec<_>>()).await?;
    let pools: Vec<_> = pools.values().collect();
    let returns = last_returns(reader, &staking, &pools).await?;
    let nodes = pools.iter().zip(returns);
    let mut nodes: Vec<_> = nodes
        .map(|(pool, last_return)| Node::new(pool, &staking, &candidates, last_return))
        .collect();
    nodes.sort_by(|a, b| {
        let order = compare(args.sort, a, b);
        if args.desc { order.reverse() } else { order }
    });
    let output = NodesOutput {
        epoch: staking.epoch,
        entry_stake: candidates.entry_stake(),
        nodes,
    };
    show(global, &output)
}

fn compare(order: StakeOrder, a: &Node, b: &Node) -> Ordering {
    let by_name =
        || alphanumeric_sort::compare_str(&a.name, &b.name).then(a.node_id.cmp(&b.node_id));
    let first = match order {
        StakeOrder::Name => Ordering::Equal,
        StakeOrder::Id => a.node_id.cmp(&b.node_id),
        StakeOrder::Shards => a.n_shards.cmp(&b.n_shards),
        StakeOrder::Stake => a.stake.cmp(&b.stake),
        StakeOrder::Commission => a.commission_rate.cmp(&b.commission_rate),
        // Those that have earned nothing are least.
        StakeOrder::Return => {
            let of = |node: &Node| node.last_return.unwrap_or(-1.0);
            of(a).total_cmp(&of(b))
        }
    };
    first.then_with(by_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, stake: u64, last_return: Option<f64>) -> Node {
        Node {
            node_id: Address::ZERO,
            name: name.to_owned(),
            network_address: String::new(),
            n_shards: 1,
            next_n_shards: None,
            stake,
            next_stake: stake,
            is_candidate: true,
            takes_stake: true,
            commission_rate: 6_000,
            next_commission_rates: vec![NextRate {
                epoch: 9,
                rate: 10_000,
            }],
            last_return,
        }
    }

    #[test]
    fn nodes_are_in_the_order_that_was_asked_for() {
        let nodes = [
            node("n10", 5, Some(0.1)),
            node("n2", 5, None),
            node("a", 9, Some(0.0)),
        ];
        let sorted = |order| -> Vec<&str> {
            let mut sorted: Vec<_> = nodes.iter().collect();
            sorted.sort_by(|a, b| compare(order, a, b));
            sorted.iter().map(|node| node.name.as_str()).collect()
        };
        assert_eq!(sorted(StakeOrder::Name), ["a", "n2", "n10"]);
        assert_eq!(sorted(StakeOrder::Stake), ["n2", "n10", "a"]);
        assert_eq!(sorted(StakeOrder::Return), ["n2", "a", "n10"]);
        assert_eq!(sorted(StakeOrder::Commission), ["a", "n2", "n10"]);
    }
}
