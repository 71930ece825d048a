//! TransactionExecutionService: execute and simulate (devchain spec 1.5).

use std::sync::Arc;

use sui_devchain_executor::Interrupt;
use sui_rpc::field::FieldMaskTree;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::transaction_execution_service_server::TransactionExecutionService;
use sui_sdk_types::{SignedTransaction, Transaction, UserSignature};
use tonic::{Request, Response, Status};

use super::error::{conversion, missing};
use super::{Context, parse};
use crate::{render, simulate};

pub(crate) struct ExecutionRpc {
    context: Context,
}

impl ExecutionRpc {
    pub(crate) fn new(context: Context) -> Self {
        Self { context }
    }
}

/// Ends a simulation when its request is dropped: its deadline is over, or its client has gone.
#[derive(Default)]
struct Abandoned(Interrupt);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.raise();
    }
}

#[tonic::async_trait]
impl TransactionExecutionService for ExecutionRpc {
    async fn execute_transaction(
        &self,
        request: Request<proto::ExecuteTransactionRequest>,
    ) -> Result<Response<proto::ExecuteTransactionResponse>, Status> {
        let request = request.into_inner();
        let mask = parse::mask::<proto::ExecutedTransaction>(
            request.read_mask,
            "effects.status,checkpoint",
        )?;
        let transaction = request.transaction.ok_or_else(|| missing("transaction"))?;
        let transaction = Transaction::try_from(&transaction)
            .map_err(|error| conversion("transaction", error))?;
        let signatures = request
            .signatures
            .iter()
            .map(UserSignature::try_from)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| conversion("signatures", error))?;
        let executed = self
            .context
            .ledger
            .execute(SignedTransaction {
                transaction,
                signatures,
            })
            .await?;
        let indexes = self.context.ledger.state().read();
        let message = render::transaction::executed(&indexes, &executed, &mask)?;
        Ok(Response::new(proto::ExecuteTransactionResponse::new(
            message,
        )))
    }

    async fn simulate_transaction(
        &self,
        request: Request<proto::SimulateTransactionRequest>,
    ) -> Result<Response<proto::SimulateTransactionResponse>, Status> {
        let request = request.into_inner();
        let mask = match &request.read_mask {
            None => FieldMaskTree::new_wildcard(),
            Some(_) => {
                parse::mask::<proto::SimulateTransactionResponse>(request.read_mask.clone(), "")?
            }
        };
        let permit = Arc::clone(&self.context.simulations)
            .acquire_owned()
            .await
            .map_err(|_| Status::unavailable("the chain is shutting down"))?;
        let ledger = self.context.ledger.clone();
        let abandoned = Abandoned::default();
        let interrupt = abandoned.0.clone();
        // Move code may run for a while: off the threads that serve connections. The permit goes with it, since the
        // thread works on for a moment when its caller has left.
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            simulate::simulate(ledger.state(), request, &mask, &interrupt)
        })
        .await
        .map_err(|error| Status::internal(format!("simulation failed: {error}")))?
        .map(Response::new)
    }
}
