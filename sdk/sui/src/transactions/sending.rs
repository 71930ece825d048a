//! Submission: a signed transaction on its way into a checkpoint.
//!
//! Execution is idempotent by digest, so that the same bytes may be sent again, to any server. Before that, and before a refusal is
//! believed, the chain is asked for the digest: a server may have executed the transaction and died before it said so. That a server
//! does not know the digest proves nothing, because it may be behind: a refusal after an attempt whose end is not known counts only
//! when another transaction has used an input that is owned, when the transaction has expired, or when it was sent so long ago that
//! nobody is still at it.

use std::time::Duration;

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{
    Digest, EpochId, Input, ObjectReference, Transaction, TransactionExpiration, TransactionKind,
    UserSignature,
};

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

#[cfg(test)]
mod tests;

/// A transaction that its sender has signed.
pub(super) struct Signed {
    digest: Digest,
    /// What it may be executed with once only: owned objects, at their versions.
    inputs: Vec<ObjectReference>,
    /// The chain's last epoch in which it may be executed, if there is one.
    last_epoch: Option<EpochId>,
    request: proto::ExecuteTransactionRequest,
}

/// Whether somebody may have sent it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Never,
    /// So long ago.
    Perhaps(Duration),
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

/// What became of it, as the chain tells.
enum Fate {
    /// It was executed.
    Executed(Box<proto::ExecutedTransaction>),
    /// It is not known, and another transaction used an input, or it has expired: it can never be executed.
    Dead,
    /// It is not known, and may be executed yet.
    Open,
    /// The chain does not tell.
    Unknown,
}

impl Signed {
    pub(super) fn new(transaction: &Transaction, signature: UserSignature) -> Self {
        Self {
            digest: transaction.digest(),
            inputs: owned_inputs(transaction),
            last_epoch: last_epoch(&transaction.expiration),
            request: proto::ExecuteTransactionRequest::default()
                .with_transaction(transaction.clone())
                .with_signatures(vec![signature.into()])
                .with_read_mask(FieldMask::from_paths(EXECUTION_MASK)),
        }
    }

    /// Executes, by another server if one fails, and waits until it is in a checkpoint.
    ///
    /// # Errors
    /// [`TransactionError::Rejected`] if no server can have executed it, [`TransactionError::Timeout`] or
    /// [`TransactionError::Unknown`] if one may have.
    pub(super) async fn execute(
        &self,
        chain: &ChainClient,
    ) -> Result<proto::ExecutedTransaction, TransactionError> {
        self.execute_as(chain, Before::Never).await
    }

    /// The same for a transaction that somebody may have sent before, `age` ago: it is looked up first, and a refusal is not believed
    /// at once.
    ///
    /// # Errors
    /// As [`Signed::execute`].
    pub(super) async fn execute_again(
        &self,
        chain: &ChainClient,
        age: Duration,
    ) -> Result<proto::ExecutedTransaction, TransactionError> {
        self.execute_as(chain, Before::Perhaps(age)).await
    }

