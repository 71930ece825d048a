//! Publishing a package and reading it back.

use crate::support::{boot, client, run};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::changed_object::OutputObjectState;
use sui_sdk_types::Address;
use sui_transaction_builder::TransactionBuilder;

#[tokio::test]
async fn a_published_coin_is_described_and_has_metadata() {
    let chain = boot().await;
    let mut client = client(&chain);
    let account = &chain.accounts()[0];
    let wal = walrus_artifacts::Package::wal().unwrap();
    let mut builder = TransactionBuilder::new();
    let cap = builder.publish(wal.bytecode(), wal.dependencies);
    let owner = builder.pure(&account.address);
    builder.transfer_objects(vec![cap], owner);
    let executed = run(&mut client, account, builder).await;
    assert!(executed.effects().status().success(), "{executed:?}");
    let changed = &executed.effects().changed_objects;
    let package = changed
        .iter()
        .find(|changed| changed.output_state() == OutputObjectState::PackageWrite)
        .unwrap();
    assert_eq!(package.object_type(), "package");
    assert!(
        changed
            .iter()
            .any(|changed| changed.object_type().ends_with("::package::UpgradeCap"))
    );
    let id: Address = package.object_id().parse().unwrap();
    let response = client
        .package_client()
        .get_package(proto::GetPackageRequest::new(&id))
        .await
        .unwrap();
    let described = response.into_inner().package.unwrap();
    assert_eq!(described.original_id(), id.to_string());
    assert_eq!(described.version(), 1);
    assert_eq!(described.linkage.len(), 2);
    let datatypes: Vec<_> = described
        .modules
        .iter()
        .flat_map(|module| &module.datatypes)
        .map(|datatype| datatype.type_name().to_owned())
        .collect();
    assert!(
        datatypes.contains(&format!("{id}::wal::WAL")),
        "{datatypes:?}"
    );
    let request = proto::GetCoinInfoRequest::default().with_coin_type(format!("{id}::wal::WAL"));
    let response = client.state_client().get_coin_info(request).await.unwrap();
    let metadata = response.into_inner().metadata.unwrap();
    assert_eq!((metadata.decimals(), metadata.symbol()), (9, "WAL"));
    let response = client
        .package_client()
        .list_package_versions(proto::ListPackageVersionsRequest::new(&id))
        .await
        .unwrap();
    let versions = response.into_inner().versions;
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0].package_id(), id.to_string());
}
