//! Gas budgets that the caller gives, and what is wrong with them. A wallet is not to blame for a budget that is too small.

use sui_sdk_types::StructTag;

use super::{TransactionError, TransactionExecutor, executor::Build, ptb::FromGas};
use crate::chain::CoinObject;

impl TransactionExecutor {
    /// Why a transaction with this budget is refused, if the budget is the reason; otherwise why it would be refused with any.
    /// `None` if it would not: then something else was in the way.
    pub(super) async fn wrong_budget(
        &self,
        budget: u64,
        build: &Build<'_>,
        from_gas: FromGas,
        inputs: &[CoinObject],
    ) -> Result<Option<TransactionError>, TransactionError> {
        let owner = self.sender();
        let limits = self.chain.gas_limits().await?;
        if let Some(limit) = limits.largest_budget.filter(|limit| budget > *limit) {
            return Ok(Some(TransactionError::GasBudgetAboveLimit {
                budget,
                limit,
            }));
        }
        let mut estimating = self.clone();
        (estimating.gas_budget, estimating.estimates) = (None, true);
        let transaction = match estimating.resolve(build, inputs).await {
            Ok(transaction) => transaction,
            // Its SUI is in many pieces: they may be merged, and what it would need then is not known yet.
            Err(TransactionError::TooManyCoins { .. }) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        };
        let cost = estimating.simulate(&transaction).await?;
        // Computation that takes all of the budget fails.
        let least = cost.least_budget().saturating_add(1);
        let needed = least.max(limits.smallest_budget.unwrap_or_default());
        if budget < needed {
            return Ok(Some(TransactionError::GasBudgetTooSmall { budget, needed }));
        }
        let funds = self.chain.funds(owner, &StructTag::sui()).await?;
        let taken = from_gas.least();
        let above = budget.saturating_add(taken) > funds.total;
        let balance = funds.total;
        Ok(above.then_some(TransactionError::GasBudgetAboveBalance {
            owner,
            budget,
            balance,
            taken,
            needed,
        }))
    }
}
