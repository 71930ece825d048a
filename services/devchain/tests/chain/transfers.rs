//! Boot, faucet, transfers, simulation: through the clients that everybody uses.

use std::time::Duration;

use crate::support::{balance, boot, client, listing, payment, run, stranger, submit};
use sui_devchain::{Devchain, Grant, StartError};
use sui_rpc::field::{FieldMask, FieldMaskUtil};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, StructTag};
use sui_transaction_builder::{Function, ObjectInput, TransactionBuilder};

const SUI: u64 = 1_000_000_000;

#[tokio::test]
async fn a_payment_arrives_and_is_in_a_checkpoint() {
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = &chain.accounts()[0];
    let before = balance(&mut client, sender.address).await;
    let executed = run(&mut client, sender, payment(stranger(1), 7 * SUI)).await;
    assert!(executed.effects().status().success(), "{executed:?}");
    assert!(executed.checkpoint() > 0);
    assert_eq!(balance(&mut client, stranger(1)).await, 7 * SUI);
    let gas = executed.effects().gas_used();
    let cost = gas.computation_cost() + gas.storage_cost() - gas.storage_rebate();
    assert_eq!(
        balance(&mut client, sender.address).await,
        before - 7 * SUI - cost
    );
    let request = proto::GetCheckpointRequest::by_sequence_number(executed.checkpoint())
        .with_read_mask(FieldMask::from_paths(["transactions.digest", "contents"]));
    let checkpoint = client
        .ledger_client()
        .get_checkpoint(request)
        .await
        .unwrap();
    let checkpoint = checkpoint.into_inner().checkpoint.unwrap();
    let digests: Vec<_> = checkpoint.transactions.iter().map(|t| t.digest()).collect();
    assert_eq!(digests.len(), 2, "the clock tick and the payment");
    assert_eq!(digests[1], executed.digest());
    let amounts: Vec<_> = executed
        .balance_changes
        .iter()
        .map(|change| (change.address().to_owned(), change.amount().to_owned()))
        .collect();
    assert!(amounts.contains(&(stranger(1).to_string(), (7 * SUI).to_string())));
    let typed = executed.effects().changed_objects.iter();
    assert!(
        typed
            .clone()
            .all(|changed| changed.object_type() == StructTag::gas_coin().to_string()),
        "{:?}",
        typed.collect::<Vec<_>>()
    );
    chain.shutdown().await;
}

#[tokio::test]
async fn a_resubmission_is_answered_from_the_record() {
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = &chain.accounts()[0];
    let mut builder = payment(stranger(2), SUI);
    builder.set_sender(sender.address);
    let transaction = builder.build(&mut client).await.unwrap();
    let first = submit(&mut client, sender, transaction.clone())
        .await
        .unwrap();
    let second = submit(&mut client, sender, transaction).await.unwrap();
    assert_eq!(first.checkpoint(), second.checkpoint());
    assert_eq!(first.digest(), second.digest());
    assert_eq!(balance(&mut client, stranger(2)).await, SUI);
}

