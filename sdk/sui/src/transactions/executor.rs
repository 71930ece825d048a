//! From a plan to a transaction in a checkpoint: coins, gas, signature, execution, repetition.

use std::sync::Arc;

use sui_rpc::{
    client::ExecuteAndWaitError,
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Address, Transaction};
use sui_transaction_builder::Argument;

use super::{CoinNeed, ExecutedTransaction, ObjectChangeKind, Ptb, TransactionError};
use crate::{
    chain::{ChainClient, backoff},
    limits,
    wallet::Keypair,
};

/// What the answer to an execution must contain.
const EXECUTION_MASK: [&str; 5] = ["digest", "effects", "events", "checkpoint", "timestamp"];
/// Largest gas budget the protocol allows, in MIST.
const MAX_GAS_BUDGET: u64 = 50_000_000_000;

/// Executes transactions of one address, one at a time: they share gas coins. Cheap to clone; clones share
/// the queue. Transactions that other programs send for the same address are noticed as conflicts, and the
/// plan is built anew.
#[derive(Clone)]
pub struct TransactionExecutor {
    chain: ChainClient,
    keypair: Arc<Keypair>,
    pub(super) queue: Arc<tokio::sync::Mutex<()>>,
    gas_budget: Option<u64>,
}

impl TransactionExecutor {
    /// An executor for the address of `keypair`.
    pub fn new(chain: ChainClient, keypair: Arc<Keypair>) -> Self {
        Self {
            chain,
            keypair,
            queue: Arc::default(),
            gas_budget: None,
        }
    }

    /// The same executor with a fixed gas budget in MIST for each transaction, in place of an estimate; it shares the
    /// queue.
    #[must_use]
    pub fn with_gas_budget(mut self, gas_budget: Option<u64>) -> Self {
        self.gas_budget = gas_budget;
        self
    }

    /// The sender.
    pub fn sender(&self) -> Address {
        self.keypair.address()
    }

    /// The connection.
    pub fn chain(&self) -> &ChainClient {
        &self.chain
    }

