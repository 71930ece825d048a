//! Staking pool of a node (contracts spec 7.11 and 8.9).

use std::collections::BTreeMap;

use crate::{
    Abort, Epoch, Frost, NodeId,
    abort::{add, ensure, narrow, subtract},
    exchange_rate::ExchangeRate,
    pending::Pending,
    stake::{MIN_PRINCIPAL, Stake, StakeState},
};

const MODULE: &str = "staking_pool";
/// All of a reward, as a commission rate.
const BASIS_POINTS: u16 = 10_000;
/// Half of the smallest stake, in FROST: with less than that a pool has no stakers.
const DUST: Frost = MIN_PRINCIPAL / 2;
/// Epochs until a new commission rate takes effect.
const COMMISSION_DELAY: Epoch = 2;

/// What a pool has to know of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The current epoch.
    pub epoch: Epoch,
    /// Whether the next committee is known.
    pub selected: bool,
    /// Whether the pool's node is in the committee.
    pub in_current: bool,
    /// Whether the next committee is known and has the pool's node.
    pub in_next: bool,
}

impl Context {
    /// The first epoch whose committee can still be influenced.
    #[must_use]
    pub fn next_vote(self) -> Epoch {
        self.epoch + if self.selected { 2 } else { 1 }
    }
}

/// What a node asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeVotes {
    /// FROST per unit and epoch.
    pub storage_price: Frost,
    /// FROST per unit.
    pub write_price: Frost,
    /// Bytes the node can hold.
    pub capacity: u64,
}

/// The accounts of a pool. Principal is not in it: stakers hold it themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The node.
    pub node: NodeId,
    /// Its votes.
    pub votes: NodeVotes,
    /// No exchange rate is older.
    pub activation_epoch: Epoch,
    /// The last epoch the pool took part in.
    pub latest_epoch: Epoch,
    /// Active principal and its rewards.
    pub wal_balance: Frost,
    /// Shares of it.
    pub num_shares: u64,
    /// Shares that leave.
    pub pending_shares_withdraw: Pending,
    /// Principal that leaves after one epoch.
    pub pre_active_withdrawals: Pending,
    /// Commission rates to come.
    pub pending_commission_rate: Pending,
    /// Basis points of the rewards that the operator keeps.
    pub commission_rate: u16,
    /// Price of shares at the start of an epoch.
    pub exchange_rates: BTreeMap<Epoch, ExchangeRate>,
    /// Principal that joins.
    pub pending_stake: Pending,
    /// Rewards of the stakers.
    pub rewards_pool: Frost,
    /// Rewards of the operator.
    pub commission: Frost,
    /// The part of `commission` that cannot be collected yet.
    pub blocked_commission: Frost,
}

impl Pool {
    /// A new pool.
    ///
    /// # Errors
    /// The commission rate is above 100 % (`staking_pool` 14).
    pub fn new(
        node: NodeId,
        context: Context,
        commission_rate: u16,
        votes: NodeVotes,
    ) -> Result<Self, Abort> {
        ensure(commission_rate <= BASIS_POINTS, MODULE, 14)?;
        let activation_epoch = context.epoch + u32::from(context.selected);
        Ok(Self {
            node,
            votes,
            activation_epoch,
            latest_epoch: context.epoch,
            wal_balance: 0,
            num_shares: 0,
            pending_shares_withdraw: Pending::default(),
            pre_active_withdrawals: Pending::default(),
            pending_commission_rate: Pending::default(),
            commission_rate,
            exchange_rates: BTreeMap::from([(activation_epoch, ExchangeRate::Flat)]),
            pending_stake: Pending::default(),
            rewards_pool: 0,
            commission: 0,
            blocked_commission: 0,
        })
    }

    /// The rate at the start of `epoch`. Where none is stored it is the price after the epoch before: nothing is earned until the
    /// next one that is stored, or yet to be.
    ///
    /// # Errors
    /// Numbers that cannot be.
    pub fn rate_at(&self, epoch: Epoch) -> Result<ExchangeRate, Abort> {
        if epoch > self.latest_epoch {
            return ExchangeRate::new(self.wal_balance, self.num_shares);
        }
        let known = (epoch >= self.activation_epoch)
            .then(|| self.exchange_rates.range(epoch..).next())
            .flatten();
        Ok(known.map_or(ExchangeRate::Flat, |(_, rate)| *rate))
    }

