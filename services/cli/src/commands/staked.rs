//! Stakes of the wallet: what they are worth, and when they count and come back. Client spec 2.8.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use serde::Serialize;
use walrus_sui::{
    Address,
    contract::ContractReader,
    objects::{StakeExit, StakedWal, StakedWalState, StakingInnerV1, StakingPool},
};

use crate::{
    context::epoch_start_estimate,
    report::{Reporter, wal_only},
};

/// An object of the wallet that holds a stake, in the form of client spec 2.8.
#[derive(Serialize)]
pub(super) struct Stake {
    pub(super) id: Address,
    state: State,
    pub(super) node_id: Address,
    /// FROST.
    pub(super) principal: u64,
    pub(super) activation_epoch: u32,
}

#[derive(Serialize)]
enum State {
    Staked,
    /// From this epoch on it can be withdrawn.
    Withdrawing(u32),
}

impl From<&StakedWal> for Stake {
    fn from(staked: &StakedWal) -> Self {
        Self {
            id: staked.id,
            state: match staked.state {
                StakedWalState::Staked => State::Staked,
                StakedWalState::Withdrawing { withdraw_epoch } => {
                    State::Withdrawing(withdraw_epoch)
                }
            },
            node_id: staked.node_id,
            principal: staked.principal,
            activation_epoch: staked.activation_epoch,
        }
    }
}

/// Stakes, and what there is to know of them.
pub(super) struct Holdings {
    pub(super) stakes: Vec<Holding>,
    pub(super) staking: StakingInnerV1,
    pools: BTreeMap<Address, StakingPool>,
}

/// A stake.
pub(super) struct Holding {
    pub(super) stake: StakedWal,
    pub(super) exit: StakeExit,
    /// FROST with all that it has earned, if that is known.
    pub(super) worth: Option<u64>,
}

impl Holdings {
    /// All stakes of an owner, by node and by when they count.
    pub(super) async fn of(reader: &ContractReader, owner: Address) -> anyhow::Result<Self> {
        let mut stakes = reader.owned_stakes(owner).await?;
        stakes.sort_by_key(|stake| (stake.node_id, stake.activation_epoch, stake.id));
        Self::look_up(reader, stakes).await
    }

    /// What there is to know of stakes.
    pub(super) async fn look_up(
        reader: &ContractReader,
        stakes: Vec<StakedWal>,
    ) -> anyhow::Result<Self> {
        let staking = reader.staking_state().await?;
        let nodes: BTreeSet<_> = stakes.iter().map(|stake| stake.node_id).collect();
        let pools = reader.pools(&nodes.into_iter().collect::<Vec<_>>()).await?;
        let worth = reader
            .worth_of_stakes(&stakes, &pools, staking.epoch)
            .await?;
        let stakes = stakes.into_iter().zip(worth).map(|(stake, worth)| Holding {
            exit: staking.exit_of(&stake),
            stake,
            worth,
        });
        Ok(Self {
            stakes: stakes.collect(),
            staking,
            pools,
        })
    }

    /// The stakes with these object IDs alone, each once.
    ///
    /// # Errors
    /// If the wallet has one of them not.
    pub(super) fn named(mut self, ids: &[Address], owner: Address) -> anyhow::Result<Self> {
        for id in ids {
            if !self.stakes.iter().any(|held| held.stake.id == *id) {
                bail!(
                    "the wallet {owner} has no stake {id}; `walrus list-staked-wal` lists those that it has"
                );
            }
        }
        self.stakes.retain(|held| ids.contains(&held.stake.id));
        Ok(self)
    }

    /// IDs of the objects.
    pub(super) fn ids(&self) -> Vec<Address> {
        self.stakes.iter().map(|held| held.stake.id).collect()
    }

    /// For programs.
    pub(super) fn json(&self) -> Vec<Stake> {
        self.stakes
            .iter()
            .map(|held| Stake::from(&held.stake))
            .collect()
    }

