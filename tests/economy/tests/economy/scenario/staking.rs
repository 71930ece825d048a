//! Stakers.

use walrus_contract_tests::{Ptb, WAL};
use walrus_economy::{
    exchange_rate::ExchangeRate,
    pool::Context,
    stake::{Stake, StakeState},
};

use super::{Held, World, node_id};

/// Stakes below this stay with a node that everybody else leaves, in FROST.
const SMALL: u64 = 60 * WAL;

fn is_idle(context: Context) -> bool {
    !context.in_current && !context.in_next
}

impl World {
    /// A staker stakes with a node: mostly something large, now and then too little.
    pub(crate) fn stake(&mut self) {
        let owner = self.staker();
        let epoch = self.economy.staking.epoch;
        self.shunned.retain(|_, until| *until > epoch);
        let node = self.random.between(0, self.network.nodes.len() as u64 - 1) as usize;
        let wealth = self.wealth(&owner);
        if self.shunned.contains_key(&node) || wealth == 0 {
            return;
        }
        let amount = match self.random.between(0, 19) {
            0 => self.random.between(1, WAL),
            1..=4 => self.random.between(WAL, SMALL),
            _ => self.random.between(WAL, 4_000 * WAL),
        };
        self.stake_with(&owner, node, amount.min(wealth));
    }

