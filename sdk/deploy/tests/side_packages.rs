//! The packages beside the contract on the embedded chain, over gRPC.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use walrus_deploy::{
    DeployParameters, EXCHANGE_FUNDS, SidePackages, deploy, deploy_side_packages, faucet,
};
use walrus_sui::{
    chain::ChainClient,
    contract::ContractReader,
    objects::ExchangeRate,
    transactions::{ContractWriter, TransactionExecutor},
    wallet::Keypair,
};

async fn funded(chain: &sui_devchain::RunningChain) -> TransactionExecutor {
    let key = Arc::new(Keypair::generate());
    faucet::request(&chain.faucet_url(), key.address())
        .await
        .unwrap();
    let client = ChainClient::connect(&chain.rpc_url()).await.unwrap();
    TransactionExecutor::new(client, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_of_the_deployment_sells_wal_to_anybody() {
    let chain = sui_devchain::Devchain::builder()
        .seed("side packages")
        .start()
        .await
        .unwrap();
    let deployer = funded(&chain).await;
    let parameters = DeployParameters {
        epoch_zero_duration_ms: 0,
        epoch_duration_ms: 3_600_000,
        n_shards: 10,
        max_epochs_ahead: 53,
        threshold_stake: 0,
    };
    let deployment = deploy(&deployer, parameters).await.unwrap();
    let side = deploy_side_packages(&deployer, &deployment, EXCHANGE_FUNDS)
        .await
        .unwrap();
    let json = serde_json::to_value(&side).unwrap();
    let digests: Vec<String> = serde_json::from_value(json["digests"].clone()).unwrap();
    assert_eq!(digests.len(), 4, "what older networks have on disk");
    assert_eq!(digests[3], side.digests.objects.to_string());
    assert_eq!(serde_json::from_value::<SidePackages>(json).unwrap(), side);

    let buyer = funded(&chain).await;
    let reader = ContractReader::new(buyer.chain().clone(), deployment.objects())
        .await
        .unwrap();
    let writer = ContractWriter::with_executor(reader, buyer.clone());
    let before = writer.exchange(side.exchange_object).await.unwrap();
    assert_eq!((before.wal, before.sui), (EXCHANGE_FUNDS, 0));
    assert_eq!(before.rate, ExchangeRate { wal: 1, sui: 1 });
    assert_eq!(before.admin, side.exchange_admin_cap);

    let mist = 500_000_000;
    writer
        .exchange_sui_for_wal(side.exchange_object, mist)
        .await
        .unwrap();
    let wal_type = writer.reader().packages().wal_type.clone();
    let bought = buyer
        .chain()
        .balance(buyer.sender(), &wal_type)
        .await
        .unwrap();
    assert_eq!(Some(bought), before.rate.wal_for_sui(mist));
    let after = writer.exchange(side.exchange_object).await.unwrap();
    assert_eq!((after.wal, after.sui), (EXCHANGE_FUNDS - bought, mist));

    // Not everything is an exchange.
    assert!(writer.exchange(deployment.system_object).await.is_err());
    assert!(
        writer
            .exchange_sui_for_wal(deployment.staking_object, mist)
            .await
            .is_err()
    );
    chain.shutdown().await;
}

#[test]
fn rates_round_down_and_never_overflow() {
    let rate = ExchangeRate { wal: 3, sui: 2 };
    assert_eq!(rate.wal_for_sui(5), Some(7));
    assert_eq!(rate.wal_for_sui(u64::MAX), None);
}
