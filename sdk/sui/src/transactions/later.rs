//! Gas that must be left for a transaction to come: what a first one pays for is lost if nothing is left for the second.

use sui_sdk_types::{StructTag, Transaction};

use super::{ContractWriter, TransactionError, TransactionExecutor};
use crate::{chain::Funds, limits};

/// The gas of a transaction that cannot be simulated yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LaterGas {
    /// Computation in gas units.
    units: u64,
    /// Storage less its rebate, in MIST.
    storage: u64,
}

impl LaterGas {
    /// That of certifying blobs by one transaction.
    fn of_certification(blobs: usize) -> Self {
        let blobs = u64::try_from(blobs).unwrap_or(u64::MAX);
        let units = limits::CERTIFY_UNITS.saturating_mul(blobs);
        Self {
            units: units.saturating_add(limits::TRANSACTION_UNITS),
            storage: limits::CERTIFY_STORAGE.saturating_mul(blobs),
        }
    }

    fn at(self, price: u64) -> u64 {
        self.units
            .saturating_mul(price)
            .saturating_add(self.storage)
    }
}

impl TransactionExecutor {
    /// Refuses a transaction that would not leave enough.
    pub(super) async fn check_later(
        &self,
        transaction: &Transaction,
    ) -> Result<(), TransactionError> {
        let Some(later) = self.later else {
            return Ok(());
        };
        let gas = &transaction.gas_payment;
        let later = later.at(gas.price);
        let known = gas.objects.iter();
        let known = known.filter_map(|coin| self.known_coins.balance(coin));
        let held = known.fold(0, u64::saturating_add);
        if held >= gas.budget.saturating_add(later) {
            return Ok(());
        }
        let funds = self.chain.funds(self.sender(), &StructTag::sui()).await?;
        if funds.total >= gas.budget.saturating_add(later) {
            return Ok(());
        }
        // The budget is more than it takes.
        let cost = self.simulate(transaction).await?;
        self.check_left(cost.net(), funds, later)
    }

    /// Whether enough is left of the sender's SUI when `gas` MIST are gone.
    fn check_left(&self, gas: i128, funds: Funds, later: u64) -> Result<(), TransactionError> {
        if i128::from(funds.total).saturating_sub(gas) >= i128::from(later) {
            return Ok(());
        }
        Err(TransactionError::NoGasLater {
            owner: self.sender(),
            balance: funds.total,
            gas: u64::try_from(gas).unwrap_or_default(),
            later,
        })
    }
}

impl ContractWriter {
    /// About what it takes to certify blobs by one transaction, in MIST: certificates cannot be simulated before there are any.
    ///
    /// # Errors
    /// [`TransactionError::NoGasLater`] when the sender has less than that.
    pub async fn certification_gas(&self, blobs: usize) -> Result<u64, TransactionError> {
        let (executor, sui) = (self.executor(), StructTag::sui());
        let (price, funds) = tokio::try_join!(
            executor.chain.reference_gas_price(),
            executor.chain.funds(self.address(), &sui),
        )?;
        let later = LaterGas::of_certification(blobs).at(price);
        executor.check_left(0, funds, later)?;
        Ok(later)
    }

    /// The same writer for registrations after which there must be gas for certifying so many blobs.
    #[must_use]
    pub fn leaving_certification_gas(mut self, blobs: usize) -> Self {
        self.executor.later = Some(LaterGas::of_certification(blobs));
        self
    }
}
