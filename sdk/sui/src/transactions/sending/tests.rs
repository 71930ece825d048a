//! Servers whose answers are written down: what is believed of a transaction whose fate was unknown once.

use std::sync::{Arc, Mutex};

use sui_crypto::SuiSigner as _;
use sui_rpc::proto::sui::rpc::v2::{
    ledger_service_server::{LedgerService, LedgerServiceServer},
    transaction_execution_service_server::{
        TransactionExecutionService, TransactionExecutionServiceServer,
    },
};
use sui_sdk_types::{Address, GasPayment, Owner, ProgrammableTransaction, TransactionExpiration};
use tonic::{Request, Response, Status};

use super::*;
use crate::wallet::Keypair;

/// The version of the gas coin that the transaction names.
const VERSION: u64 = 5;
/// The last epoch in which it may be executed.
const LAST_EPOCH: u64 = 3;

/// One server.
#[derive(Clone)]
struct Script {
    /// Answers to executions; the last one again and again.
    executions: Arc<Mutex<Vec<Status>>>,
    /// So many look-ups come too early; `None` if it is never known.
    known_after: Arc<Mutex<Option<u32>>>,
    /// The version that the gas coin has now.
    version: u64,
    /// The chain's epoch.
    epoch: u64,
}

fn next(statuses: &Mutex<Vec<Status>>) -> Status {
    let mut statuses = statuses.lock().unwrap();
    match statuses.len() {
        1 => statuses[0].clone(),
        _ => statuses.remove(0),
    }
}

#[tonic::async_trait]
impl TransactionExecutionService for Script {
    async fn execute_transaction(
        &self,
        _: Request<proto::ExecuteTransactionRequest>,
    ) -> Result<Response<proto::ExecuteTransactionResponse>, Status> {
        Err(next(&self.executions))
    }
}

#[tonic::async_trait]
impl LedgerService for Script {
    async fn get_transaction(
        &self,
        _: Request<proto::GetTransactionRequest>,
    ) -> Result<Response<proto::GetTransactionResponse>, Status> {
        let mut known_after = self.known_after.lock().unwrap();
        match known_after.as_mut() {
            None => Err(Status::not_found("no such transaction")),
            Some(0) => {
                let known = proto::ExecutedTransaction::default().with_checkpoint(7);
                let answer = proto::GetTransactionResponse::default().with_transaction(known);
                Ok(Response::new(answer))
            }
            Some(left) => {
                *left -= 1;
                Err(Status::not_found("not yet"))
            }
        }
    }

    async fn get_epoch(
        &self,
        _: Request<proto::GetEpochRequest>,
    ) -> Result<Response<proto::GetEpochResponse>, Status> {
        let epoch = proto::Epoch::default().with_epoch(self.epoch);
        let answer = proto::GetEpochResponse::default().with_epoch(epoch);
        Ok(Response::new(answer))
    }

    async fn batch_get_objects(
        &self,
        request: Request<proto::BatchGetObjectsRequest>,
    ) -> Result<Response<proto::BatchGetObjectsResponse>, Status> {
        let requests = request.into_inner().requests;
        let objects = requests.iter().map(|request| {
            let object = proto::Object::default()
                .with_object_id(request.object_id())
                .with_version(self.version)
                .with_digest(Digest::new([1; 32]).to_string())
                .with_owner(proto::Owner::from(Owner::Address(Address::ZERO)))
                .with_object_type("package");
            proto::GetObjectResult::new_object(object)
        });
        let mut answer = proto::BatchGetObjectsResponse::default();
        answer.objects = objects.collect();
        Ok(Response::new(answer))
    }
}

/// What became of a transaction; its digest.
async fn sent(script: Script) -> (Digest, Result<proto::ExecutedTransaction, TransactionError>) {
    sent_as(script, Before::Never).await
}

