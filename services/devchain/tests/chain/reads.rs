//! Reading with the helpers of `sui-rpc`: objects, coins, balances, fields, transactions, packages.

use futures::{StreamExt, TryStreamExt};
use sui_rpc::field::{FieldMask, FieldMaskUtil};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, Object, StructTag, TypeTag};
use sui_transaction_builder::{Function, TransactionBuilder};
use tonic::Code;

use crate::support::{boot, client, listing, payment, run, stranger};

const SUI: u64 = 1_000_000_000;

fn sui() -> TypeTag {
    StructTag::sui().into()
}

/// Seven coins of 1 to 7 SUI.
fn purse(owner: Address) -> TransactionBuilder {
    let mut builder = TransactionBuilder::new();
    let gas = builder.gas();
    let amounts = (1..=7).map(|n| builder.pure(&(n * SUI))).collect();
    let coins = builder.split_coins(gas, amounts);
    let owner = builder.pure(&owner);
    builder.transfer_objects(coins, owner);
    builder
}

#[tokio::test]
async fn coins_are_listed_largest_first_and_selected() {
    let chain = boot().await;
    let mut client = client(&chain);
    let owner = stranger(1);
    run(&mut client, &chain.accounts()[0], purse(owner)).await;
    let request = proto::ListOwnedObjectsRequest::default()
        .with_owner(owner)
        .with_page_size(2u32)
        .with_object_type(StructTag::gas_coin())
        .with_read_mask(FieldMask::from_paths(["*"]));
    let coins: Vec<_> = client
        .list_owned_objects(request)
        .try_collect()
        .await
        .unwrap();
    let balances: Vec<u64> = coins.iter().map(|coin| coin.balance() / SUI).collect();
    assert_eq!(balances, [7, 6, 5, 4, 3, 2, 1]);
    let object = Object::try_from(&coins[0]).unwrap();
    assert_eq!(*object.owner(), sui_sdk_types::Owner::Address(owner));

    let chosen = client
        .select_coins(&owner, &sui(), 12 * SUI, &[object.object_id()])
        .await
        .unwrap();
    assert_eq!(chosen.len(), 3, "6 + 5 + 4, without the largest");
    let most = client
        .select_up_to_n_largest_coins(&owner, &sui(), 2, &[])
        .await
        .unwrap();
    assert_eq!(
        most.iter().map(proto::Object::balance).sum::<u64>(),
        13 * SUI
    );
    let short = client.select_coins(&owner, &sui(), 29 * SUI, &[]).await;
    assert_eq!(short.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(client.get_reference_gas_price().await.unwrap(), 1000);

    let request = proto::ListBalancesRequest::default().with_owner(owner);
    let balances: Vec<_> = client.list_balances(request).try_collect().await.unwrap();
    assert_eq!(balances.len(), 1);
    assert_eq!(balances[0].balance(), 28 * SUI);
    assert_eq!(balances[0].coin_type(), StructTag::sui().to_string());
}

#[tokio::test]
async fn objects_and_transactions_come_in_batches() {
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = &chain.accounts()[0];
    let mut digests = vec![];
    for number in 1..=3 {
        let executed = run(&mut client, sender, payment(stranger(number), SUI)).await;
        digests.push(executed.digest().to_owned());
    }
    digests.push(Address::ZERO.to_string());
    let mut request = proto::BatchGetTransactionsRequest::default();
    request.digests = digests.clone();
    request.read_mask = Some(FieldMask::from_paths(["digest", "effects", "transaction"]));
    let refused = client
        .ledger_client()
        .batch_get_transactions(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(refused.transactions.len(), 4);
    let found: Vec<_> = refused.transactions[..3]
        .iter()
        .map(|one| one.transaction().digest().to_owned())
        .collect();
    assert_eq!(found, digests[..3]);
    assert_eq!(
        refused.transactions[3].error().code,
        Code::InvalidArgument as i32,
        "not a digest"
    );

    // A historical version, exactly as it was.
    let changed = refused.transactions[0].transaction().effects();
    let gas = changed.gas_object();
    let request = proto::GetObjectRequest::new(&gas.object_id().parse::<Address>().unwrap())
        .with_version(gas.output_version())
        .with_read_mask(FieldMask::from_paths(["*"]));
    let response = client.ledger_client().get_object(request).await.unwrap();
    let object = response.into_inner().object.unwrap();
    assert_eq!(object.digest(), gas.output_digest());
    let parsed = Object::try_from(&object).unwrap();
    assert_eq!(parsed.digest().to_string(), object.digest());
}

#[tokio::test]
async fn fields_coin_info_and_packages_are_described() {
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = &chain.accounts()[0];
    let executed = run(&mut client, sender, listing(sender.address, 3)).await;
    let kiosk = executed
        .effects()
        .changed_objects
        .iter()
        .find(|changed| changed.object_type().ends_with("::kiosk::Kiosk"))
        .unwrap();
    let request = proto::ListDynamicFieldsRequest::default()
        .with_parent(kiosk.object_id())
        .with_page_size(1u32);
    let fields: Vec<_> = client.list_dynamic_fields(request).collect().await;
    assert_eq!(fields.len(), 2);
    let mut ids: Vec<_> = fields
        .iter()
        .map(|one| one.as_ref().unwrap().field_id())
        .collect();
    ids.dedup();
    assert!(ids.is_sorted() && ids.len() == 2, "{ids:?}");

    let request = proto::GetCoinInfoRequest::default().with_coin_type(StructTag::sui());
    let info = client.state_client().get_coin_info(request).await;
    let info = info.unwrap().into_inner();
    assert_eq!(info.metadata().decimals(), 9);

    let request = proto::GetPackageRequest::new(&Address::TWO);
    let package = client.package_client().get_package(request).await.unwrap();
    let package = package.into_inner().package.unwrap();
    assert_eq!(package.original_id(), Address::TWO.to_string());
    let coin = package
        .modules
        .iter()
        .find(|one| one.name() == "coin")
        .unwrap();
    assert!(coin.functions.iter().any(|one| one.name() == "split"));
    assert!(!coin.contents().is_empty());
    let request = proto::ListPackageVersionsRequest::new(&Address::TWO);
    let versions: Vec<_> = client
        .list_package_versions(request)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(versions.len(), 1);
}

/// Clients compare types as text: no space after a comma, wherever a message names one (devchain spec 1.1).
#[tokio::test]
async fn types_are_written_in_their_canonical_form() {
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = &chain.accounts()[0];
    let mut builder = listing(sender.address, 3);
    let types: Vec<TypeTag> = vec![TypeTag::U64, TypeTag::U8];
    let map = StructTag::new(
        Address::TWO,
        "vec_map".parse().unwrap(),
        "VecMap".parse().unwrap(),
        types,
    );
    let empty = Function::new(
        Address::from_static("0x1"),
        "vector".parse().unwrap(),
        "empty".parse().unwrap(),
    );
    builder.move_call(empty.with_type_args(vec![map.into()]), vec![]);
    let executed = run(&mut client, sender, builder).await;
    let named: Vec<&str> = executed
        .effects()
        .changed_objects
        .iter()
        .map(proto::ChangedObject::object_type)
        .chain(executed.objects().objects.iter().flat_map(|object| {
            let name = object.contents_opt().map(proto::Bcs::name);
            std::iter::once(object.object_type()).chain(name)
        }))
        .chain(
            executed
                .transaction()
                .kind()
                .programmable_transaction()
                .commands
                .iter()
                .filter_map(proto::Command::move_call_opt)
                .flat_map(|call| call.type_arguments.iter().map(String::as_str)),
        )
        .collect();
    assert!(named.iter().any(|name| name.ends_with("VecMap<u64,u8>")));
    let field = format!("{}::dynamic_field::Field<", Address::TWO);
    let fields = named.iter().filter(|name| name.starts_with(&field));
    assert!(fields.count() >= 4, "{named:?}");
    let spaced: Vec<_> = named.iter().filter(|name| name.contains(' ')).collect();
    assert!(spaced.is_empty(), "{spaced:?}");
}

#[tokio::test]
async fn the_objects_of_a_checkpoint_do_not_depend_on_the_mask() {
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = &chain.accounts()[0];
    let executed = run(&mut client, sender, payment(stranger(1), SUI)).await;
    let mut found = vec![];
    for path in ["objects", "objects.objects.bcs"] {
        let request = proto::GetCheckpointRequest::by_sequence_number(executed.checkpoint())
            .with_read_mask(FieldMask::from_paths([path]));
        let response = client.ledger_client().get_checkpoint(request).await;
        let checkpoint = response.unwrap().into_inner().checkpoint.unwrap();
        let objects: Vec<Object> = checkpoint
            .objects()
            .objects
            .iter()
            .map(|object| object.bcs().deserialize().unwrap())
            .collect();
        found.push(objects);
    }
    assert!(
        found[0]
            .iter()
            .map(|object| (object.object_id(), object.version()))
            .is_sorted_by(|one, other| one < other),
        "once, in order"
    );
    assert!(found[0].len() > executed.objects().objects.len());
    assert_eq!(found[0], found[1]);
}
