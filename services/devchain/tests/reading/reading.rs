//! Objects, balances and checkpoints as clients read them.

use futures::StreamExt;
use sui_rpc::Client;
use sui_rpc::client::ResponseExt;
use sui_rpc::field::{FieldMask, FieldMaskUtil};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Digest, Identifier, MoveStruct, Object, ObjectData, Owner, StructTag};

use super::fixture::{Chain, address, coin};
use super::{serve, serve_live};

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

/// A page of coins: whose, of which type, from where on.
async fn page(
    client: &mut Client,
    (owner, filter): (u64, Option<&str>),
    token: Option<bytes::Bytes>,
) -> Result<proto::ListOwnedObjectsResponse, tonic::Status> {
    let mut request = proto::ListOwnedObjectsRequest::default()
        .with_owner(address(owner))
        .with_page_size(5u32);
    request.object_type = filter.map(str::to_owned);
    request.page_token = token;
    let response = client.state_client().list_owned_objects(request).await?;
    Ok(response.into_inner())
}

#[tokio::test]
async fn a_page_token_is_good_for_its_list_alone() {
    let mut client = Client::new(serve(chain()).await).unwrap();
    let coins = (1, Some("0x2::coin::Coin"));
    let first = page(&mut client, coins, None).await.unwrap();
    let token = first.next_page_token.clone();
    assert_eq!(first.objects.len(), 5);
    let second = page(&mut client, coins, token.clone()).await.unwrap();
    assert_ne!(first.objects[0].object_id, second.objects[0].object_id);
    for other in [(1, None), (1, Some("0x2")), (2, Some("0x2::coin::Coin"))] {
        let status = page(&mut client, other, token.clone()).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{other:?}");
    }
    let garbage = Some(bytes::Bytes::from_static(b"token"));
    let status = page(&mut client, coins, garbage).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn owned_objects_are_filtered_by_package_module_and_type() {
    let mut client = Client::new(serve(chain()).await).unwrap();
    for (filter, expected) in [
        ("0x2", 5),
        ("0X0002", 5),
        ("0x2::coin", 5),
        ("0x2::coin::Coin", 5),
        ("0x2::coin::Coin<0x2::sui::SUI>", 5),
        ("0x2::coin::Coin<0x2::sui::SUI2>", 0),
        ("0x2::coin::Co", 0),
        ("0x2::co", 0),
        ("0x22", 0),
    ] {
        let found = page(&mut client, (1, Some(filter)), None).await.unwrap();
        assert_eq!(found.objects.len(), expected, "{filter}");
    }
}

/// Whoever reads holds no lock: the chain goes on, and the reader sees what was there when it began.
#[tokio::test]
async fn a_long_reader_does_not_hold_up_the_chain() {
    let mut chain = chain();
    let transaction = chain.transaction(address(1), &[], vec![coin(100, address(2), 1)]);
    let next = chain.seal(vec![transaction]);
    let (_, live) = serve_live(chain).await;
    let before = live.ledger.state().read();
    live.publish(next);
    let after = live.ledger.state().read();
    let owner = |indexes: &crate::indexes::Indexes| {
        use sui_devchain_executor::ObjectStore;
        *indexes.latest(&address(100)).unwrap().owner()
    };
    assert_eq!(before.tip().unwrap().summary.sequence_number, 0);
    assert_eq!(after.tip().unwrap().summary.sequence_number, 1);
    assert_eq!(owner(&before), sui_sdk_types::Owner::Address(address(1)));
    assert_eq!(owner(&after), sui_sdk_types::Owner::Address(address(2)));
}

#[tokio::test]
async fn what_does_not_fit_into_a_message_is_refused() {
    let mut chain = Chain::new();
    let mut contents = address(100).as_bytes().to_vec();
    contents.resize(300_000, 7);
    let large = sui_sdk_types::Object::new(
        sui_sdk_types::ObjectData::Struct(
            sui_sdk_types::MoveStruct::new(StructTag::gas_coin(), true, 1, contents).unwrap(),
        ),
        sui_sdk_types::Owner::Immutable,
        sui_sdk_types::Digest::ZERO,
        0,
    );
    let transaction = chain.transaction(address(1), &[], vec![large]);
    chain.checkpoint(vec![transaction]);
    let mut client = Client::new(serve(chain).await).unwrap();
    let mut request =
        proto::BatchGetObjectsRequest::default().with_read_mask(FieldMask::from_paths(["bcs"]));
    request.requests = vec![proto::GetObjectRequest::new(&address(100)); 300];
    let status = client
        .ledger_client()
        .batch_get_objects(request)
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
}

/// An object of `0x2::coin` for the coin type `0x77::gold::GOLD`.
fn of_gold(id: u64, name: &str, rest: &[u8]) -> Object {
    let gold = StructTag::new(
        address(0x77),
        Identifier::from_static("gold"),
        Identifier::from_static("GOLD"),
        vec![],
    );
    let tag = StructTag::new(
        address(2),
        Identifier::from_static("coin"),
        Identifier::new(name).unwrap(),
        vec![gold.into()],
    );
    let contents = [address(id).as_bytes(), rest].concat();
    let value = MoveStruct::new(tag, true, 1, contents).unwrap();
    let owner = Owner::Address(address(1));
    Object::new(ObjectData::Struct(value), owner, Digest::ZERO, 0)
}

/// The little-endian bytes of 1000 are also decimals, a name of three zero bytes and nothing else.
#[tokio::test]
async fn a_supply_is_not_taken_for_a_name() {
    let mut chain = Chain::new();
    let metadata = [&[3][..], b"\x04Gold", b"\x02AU", b"\x00", b"\x00"].concat();
    let objects = vec![
        of_gold(100, "CoinMetadata", &metadata),
        of_gold(101, "TreasuryCap", &1000u64.to_le_bytes()),
    ];
    let transaction = chain.transaction(address(1), &[], objects);
    chain.checkpoint(vec![transaction]);
    let mut client = Client::new(serve(chain).await).unwrap();
    let request = proto::GetCoinInfoRequest::default().with_coin_type("0x77::gold::GOLD");
    let response = client.state_client().get_coin_info(request).await.unwrap();
    let info = response.into_inner();
    assert_eq!(info.treasury().total_supply(), 1000);
    assert_eq!(info.metadata().symbol(), "AU");
    assert_eq!(info.metadata().decimals(), 3);
}