    async fn execute_as(
        &self,
        chain: &ChainClient,
        before: Before,
    ) -> Result<proto::ExecutedTransaction, TransactionError> {
        let deadline = limits::EXECUTE_DEADLINE;
        let sending = self.until_known(chain, before);
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
        before: Before,
    ) -> Result<proto::ExecutedTransaction, TransactionError> {
        let mut attempt = 1;
        if before != Before::Never
            && let Ok(Some(known)) = self.look_up(chain).await
        {
            return self.checkpointed(chain, known).await;
        }
        loop {
            let (server, rpc) = chain.server();
            let problem = match self.send_to(rpc, patience(chain)).await {
                Attempt::Executed(answer) => return self.checkpointed(chain, *answer).await,
                Attempt::Refused(error) if attempt == 1 && before == Before::Never => {
                    return Err(error);
                }
                // An earlier attempt may be what the server refuses to do once more.
                Attempt::Refused(error) => return self.settled(chain, before, error).await,
                Attempt::Unknown(error) => error,
            };
            if attempt >= limits::READ_ATTEMPTS {
                let (digest, source) = (self.digest, problem);
                return Err(TransactionError::Unknown {
                    digest,
                    source: Box::new(source),
                });
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

    /// Looks for what became of it, after a refusal that an earlier attempt may have been the reason for. The deadline of
    /// [`Signed::execute`] ends what is never known.
    async fn settled(
        &self,
        chain: &ChainClient,
        before: Before,
        refusal: TransactionError,
    ) -> Result<proto::ExecutedTransaction, TransactionError> {
        let is_long_ago = matches!(before, Before::Perhaps(age) if age >= limits::FORGOTTEN_AFTER);
        let (mut look, mut dead) = (1, 0);
        loop {
            match self.fate(chain).await {
                Fate::Executed(known) => return self.checkpointed(chain, *known).await,
                // Behind one address there may be servers that are not equally far: one answer is none.
                Fate::Dead => dead += 1,
                Fate::Open if is_long_ago => dead += 1,
                Fate::Open | Fate::Unknown => dead = 0,
            }
            if dead >= limits::OVERTAKEN_LOOKS {
                return Err(refusal);
            }
            tokio::time::sleep(backoff(look)).await;
            look = look.saturating_add(1);
        }
    }

    async fn fate(&self, chain: &ChainClient) -> Fate {
        // In this order, of one server: what has used the input by then may be this transaction, which is known by then.
        let (server, _) = chain.server();
        let is_dead = self.has_used_input(chain).await || self.has_expired(chain).await;
        match self.look_up(chain).await {
            Ok(Some(known)) => Fate::Executed(Box::new(known)),
            Ok(None) if is_dead && chain.server().0 == server => Fate::Dead,
            Ok(None) => Fate::Open,
            Err(_) => Fate::Unknown,
        }
    }

    /// Whether the chain is in a later epoch than the transaction may be executed in.
    async fn has_expired(&self, chain: &ChainClient) -> bool {
        let Some(last) = self.last_epoch else {
            return false;
        };
        chain.epoch().await.is_ok_and(|now| now > last)
    }

    /// Whether an owned input has a newer version than the transaction names. One that is not there proves nothing.
    async fn has_used_input(&self, chain: &ChainClient) -> bool {
        let ids: Vec<_> = self.inputs.iter().map(|one| *one.object_id()).collect();
        let Ok(objects) = chain.objects(&ids).await else {
            return false;
        };
        let mut pairs = self.inputs.iter().zip(objects);
        pairs.any(|(named, now)| now.is_some_and(|now| now.version > named.version()))
    }

    async fn look_up(
        &self,
        chain: &ChainClient,
    ) -> Result<Option<proto::ExecutedTransaction>, ChainError> {
        chain.transaction(&self.digest, &EXECUTION_MASK).await
    }

    /// Waits until the transaction is in a checkpoint, so that what it did is seen by the next call. An execution that failed is
    /// final before. A chain that cannot be read meanwhile is asked again: what was executed stays so.
    async fn checkpointed(
        &self,
        chain: &ChainClient,
        mut answer: proto::ExecutedTransaction,
    ) -> Result<proto::ExecutedTransaction, TransactionError> {
        let mut look = 1;
        while answer.checkpoint.is_none() && answer.effects().status().success() {
            tokio::time::sleep(backoff(look)).await;
            let known = chain.transaction(&self.digest, &["digest", "checkpoint"]);
            if let Ok(Some(known)) = known.await {
                answer.checkpoint = known.checkpoint;
            }
            look = look.saturating_add(1);
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

/// What nothing else can use before the transaction without making it impossible.
fn owned_inputs(transaction: &Transaction) -> Vec<ObjectReference> {
    let inputs = match &transaction.kind {
        TransactionKind::ProgrammableTransaction(program) => &program.inputs[..],
        _ => &[],
    };
    let owned = inputs.iter().filter_map(|input| match input {
        Input::ImmutableOrOwned(object) => Some(object),
        _ => None,
    });
    owned
        .chain(&transaction.gas_payment.objects)
        .cloned()
        .collect()
}

fn last_epoch(expiration: &TransactionExpiration) -> Option<EpochId> {
    match expiration {
        TransactionExpiration::Epoch(last) => Some(*last),
        TransactionExpiration::ValidDuring { max_epoch, .. }
        | TransactionExpiration::Validity { max_epoch, .. } => *max_epoch,
        _ => None,
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
