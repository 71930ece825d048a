use futures::StreamExt;
use sui_rpc::Client;
use sui_rpc::client::ResponseExt;
use sui_rpc::field::{FieldMask, FieldMaskUtil};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::StructTag;

use super::fixture::{Chain, address, coin};
use super::serve;

fn chain() -> Chain {
    let mut chain = Chain::new();
    let owner = address(1);
    let coins = (0..25).map(|i| coin(100 + i, owner, 10 + i)).collect();
    let transaction = chain.transaction(owner, &[], coins);
    chain.checkpoint(vec![transaction]);
    chain
}

#[tokio::test]
async fn coins_are_paged_largest_first() {
    let client = Client::new(serve(chain()).await).unwrap();
    let request = proto::ListOwnedObjectsRequest::default()
        .with_owner(address(1))
        .with_object_type(StructTag::gas_coin())
        .with_page_size(7u32)
        .with_read_mask(FieldMask::from_paths(["object_id", "balance", "digest"]));
    let balances: Vec<u64> = client
        .list_owned_objects(request)
        .map(|object| object.unwrap().balance())
        .collect()
        .await;
    assert_eq!(balances, (10..35).rev().collect::<Vec<_>>());
    let picked = client
        .select_coins(&address(1), &StructTag::sui().into(), 60, &[address(124)])
        .await
        .unwrap();
    let picked: Vec<u64> = picked.iter().map(proto::Object::balance).collect();
    assert_eq!(picked, [33, 32]);
}

#[tokio::test]
async fn balances_are_sums_and_zero_for_strangers() {
    let mut client = Client::new(serve(chain()).await).unwrap();
    for (owner, expected) in [("0x1", (10..35).sum()), ("0x0099", 0u64)] {
        let request = proto::GetBalanceRequest::default()
            .with_owner(owner)
            .with_coin_type("0x2::sui::SUI");
        let response = client.state_client().get_balance(request).await.unwrap();
        let balance = response.into_inner().balance.unwrap();
        assert_eq!(balance.balance(), expected);
        assert_eq!(balance.address_balance(), 0);
    }
}

#[tokio::test]
async fn batches_report_missing_elements_one_by_one() {
    let mut client = Client::new(serve(chain()).await).unwrap();
    let mut request = proto::BatchGetObjectsRequest::default();
    request.requests = vec![
        proto::GetObjectRequest::new(&address(100)),
        proto::GetObjectRequest::new(&address(5555)),
    ];
    let response = client
        .ledger_client()
        .batch_get_objects(request)
        .await
        .unwrap();
    let results: Vec<_> = response
        .into_inner()
        .objects
        .into_iter()
        .map(proto::GetObjectResult::to_result)
        .collect();
    assert_eq!(results[0].as_ref().unwrap().version(), 1);
    assert_eq!(results[1].as_ref().unwrap_err().code, 5);
}

#[tokio::test]
async fn responses_carry_the_chain_headers() {
    let mut client = Client::new(serve(chain()).await).unwrap();
    let response = client
        .ledger_client()
        .get_service_info(proto::GetServiceInfoRequest::default())
        .await
        .unwrap();
    assert_eq!(
        response.chain_id().unwrap().to_string(),
        response.get_ref().chain_id()
    );
    assert_eq!(response.checkpoint_height(), Some(0));
    assert_eq!(response.epoch(), Some(0));
}

#[tokio::test]
async fn checkpoints_verify_against_the_committee() {
    use sui_crypto::bls12381::ValidatorCommitteeSignatureVerifier;
    let mut client = Client::new(serve(chain()).await).unwrap();
    let request =
        proto::GetCheckpointRequest::latest().with_read_mask(FieldMask::from_paths(["*"]));
    let response = client
        .ledger_client()
        .get_checkpoint(request)
        .await
        .unwrap();
    let checkpoint = response.into_inner().checkpoint.unwrap();
    let summary =
        sui_sdk_types::CheckpointSummary::try_from(checkpoint.summary.as_ref().unwrap()).unwrap();
    let signature = sui_sdk_types::ValidatorAggregatedSignature::try_from(
        checkpoint.signature.as_ref().unwrap(),
    )
    .unwrap();
    let request = proto::GetEpochRequest::latest()
        .with_read_mask(FieldMask::from_paths(["committee", "reference_gas_price"]));
    let epoch = client.ledger_client().get_epoch(request).await.unwrap();
    let epoch = epoch.into_inner().epoch.unwrap();
    assert_eq!(epoch.reference_gas_price(), 1000);
    let committee =
        sui_sdk_types::ValidatorCommittee::try_from(epoch.committee.as_ref().unwrap()).unwrap();
    ValidatorCommitteeSignatureVerifier::new(committee)
        .unwrap()
        .verify_checkpoint_summary(&summary, &signature)
        .unwrap();
    assert_eq!(checkpoint.transactions.len(), 1);
}

#[tokio::test]
async fn a_mask_path_that_does_not_exist_is_refused() {
    let mut client = Client::new(serve(chain()).await).unwrap();
    let request = proto::GetObjectRequest::new(&address(100))
        .with_read_mask(FieldMask::from_paths(["no_such_field"]));
    let status = client
        .ledger_client()
        .get_object(request)
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
}