    /// Stakes so much with a node (position in the network).
    pub(super) fn stake_with(
        &mut self,
        owner: &walrus_contract_tests::Account,
        node: usize,
        amount: u64,
    ) {
        let node = self.network.nodes[node].id;
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, owner);
        let coin = ptb.split(purse, amount);
        let arguments = vec![ptb.object(self.contracts().staking), coin, ptb.pure(&node)];
        let staked = self.call(&mut ptb, "staking", "stake_with_pool", arguments);
        ptb.transfer(vec![staked], owner.address);
        let done = self.both("stake", owner, &ptb, |economy| {
            *economy.purse(owner.address.into_inner()) -= amount;
            economy.staking.stake(node_id(node), amount)
        });
        if let Some((executed, value)) = done {
            let id = executed.created("staked_wal", "StakedWal");
            let owner = owner.clone();
            self.stakes.push(Held { owner, id, value });
        }
    }

    /// Mostly a stake that is wanted, at times any.
    fn any_stake(&mut self, wanted: impl Fn(&Stake, Context) -> bool) -> Option<usize> {
        let staking = &self.economy.staking;
        let likely: Vec<usize> = (0..self.stakes.len())
            .filter(|index| {
                let stake = &self.stakes[*index].value;
                wanted(stake, staking.context(stake.node))
            })
            .collect();
        if likely.is_empty() || self.random.one_in(6) {
            let count = self.stakes.len() as u64;
            return (count > 0).then(|| self.random.between(0, count - 1) as usize);
        }
        Some(*self.random.pick(&likely))
    }

    pub(super) fn request_withdraw(&mut self) {
        if let Some(index) = self.any_stake(|stake, _| stake.state == StakeState::Staked) {
            self.request_withdraw_of(index);
        }
    }

    fn request_withdraw_of(&mut self, index: usize) {
        let Held { owner, id, value } = self.stakes[index].clone();
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(self.contracts().staking), ptb.object(id)];
        self.call(&mut ptb, "staking", "request_withdraw_stake", arguments);
        let mut stake = value;
        let done = self.both("request_withdraw", &owner, &ptb, |economy| {
            economy.staking.request_withdraw(&mut stake).map(|()| stake)
        });
        if let Some((_, stake)) = done {
            let epoch = self.economy.staking.epoch;
            let kind = match stake.state {
                _ if stake.activation_epoch > epoch => "request_withdraw: before it is active",
                StakeState::Withdrawing { withdraw_epoch } if withdraw_epoch == epoch + 2 => {
                    "request_withdraw: after the selection"
                }
                _ => "request_withdraw: before the selection",
            };
            self.note(kind);
            self.stakes[index].value = stake;
        }
    }

    pub(super) fn withdraw(&mut self) {
        let due = |stake: &Stake, context: Context| match stake.state {
            StakeState::Withdrawing { withdraw_epoch } => withdraw_epoch <= context.epoch,
            StakeState::Staked => is_idle(context),
        };
        if let Some(index) = self.any_stake(due) {
            self.withdraw_of(index);
        }
    }

    fn withdraw_of(&mut self, index: usize) -> bool {
        let Held { owner, id, value } = self.stakes[index].clone();
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(self.contracts().staking), ptb.object(id)];
        let coin = self.call(&mut ptb, "staking", "withdraw_stake", arguments);
        ptb.transfer(vec![coin], owner.address);
        let done = self.both("withdraw", &owner, &ptb, |economy| {
            let paid = economy.staking.withdraw(&value)?;
            *economy.purse(owner.address.into_inner()) += paid;
            Ok(paid)
        });
        let Some((executed, paid)) = done else {
            return false;
        };
        let (_, received): (_, u64) =
            executed.created_value::<(sui_sdk_types::Address, u64)>("coin", "Coin");
        assert_eq!(received, paid, "withdrawal of {value:?}");
        let kind = match value.state {
            StakeState::Staked if value.activation_epoch > self.economy.staking.epoch => {
                "withdraw: early"
            }
            StakeState::Staked => "withdraw: from an idle node",
            StakeState::Withdrawing { .. } => "withdraw: announced",
        };
        self.note(kind);
        if paid > value.principal {
            self.note("withdraw: with rewards");
        }
        let pool = &self.economy.staking.pools[&value.node];
        let has_earned = pool
            .exchange_rates
            .values()
            .any(|rate| *rate != ExchangeRate::Flat);
        if kind == "withdraw: from an idle node" && pool.num_shares == 0 && has_earned {
            self.note("withdraw: from a node that all had left");
        }
        self.stakes.swap_remove(index);
        true
    }

    pub(super) fn split_stake(&mut self) {
        let Some(index) = self.any_stake(|_, _| true) else {
            return;
        };
        let Held { owner, id, value } = self.stakes[index].clone();
        let amount = self.random.between(1, value.principal + WAL);
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(id), ptb.pure(&amount)];
        let part = self.call(&mut ptb, "staked_wal", "split", arguments);
        ptb.transfer(vec![part], owner.address);
        let mut stake = value;
        let done = self.both("split", &owner, &ptb, |_| {
            let part = stake.split(amount)?;
            Ok((stake, part))
        });
        if let Some((executed, (rest, value))) = done {
            let id = executed.created("staked_wal", "StakedWal");
            self.stakes[index].value = rest;
            self.stakes.push(Held { owner, id, value });
        }
    }

    pub(super) fn join_stakes(&mut self) {
        let Some(index) = self.any_stake(|_, _| true) else {
            return;
        };
        let into = self.stakes[index].clone();
        let others = || {
            let all = self.stakes.iter();
            all.filter(|other| other.id != into.id && other.owner == into.owner)
        };
        let alike = others().find(|other| into.value.clone().join(other.value.clone()).is_ok());
        let Some(other) = alike.or_else(|| others().next()).cloned() else {
            return;
        };
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(into.id), ptb.object(other.id)];
        self.call(&mut ptb, "staked_wal", "join", arguments);
        let mut joined = into.value;
        let done = self.both("join", &into.owner, &ptb, |_| {
            joined.join(other.value).map(|()| joined)
        });
        if let Some((_, joined)) = done {
            self.stakes[index].value = joined;
            self.stakes.retain(|held| held.id != other.id);
        }
    }

    /// Everybody leaves a node, but for small stakes if `completely` is not said; nobody comes back for some epochs,
    /// or one with too little.
    pub(crate) fn desert(&mut self, position: usize, epochs: u32, completely: bool) {
        let node = node_id(self.network.nodes[position].id);
        let until = self.economy.staking.epoch + epochs;
        self.shunned.insert(position, until);
        for index in (0..self.stakes.len()).rev() {
            let stake = &self.stakes[index].value;
            if stake.node == node && (completely || stake.principal >= SMALL) {
                self.leave(index);
            }
        }
        if !completely {
            let staker = self.staker();
            self.stake_with(&staker, position, 2 * WAL);
        }
    }

    /// Somebody stakes with a node that everybody has left, too little for a committee.
    pub(crate) fn visit(&mut self, position: usize) {
        let staker = self.staker();
        self.stake_with(&staker, position, 2 * WAL + 1);
    }

    /// Some of those that still have stake with nodes that are not selected any more leave.
    pub(crate) fn abandon(&mut self) {
        for index in (0..self.stakes.len()).rev() {
            let stake = &self.stakes[index].value;
            let context = self.economy.staking.context(stake.node);
            if !context.in_next && stake.state == StakeState::Staked && self.random.one_in(2) {
                let kind = if !stake.is_early(context) {
                    "abandon: active stake"
                } else if stake.activation_epoch == context.epoch + 1 {
                    "abandon: stake of the next epoch"
                } else {
                    "abandon: stake of a later epoch"
                };
                self.note(kind);
                self.leave(index);
            }
        }
    }

    /// Takes stake out in the shortest way there is.
    fn leave(&mut self, index: usize) {
        let stake = &self.stakes[index].value;
        let context = self.economy.staking.context(stake.node);
        if stake.state != StakeState::Staked {
            return;
        }
        if stake.is_early(context) || is_idle(context) {
            let stake = self.stakes[index].value.clone();
            assert!(self.withdraw_of(index), "{stake:?} is refused");
        } else {
            self.request_withdraw_of(index);
        }
    }
}