#[tokio::test]
async fn a_stale_version_and_a_foreign_signature_are_refused() {
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = &chain.accounts()[0];
    let mut builder = payment(stranger(3), SUI);
    builder.set_sender(sender.address);
    let stale = builder.build(&mut client).await.unwrap();
    let status = submit(&mut client, &chain.accounts()[1], stale.clone())
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status}");
    run(&mut client, sender, payment(stranger(3), 2 * SUI)).await;
    let status = submit(&mut client, sender, stale).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status}");
    assert_eq!(balance(&mut client, stranger(3)).await, 2 * SUI);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_clients_at_once_are_all_served() {
    let chain = boot().await;
    let mut jobs = tokio::task::JoinSet::new();
    for number in 0..16u8 {
        let faucet = chain.faucet_url();
        let rpc = chain.rpc_url();
        jobs.spawn(async move {
            let recipient = stranger(100 + number);
            let body = format!("{{\"FixedAmountRequest\":{{\"recipient\":\"{recipient}\"}}}}");
            let (status, answer) = http(&faucet, "POST", "/v2/gas", &body).await;
            assert_eq!(status, 201, "{answer}");
            let mut client = sui_rpc::Client::new(rpc).unwrap();
            assert_eq!(balance(&mut client, recipient).await, 50 * SUI);
        });
    }
    // The same transaction twice at the same time, and one that wants the same coins.
    let sender = chain.accounts()[0].clone();
    let mut client = client(&chain);
    let mut first = payment(stranger(1), SUI);
    first.set_sender(sender.address);
    let first = first.build(&mut client).await.unwrap();
    let mut rival = payment(stranger(2), SUI);
    rival.set_sender(sender.address);
    let rival = rival.build(&mut client).await.unwrap();
    let (mut one, mut two, mut three) = (client.clone(), client.clone(), client.clone());
    let (a, b, c) = tokio::join!(
        submit(&mut one, &sender, first.clone()),
        submit(&mut two, &sender, first),
        submit(&mut three, &sender, rival),
    );
    assert_eq!(a.is_ok(), b.is_ok());
    assert_ne!(a.is_ok(), c.is_ok(), "{a:?} {c:?}");
    let paid = balance(&mut client, stranger(1)).await + balance(&mut client, stranger(2)).await;
    assert_eq!(paid, SUI);
    while let Some(job) = jobs.join_next().await {
        job.unwrap();
    }
}

