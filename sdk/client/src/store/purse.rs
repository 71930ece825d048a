//! Wallet budget, which a store pays from transaction by transaction: each alone may be within them.

use walrus_sui::{
    Address, StructTag, contract::Prices, money::Coin, transactions::TransactionError,
};

use super::{
    Store,
    plan::Owned,
    register::{Batch, transaction_error},
    stage::Described,
};
use crate::ClientError;

/// What a wallet has, and what was planned with it.
pub(super) struct Purse {
    /// Nobody knows what lacks without a wallet.
    owner: Option<Address>,
    frost: Means,
    mist: Means,
    /// What the caller allows for the gas of each transaction, in MIST.
    gas_budget: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Means {
    available: u64,
    /// Negative if more is returned.
    planned: i128,
}

impl Means {
    fn take(&mut self, cost: i128) {
        self.planned = self.planned.saturating_add(cost);
    }

    /// What lacks for so much at once beside what is planned: all that is needed.
    fn lacking(self, at_once: i128) -> Option<u64> {
        let needed = self.planned.saturating_add(at_once);
        let lacks = needed > i128::from(self.available);
        lacks.then(|| u64::try_from(needed).unwrap_or(u64::MAX))
    }
}

impl Purse {
    /// Takes what one more blob costs in WAL.
    pub(super) fn take(&mut self, cost: u64) -> Result<(), TransactionError> {
        if cost == 0 {
            return Ok(());
        }
        self.frost.take(cost.into());
        match self.frost.lacking(0) {
            Some(needed) => self.refuse(Coin::Wal, needed, self.frost.available),
            None => Ok(()),
        }
    }

    /// Takes what one more transaction takes for gas, which needs its budget for the moment.
    pub(super) fn take_gas(&mut self, net: i64) -> Result<(), TransactionError> {
        let net = i128::from(net);
        let budget = self.gas_budget.map_or(net, i128::from).max(net);
        let lacking = self.mist.lacking(budget);
        self.mist.take(net);
        match lacking.filter(|_| budget > 0) {
            Some(needed) => self.refuse(Coin::Sui, needed, self.mist.available),
            None => Ok(()),
        }
    }

    fn refuse(&self, coin: Coin, needed: u64, available: u64) -> Result<(), TransactionError> {
        match self.owner {
            None => Ok(()),
            Some(owner) => Err(TransactionError::InsufficientFunds {
                owner,
                coin,
                needed,
                available,
            }),
        }
    }
}

impl Store<'_> {
    /// The wallet's WAL and SUI.
    pub(super) async fn purse(&self) -> Result<Purse, ClientError> {
        let gas_budget = self.options.gas_budget;
        let mut purse = Purse {
            owner: None,
            frost: Means::default(),
            mist: Means::default(),
            gas_budget,
        };
        let Some(writer) = &self.writer else {
            return Ok(purse);
        };
        let (reader, owner) = (self.client.reader(), writer.address());
        let (wal, sui) = (reader.packages().wal_type, StructTag::sui());
        let chain = reader.chain();
        let (frost, mist) =
            tokio::try_join!(chain.balance(owner, &wal), chain.balance(owner, &sui))?;
        purse.owner = Some(owner);
        purse.frost.available = frost;
        purse.mist.available = mist;
        Ok(purse)
    }

    /// Refuses blobs if the wallet does not have what all transactions that register them take, or if that is more than the caller
    /// allows, before the first is paid. `first` is the plan for the first of them, `rest` are those that it leaves, and `owned` is what the wallet has then.
    pub(super) async fn check_means(
        &self,
        first: &Batch,
        mut rest: &[&Described],
        owned: &mut Owned,
        prices: &Prices,
    ) -> Result<(), ClientError> {
        let mut purse = self.purse().await?;
        self.charge(first, &mut purse).await?;
        while !rest.is_empty() {
            let batch = self.plan_batch(rest, owned, prices)?;
            rest = rest.get(batch.settled.max(1)..).unwrap_or_default();
            self.charge(&batch, &mut purse).await?;
        }
        let cost = u64::try_from(purse.frost.planned).unwrap_or(u64::MAX);
        match self.options.max_cost {
            Some(max) if cost > max => Err(ClientError::TooExpensive { cost, max }),
            _ => Ok(()),
        }
    }

    async fn charge(&self, batch: &Batch, purse: &mut Purse) -> Result<(), ClientError> {
        let found = batch.found.iter().map(|(_, _, cost)| *cost);
        let costs = found.chain(batch.new.iter().map(|new| new.cost));
        let paid = costs
            .map(|cost| purse.take(cost))
            .collect::<Result<Vec<()>, _>>();
        let mut gas = self.batch_gas(batch).await;
        gas.pay_from(purse);
        let refusal = paid.err().or_else(|| gas.refusal());
        refusal.map_or(Ok(()), |error| {
            Err(transaction_error("registering the blobs", error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purse(frost: u64, mist: u64, gas_budget: Option<u64>) -> Purse {
        let means = |available| Means {
            available,
            planned: 0,
        };
        Purse {
            owner: Some(Address::TWO),
            frost: means(frost),
            mist: means(mist),
            gas_budget,
        }
    }

    #[test]
    fn a_purse_is_emptied_by_all_batches_together() {
        let mut full = purse(10, 0, None);
        assert!(full.take(6).is_ok() && full.take(4).is_ok());
        let error = full.take(1).unwrap_err().to_string();
        assert!(error.contains("has 10 FROST of the 11 FROST"), "{error}");
        assert!(full.take(0).is_ok(), "what costs nothing can be paid");
        let mut unknown = Purse {
            owner: None,
            ..purse(0, 0, None)
        };
        assert!(unknown.take(100).is_ok() && unknown.take_gas(100).is_ok());
    }

    #[test]
    fn gas_is_added_up_and_the_last_budget_must_be_there() {
        let mut full = purse(0, 10, None);
        assert!(full.take_gas(6).is_ok() && full.take_gas(-2).is_ok());
        assert!(full.take_gas(6).is_ok());
        let error = full.take_gas(1).unwrap_err().to_string();
        assert!(error.contains("has 10 MIST of the 11 MIST"), "{error}");
        let mut bounded = purse(0, 10, Some(7));
        assert!(bounded.take_gas(3).is_ok());
        assert!(bounded.take_gas(3).is_ok(), "7 are left for a budget of 7");
        assert!(bounded.take_gas(3).is_err());
    }
}
