//! Payments: one amount split off the gas coin and sent to somebody.

use sui_devchain::{Grant, RunningChain};
use sui_rpc::proto::sui::rpc::v2::ExecuteTransactionRequest;
use sui_sdk_types::{Address, ObjectReference};
use sui_transaction_builder::TransactionBuilder;
use walrus_sui::chain::ChainClient;

use crate::{
    Keeping, RUNS,
    clients::{Payer, build, request, submit_all},
};

/// Transactions of one run.
const COUNT: usize = 4000;
/// Coins of one grant.
const GRANT: u16 = 250;

/// `count` fresh coins of an account.
pub(crate) async fn gas_coins(
    chain: &RunningChain,
    owner: Address,
    count: usize,
) -> Vec<ObjectReference> {
    let client = ChainClient::new(&chain.rpc_url()).expect("a client");
    let mut coins = Vec::with_capacity(count);
    while coins.len() < count {
        let grant = Grant {
            coins: GRANT,
            amount: 1_000_000_000,
        };
        let granted = chain.fund(owner, grant).await.expect("a grant");
        let ids: Vec<Address> = granted.iter().map(|coin| coin.id).collect();
        let objects = client.objects(&ids).await.expect("objects");
        coins.extend(
            objects
                .into_iter()
                .flatten()
                .map(|object| object.reference()),
        );
    }
    coins.truncate(count);
    coins
}

/// One payment with each of the coins.
pub(crate) fn payments(payer: &Payer, coins: &[ObjectReference]) -> Vec<ExecuteTransactionRequest> {
    let payment = |coin| {
        let mut builder = TransactionBuilder::new();
        let gas = builder.gas();
        let amount = builder.pure(&1000u64);
        let paid = builder.split_coins(gas, vec![amount]);
        let recipient = builder.pure(&Address::new([7; 32]));
        builder.transfer_objects(paid, recipient);
        request(build(builder, payer.address, coin), &payer.key)
    };
    coins.iter().map(payment).collect()
}

/// Best rate of some runs.
pub(crate) async fn measure(keeping: Keeping) -> f64 {
    let (chain, _directory) = keeping.start().await;
    let payer = Payer::new(&chain).await;
    let mut best = 0f64;
    for _ in 0..RUNS {
        let coins = gas_coins(&chain, payer.address, COUNT).await;
        let requests = payments(&payer, &coins);
        best = best.max(submit_all(&chain.rpc_url(), requests).await);
    }
    chain.shutdown().await;
    best
}