#[tokio::test]
async fn the_faucet_pays_over_http() {
    let chain = boot().await;
    let mut client = client(&chain);
    let body = format!(
        "{{\"FixedAmountRequest\":{{\"recipient\":\"{}\"}}}}",
        stranger(4)
    );
    for (path, field) in [("/v2/gas", "coins_sent"), ("/gas", "transferredGasObjects")] {
        let (status, answer) = http(&chain.faucet_url(), "POST", path, &body).await;
        assert_eq!(status, 201, "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer[field].as_array().unwrap().len(), 5, "{answer}");
        assert_eq!(answer[field][0]["amount"], 10 * SUI);
    }
    assert_eq!(balance(&mut client, stranger(4)).await, 100 * SUI);
    assert_eq!(http(&chain.faucet_url(), "GET", "/", "").await.0, 200);
    assert_eq!(
        http(&chain.faucet_url(), "POST", "/v2/gas", "{}").await.0,
        400
    );
    let coins = chain
        .fund(
            stranger(5),
            Grant {
                coins: 1,
                amount: 5000 * SUI,
            },
        )
        .await
        .unwrap();
    assert_eq!(coins.len(), 1);
    let picked = client
        .select_coins(&stranger(5), &StructTag::sui().into(), SUI, &[])
        .await
        .unwrap();
    assert_eq!(picked[0].object_id(), coins[0].id.to_string());
}

/// One HTTP/1.1 request by hand.
pub(crate) async fn http(url: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

#[tokio::test]
async fn the_estimate_covers_the_cost_and_shared_inputs_are_resolved() {
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = &chain.accounts()[0];
    let mut builder = TransactionBuilder::new();
    let clock = builder.object(ObjectInput::new(Address::from_static("0x6")));
    builder.move_call(
        Function::new(
            Address::TWO,
            "clock".parse().unwrap(),
            "timestamp_ms".parse().unwrap(),
        ),
        vec![clock],
    );
    builder.set_sender(sender.address);
    let transaction = builder.build(&mut client).await.unwrap();
    let sui_sdk_types::TransactionKind::ProgrammableTransaction(programmable) = &transaction.kind
    else {
        panic!("{transaction:?}");
    };
    let sui_sdk_types::Input::Shared(clock) = &programmable.inputs[0] else {
        panic!("{programmable:?}");
    };
    assert_eq!(clock.version(), 1);
    assert_eq!(clock.mutability(), sui_sdk_types::Mutability::Immutable);
    let budget = transaction.gas_payment.budget;
    let executed = submit(&mut client, sender, transaction).await.unwrap();
    assert!(executed.effects().status().success());
    let gas = executed.effects().gas_used();
    assert!(gas.computation_cost() + gas.storage_cost() <= budget + gas.storage_rebate());
}

#[tokio::test]
async fn dynamic_fields_and_json_of_a_kiosk_are_listed() {
    use futures::StreamExt;
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = &chain.accounts()[0];
    let executed = run(&mut client, sender, listing(sender.address, 12)).await;
    assert!(executed.effects().status().success(), "{executed:?}");
    let event = &executed.events.as_ref().unwrap().events[0];
    assert!(event.event_type().contains("::kiosk::ItemListed<"));
    let Some(prost_types::value::Kind::StructValue(json)) = &event.json.as_ref().unwrap().kind
    else {
        panic!("{event:?}");
    };
    let expected = prost_types::value::Kind::StringValue("12".into());
    assert_eq!(json.fields["price"].kind, Some(expected));
    let kiosk = executed
        .effects()
        .changed_objects
        .iter()
        .find(|changed| changed.object_type().ends_with("::kiosk::Kiosk"))
        .unwrap();
    let request = proto::ListDynamicFieldsRequest::default()
        .with_parent(kiosk.object_id())
        .with_page_size(1u32)
        .with_read_mask(FieldMask::from_paths(["*"]));
    let fields: Vec<_> = client.list_dynamic_fields(request).collect().await;
    let fields: Vec<_> = fields.into_iter().map(Result::unwrap).collect();
    assert_eq!(fields.len(), 2, "the item and its listing: {fields:?}");
    let item = fields
        .iter()
        .find(|field| field.child_id.is_some())
        .unwrap();
    assert_eq!(item.value_type(), StructTag::gas_coin().to_string());
    let listing = fields
        .iter()
        .find(|field| field.child_id.is_none())
        .unwrap();
    assert!(listing.name().name().ends_with("::kiosk::Listing"));
    assert_eq!(listing.value().value().to_vec(), 12u64.to_le_bytes());
}

#[tokio::test]
async fn the_clock_moves_when_it_is_advanced() {
    let chain = boot().await;
    let mut client = client(&chain);
    let first = clock_ms(&mut client).await;
    chain
        .advance_clock(Duration::from_secs(86_400))
        .await
        .unwrap();
    let second = clock_ms(&mut client).await;
    assert!(second >= first + 86_400_000, "{first} {second}");
    assert!(second < first + 86_400_000 + 600_000);
}

async fn clock_ms(client: &mut sui_rpc::Client) -> u64 {
    let request = proto::GetObjectRequest::new(&Address::from_static("0x6"))
        .with_read_mask(FieldMask::from_paths(["contents", "owner", "json"]));
    let response = client.ledger_client().get_object(request).await.unwrap();
    let object = response.into_inner().object.unwrap();
    let bytes = object.contents.unwrap().value.unwrap();
    u64::from_le_bytes(bytes[32..40].try_into().unwrap())
}

#[tokio::test]
async fn the_same_seed_gives_the_same_chain() {
    let first = boot().await;
    let second = boot().await;
    assert_eq!(first.chain_id(), second.chain_id());
    assert_eq!(first.accounts(), second.accounts());
    let other = Devchain::builder().seed("other").start().await.unwrap();
    assert_ne!(first.chain_id(), other.chain_id());
}

#[tokio::test]
async fn a_busy_port_is_named_in_the_error() {
    let chain = boot().await;
    let address = chain
        .rpc_url()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let error = Devchain::builder()
        .rpc_address(address)
        .start()
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }));
    assert!(error.to_string().contains(&format!("{address}")), "{error}");
}
