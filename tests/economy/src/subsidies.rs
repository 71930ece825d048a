//! Subsidies to nodes (contracts spec 9.3, with the improvements of contracts spec 13, numbers 28 and 29).

use std::collections::BTreeMap;

use crate::{
    Abort, Epoch, Frost, NodeId,
    abort::{add, narrow},
    staking::Staking,
    system::System,
};

const HUNDRED_PERCENT: u128 = 10_000;

/// Rates, funds and what has been dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subsidies {
    /// Basis points that are added to what users pay.
    pub rate: u32,
    /// What is left.
    pub funds: Frost,
    /// FROST per node and epoch.
    pub base: Frost,
    /// FROST per shard and epoch.
    pub per_shard: Frost,
    /// The last epoch whose members have got the fixed part.
    pub latest_epoch: Epoch,
    /// Payments of users that are dealt with, by the epoch they are for.
    pub done: BTreeMap<Epoch, Frost>,
    /// What nodes could not be paid.
    pub debts: BTreeMap<NodeId, Frost>,
}

impl Subsidies {
    /// Subsidies without funds; what users paid until now gets none.
    #[must_use]
    pub fn new(
        system: &System,
        staking: &Staking,
        rate: u32,
        base: Frost,
        per_shard: Frost,
    ) -> Self {
        Self {
            rate,
            funds: 0,
            base,
            per_shard,
            latest_epoch: staking.epoch.saturating_sub(1),
            done: payments(system).collect(),
            debts: BTreeMap::new(),
        }
    }

    /// Pays the previous committee for the previous epoch, and adds to what users pay for the coming ones.
    ///
    /// # Errors
    /// Numbers that cannot be.
    pub fn process(&mut self, staking: &mut Staking, system: &mut System) -> Result<(), Abort> {
        self.pay_fixed(staking)?;
        self.pay_usage(system)
    }

    fn pay_fixed(&mut self, staking: &mut Staking) -> Result<(), Abort> {
        let mut dues = std::mem::take(&mut self.debts);
        if staking.epoch > 0 && self.latest_epoch < staking.epoch - 1 {
            self.latest_epoch = staking.epoch - 1;
            for (node, shards) in &staking.previous_committee {
                let due = dues.entry(*node).or_default();
                *due = add(*due, self.base + self.per_shard * shards.len() as u64)?;
            }
        }
        let total: u128 = dues.values().map(|due| u128::from(*due)).sum();
        let available = total.min(self.funds.into());
        for (node, due) in dues {
            // Nobody is due anything when the total is zero.
            let paid = narrow(u128::from(due) * available / total.max(1))?;
            self.funds -= paid;
            staking.add_commission(node, paid)?;
            if paid < due {
                self.debts.insert(node, due - paid);
            }
        }
        Ok(())
    }

    fn pay_usage(&mut self, system: &mut System) -> Result<(), Abort> {
        let rate = u128::from(self.rate);
        for (offset, (epoch, paid)) in (0..).zip(payments(system).collect::<Vec<_>>()) {
            let done = self.done.entry(epoch).or_default();
            let open = u128::from(paid - (*done).min(paid));
            let due = open * rate / HUNDRED_PERCENT;
            let funds = u128::from(self.funds);
            let (subsidy, dealt_with) = if due <= funds {
                (due, open)
            } else {
                // Rounded up, so that what is paid in parts is never more than the whole.
                (funds, (funds * HUNDRED_PERCENT).div_ceil(rate).min(open))
            };
            *done = (*done).min(paid) + narrow(dealt_with)?;
            self.funds -= narrow(subsidy)?;
            system.ring.donate(offset, narrow(subsidy)?)?;
        }
        Ok(())
    }
}

/// What users paid, by the epoch it is for.
fn payments(system: &System) -> impl Iterator<Item = (Epoch, Frost)> {
    system
        .ring
        .slots()
        .map(|slot| (slot.epoch, slot.rewards - slot.donations))
}
