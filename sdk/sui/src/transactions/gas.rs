//! Gas selection: who pays for the gas of a transaction, and how much of it.
//!
//! The chain chooses the payment and estimates the budget. Where the sender's SUI lies in so many coins that it finds no way,
//! the largest ones are named with a budget of our own, and if even those hold too little, all are merged first.

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Input, ObjectReference, StructTag, Transaction, TransactionKind, TypeTag};
use sui_transaction_builder::{Error as BuildError, ObjectInput};

use super::{
    Ptb, TransactionError, TransactionExecutor, executor::Build, payment::sum, ptb::FromGas,
};
use crate::{
    chain::{ChainError, CoinObject},
    limits,
    money::{Amount, Coin},
};

/// A reference with this end of its digest reserves an amount of the address balance instead of naming a coin.
const RESERVATION_MARK: [u8; 20] = [0xac; 20];

/// What a transaction costs in MIST, by its simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasCost {
    /// Computation.
    pub computation: u64,
    /// Storage of what is written.
    pub storage: u64,
    /// Returned for what was stored before.
    pub rebate: u64,
}

impl GasCost {
    pub(super) fn of(effects: &proto::TransactionEffects) -> Self {
        let gas = effects.gas_used();
        Self {
            computation: gas.computation_cost(),
            storage: gas.storage_cost(),
            rebate: gas.storage_rebate(),
        }
    }

    /// What the sender loses; negative if it gains.
    pub fn net(&self) -> i128 {
        i128::from(self.computation) + i128::from(self.storage) - i128::from(self.rebate)
    }

    /// The least budget that carries it: rebates do not pay for computation.
    pub fn least_budget(&self) -> u64 {
        let storage = self.storage.saturating_sub(self.rebate);
        self.computation.saturating_add(storage)
    }
}

/// Why a transaction could not be completed, and whether another way of paying for it may help.
enum Unpaid {
    /// The payment does not carry it.
    Short(TransactionError),
    /// Anything else.
    Other(TransactionError),
}

impl Unpaid {
    fn error(&self) -> &TransactionError {
        match self {
            Self::Short(error) | Self::Other(error) => error,
        }
    }
}

impl TransactionExecutor {
    /// Lets the chain fill in object versions and gas; the simulation shows aborts before anything is paid.
    ///
    /// `build` may be called several times. `inputs`: coins that the commands use, so that they cannot pay for gas.
    pub(super) async fn resolve(
        &self,
        build: &Build<'_>,
        inputs: &[CoinObject],
    ) -> Result<Transaction, TransactionError> {
        let from_gas = build()?.taken_from_gas();
        let unpaid = match self.fill_in(build, self.gas_budget, &[]).await {
            Ok(transaction) if self.gas_budget.is_some() => return Ok(transaction),
            Ok(transaction) => return self.widen(transaction, from_gas).await,
            Err(unpaid) => unpaid,
        };
        if let Some(budget) = self.gas_budget
            && unpaid.error().is_about_gas()
        {
            let wrong = Box::pin(self.wrong_budget(budget, build, from_gas, inputs)).await?;
            if let Some(wrong) = wrong {
                return Err(wrong);
            }
        }
        match unpaid {
            Unpaid::Other(error) => Err(error),
            Unpaid::Short(error) => {
                Box::pin(self.pay_with_many(build, from_gas, inputs, &error)).await
            }
        }
    }

    /// What a transaction costs, without executing it.
    pub(super) async fn simulate(
        &self,
        transaction: &Transaction,
    ) -> Result<GasCost, TransactionError> {
        let request = proto::SimulateTransactionRequest::default()
            .with_transaction(transaction.clone())
            .with_read_mask(FieldMask::from_paths(["transaction.effects"]));
        let answer = self.chain.simulate(request).await?;
        let effects = answer.transaction().effects();
        if !effects.status().success() {
            let error = effects.status().error();
            return Err(TransactionError::from_execution(error, None));
        }
        Ok(GasCost::of(effects))
    }

    /// Asks the chain for the complete transaction; without `payment` it chooses that as well. What a server says that is gone by
    /// now is no answer: the next one is asked.
    async fn fill_in(
        &self,
        build: &Build<'_>,
        budget: Option<u64>,
        payment: &[CoinObject],
    ) -> Result<Transaction, Unpaid> {
        let mut servers = 1;
        loop {
            let (server, rpc) = self.chain.server();
            let ptb = build().map_err(Unpaid::Other)?;
            match self.fill_in_by(rpc, ptb, budget, payment).await {
                Err(_)
                    if servers < self.chain.server_count()
                        && self.chain.replace_if_gone(server).await =>
                {
                    servers += 1;
                }
                filled => return filled,
            }
        }
    }

