//! Transactions whose commands give values back.

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::Transaction;
use sui_transaction_builder::Argument;

use super::{
    ExecutedTransaction, Ptb, TransactionError, TransactionExecutor,
    executor::{Attempt, Commands},
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
        F: Fn(&mut Ptb, Option<Argument>) -> Result<(), TransactionError> + Sync,
    {
        self.in_turn(|| self.try_with_outputs(&plan)).await
    }

    async fn try_with_outputs(&self, commands: &Commands<'_>) -> Result<WithOutputs, Attempt> {
        let build = || self.build(None, commands);
        let failed = |error: TransactionError| {
            let again = error.is_conflict();
            Attempt { error, again }
        };
        let transaction = self.resolve(&build, &[]).await.map_err(failed)?;
        let outputs = self.outputs(&transaction).await.map_err(failed)?;
        let executed = self.send(&transaction).await.map_err(failed)?;
        let executed = self.fill_types(executed).await.map_err(Attempt::done)?;
        Ok(WithOutputs { executed, outputs })
    }

    async fn outputs(
        &self,
        transaction: &Transaction,
    ) -> Result<Vec<proto::CommandResult>, TransactionError> {
        let request = proto::SimulateTransactionRequest::default()
            .with_transaction(transaction.clone())
            .with_read_mask(FieldMask::from_paths(["command_outputs"]));
        Ok(self.chain().simulate(request).await?.command_outputs)
    }
}
