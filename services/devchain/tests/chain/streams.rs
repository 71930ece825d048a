//! The resumable streams of `sui-rpc`: from the tip, from a checkpoint, behind a cursor, across a restart of the chain
//! on the same port.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures::{Stream, StreamExt};
use sui_devchain::{Account, Devchain, RunningChain};
use sui_rpc::Client;
use sui_rpc::client::{
    CheckpointStreamRequest, CheckpointStreamStart, Delivery, EventStreamRequest, EventStreamStart,
    TransactionStreamRequest, TransactionStreamStart,
};
use sui_rpc::field::{FieldMask, FieldMaskUtil};
use sui_rpc::proto::sui::rpc::v2 as proto;

use crate::support::{PATIENCE, boot, client, listing, payment, run, stranger};

async fn next<T>(stream: &mut (impl Stream<Item = Result<T, tonic::Status>> + Unpin)) -> T {
    let item = tokio::time::timeout(PATIENCE, stream.next()).await;
    item.unwrap().unwrap().unwrap()
}

fn price(event: &proto::Event) -> u64 {
    let bytes = event.contents().value();
    u64::from_le_bytes(bytes[bytes.len() - 8..].try_into().unwrap())
}

fn event_request(start: EventStreamStart) -> EventStreamRequest {
    let paths = ["checkpoint", "transaction_index", "event_index", "contents"];
    EventStreamRequest::new()
        .with_read_mask(FieldMask::from_paths(paths))
        .with_start(start)
}

async fn list(client: &mut Client, account: &Account, number: u64) {
    let executed = run(client, account, listing(account.address, number)).await;
    assert!(executed.effects().status().success(), "{executed:?}");
}

#[tokio::test]
async fn checkpoints_are_followed_from_the_tip_and_from_a_checkpoint() {
    let chain = boot().await;
    let mut client = client(&chain);
    let sender = &chain.accounts()[0];
    run(&mut client, sender, payment(stranger(1), 1)).await;
    let tip = chain.height();
    for delivery in [Delivery::Subscribe, Delivery::Poll] {
        let request = |start| {
            CheckpointStreamRequest::new()
                .with_read_mask(FieldMask::from_paths([
                    "sequence_number",
                    "transactions.digest",
                ]))
                .with_start(start)
                .with_delivery(delivery)
        };
        let from_zero = request(CheckpointStreamStart::Checkpoint(0));
        let mut frames = Box::pin(client.stream_checkpoints(from_zero));
        for expected in 0..=tip {
            let frame = next(&mut frames).await;
            assert_eq!(frame.cursor, expected);
            assert_eq!(frame.checkpoint.unwrap().sequence_number(), expected);
        }
        let mut frames = Box::pin(client.stream_checkpoints(request(CheckpointStreamStart::Tip)));
        // A polled tip shows nothing before something new happens: checkpoints come all the while.
        let follow = async {
            let first = next(&mut frames).await.cursor;
            assert!(first >= tip);
            for step in 1..=3 {
                assert_eq!(next(&mut frames).await.cursor, first + step, "no gap");
            }
        };
        tokio::pin!(follow);
        let mut pace = tokio::time::interval(Duration::from_millis(50));
        loop {
            tokio::select! {
                () = &mut follow => break,
                _ = pace.tick() => chain.advance_clock(Duration::ZERO).await.unwrap(),
            }
        }
    }
}

#[tokio::test]
async fn transactions_of_one_sender_are_followed() {
    let chain = boot().await;
    let mut client = client(&chain);
    let [one, other] = chain.accounts() else {
        panic!("two accounts");
    };
    let mut filter = proto::TransactionFilter::default();
    let mut sender = proto::SenderFilter::default();
    sender.address = Some(one.address.to_string());
    let mut literal = proto::TransactionLiteral::default();
    literal.predicate = Some(proto::transaction_literal::Predicate::Sender(sender));
    let mut term = proto::TransactionTerm::default();
    term.literals = vec![literal];
    filter.terms = vec![term];
    let paths = [
        "digest",
        "checkpoint",
        "transaction_index",
        "transaction.sender",
    ];
    let request = TransactionStreamRequest::new()
        .with_read_mask(FieldMask::from_paths(paths))
        .with_filter(filter)
        .with_start(TransactionStreamStart::Checkpoint(0));
    let mut frames = Box::pin(client.stream_transactions(request));
    let mut sent = vec![];
    for account in [one, other, one] {
        let executed = run(&mut client, account, payment(stranger(1), 1)).await;
        if account == one {
            sent.push(executed.digest().to_owned());
        }
    }
    let mut seen = vec![];
    while seen.len() < 2 {
        let frame = next(&mut frames).await;
        seen.extend(frame.transaction.map(|found| found.digest().to_owned()));
    }
    assert_eq!(seen, sent);
}

async fn boot_at(directory: &Path, address: Option<SocketAddr>) -> RunningChain {
    let mut builder = Devchain::builder()
        .data_dir(Some(directory.to_owned()))
        .accounts(1);
    if let Some(address) = address {
        builder = builder.rpc_address(address);
    }
    builder.start().await.unwrap()
}

#[tokio::test]
async fn a_running_stream_survives_a_restart_of_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let chain = boot_at(directory.path(), None).await;
    let address: SocketAddr = chain
        .rpc_url()
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let account = chain.accounts()[0].clone();
    let reader = client(&chain);
    let mut events = Box::pin(reader.stream_events(event_request(EventStreamStart::Checkpoint(0))));
    list(&mut client(&chain), &account, 1).await;
    let mut seen = vec![];
    while seen.is_empty() {
        seen.extend(next(&mut events).await.event.as_ref().map(price));
    }
    chain.shutdown().await;
    let chain = boot_at(directory.path(), Some(address)).await;
    list(&mut client(&chain), &account, 2).await;
    list(&mut client(&chain), &account, 3).await;
    while seen.len() < 3 {
        seen.extend(next(&mut events).await.event.as_ref().map(price));
    }
    assert_eq!(seen, [1, 2, 3], "each once, in order");
}