    async fn fill_in_by(
        &self,
        mut rpc: sui_rpc::Client,
        ptb: Ptb,
        budget: Option<u64>,
        payment: &[CoinObject],
    ) -> Result<Transaction, Unpaid> {
        let takes_sui = ptb.taken_from_gas() != FromGas::default();
        let mut builder = ptb.into_builder();
        builder.set_sender(self.sender());
        if let Some(budget) = budget {
            builder.set_gas_budget(budget);
        }
        builder.add_gas_objects(payment.iter().map(|coin| {
            let reference = &coin.reference;
            ObjectInput::owned(
                *reference.object_id(),
                reference.version(),
                *reference.digest(),
            )
        }));
        let built = tokio::time::timeout(limits::SIMULATE_DEADLINE, builder.build(&mut rpc));
        match built.await {
            Ok(Ok(transaction)) => Ok(transaction),
            Ok(Err(BuildError::SimulationFailure(failure))) => {
                let error = TransactionError::from_execution(failure.execution_error(), None);
                Err(match error.is_lack_of_gas(takes_sui) {
                    true => Unpaid::Short(error),
                    false => Unpaid::Other(error),
                })
            }
            Ok(Err(error)) => {
                let reason = words_of_the_chain(&error.to_string());
                let short = tells_of_too_little_gas(&reason);
                let error = TransactionError::Rejected {
                    reason,
                    digest: None,
                };
                Err(match short {
                    true => Unpaid::Short(error),
                    false => Unpaid::Other(error),
                })
            }
            Err(_) => Err(Unpaid::Other(simulation_timeout())),
        }
    }

    /// Adds a margin to an estimated budget, as far as the payment that the chain chose holds it: shared objects may grow
    /// between estimate and execution.
    async fn widen(
        &self,
        mut transaction: Transaction,
        from_gas: FromGas,
    ) -> Result<Transaction, TransactionError> {
        let FromGas::Known(taken) = from_gas else {
            return Ok(transaction);
        };
        let room = self.paid_in(&transaction).await?.saturating_sub(taken);
        let budget = transaction.gas_payment.budget;
        transaction.gas_payment.budget = with_margin(budget).min(room).max(budget);
        Ok(transaction)
    }

    /// MIST in the payment of a transaction.
    async fn paid_in(&self, transaction: &Transaction) -> Result<u64, TransactionError> {
        let payment = &transaction.gas_payment.objects;
        if payment.is_empty() {
            let funds = self.chain.funds(self.sender(), &StructTag::sui()).await?;
            let withdrawn = sui_withdrawn(transaction);
            return Ok(funds.address_balance.saturating_sub(withdrawn));
        }
        let mut held: u64 = 0;
        let mut ids = Vec::with_capacity(payment.len());
        for reference in payment {
            match reserved(reference) {
                Some(amount) => held = held.saturating_add(amount),
                None => match self.known_coins.balance(reference) {
                    Some(balance) => held = held.saturating_add(balance),
                    None => ids.push(*reference.object_id()),
                },
            }
        }
        for coin in self.chain.objects(&ids).await?.into_iter().flatten() {
            let coin = coin.as_coin()?;
            held = held.saturating_add(coin.balance);
            self.known_coins.remember([coin]);
        }
        Ok(held)
    }

    /// Pays with the largest coins; merges all first if those are not enough.
    async fn pay_with_many(
        &self,
        build: &Build<'_>,
        from_gas: FromGas,
        inputs: &[CoinObject],
        refusal: &TransactionError,
    ) -> Result<Transaction, TransactionError> {
        let mut refusal = refusal.clone();
        let mut round = 0;
        loop {
            let mut coins = self.chain.coins(self.sender(), &StructTag::sui()).await?;
            coins.retain(|coin| !inputs.contains(coin));
            let (paying, others) = coins
                .split_at_checked(limits::MAX_GAS_COINS)
                .unwrap_or((&coins, &[]));
            if !paying.is_empty() {
                match self.pay_with(build, paying, from_gas).await {
                    Ok(transaction) => return Ok(transaction),
                    Err(Unpaid::Other(error)) => return Err(error),
                    Err(Unpaid::Short(error)) => refusal = error,
                }
            }
            let smashing = match round < limits::MERGE_ROUNDS {
                true => self.smash(paying, others).await?,
                false => None,
            };
            match smashing {
                None => return Err(self.no_gas(&coins, from_gas, &refusal).await?),
                Some(_) if self.estimates => return Err(self.in_pieces(&coins, from_gas)),
                Some(transaction) => self.send(&transaction).await?,
            };
            round += 1;
        }
    }