/// What became of a transaction that somebody may have sent before.
async fn sent_as(
    script: Script,
    before: Before,
) -> (Digest, Result<proto::ExecutedTransaction, TransactionError>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let chain = ChainClient::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let server = tonic::transport::Server::builder()
        .add_service(LedgerServiceServer::new(script.clone()))
        .add_service(TransactionExecutionServiceServer::new(script));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(server.serve_with_incoming(incoming));
    let key = Keypair::generate();
    let coin = ObjectReference::new(Address::TWO, VERSION, Digest::new([2; 32]));
    let transaction = Transaction {
        kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
            inputs: Vec::new(),
            commands: Vec::new(),
        }),
        sender: key.address(),
        gas_payment: GasPayment {
            objects: vec![coin],
            owner: key.address(),
            price: 1000,
            budget: 1_000_000,
        },
        expiration: TransactionExpiration::Epoch(LAST_EPOCH),
    };
    let signature = key.sign_transaction(&transaction).unwrap();
    let signed = Signed::new(&transaction, signature);
    let result = match before {
        Before::Never => signed.execute(&chain).await,
        Before::Perhaps(age) => signed.execute_again(&chain, age).await,
    };
    (signed.digest, result)
}

fn script<const N: usize>(
    executions: [Status; N],
    known_after: Option<u32>,
    version: u64,
) -> Script {
    Script {
        executions: Arc::new(Mutex::new(executions.into())),
        known_after: Arc::new(Mutex::new(known_after)),
        version,
        epoch: LAST_EPOCH,
    }
}

fn lost() -> Status {
    Status::unavailable("gone before it answered")
}

fn refused() -> Status {
    Status::invalid_argument("object version is not available for consumption")
}

#[tokio::test]
async fn a_refusal_is_not_believed_while_an_earlier_attempt_may_be_executed_yet() {
    // The coin has a newer version at last: this very transaction used it.
    for version in [VERSION, VERSION + 1] {
        let (_, result) = sent(script([lost(), refused()], Some(3), version)).await;
        assert_eq!(result.unwrap().checkpoint, Some(7));
    }
}

#[tokio::test]
async fn a_refusal_is_believed_once_another_transaction_used_an_input() {
    let (_, result) = sent(script([lost(), refused()], None, VERSION + 1)).await;
    let error = result.unwrap_err();
    assert!(error.is_overtaken(), "{error}");
}

#[tokio::test]
async fn a_first_refusal_is_believed_at_once() {
    let (_, result) = sent(script([refused()], None, VERSION)).await;
    assert!(result.unwrap_err().is_overtaken());
}

#[tokio::test]
async fn attempts_that_all_got_lost_leave_a_digest_to_look_up() {
    let (sent, result) = sent(script([lost()], None, VERSION)).await;
    let error = result.unwrap_err();
    assert!(!error.is_overtaken());
    assert!(
        matches!(error, TransactionError::Unknown { digest, .. } if digest == sent),
        "{error}"
    );
}

#[tokio::test]
async fn what_was_sent_by_an_earlier_run_is_looked_up_before_it_is_sent_again() {
    let (_, result) = sent_as(script([refused()], Some(0), VERSION), again()).await;
    assert_eq!(result.unwrap().checkpoint, Some(7));
    // Its first refusal may come from its own execution, of which this server has not heard yet.
    let (_, result) = sent_as(script([refused()], Some(3), VERSION), again()).await;
    assert_eq!(result.unwrap().checkpoint, Some(7));
}

#[tokio::test]
async fn a_refusal_of_what_was_sent_by_an_earlier_run_counts_once_it_can_never_be_executed() {
    let overtaken = script([refused()], None, VERSION + 1);
    let mut expired = script([refused()], None, VERSION);
    expired.epoch = LAST_EPOCH + 1;
    for dead in [overtaken, expired] {
        let (_, result) = sent_as(dead, again()).await;
        let error = result.unwrap_err();
        assert!(error.is_final(), "{error}");
    }
    let long_ago = Before::Perhaps(limits::FORGOTTEN_AFTER);
    let (_, result) = sent_as(script([refused()], None, VERSION), long_ago).await;
    assert!(result.unwrap_err().is_final());
    let (_, result) = sent_as(script([lost()], None, VERSION), long_ago).await;
    assert!(!result.unwrap_err().is_final(), "nobody refused it");
}

fn again() -> Before {
    Before::Perhaps(Duration::from_secs(1))
}
