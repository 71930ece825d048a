//! What the chain says of a coin type, out of hand-made objects of the registry and of older coins.

use serde::Serialize;
use sui_rpc::Client;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::coin_metadata::MetadataCapState;
use sui_rpc::proto::sui::rpc::v2::coin_treasury::SupplyState;
use sui_rpc::proto::sui::rpc::v2::regulated_coin_metadata::CoinRegulatedState;
use sui_sdk_types::{
    Address, Digest, Identifier, MoveStruct, Object, ObjectData, Owner, StructTag, TypeTag,
};

use super::fixture::{Chain, address};
use super::serve;

fn gold() -> TypeTag {
    StructTag::new(
        address(0x77),
        Identifier::from_static("shop"),
        Identifier::from_static("GOLD"),
        vec![],
    )
    .into()
}

/// An object of `0x2::module::name<GOLD>`.
fn fact(module: &'static str, name: &'static str, contents: &impl Serialize) -> Object {
    let tag = StructTag::new(
        Address::TWO,
        Identifier::from_static(module),
        Identifier::from_static(name),
        vec![gold()],
    );
    let contents = bcs::to_bytes(contents).unwrap();
    Object::new(
        ObjectData::Struct(MoveStruct::new(tag, true, 1, contents).unwrap()),
        Owner::Immutable,
        Digest::ZERO,
        0,
    )
}

#[derive(Serialize)]
enum Supply {
    Fixed(u64),
    BurnOnly(u64),
    Unknown,
}

#[derive(Serialize)]
enum Regulation {
    Regulated(Address, Option<bool>, u8),
    Unregulated,
    Unknown,
}

#[derive(Serialize)]
enum Cap {
    Claimed(Address),
    Unclaimed,
    Deleted,
}

fn currency(supply: Supply, regulated: Regulation, treasury: Option<Address>, cap: Cap) -> Object {
    let texts = ("Gold", "GLD", "heavy", "https://gold.example");
    let extra: Vec<(String, String, Vec<u8>)> = vec![("k".into(), "u8".into(), vec![1])];
    let contents = (
        address(500),
        6u8,
        texts.0,
        texts.1,
        texts.2,
        texts.3,
        Some(supply),
        regulated,
        treasury,
        cap,
        extra,
    );
    fact("coin_registry", "Currency", &contents)
}

async fn ask(objects: Vec<Object>, coin_type: &TypeTag) -> proto::GetCoinInfoResponse {
    let mut chain = Chain::new();
    let transaction = chain.transaction(address(1), &[], objects);
    chain.checkpoint(vec![transaction]);
    let mut client = Client::new(serve(chain).await).unwrap();
    let request = proto::GetCoinInfoRequest::default().with_coin_type(coin_type.to_string());
    let response = client.state_client().get_coin_info(request).await;
    response.unwrap().into_inner()
}

#[tokio::test]
async fn a_registered_currency_says_everything() {
    let registered = currency(
        Supply::BurnOnly(70),
        Regulation::Regulated(address(502), Some(true), 1),
        Some(address(501)),
        Cap::Claimed(address(503)),
    );
    let info = ask(vec![registered], &gold()).await;
    let metadata = info.metadata.unwrap();
    assert_eq!(metadata.id(), address(500).to_string());
    assert_eq!((metadata.decimals(), metadata.symbol()), (6, "GLD"));
    assert_eq!(metadata.icon_url(), "https://gold.example");
    assert_eq!(metadata.metadata_cap_state(), MetadataCapState::Claimed);
    assert_eq!(metadata.metadata_cap_id(), address(503).to_string());
    let treasury = info.treasury.unwrap();
    assert_eq!(treasury.id(), address(501).to_string());
    assert_eq!(treasury.total_supply(), 70);
    assert_eq!(treasury.supply_state(), SupplyState::BurnOnly);
    let regulated = info.regulated_metadata.unwrap();
    assert_eq!(regulated.deny_cap_object(), address(502).to_string());
    assert!(regulated.allow_global_pause());
    assert_eq!(
        regulated.coin_regulated_state(),
        CoinRegulatedState::Regulated
    );
}

#[tokio::test]
async fn an_unregulated_currency_names_the_supply_of_its_cap() {
    let registered = currency(
        Supply::Unknown,
        Regulation::Unregulated,
        Some(address(501)),
        Cap::Deleted,
    );
    let cap = fact("coin", "TreasuryCap", &(address(501), 9u64));
    let info = ask(vec![registered, cap], &gold()).await;
    let treasury = info.treasury.unwrap();
    assert_eq!(treasury.total_supply(), 9);
    assert_eq!(treasury.supply_state(), SupplyState::Unknown);
    let regulated = info.regulated_metadata.unwrap();
    assert_eq!(
        regulated.coin_regulated_state(),
        CoinRegulatedState::Unregulated
    );
    let metadata = info.metadata.unwrap();
    assert_eq!(metadata.metadata_cap_state(), MetadataCapState::Deleted);
    assert_eq!(metadata.metadata_cap_id, None);
}

#[tokio::test]
async fn a_fixed_supply_needs_no_cap() {
    let registered = currency(Supply::Fixed(12), Regulation::Unknown, None, Cap::Unclaimed);
    let info = ask(vec![registered], &gold()).await;
    let treasury = info.treasury.unwrap();
    assert_eq!((treasury.id, treasury.total_supply), (None, Some(12)));
    assert_eq!(
        info.metadata.unwrap().metadata_cap_state(),
        MetadataCapState::Unclaimed
    );
    assert_eq!(
        info.regulated_metadata.unwrap().coin_regulated_state(),
        CoinRegulatedState::Unknown
    );
}

#[tokio::test]
async fn coins_from_before_the_registry_are_described_by_their_objects() {
    let url: Option<String> = None;
    let objects = vec![
        fact(
            "coin",
            "CoinMetadata",
            &(address(600), 9u8, "Old gold", "OLD", "older", url),
        ),
        fact("coin", "TreasuryCap", &(address(601), 5u64)),
        fact(
            "coin",
            "RegulatedCoinMetadata",
            &(address(602), address(600), address(603)),
        ),
        fact("coin", "DenyCapV2", &(address(603), true)),
    ];
    let info = ask(objects, &gold()).await;
    let metadata = info.metadata.unwrap();
    assert_eq!(metadata.symbol(), "OLD");
    assert_eq!(metadata.icon_url, None);
    assert_eq!(info.treasury.unwrap().total_supply(), 5);
    let regulated = info.regulated_metadata.unwrap();
    assert_eq!(regulated.id(), address(602).to_string());
    assert_eq!(regulated.coin_metadata_object(), address(600).to_string());
    assert!(regulated.allow_global_pause());
    assert_eq!(
        regulated.coin_regulated_state(),
        CoinRegulatedState::Regulated
    );
}

#[tokio::test]
async fn the_supply_of_sui_is_fixed() {
    let info = ask(vec![], &StructTag::sui().into()).await;
    let treasury = info.treasury.unwrap();
    assert_eq!(treasury.total_supply(), 10_000_000_000_000_000_000);
    assert_eq!(treasury.supply_state(), SupplyState::Fixed);
}