    /// The pool's stake in `epoch` as far as it is known now.
    ///
    /// # Errors
    /// Numbers that cannot be.
    pub fn wal_balance_at_epoch(&self, epoch: Epoch) -> Result<Frost, Abort> {
        let rate = ExchangeRate::new(self.wal_balance, self.num_shares)?;
        let mut shares = self.pending_shares_withdraw.value_at(epoch);
        for (leaving, principal) in self.pre_active_withdrawals.until(epoch) {
            shares = add(shares, self.rate_at(leaving - 1)?.to_shares(principal)?)?;
        }
        let expected = add(self.wal_balance, self.pending_stake.value_at(epoch))?;
        subtract(expected, rate.to_wal(shares)?)
    }

    /// Rewards of a principal that was active in `activation..withdraw`.
    ///
    /// # Errors
    /// Numbers that cannot be.
    pub fn rewards(
        &self,
        principal: Frost,
        activation: Epoch,
        withdraw: Epoch,
    ) -> Result<Frost, Abort> {
        let shares = self.rate_at(activation)?.to_shares(principal)?;
        Ok(self
            .rate_at(withdraw)?
            .to_wal(shares)?
            .saturating_sub(principal))
    }

    /// Takes stake.
    ///
    /// # Errors
    /// Nothing (`staking_pool` 7), or less than 1 WAL (`staked_wal` 7).
    pub fn stake(&mut self, context: Context, amount: Frost) -> Result<Stake, Abort> {
        ensure(amount > 0, MODULE, 7)?;
        let stake = Stake::new(self.node, context.next_vote(), amount)?;
        self.pending_stake
            .insert_or_add(stake.activation_epoch, amount)?;
        Ok(stake)
    }

    /// Announces a withdrawal.
    ///
    /// # Errors
    /// Another pool's stake, requested before, or no request is needed (codes of contracts spec 7.11).
    pub fn request_withdraw(&mut self, context: Context, stake: &mut Stake) -> Result<(), Abort> {
        ensure(stake.principal > 0, MODULE, 7)?;
        ensure(stake.node == self.node, MODULE, 9)?;
        ensure(stake.state == StakeState::Staked, MODULE, 8)?;
        ensure(!stake.is_early(context), MODULE, 13)?;
        if stake.activation_epoch == context.epoch + 1 {
            let withdraw_epoch = context.epoch + 2;
            self.pre_active_withdrawals
                .insert_or_add(withdraw_epoch, stake.principal)?;
            stake.state = StakeState::Withdrawing { withdraw_epoch };
            return Ok(());
        }
        ensure(stake.activation_epoch <= context.epoch, MODULE, 12)?;
        ensure(context.in_next || context.in_current, MODULE, 13)?;
        let withdraw_epoch = context.epoch + if context.in_next { 2 } else { 1 };
        let shares = self
            .rate_at(stake.activation_epoch)?
            .to_shares(stake.principal)?;
        ensure(shares > 0, MODULE, 18)?;
        self.pending_shares_withdraw
            .insert_or_add(withdraw_epoch, shares)?;
        stake.state = StakeState::Withdrawing { withdraw_epoch };
        Ok(())
    }

    /// Pays out principal and rewards.
    ///
    /// # Errors
    /// Another pool's stake, not requested, or too early (codes of contracts spec 7.11).
    pub fn withdraw(&mut self, context: Context, stake: &Stake) -> Result<Frost, Abort> {
        ensure(stake.principal > 0, MODULE, 7)?;
        ensure(stake.node == self.node, MODULE, 9)?;
        let (principal, activation) = (stake.principal, stake.activation_epoch);
        if stake.is_early(context) {
            self.pending_stake.reduce(activation, principal)?;
            return Ok(principal);
        }
        let idle = !context.in_current && !context.in_next;
        let rewards = match stake.state {
            StakeState::Staked if idle && activation > context.epoch => {
                self.pending_stake.reduce(activation, principal)?;
                0
            }
            StakeState::Staked if idle => {
                let shares = self.rate_at(activation)?.to_shares(principal)?;
                self.pending_shares_withdraw
                    .insert_or_add(context.epoch, shares)?;
                self.rewards(principal, activation, context.epoch)?
            }
            StakeState::Staked => return Err(Abort::code(MODULE, 10)),
            StakeState::Withdrawing { withdraw_epoch } => {
                ensure(withdraw_epoch <= context.epoch, MODULE, 11)?;
                ensure(activation <= context.epoch, MODULE, 12)?;
                self.rewards(principal, activation, withdraw_epoch)?
            }
        };
        let paid = rewards.min(self.rewards_pool);
        self.rewards_pool -= paid;
        add(principal, paid)
    }