    /// Names the payment, with as small a budget as the simulation shows to be enough.
    async fn pay_with(
        &self,
        build: &Build<'_>,
        payment: &[CoinObject],
        from_gas: FromGas,
    ) -> Result<Transaction, Unpaid> {
        let room = sum(payment).saturating_sub(from_gas.least());
        let largest = room.min(limits::MAX_GAS_BUDGET);
        let budget = self.gas_budget.unwrap_or(largest);
        if budget == 0 || budget > room {
            let reason = format!("{} are left for gas", Amount::sui(room));
            return Err(Unpaid::Short(TransactionError::Rejected {
                reason,
                digest: None,
            }));
        }
        let filled = self.fill_in(build, Some(budget), payment).await;
        let mut transaction = filled.map_err(|unpaid| match unpaid {
            // All that there is may be less than the chain takes for a budget.
            Unpaid::Other(error) if self.gas_budget.is_none() && error.is_about_gas() => {
                Unpaid::Short(error)
            }
            unpaid => unpaid,
        })?;
        if self.gas_budget.is_none() {
            let cost = self.simulate(&transaction).await.map_err(Unpaid::Other)?;
            let enough = cost
                .least_budget()
                .saturating_add(transaction.gas_payment.price.saturating_mul(1000));
            transaction.gas_payment.budget = with_margin(enough).min(budget);
        }
        Ok(transaction)
    }

