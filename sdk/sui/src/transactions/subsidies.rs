//! Subsidies: what their owner does (contracts spec 9.3); handing them out is everybody's, see
//! [`ContractWriter::process_subsidies`].

use sui_sdk_types::Address;
use sui_transaction_builder::Argument;

use super::{ContractWriter, ExecutedTransaction, TransactionError, writer::Plan};

/// What subsidies pay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubsidyRates {
    /// Basis points of what users pay, for the rewards of the epochs they pay for.
    pub system_rate: u32,
    /// FROST per node and epoch, as commission.
    pub base: u64,
    /// FROST per shard and epoch, as commission.
    pub per_shard: u64,
}

/// The package of subsidies and the object.
pub(super) struct Target {
    package: Address,
    object: Address,
}

impl Target {
    pub(super) fn call(
        &self,
        plan: &mut Plan<'_>,
        function: &str,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Result<(), TransactionError> {
        let mut all = vec![plan.ptb.object(self.object)];
        all.extend(arguments);
        let module = "walrus_subsidies";
        plan.ptb.call(self.package, module, function, vec![], all)?;
        Ok(())
    }
}

impl ContractWriter {
    pub(super) async fn subsidies_target(
        &self,
        object: Address,
    ) -> Result<Target, TransactionError> {
        let package = self.reader().subsidies(object).await?.package;
        Ok(Target { package, object })
    }

    /// Adds FROST of the sender to the fund of subsidies. Anybody may.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn fund_subsidies(
        &self,
        subsidies: Address,
        frost: u64,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let target = self.subsidies_target(subsidies).await?;
        self.run(Some(frost), |plan| {
            let payment = plan.payment()?;
            let funds = plan.ptb.split(payment, &[frost])?;
            target.call(plan, "add_coin", funds)
        })
        .await
    }

    /// Sets the rates of subsidies; `cap` is their `AdminCap`.
    ///
    /// # Errors
    /// [`TransactionError`]; among them an abort of `walrus_subsidies` for rates out of range.
    pub async fn set_subsidy_rates(
        &self,
        subsidies: Address,
        cap: Address,
        rates: SubsidyRates,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let target = self.subsidies_target(subsidies).await?;
        self.run(None, |plan| {
            let cap = plan.ptb.object(cap);
            let system_rate = plan.ptb.pure(&rates.system_rate)?;
            target.call(plan, "set_system_subsidy_rate", [cap, system_rate])?;
            // The contract bounds the two together: the old one of the other must not be in the way.
            let zero = plan.ptb.pure(&0u64)?;
            target.call(plan, "set_per_shard_subsidy", [cap, zero])?;
            let base = plan.ptb.pure(&rates.base)?;
            target.call(plan, "set_base_subsidy", [cap, base])?;
            let per_shard = plan.ptb.pure(&rates.per_shard)?;
            target.call(plan, "set_per_shard_subsidy", [cap, per_shard])
        })
        .await
    }

    /// Forgives what subsidies owe the nodes because the fund ran short; `cap` is their `AdminCap`.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn forgive_subsidy_debts(
        &self,
        subsidies: Address,
        cap: Address,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let target = self.subsidies_target(subsidies).await?;
        self.run(None, |plan| {
            let cap = plan.ptb.object(cap);
            target.call(plan, "forgive_debts", [cap])
        })
        .await
    }
}
