//! A chain on disk goes on where it was: after a shutdown, after a crash, after a torn write.

use std::path::Path;

use crate::support::{PATIENCE, balance, client, listing, payment, run, stranger};
use futures::StreamExt;
use sui_devchain::{Devchain, RunningChain};
use sui_rpc::client::{EventStreamRequest, EventStreamStart};
use sui_rpc::field::{FieldMask, FieldMaskUtil};
use sui_rpc::proto::sui::rpc::v2 as proto;

const SUI: u64 = 1_000_000_000;

async fn boot(directory: &Path) -> RunningChain {
    Devchain::builder()
        .data_dir(Some(directory.to_owned()))
        .accounts(2)
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_restarted_chain_knows_what_happened() {
    let directory = tempfile::tempdir().unwrap();
    let chain = boot(directory.path()).await;
    let (id, accounts) = (chain.chain_id(), chain.accounts().to_vec());
    let executed = run(&mut client(&chain), &accounts[0], payment(stranger(1), SUI)).await;
    let height = chain.height();
    chain.shutdown().await;
    let chain = boot(directory.path()).await;
    assert_eq!(chain.chain_id(), id);
    assert_eq!(chain.accounts(), accounts);
    assert!(chain.height() > height);
    let mut client = client(&chain);
    assert_eq!(balance(&mut client, stranger(1)).await, SUI);
    let digest = executed.digest().parse().unwrap();
    let request =
        proto::GetTransactionRequest::new(&digest).with_read_mask(FieldMask::from_paths(["*"]));
    let found = client
        .ledger_client()
        .get_transaction(request)
        .await
        .unwrap();
    assert_eq!(found.into_inner().transaction.unwrap(), executed);
    run(&mut client, &accounts[0], payment(stranger(1), SUI)).await;
    assert_eq!(balance(&mut client, stranger(1)).await, 2 * SUI);
}

#[tokio::test]
async fn a_torn_log_loses_only_its_tail() {
    let directory = tempfile::tempdir().unwrap();
    let chain = boot(directory.path()).await;
    let account = chain.accounts()[0].clone();
    run(&mut client(&chain), &account, payment(stranger(1), SUI)).await;
    run(&mut client(&chain), &account, payment(stranger(2), SUI)).await;
    chain.shutdown().await;
    let path = directory.path().join("chain.log");
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(std::fs::metadata(&path).unwrap().len() - 11)
        .unwrap();
    drop(file);
    let chain = boot(directory.path()).await;
    let mut client = client(&chain);
    assert_eq!(balance(&mut client, stranger(1)).await, SUI);
    assert_eq!(balance(&mut client, stranger(2)).await, 0);
    run(&mut client, &account, payment(stranger(2), SUI)).await;
    assert_eq!(balance(&mut client, stranger(2)).await, SUI);
}

/// The price in a `kiosk::ItemListed` event: its last eight bytes.
fn price(event: &proto::Event) -> u64 {
    let bytes = event.contents.as_ref().unwrap().value.as_ref().unwrap();
    u64::from_le_bytes(bytes[bytes.len() - 8..].try_into().unwrap())
}

#[tokio::test]
async fn an_event_cursor_is_good_across_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let chain = boot(directory.path()).await;
    let account = chain.accounts()[0].clone();
    for number in 1..=3 {
        let executed = run(
            &mut client(&chain),
            &account,
            listing(account.address, number),
        )
        .await;
        assert!(executed.effects().status().success(), "{executed:?}");
    }
    let request = |start: EventStreamStart| {
        let mut request = EventStreamRequest::new().with_start(start);
        request.read_mask = Some(FieldMask::from_paths([
            "checkpoint",
            "transaction_index",
            "event_index",
            "contents",
        ]));
        request
    };
    let reader = client(&chain);
    let mut frames = Box::pin(reader.stream_events(request(EventStreamStart::Checkpoint(0))));
    let mut cursor = None;
    let mut seen = vec![];
    while seen.len() < 2 {
        let frame = tokio::time::timeout(PATIENCE, frames.next()).await.unwrap();
        let frame = frame.unwrap().unwrap();
        seen.extend(frame.event.as_ref().map(price));
        cursor = Some(frame.cursor);
    }
    assert_eq!(seen, [1, 2]);
    drop(frames);
    chain.shutdown().await;
    let chain = boot(directory.path()).await;
    run(&mut client(&chain), &account, listing(account.address, 4)).await;
    let reader = client(&chain);
    let resumed = request(EventStreamStart::Resume(cursor.unwrap()));
    let mut frames = Box::pin(reader.stream_events(resumed));
    let mut seen = vec![];
    while seen.len() < 2 {
        let frame = tokio::time::timeout(PATIENCE, frames.next()).await.unwrap();
        seen.extend(frame.unwrap().unwrap().event.as_ref().map(price));
    }
    assert_eq!(seen, [3, 4]);
}