    /// Builds, signs and executes a transaction and waits until it is in a checkpoint.
    ///
    /// `plan` adds the commands; it may be called several times. With `payment` it is given a coin that holds
    /// at least that amount; what is not taken from it stays with the sender.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn execute<F>(
        &self,
        payment: Option<&CoinNeed>,
        plan: F,
    ) -> Result<ExecutedTransaction, TransactionError>
    where
        F: Fn(&mut Ptb, Option<Argument>) -> Result<(), TransactionError>,
    {
        let _turn = self.queue.lock().await;
        let mut attempt = 1;
        loop {
            match self.try_once(payment, &plan).await {
                Err(error) if error.is_conflict() && attempt < limits::TRANSACTION_ATTEMPTS => {
                    tracing::debug!(%error, attempt, "building a transaction anew");
                    tokio::time::sleep(backoff(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn try_once<F>(
        &self,
        payment: Option<&CoinNeed>,
        plan: &F,
    ) -> Result<ExecutedTransaction, TransactionError>
    where
        F: Fn(&mut Ptb, Option<Argument>) -> Result<(), TransactionError>,
    {
        let coins = match payment {
            Some(need) => need.select(&self.chain, self.sender()).await?,
            None => Vec::new(),
        };
        let mut ptb = Ptb::new();
        let paying = payment
            .map(|need| need.merge(&mut ptb, &coins))
            .transpose()?;
        plan(&mut ptb, paying.map(|(coin, _)| coin))?;
        if let Some((coin, true)) = paying {
            ptb.transfer(vec![coin], self.sender())?;
        }
        let transaction = self.resolve(ptb).await?;
        let executed = self.send(&transaction).await?;
        self.fill_types(executed).await
    }

    /// Lets the chain fill in object versions and gas; the simulation shows aborts before anything is paid.
    pub(super) async fn resolve(&self, ptb: Ptb) -> Result<Transaction, TransactionError> {
        use sui_transaction_builder::Error as BuildError;
        let mut builder = ptb.into_builder();
        builder.set_sender(self.sender());
        if let Some(budget) = self.gas_budget {
            builder.set_gas_budget(budget);
        }
        let mut rpc = self.chain.rpc();
        let resolved =
            tokio::time::timeout(limits::SIMULATE_DEADLINE, builder.build(&mut rpc)).await;
        let error = match resolved {
            Ok(Ok(transaction)) if self.gas_budget.is_some() => return Ok(transaction),
            Ok(Ok(mut transaction)) => {
                let budget = transaction.gas_payment.budget;
                let balance = self.chain.sui_balance(self.sender()).await?;
                transaction.gas_payment.budget = with_margin(budget, balance);
                return Ok(transaction);
            }
            Ok(Err(error)) => error,
            Err(_) => {
                return Err(TransactionError::Chain(crate::chain::ChainError::Timeout {
                    call: "SimulateTransaction",
                    deadline: limits::SIMULATE_DEADLINE,
                }));
            }
        };
        if let BuildError::SimulationFailure(failure) = &error {
            return Err(TransactionError::from_execution(
                failure.execution_error(),
                None,
            ));
        }
        if self.chain.sui_balance(self.sender()).await? == 0 {
            return Err(TransactionError::InsufficientFunds {
                owner: self.sender(),
                coin: "SUI",
                needed: 1,
                available: 0,
            });
        }
        Err(TransactionError::Rejected {
            reason: error.to_string(),
            digest: None,
        })
    }

    /// Signs and executes. The same bytes are sent again while the server cannot be reached: execution is
    /// idempotent by digest.
    pub(super) async fn send(
        &self,
        transaction: &Transaction,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let digest = transaction.digest();
        let signature = self.keypair.sign_transaction(transaction)?;
        let request = || {
            proto::ExecuteTransactionRequest::default()
                .with_transaction(transaction.clone())
                .with_signatures(vec![signature.clone().into()])
                .with_read_mask(FieldMask::from_paths(EXECUTION_MASK))
        };
        let deadline = limits::EXECUTE_DEADLINE;
        let sending = async {
            let mut attempt = 1;
            loop {
                let mut rpc = self.chain.rpc();
                let result = rpc
                    .execute_transaction_and_wait_for_checkpoint(request(), deadline)
                    .await;
                let transient = match &result {
                    Ok(_) => false,
                    Err(ExecuteAndWaitError::RpcError(status)) => is_unreachable(status),
                    Err(ExecuteAndWaitError::CheckpointStreamError { .. }) => true,
                    Err(_) => false,
                };
                if !transient || attempt >= limits::READ_ATTEMPTS {
                    return result;
                }
                tokio::time::sleep(backoff(attempt)).await;
                attempt += 1;
            }
        };
        match tokio::time::timeout(deadline, sending).await {
            Ok(Ok(response)) => {
                ExecutedTransaction::from_proto(digest, response.get_ref().transaction())
            }
            Ok(Err(ExecuteAndWaitError::RpcError(status))) if is_unreachable(&status) => {
                Err(crate::chain::ChainError::from_status("ExecuteTransaction", &status).into())
            }
            Ok(Err(ExecuteAndWaitError::RpcError(status))) => Err(TransactionError::Rejected {
                reason: status.message().to_owned(),
                digest: None,
            }),
            Ok(Err(
                ExecuteAndWaitError::CheckpointTimeout(response)
                | ExecuteAndWaitError::CheckpointStreamError { response, .. },
            )) => {
                // An execution that failed is final, whether or not the checkpoint was seen.
                ExecutedTransaction::from_proto(digest, response.get_ref().transaction())?;
                Err(TransactionError::Timeout { digest, deadline })
            }
            Ok(Err(error)) => Err(TransactionError::build(error)),
            Err(_) => Err(TransactionError::Timeout { digest, deadline }),
        }
    }

    /// Asks for the types of new objects where the effects did not carry them.
    pub(super) async fn fill_types(
        &self,
        mut executed: ExecutedTransaction,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let untyped: Vec<Address> = executed
            .changes
            .iter()
            .filter(|c| c.kind == ObjectChangeKind::Created && c.object_type.is_none())
            .map(|change| change.id)
            .collect();
        if untyped.is_empty() {
            return Ok(executed);
        }
        for object in self.chain.objects(&untyped).await?.into_iter().flatten() {
            if let Some(change) = executed.changes.iter_mut().find(|c| c.id == object.id) {
                change.object_type = object.object_type;
            }
        }
        Ok(executed)
    }
}

fn is_unreachable(status: &tonic::Status) -> bool {
    use tonic::Code;
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled
    )
}

/// The estimated budget with a margin, as far as the balance allows it.
fn with_margin(budget: u64, balance: u64) -> u64 {
    let wanted = budget
        .saturating_add(budget / 100 * limits::GAS_MARGIN_PERCENT)
        .min(MAX_GAS_BUDGET);
    if wanted > balance {
        budget
    } else {
        wanted.max(budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_gets_a_margin_that_the_balance_allows() {
        assert_eq!(with_margin(1_000_000, 10_000_000), 1_200_000);
        assert_eq!(with_margin(1_000_000, 1_100_000), 1_000_000);
        assert_eq!(with_margin(49_000_000_000, u64::MAX), MAX_GAS_BUDGET);
    }
}