    /// An epoch, and about when it begins.
    pub(super) fn when(&self, epoch: u32) -> String {
        match epoch_start_estimate(&self.staking, epoch) {
            Some(time) => format!("epoch {epoch}, about {time}"),
            None => format!("epoch {epoch}"),
        }
    }

    /// Prints what there is to know of one.
    pub(super) fn print(&self, reporter: &Reporter, held: &Holding) {
        let Holding { stake, exit, worth } = held;
        let pool = self.pools.get(&stake.node_id);
        let name = pool.map_or("a node that is gone", |pool| &pool.node_info.name);
        reporter.line(format!("{} with {name}", wal_only(stake.principal)));
        reporter.field("stake", stake.id);
        reporter.field("node ID", stake.node_id);
        if let Some(worth) = worth.filter(|worth| *worth > stake.principal) {
            let earned = worth.saturating_sub(stake.principal);
            let worth = format!("{}, {} of it earned", wal_only(worth), wal_only(earned));
            reporter.field("worth now", worth);
        }
        match stake.activation_epoch > self.staking.epoch {
            true => reporter.field("counts from", self.when(stake.activation_epoch)),
            false => reporter.field("counts since", format!("epoch {}", stake.activation_epoch)),
        }
        let epoch = self.staking.epoch;
        let back = match *exit {
            StakeExit::NotCounting => {
                "at once, as it does not count yet: `walrus withdraw-stake`".to_owned()
            }
            StakeExit::NodeIsOut => {
                "at once, as its node is in no committee: `walrus withdraw-stake`".to_owned()
            }
            StakeExit::Requested { .. } if exit.is_open(epoch) => {
                "at once: `walrus withdraw-stake`".to_owned()
            }
            StakeExit::Requested { withdraw_epoch } => {
                format!("from {}", self.when(withdraw_epoch))
            }
            StakeExit::OnRequest { withdraw_epoch } => {
                format!("if requested now, from {}", self.when(withdraw_epoch))
            }
        };
        reporter.field("comes back", back);
    }

    /// That a stake can be withdrawn now.
    ///
    /// # Errors
    /// When it can be, and what has to be done before.
    pub(super) fn check_open(&self, held: &Holding) -> anyhow::Result<()> {
        let (id, node) = (held.stake.id, held.stake.node_id);
        match held.exit {
            exit if exit.is_open(self.staking.epoch) => Ok(()),
            StakeExit::OnRequest { withdraw_epoch } => bail!(
                "the stake {id} has to be requested first: `walrus request-withdraw-stake {node} {id}`; if that is done now, it can be \
                 withdrawn from {} on",
                self.when(withdraw_epoch)
            ),
            StakeExit::Requested { withdraw_epoch } => bail!(
                "the stake {id} was requested and can be withdrawn from {} on",
                self.when(withdraw_epoch)
            ),
            StakeExit::NotCounting | StakeExit::NodeIsOut => Ok(()),
        }
    }
}

/// Reads objects again that a transaction has changed.
pub(super) async fn read_again(
    reader: &ContractReader,
    ids: &[Address],
) -> anyhow::Result<Vec<StakedWal>> {
    let objects = reader.chain().objects(ids).await?;
    let stakes = objects.iter().zip(ids).map(|(object, id)| {
        let object = object
            .as_ref()
            .with_context(|| format!("the stake {id} is gone"))?;
        Ok(object.decode()?)
    });
    stakes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stakes_have_the_form_of_the_specification() {
        let staked = |state| StakedWal {
            id: Address::TWO,
            state,
            node_id: Address::THREE,
            principal: 7,
            activation_epoch: 4,
        };
        let json = serde_json::to_value(Stake::from(&staked(StakedWalState::Staked))).unwrap();
        let expected = serde_json::json!({
            "id": Address::TWO, "state": "Staked", "node_id": Address::THREE, "principal": 7, "activation_epoch": 4
        });
        assert_eq!(json, expected);
        let leaving = StakedWalState::Withdrawing { withdraw_epoch: 9 };
        let json = serde_json::to_value(Stake::from(&staked(leaving))).unwrap();
        assert_eq!(json["state"], serde_json::json!({"Withdrawing": 9}));
    }
}
