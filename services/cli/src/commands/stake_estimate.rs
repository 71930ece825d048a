//! `walrus stake estimate`: when a stake would count and come back. Client spec 2.8.

use anyhow::{Context as _, ensure};
use serde::Serialize;
use walrus_sui::{Address, objects::PoolState};

use super::{
    Report, show,
    stake_nodes::{last_returns, percent},
};
use crate::{
    args::{GlobalOptions, StakeEstimateArgs},
    context::{Network, epoch_start_estimate},
    report::{Reporter, wal, wal_only},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EstimateOutput {
    node_id: Address,
    /// FROST.
    amount: u64,
    current_epoch: u32,
    activation_epoch: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation_time: Option<String>,
    /// The first epoch from which it can be withdrawn once it has counted, if that is requested as early as possible.
    withdraw_epoch: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdraw_time: Option<String>,
    is_candidate: bool,
    /// FROST that the node lacks to be a candidate, with this stake.
    missing: u64,
    /// What a stake has earned in the last epoch, as a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_return: Option<f64>,
    /// FROST that this one would have earned in the last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_reward: Option<u64>,
    #[serde(skip)]
    name: String,
}

impl Report for EstimateOutput {
    fn print(&self, reporter: &Reporter) {
        let when = |epoch: u32, time: &Option<String>| match time {
            Some(time) => format!("epoch {epoch}, about {time}"),
            None => format!("epoch {epoch}"),
        };
        reporter.line(format!("{} with {}", wal_only(self.amount), self.name));
        reporter.field("node ID", self.node_id);
        let from = when(self.activation_epoch, &self.activation_time);
        reporter.field("counts from", from);
        let back = when(self.withdraw_epoch, &self.withdraw_time);
        reporter.field("comes back", format!("from {back} at the earliest"));
        match (self.last_return, self.last_reward) {
            (Some(part), Some(reward)) => {
                let earned = format!(
                    "{} ({}), in the last epoch",
                    wal_only(reward),
                    percent(part)
                );
                reporter.field("would have", format!("earned {earned}"));
            }
            _ => reporter.field("last epoch", "the node has earned nothing"),
        }
        if self.missing > 0 {
            let missing = format!(
                "{} more to be a candidate, even with this",
                wal(self.missing)
            );
            reporter.field("it needs", missing);
        }
        reporter.line("Until it counts, it can be withdrawn at once unless its node is in a committee that is chosen already.");
    }
}

/// Says when a stake would count and come back.
pub(crate) async fn run(global: &GlobalOptions, args: StakeEstimateArgs) -> anyhow::Result<()> {
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let reader = network.reader();
    let (node_id, amount) = (args.node_id, args.amount);
    let pools = reader.pools(&[node_id]).await;
    let pools = pools.context("something else than a storage node is named")?;
    let pool = pools.get(&node_id).with_context(|| {
        format!("the network has no storage node {node_id}; `walrus stake nodes` lists them")
    })?;
    ensure!(
        pool.state == PoolState::Active,
        "the node {node_id} ({}) leaves the network and takes no stake",
        pool.node_info.name
    );
    let staking = reader.staking_state().await?;
    let candidates = reader.active_set().await?;
    let activation_epoch = staking.next_open_epoch();
    // Requested in the first half of the epoch from which it counts on.
    let withdraw_epoch = activation_epoch.saturating_add(1);
    let last_return = last_returns(reader, &staking, &[pool])
        .await?
        .pop()
        .flatten();
    let is_candidate = candidates.contains(node_id);
    let stake = pool.stake_at(activation_epoch).saturating_add(amount);
    let missing = candidates.entry_stake().saturating_sub(stake);
    let output = EstimateOutput {
        node_id,
        amount,
        current_epoch: staking.epoch,
        activation_epoch,
        activation_time: epoch_start_estimate(&staking, activation_epoch),
        withdraw_epoch,
        withdraw_time: epoch_start_estimate(&staking, withdraw_epoch),
        is_candidate,
        missing: if is_candidate { 0 } else { missing },
        last_return,
        last_reward: last_return.map(|part| reward(amount, part)),
        name: pool.node_info.name.clone(),
    };
    show(global, &output)
}

/// A part of an amount, in FROST.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, which saturates"
)]
fn reward(amount: u64, part: f64) -> u64 {
    (amount as f64 * part) as u64
}