    /// Enters the current epoch with what the node earned in the one before.
    ///
    /// # Errors
    /// The pool is there already (`staking_pool` 0), earned without stake (2), or more leaves than there is (1).
    pub fn advance_epoch(&mut self, context: Context, rewards: Frost) -> Result<(), Abort> {
        let epoch = context.epoch;
        ensure(epoch > self.latest_epoch, MODULE, 0)?;
        ensure(rewards == 0 || self.wal_balance > 0, MODULE, 2)?;
        let rate = if self.wal_balance < DUST {
            BASIS_POINTS
        } else {
            self.commission_rate
        };
        let kept = narrow(u128::from(rewards) * u128::from(rate) / u128::from(BASIS_POINTS))?;
        self.add_commission(kept, true)?;
        if let Some(rate) = self.pending_commission_rate.latest_value_at(epoch) {
            self.commission_rate = u16::try_from(rate).map_err(|_| Abort::Arithmetic)?;
        }
        self.pending_commission_rate.flush(epoch);
        self.rewards_pool = add(self.rewards_pool, rewards - kept)?;
        self.wal_balance = add(self.wal_balance, rewards - kept)?;
        self.latest_epoch = epoch;
        self.process_pending_stake(epoch)?;
        if self.wal_balance < DUST && !context.in_current {
            (self.wal_balance, self.num_shares) = (0, 0);
        }
        Ok(())
    }

    fn process_pending_stake(&mut self, epoch: Epoch) -> Result<(), Abort> {
        let rate = ExchangeRate::new(self.wal_balance, self.num_shares)?;
        self.exchange_rates.insert(epoch, rate);
        self.wal_balance = add(self.wal_balance, self.pending_stake.flush(epoch))?;
        let mut shares = self.pending_shares_withdraw.flush(epoch);
        for (leaving, principal) in self.pre_active_withdrawals.take_until(epoch) {
            shares = add(shares, self.rate_at(leaving - 1)?.to_shares(principal)?)?;
        }
        let out = rate.to_wal(shares)?;
        ensure(self.wal_balance >= out, MODULE, 1)?;
        self.wal_balance -= out;
        self.num_shares = rate.to_shares(self.wal_balance)?;
        Ok(())
    }

    /// Adds to the commission.
    ///
    /// # Errors
    /// Overflow.
    pub fn add_commission(&mut self, amount: Frost, blocked: bool) -> Result<(), Abort> {
        self.commission = add(self.commission, amount)?;
        if blocked {
            self.blocked_commission = add(self.blocked_commission, amount)?;
        }
        Ok(())
    }

    /// Pays out the commission that is not blocked.
    pub fn collect_commission(&mut self) -> Frost {
        let collected = self.commission.saturating_sub(self.blocked_commission);
        self.commission -= collected;
        collected
    }

    /// Takes all commission, blocked or not.
    pub fn slash_commission(&mut self) -> Frost {
        self.blocked_commission = 0;
        std::mem::take(&mut self.commission)
    }

    /// Announces another commission rate.
    ///
    /// # Errors
    /// The rate is above 100 % (`staking_pool` 14).
    pub fn set_next_commission(&mut self, epoch: Epoch, rate: u16) -> Result<(), Abort> {
        ensure(rate <= BASIS_POINTS, MODULE, 14)?;
        let effective = epoch + COMMISSION_DELAY;
        self.pending_commission_rate
            .insert_or_replace(effective, u64::from(rate));
        Ok(())
    }
}