    /// A transaction that makes one coin of those that pay and of many others; `None` if they do not pay even for that.
    async fn smash(
        &self,
        paying: &[CoinObject],
        others: &[CoinObject],
    ) -> Result<Option<Transaction>, TransactionError> {
        let others = others.get(..limits::MAX_MERGED_COINS).unwrap_or(others);
        let none: &[CoinObject] = &[];
        for merged in [others, none] {
            let alone = merged.is_empty();
            let build = || {
                let mut ptb = Ptb::new();
                let merged = merged.iter();
                let merged = merged.map(|coin| ptb.object_reference(&coin.reference));
                let merged = merged.collect();
                ptb.merge_into_gas(merged);
                Ok(ptb)
            };
            match self.pay_with(&build, paying, FromGas::default()).await {
                // Coins that only pay become one as well, which is worth it if their storage returns more than the gas.
                Ok(transaction) if alone && self.simulate(&transaction).await?.net() >= 0 => {}
                Ok(transaction) => return Ok(Some(transaction)),
                Err(Unpaid::Short(_)) => {}
                Err(Unpaid::Other(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The error of an estimate for a sender whose SUI is merged first.
    fn in_pieces(&self, coins: &[CoinObject], from_gas: FromGas) -> TransactionError {
        let usable = coins.get(..limits::MAX_GAS_COINS).unwrap_or(coins);
        TransactionError::TooManyCoins {
            owner: self.sender(),
            coin: Coin::Sui,
            needed: from_gas.least(),
            balance: sum(coins),
            coins: coins.len(),
            usable: sum(usable),
            limit: limits::MAX_GAS_COINS,
        }
    }

    /// The error of a sender whose SUI cannot pay.
    async fn no_gas(
        &self,
        coins: &[CoinObject],
        from_gas: FromGas,
        refusal: &TransactionError,
    ) -> Result<TransactionError, TransactionError> {
        let funds = self.chain.funds(self.sender(), &StructTag::sui()).await?;
        // What no transaction does without. If the chain does not tell, its own words do.
        let told = self.chain.gas_limits().await.ok();
        let least = told.and_then(|told| told.smallest_budget);
        let needed = from_gas.least().saturating_add(least.unwrap_or(1));
        if funds.total < needed {
            return Ok(TransactionError::InsufficientFunds {
                owner: self.sender(),
                coin: Coin::Sui,
                needed,
                available: funds.total,
            });
        }
        let usable = coins.get(..limits::MAX_GAS_COINS).unwrap_or(coins);
        Ok(TransactionError::NoGas {
            owner: self.sender(),
            balance: funds.total,
            coins: coins.len(),
            usable: sum(usable).saturating_add(funds.address_balance),
            taken: from_gas.least(),
            refusal: refusal.to_string(),
        })
    }
}

/// A budget with the margin.
fn with_margin(budget: u64) -> u64 {
    let margin = budget / 100 * limits::GAS_MARGIN_PERCENT;
    budget
        .saturating_add(margin)
        .min(limits::MAX_GAS_BUDGET)
        .max(budget)
}

/// The amount of the address balance that a payment entry reserves, if it names no coin.
fn reserved(reference: &ObjectReference) -> Option<u64> {
    let digest = reference.digest().inner();
    let amount: [u8; 8] = digest.first_chunk().copied()?;
    digest
        .ends_with(&RESERVATION_MARK)
        .then(|| u64::from_le_bytes(amount))
}

/// SUI that the commands take out of the sender's address balance.
fn sui_withdrawn(transaction: &Transaction) -> u64 {
    let TransactionKind::ProgrammableTransaction(programmable) = &transaction.kind else {
        return 0;
    };
    let sui = TypeTag::from(StructTag::sui());
    let amounts = programmable.inputs.iter().filter_map(|input| match input {
        Input::FundsWithdrawal(funds) if *funds.coin_type() == sui => funds.amount(),
        _ => None,
    });
    amounts.fold(0, u64::saturating_add)
}

/// What the chain said, out of the words that the builder and the transport put around it.
fn words_of_the_chain(error: &str) -> String {
    let said = error
        .split_once("message: \"")
        .and_then(|(_, rest)| rest.rsplit_once('"'));
    match said {
        Some((message, _)) => message.replace("\\\"", "\""),
        None => error.to_owned(),
    }
}

/// Whether these words of the chain are about coins that do not hold the gas. It has no code for that.
fn tells_of_too_little_gas(words: &str) -> bool {
    let words = words.to_lowercase();
    words.contains("gas")
        && [
            "unable to",
            "insufficient",
            "balance",
            "lower than",
            "coins",
        ]
        .iter()
        .any(|lack| words.contains(lack))
}

fn simulation_timeout() -> TransactionError {
    TransactionError::Chain(ChainError::Timeout {
        call: "SimulateTransaction",
        deadline: limits::SIMULATE_DEADLINE,
    })
}

#[cfg(test)]
mod tests {
    use sui_sdk_types::{Address, Digest};

    use super::*;

    #[test]
    fn a_budget_gets_a_margin_that_the_protocol_allows() {
        assert_eq!(with_margin(1_000_000), 1_200_000);
        assert_eq!(with_margin(49_000_000_000), limits::MAX_GAS_BUDGET);
        assert_eq!(with_margin(u64::MAX), u64::MAX);
    }

    #[test]
    fn reservations_of_the_address_balance_are_told_from_coins() {
        let sui = StructTag::sui();
        let reservation =
            ObjectReference::coin_reservation(&sui, 5_000_000, 3, Digest::ZERO, Address::TWO);
        assert_eq!(reserved(&reservation), Some(5_000_000));
        let coin = ObjectReference::new(Address::TWO, 3, Digest::new([7; 32]));
        assert_eq!(reserved(&coin), None);
    }

    #[test]
    fn rebates_do_not_pay_for_computation() {
        let cost = GasCost {
            computation: 1_000_000,
            storage: 2_000_000,
            rebate: 9_000_000,
        };
        assert_eq!((cost.net(), cost.least_budget()), (-6_000_000, 1_000_000));
    }

    #[test]
    fn the_words_of_the_chain_are_kept_alone() {
        let error = "Conversion error due to input issue: error simulating transaction: code: 'Client specified an invalid \
            argument', message: \"unable to select gas: 7 MIST are needed\"";
        assert_eq!(
            words_of_the_chain(error),
            "unable to select gas: 7 MIST are needed"
        );
        assert_eq!(words_of_the_chain("Missing sender"), "Missing sender");
        assert!(tells_of_too_little_gas(&words_of_the_chain(error)));
        assert!(!tells_of_too_little_gas(
            "gas problem: budget 1 is below the minimum 1000000"
        ));
    }
}
