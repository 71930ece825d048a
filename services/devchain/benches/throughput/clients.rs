//! Concurrent clients that submit signed transactions.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use sui_crypto::{SuiSigner, ed25519::Ed25519PrivateKey};
use sui_devchain::{Grant, RunningChain};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, ObjectReference, Transaction};
use sui_transaction_builder::{ObjectInput, TransactionBuilder};

/// Connections, and requests in flight on each.
const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 64;

/// Who sends everything.
pub(crate) struct Payer {
    pub(crate) key: Ed25519PrivateKey,
    pub(crate) address: Address,
}

impl Payer {
    pub(crate) const SECRET: [u8; 32] = [5; 32];

    /// With some large coins.
    pub(crate) async fn new(chain: &RunningChain) -> Self {
        let key = Ed25519PrivateKey::new(Self::SECRET);
        let address = key.public_key().derive_address();
        let grant = Grant {
            coins: 5,
            amount: 1_000_000_000_000,
        };
        chain.fund(address, grant).await.expect("a grant");
        Self { key, address }
    }
}

/// Fills in sender and gas and builds without the chain's help.
pub(crate) fn build(
    mut builder: TransactionBuilder,
    sender: Address,
    gas: &ObjectReference,
) -> Transaction {
    builder.set_sender(sender);
    builder.set_gas_price(1000);
    builder.set_gas_budget(100_000_000);
    builder.add_gas_objects([ObjectInput::owned(
        *gas.object_id(),
        gas.version(),
        *gas.digest(),
    )]);
    builder.try_build().expect("a complete transaction")
}

/// The request for a transaction signed by `key`.
pub(crate) fn request(
    transaction: Transaction,
    key: &Ed25519PrivateKey,
) -> proto::ExecuteTransactionRequest {
    let signature = key.sign_transaction(&transaction).expect("a signature");
    let mut request = proto::ExecuteTransactionRequest::new(transaction.into());
    request.signatures = vec![signature.into()];
    request
}

/// Submits all requests and returns how many were answered per second. All must succeed.
pub(crate) async fn submit_all(url: &str, requests: Vec<proto::ExecuteTransactionRequest>) -> f64 {
    let count = requests.len();
    let queue = Arc::new(Mutex::new(requests.into_iter()));
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = sui_rpc::Client::new(url).expect("a url");
        // Connects before the clock starts.
        client.get_reference_gas_price().await.expect("an answer");
        connections.push(client);
    }
    let start = Instant::now();
    let mut tasks = Vec::new();
    for client in connections {
        for _ in 0..IN_FLIGHT {
            let (mut client, queue) = (client.clone(), Arc::clone(&queue));
            tasks.push(tokio::spawn(async move {
                loop {
                    let Some(request) = queue.lock().unwrap().next() else {
                        return;
                    };
                    let mut execution = client.execution_client();
                    let response = execution
                        .execute_transaction(request)
                        .await
                        .expect("an answer");
                    let executed = response.into_inner().transaction.expect("a transaction");
                    let status = executed
                        .effects
                        .and_then(|effects| effects.status)
                        .expect("a status");
                    assert_eq!(status.success, Some(true), "{:?}", status.error);
                }
            }));
        }
    }
    for task in tasks {
        task.await.expect("a client");
    }
    count as f64 / start.elapsed().as_secs_f64()
}
