//! Transactions whose commands give values back.

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::Transaction;
use sui_transaction_builder::Argument;

use super::{ExecutedTransaction, Ptb, TransactionError, TransactionExecutor};
use crate::{
    chain::{ChainError, conflict_pause},
    limits,
};

/// What an execution gave, and the values of its commands.
#[derive(Debug, Clone)]
pub struct WithOutputs {
    /// What the transaction did.
    pub executed: ExecutedTransaction,
    /// What each command returned, in order.
    pub outputs: Vec<proto::CommandResult>,
}

impl TransactionExecutor {
    /// As [`TransactionExecutor::execute`] without a payment, and the values that the commands return. The chain keeps none of
    /// these: they are those of a simulation of the very transaction, so that IDs in them are the real ones, while another
    /// transaction in between may change what is read from shared objects.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn execute_with_outputs<F>(&self, plan: F) -> Result<WithOutputs, TransactionError>
    where
        F: Fn(&mut Ptb, Option<Argument>) -> Result<(), TransactionError>,
    {
        let _turn = self.queue.lock().await;
        let mut attempt = 1;
        loop {
            match self.try_with_outputs(&plan).await {
                Err(error) if error.is_conflict() && attempt < limits::TRANSACTION_ATTEMPTS => {
                    tokio::time::sleep(conflict_pause(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn try_with_outputs<F>(&self, plan: &F) -> Result<WithOutputs, TransactionError>
    where
        F: Fn(&mut Ptb, Option<Argument>) -> Result<(), TransactionError>,
    {
        let build = || {
            let mut ptb = Ptb::new();
            plan(&mut ptb, None)?;
            Ok(ptb)
        };
        let transaction = self.resolve(&build, &[]).await?;
        let outputs = self.outputs(&transaction).await?;
        let executed = self.send(&transaction).await?;
        Ok(WithOutputs {
            executed: self.fill_types(executed).await?,
            outputs,
        })
    }

    async fn outputs(
        &self,
        transaction: &Transaction,
    ) -> Result<Vec<proto::CommandResult>, TransactionError> {
        const CALL: &str = "SimulateTransaction";
        let deadline = limits::SIMULATE_DEADLINE;
        let request = proto::SimulateTransactionRequest::default()
            .with_transaction(transaction.clone())
            .with_read_mask(FieldMask::from_paths(["command_outputs"]));
        let mut rpc = self.chain().rpc();
        let mut client = rpc.execution_client();
        let answer = tokio::time::timeout(deadline, client.simulate_transaction(request));
        match answer.await {
            Ok(Ok(response)) => Ok(response.into_inner().command_outputs),
            Ok(Err(status)) => Err(ChainError::from_status(CALL, &status).into()),
            Err(_) => Err(ChainError::Timeout {
                call: CALL,
                deadline,
            }
            .into()),
        }
    }
}
