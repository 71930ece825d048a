//! A signed transaction on its way into a checkpoint.
//!
//! Execution is idempotent by digest, so that the same bytes may be sent again, to any server. Before that, and before a refusal is
//! believed, the chain is asked for the digest: a server may have executed the transaction and died before it said so.

use std::time::Duration;

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Digest, Transaction, UserSignature};

use super::TransactionError;
use crate::{
    chain::{ChainClient, ChainError, backoff},
    limits,
};

/// What the answer to an execution must contain.
const EXECUTION_MASK: [&str; 10] = [
    "digest",
    "effects",
    "events",
    "checkpoint",
    "objects.objects.object_id",
    "objects.objects.version",
    "objects.objects.digest",
    "objects.objects.owner",
    "objects.objects.object_type",
    "objects.objects.contents",
];
const CALL: &str = "ExecuteTransaction";

/// A transaction that its sender has signed.
pub(super) struct Signed {
    digest: Digest,
    request: proto::ExecuteTransactionRequest,
}

/// What one server did with it.
enum Attempt {
    /// It was executed.
    Executed(Box<proto::ExecutedTransaction>),
    /// The server refused it.
    Refused(TransactionError),
    /// Nobody knows.
    Unknown(ChainError),
}

impl Signed {
    pub(super) fn new(transaction: &Transaction, signature: UserSignature) -> Self {
        Self {
            digest: transaction.digest(),
            request: proto::ExecuteTransactionRequest::default()
                .with_transaction(transaction.clone())
                .with_signatures(vec![signature.into()])
                .with_read_mask(FieldMask::from_paths(EXECUTION_MASK)),
        }
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Executes, by another server if one fails, and waits until it is in a checkpoint.
    ///
    /// # Errors
    /// [`TransactionError::Rejected`] if no server can have executed it, [`TransactionError::Timeout`] if one may have.
    pub(super) async fn execute(
        &self,
        chain: &ChainClient,
    ) -> Result<proto::ExecutedTransaction, TransactionError> {
        let deadline = limits::EXECUTE_DEADLINE;
        let sending = self.until_known(chain);
        let answer = match tokio::time::timeout(deadline, sending).await {
            Ok(answer) => answer?,
            Err(_) => {
                let digest = self.digest;
                return Err(TransactionError::Timeout { digest, deadline });
            }
        };
        if let Some(checkpoint) = answer.checkpoint_opt() {
            chain.saw_checkpoint(checkpoint);
        }
        Ok(answer)
    }

    async fn until_known(
        &self,
        chain: &ChainClient,
    ) -> Result<proto::ExecutedTransaction, TransactionError> {
        let mut attempt = 1;
        loop {
            let (server, rpc) = chain.server();
            let problem = match self.send_to(rpc, patience(chain)).await {
                Attempt::Executed(answer) => return self.checkpointed(chain, *answer).await,
                Attempt::Refused(error) if attempt == 1 => return Err(error),
                // An earlier attempt may be what the server refuses to do once more.
                Attempt::Refused(error) => {
                    let known = self.look_up(chain).await?.ok_or(error)?;
                    return self.checkpointed(chain, known).await;
                }
                Attempt::Unknown(error) => error,
            };
            if attempt >= limits::READ_ATTEMPTS {
                return Err(problem.into());
            }
            if !chain.replace(server).await {
                tokio::time::sleep(backoff(attempt)).await;
            }
            // If the chain cannot be asked, the next attempt will tell.
            if let Ok(Some(known)) = self.look_up(chain).await {
                return self.checkpointed(chain, known).await;
            }
            attempt += 1;
        }
    }

    async fn look_up(
        &self,
        chain: &ChainClient,
    ) -> Result<Option<proto::ExecutedTransaction>, ChainError> {
        chain.transaction(&self.digest, &EXECUTION_MASK).await
    }

    /// Waits until the transaction is in a checkpoint, so that what it did is seen by the next call. An execution that failed is
    /// final before.
    async fn checkpointed(
        &self,
        chain: &ChainClient,
        mut answer: proto::ExecutedTransaction,
    ) -> Result<proto::ExecutedTransaction, TransactionError> {
        let mut look = 1;
        while answer.checkpoint.is_none() && answer.effects().status().success() {
            tokio::time::sleep(backoff(look)).await;
            let known = chain.transaction(&self.digest, &["digest", "checkpoint"]);
            answer.checkpoint = known.await?.and_then(|known| known.checkpoint);
            look += 1;
        }
        Ok(answer)
    }

    async fn send_to(&self, mut rpc: sui_rpc::Client, patience: Duration) -> Attempt {
        let mut execution = rpc.execution_client();
        let sending = execution.execute_transaction(self.request.clone());
        match tokio::time::timeout(patience, sending).await {
            Ok(Ok(answer)) => match answer.into_inner().transaction {
                Some(transaction) => Attempt::Executed(Box::new(transaction)),
                None => Attempt::Unknown(ChainError::malformed(CALL, "no transaction")),
            },
            Ok(Err(status)) if is_unreachable(&status) => {
                Attempt::Unknown(ChainError::from_status(CALL, &status))
            }
            Ok(Err(status)) => Attempt::Refused(TransactionError::Rejected {
                reason: status.message().to_owned(),
                digest: None,
            }),
            Err(_) => Attempt::Unknown(ChainError::Timeout {
                call: CALL,
                deadline: patience,
            }),
        }
    }
}

/// How long one server may take.
fn patience(chain: &ChainClient) -> Duration {
    match chain.server_count() {
        1 => limits::EXECUTE_DEADLINE,
        _ => limits::EXECUTE_PATIENCE,
    }
}

fn is_unreachable(status: &tonic::Status) -> bool {
    use tonic::Code;
    matches!(
        status.code(),
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::Internal
    )
}
