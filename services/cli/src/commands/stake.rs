//! `walrus stake`: WAL for storage nodes, by which they get shards. Client spec 2.8.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use walrus_sui::{
    Address,
    objects::{ActiveSet, PoolState, StakingInnerV1, StakingPool},
};

use super::{Report, show, staked::Stake};
use crate::{
    args::{GlobalOptions, StakeArgs},
    context::{Network, epoch_start_estimate},
    cost::Cost,
    report::{Reporter, wal, wal_only},
};

/// The JSON result. Client spec 2.8.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StakeOutput {
    /// In the order of the nodes on the command line.
    staked_wal: Vec<Stake>,
    /// What people want to know besides.
    #[serde(skip)]
    before: Before,
}

/// The nodes as they were: nothing is asked once something is paid, for then it could fail.
pub(super) struct Before {
    pools: BTreeMap<Address, StakingPool>,
    candidates: ActiveSet,
    staking: StakingInnerV1,
}

impl Before {
    /// Looks at the nodes; says what the contract would refuse with a code.
    pub(super) async fn look(network: &Network, ids: &[Address]) -> anyhow::Result<Self> {
        let reader = network.reader();
        let pools = reader.pools(ids).await;
        let pools = pools.context("something else than a storage node is named")?;
        for id in ids {
            let pool = pools.get(id).with_context(|| {
                format!(
                    "the network has no storage node {id}; `walrus stake nodes` lists the candidates, `walrus-node status` says the ID of a node that runs"
                )
            })?;
            ensure!(
                pool.state == PoolState::Active,
                "the node {id} ({}) leaves the network and takes no stake",
                pool.node_info.name
            );
        }
        Ok(Self {
            pools,
            candidates: reader.active_set().await?,
            staking: reader.staking_state().await?,
        })
    }
}

impl StakeOutput {
    /// FROST with which a node stands in the vote on the committee of an epoch, with what was staked now.
    fn total(&self, pool: &StakingPool, epoch: u32) -> u64 {
        let ours = self
            .staked_wal
            .iter()
            .filter(|stake| stake.node_id == pool.id && stake.activation_epoch <= epoch);
        ours.fold(pool.stake_at(epoch), |sum, stake| {
            sum.saturating_add(stake.principal)
        })
    }
}

impl Report for StakeOutput {
    fn print(&self, reporter: &Reporter) {
        for stake in &self.staked_wal {
            let Some(pool) = self.before.pools.get(&stake.node_id) else {
                continue;
            };
            let epoch = stake.activation_epoch;
            let name = &pool.node_info.name;
            reporter.line(format!("Staked {} with {name}", wal_only(stake.principal)));
            reporter.field("node ID", stake.node_id);
            reporter.field("stake", stake.id);
            let begin = epoch_start_estimate(&self.before.staking, epoch);
            let begin = begin.map_or(String::new(), |time| format!(", about {time}"));
            reporter.field("counts from", format!("epoch {epoch}{begin}"));
            let total = self.total(pool, epoch);
            reporter.field("the node has", wal(total));
            let candidates = &self.before.candidates;
            let needed = candidates.entry_stake();
            if total < needed && !candidates.contains(pool.id) {
                reporter.field(
                    "it needs",
                    format!("{} more to be a candidate", wal(needed - total)),
                );
            }
        }
        reporter.line(
            "The committee of an epoch is chosen in the middle of the one before; a node that is in it serves when the epoch begins.",
        );
    }
}

/// Stakes.
pub(crate) async fn run(global: &GlobalOptions, args: StakeArgs) -> anyhow::Result<()> {
    let stakes = stakes(&args)?;
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let writer = network.writer(global)?;
    let ids: Vec<_> = stakes.iter().map(|(node_id, _)| *node_id).collect();
    let before = Before::look(&network, &ids).await?;
    let amounts = stakes.iter().map(|(_, frost)| *frost);
    let all = amounts.fold(0, u64::saturating_add);
    let cost = Cost::wal("the stake", all, args.max_cost);
    cost.announce(global, &writer).await?;
    let staked = writer.stake(&stakes).await?;
    let staked_wal = staked.iter().map(Stake::from).collect();
    show(global, &StakeOutput { staked_wal, before })
}

/// The amount in FROST for each node.
fn stakes(args: &StakeArgs) -> anyhow::Result<Vec<(Address, u64)>> {
    let nodes = || args.node_ids.iter().copied();
    match args.amounts.as_slice() {
        [one] => Ok(nodes().map(|node| (node, *one)).collect()),
        amounts if amounts.len() == args.node_ids.len() => {
            Ok(nodes().zip(amounts.iter().copied()).collect())
        }
        amounts => bail!(
            "there are {} amounts for {} nodes; give one for all, or one for each",
            amounts.len(),
            args.node_ids.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::{args::Command, command_line};

    fn parse(line: &str) -> Result<StakeArgs, String> {
        let words = format!("walrus stake {line}");
        let words = words.split_whitespace().map(OsString::from);
        let cli = command_line::parse(words).map_err(|error| error.to_string())?;
        match cli.command {
            Command::Stake(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    fn frost(line: &str) -> Vec<u64> {
        let stakes = stakes(&parse(line).unwrap()).unwrap();
        stakes.into_iter().map(|(_, frost)| frost).collect()
    }

    #[test]
    fn there_is_one_amount_for_all_nodes_or_one_for_each() {
        const WAL: u64 = 1_000_000_000;
        assert_eq!(frost("--node-id 0x5"), [WAL]);
        assert_eq!(frost("--node-ids 0x5 0x6"), [WAL, WAL]);
        let one = "--node-ids 0x5 0x6 --amount 2000000000";
        assert_eq!(frost(one), [2 * WAL, 2 * WAL]);
        let each = "--amounts 2000000000 3000000000 --node-id 0x5 --node-id 0x6";
        assert_eq!(frost(each), [2 * WAL, 3 * WAL]);
        let many = parse("--node-ids 0x5 0x6 0x7 --amounts 2000000000 3000000000").unwrap();
        let said = stakes(&many).unwrap_err().to_string();
        assert!(said.contains("2 amounts for 3 nodes"), "{said}");
        let many = parse("--node-id 0x5 --amounts 2000000000 3000000000").unwrap();
        assert!(stakes(&many).is_err());
    }

    #[test]
    fn what_is_no_stake_is_a_mistake_of_the_command_line() {
        for (line, why) in [
            ("", "--node-ids <NODE_ID>"),
            ("--node-id mine", "'mine' for '--node-ids"),
            ("--node-id 0x5 --amount 5", "1000000000 FROST (1 WAL)"),
            (
                "--node-id 0x5 --amount 999999999",
                "1000000000 FROST (1 WAL)",
            ),
            ("--node-id 0x5 --amount 1.5", "expected a number of FROST"),
        ] {
            let said = parse(line).unwrap_err();
            assert!(said.contains(why), "{line}: {said}");
        }
    }
}
