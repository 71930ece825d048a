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

/// Checkpoints of the chain, whole, as a client gets them; the code of the error for one that it does not get.
async fn history(chain: &RunningChain, height: u64) -> Vec<Result<proto::Checkpoint, tonic::Code>> {
    let mut client = client(chain);
    let mut found = vec![];
    for number in 0..=height {
        let request = proto::GetCheckpointRequest::by_sequence_number(number)
            .with_read_mask(FieldMask::from_paths(["*"]));
        let answer = client.ledger_client().get_checkpoint(request).await;
        found.push(match answer {
            Ok(answer) => Ok(answer.into_inner().checkpoint.unwrap()),
            Err(status) => Err(status.code()),
        });
    }
    found
}

/// From a snapshot, from the log alone, and after a kill that left an older snapshot: the same history, and the chain goes on.
#[tokio::test]
async fn history_is_the_same_whatever_a_start_begins_with() {
    let directory = tempfile::tempdir().unwrap();
    let chain = boot(directory.path()).await;
    let account = chain.accounts()[0].clone();
    run(&mut client(&chain), &account, payment(stranger(1), SUI)).await;
    chain.shutdown().await;
    let (log, snapshot) = (
        directory.path().join("chain.log"),
        directory.path().join("chain.snapshot"),
    );
    // Genesis is long enough for one.
    let older = std::fs::read(&snapshot).unwrap();
    let chain = boot(directory.path()).await;
    run(&mut client(&chain), &account, payment(stranger(1), SUI)).await;
    let height = chain.height();
    let expected = history(&chain, height).await;
    assert!(expected.iter().all(Result::is_ok));
    chain.shutdown().await;
    for older in [Some(older), None] {
        match older {
            Some(older) => std::fs::write(&snapshot, older).unwrap(),
            None => std::fs::remove_file(&snapshot).unwrap(),
        }
        let chain = boot(directory.path()).await;
        assert_eq!(history(&chain, height).await, expected);
        assert_eq!(balance(&mut client(&chain), stranger(1)).await, 2 * SUI);
        chain.shutdown().await;
    }
    let chain = boot(directory.path()).await;
    run(&mut client(&chain), &account, payment(stranger(2), SUI)).await;
    assert_eq!(balance(&mut client(&chain), stranger(2)).await, SUI);
    chain.shutdown().await;
    damage_the_second_record(&log);
    let chain = boot(directory.path()).await;
    let found = history(&chain, height).await;
    assert_eq!(found[1], Err(tonic::Code::DataLoss));
    // The Clock of the third one was written in the second.
    assert_eq!(found[2], Err(tonic::Code::DataLoss));
    assert_eq!((&found[0], &found[3..]), (&expected[0], &expected[3..]));
    assert_eq!(balance(&mut client(&chain), stranger(1)).await, 2 * SUI);
}

/// Behind a header of 44 bytes and a record whose length its first four bytes tell.
fn damage_the_second_record(log: &Path) {
    let mut bytes = std::fs::read(log).unwrap();
    let first = u32::from_le_bytes(bytes[44..48].try_into().unwrap());
    let second = 44 + 20 + usize::try_from(first).unwrap();
    bytes[second + 50] ^= 1;
    std::fs::write(log, bytes).unwrap();
}
