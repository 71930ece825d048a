//! Recovery symbols from kept trees: the same as from fresh ones, and none of what is not stored any more.

use std::{collections::BTreeSet, sync::Arc};

use crate::support::*;
use walrus_core::{
    Axis, BlobId, Primary, Secondary, ShardIndex, SliverData, SliverIndex, SliverType, SymbolId,
    encoder::EncodedBlob, recovery::GeneralRecoverySymbol,
};
use walrus_node::{
    blobs::{SymbolError, SymbolSelection},
    parts::Parts,
    storage::{records::ShardState, segments::NewSliver},
};
use walrus_sui::{
    Address,
    events::{BlobDeleted, BlobRegistered, ContractEvent},
};

const OWN: [u16; 3] = [0, 4, 7];

/// Stores metadata and the slivers of a shard.
fn put(parts: &Parts, blob: &EncodedBlob, shard: u16) {
    let (blob_id, shard) = (*blob.metadata.blob_id(), ShardIndex(shard));
    parts.storage.put_metadata(&blob.metadata).unwrap();
    for sliver_type in [SliverType::Primary, SliverType::Secondary] {
        let pair = shard.to_pair_index(&blob_id, N_SHARDS);
        let payload = sliver(blob, pair, sliver_type);
        let new = NewSliver {
            blob_id,
            sliver_type,
            payload: &payload,
        };
        parts.storage.put_slivers(shard, &[new]).unwrap();
    }
}

/// Each blob is registered by an object of its own.
fn object_of(blob: &EncodedBlob) -> Address {
    Address::new(blob.metadata.blob_id().0)
}

fn holding(parts: &Parts, content: &[u8]) -> EncodedBlob {
    let blob = encode(content);
    let ContractEvent::BlobRegistered(event) = registered(*blob.metadata.blob_id(), true) else {
        unreachable!("that is what it makes")
    };
    let event = BlobRegistered {
        object_id: object_of(&blob),
        ..event
    };
    fold_event(&parts.storage, ContractEvent::BlobRegistered(event));
    for shard in OWN {
        put(parts, &blob, shard);
    }
    blob
}

fn open() -> (tempfile::TempDir, Arc<Parts>) {
    let dir = tempfile::tempdir().unwrap();
    let key = walrus_core::bls::BlsKeyPair::generate(&mut rand::rng());
    let parts = open_parts(dir.path(), &OWN, &key);
    (dir, Arc::new(parts))
}

/// What the node's slivers of type `T` give for a target of the other, computed from the slivers.
fn expected<T: Axis>(
    blob: &EncodedBlob,
    target: SliverIndex,
    of_pair: impl Fn(&walrus_core::SliverPair) -> &SliverData<T>,
) -> Vec<GeneralRecoverySymbol> {
    let blob_id = blob.metadata.blob_id();
    let mut symbols: Vec<_> = OWN
        .iter()
        .map(|shard| {
            let pair = ShardIndex(*shard).to_pair_index(blob_id, N_SHARDS);
            let pair = blob.pairs.iter().find(|p| p.index() == pair).unwrap();
            let expanded = of_pair(pair).expand(&encoding()).unwrap();
            let tree = expanded.merkle_tree();
            expanded.general_recovery_symbol(&tree, target).unwrap()
        })
        .collect();
    symbols.sort_by_key(GeneralRecoverySymbol::id);
    symbols
}

async fn ask(
    parts: &Parts,
    blob_id: BlobId,
    target: u16,
    target_type: SliverType,
) -> Result<Vec<GeneralRecoverySymbol>, SymbolError> {
    let selection = SymbolSelection::Target(SliverIndex(target), target_type);
    parts.deeds.symbols.recovery(blob_id, selection, None).await
}

fn hits_and_misses(parts: &Parts) -> (u64, u64) {
    let metrics = &parts.deeds.metrics;
    (
        metrics.symbol_tree_hits.get(),
        metrics.symbol_tree_misses.get(),
    )
}

fn kept_bytes(parts: &Parts) -> i64 {
    parts.deeds.metrics.symbol_tree_bytes.get()
}

#[tokio::test]
async fn symbols_of_kept_trees_are_those_of_fresh_ones() {
    let (_dir, parts) = open();
    let blob = holding(&parts, &[9; 5000]);
    let blob_id = *blob.metadata.blob_id();
    for round in 0..2 {
        for target in 0..N_SHARDS {
            let found = ask(&parts, blob_id, target, SliverType::Primary).await;
            let from = expected::<Secondary>(&blob, SliverIndex(target), |pair| &pair.secondary);
            assert_eq!(found.unwrap(), from, "round {round}, primary {target}");
            let found = ask(&parts, blob_id, target, SliverType::Secondary).await;
            let from = expected::<Primary>(&blob, SliverIndex(target), |pair| &pair.primary);
            assert_eq!(found.unwrap(), from, "round {round}, secondary {target}");
        }
    }
    // Each of the three slivers of both types was expanded once.
    assert_eq!(hits_and_misses(&parts), (2 * 2 * 10 * 3 - 6, 6));
    assert!(kept_bytes(&parts) > 0);
}

#[tokio::test]
async fn symbols_by_id_come_from_kept_trees_too() {
    let (_dir, parts) = open();
    let blob = holding(&parts, &[9; 5000]);
    let blob_id = *blob.metadata.blob_id();
    let source = ShardIndex(4).to_pair_index(&blob_id, N_SHARDS);
    let source = source.to_sliver_index(SliverType::Primary, N_SHARDS);
    let ids: BTreeSet<_> = (0..N_SHARDS)
        .map(|column| SymbolId::new(source, SliverIndex(column)))
        .collect();
    let mut answers = vec![];
    for _ in 0..2 {
        let selection = SymbolSelection::Ids(ids.clone());
        let sliver_type = Some(SliverType::Primary);
        let answer = parts
            .deeds
            .symbols
            .recovery(blob_id, selection, sliver_type);
        answers.push(answer.await.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    let found = answers[0].iter().map(GeneralRecoverySymbol::id);
    assert_eq!(found.collect::<BTreeSet<_>>(), ids);
    for symbol in &answers[0] {
        let target = symbol.id().sliver_index(SliverType::Secondary);
        symbol
            .verify(&blob.metadata, SliverType::Secondary, target)
            .unwrap();
    }
    assert_eq!(hits_and_misses(&parts), (1, 1));
}

#[tokio::test]
async fn a_deleted_blob_has_no_symbols_and_takes_no_memory() {
    let (_dir, parts) = open();
    let (gone, stays) = (holding(&parts, &[1; 5000]), holding(&parts, &[2; 5000]));
    let object_id = object_of(&gone);
    let (gone, other) = (*gone.metadata.blob_id(), *stays.metadata.blob_id());
    ask(&parts, other, 0, SliverType::Primary).await.unwrap();
    let bytes_of_other = kept_bytes(&parts);
    ask(&parts, gone, 0, SliverType::Primary).await.unwrap();
    assert_eq!(kept_bytes(&parts), 2 * bytes_of_other);

    fold_event(
        &parts.storage,
        ContractEvent::BlobDeleted(BlobDeleted {
            epoch: EPOCH,
            blob_id: gone,
            end_epoch: EPOCH + 5,
            object_id,
            was_certified: false,
        }),
    );
    let refused = ask(&parts, gone, 0, SliverType::Primary).await;
    assert!(matches!(refused, Err(SymbolError::NotRegistered)));
    let expiry = &parts.expiry;
    expiry.after_deletion(&gone, EPOCH, true).unwrap();
    assert_eq!(kept_bytes(&parts), bytes_of_other);
    ask(&parts, other, 0, SliverType::Primary).await.unwrap();
    assert_eq!(hits_and_misses(&parts), (3, 6));
}

#[tokio::test]
async fn data_deleted_under_a_registered_blob_is_not_served_from_memory() {
    let (_dir, parts) = open();
    let blob = holding(&parts, &[1; 5000]);
    let blob_id = *blob.metadata.blob_id();
    let before = ask(&parts, blob_id, 3, SliverType::Primary).await.unwrap();
    parts.storage.delete_data(&blob_id).unwrap();
    // The metadata is there again, the slivers are not.
    parts.storage.put_metadata(&blob.metadata).unwrap();
    let refused = ask(&parts, blob_id, 3, SliverType::Primary).await;
    assert!(matches!(refused, Err(SymbolError::SliverAbsent(_))));
    parts.deeds.symbols.forget_deleted().unwrap();
    assert_eq!(kept_bytes(&parts), 0);
    for shard in OWN {
        put(&parts, &blob, shard);
    }
    let after = ask(&parts, blob_id, 3, SliverType::Primary).await.unwrap();
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_shard_that_moved_away_is_not_served_from_memory() {
    let (_dir, parts) = open();
    let blob = holding(&parts, &[1; 5000]);
    let blob_id = *blob.metadata.blob_id();
    let count = async || {
        let symbols = ask(&parts, blob_id, 3, SliverType::Primary).await;
        symbols.unwrap().len()
    };
    assert_eq!(count().await, 3);
    let bytes = kept_bytes(&parts);
    let storage = &parts.storage;
    let shard = ShardIndex(4);
    // A locked one still helps the new owner.
    storage.set_shard_state(shard, ShardState::Locked).unwrap();
    assert_eq!(count().await, 3);
    storage.remove_shard(shard).unwrap();
    parts.deeds.symbols.forget_deleted().unwrap();
    assert_eq!(kept_bytes(&parts), bytes / 3 * 2);
    assert_eq!(count().await, 2);
    // Assigned again and still empty: the tree of before must not speak for it.
    storage
        .set_shard_state(shard, ShardState::Recovering)
        .unwrap();
    assert_eq!(count().await, 2);
}

#[tokio::test]
async fn simultaneous_requests_expand_a_sliver_once() {
    let (_dir, parts) = open();
    let blob = holding(&parts, &[1; 5000]);
    let blob_id = *blob.metadata.blob_id();
    let requests = (0..N_SHARDS).map(|target| {
        let parts = Arc::clone(&parts);
        tokio::spawn(async move { ask(&parts, blob_id, target, SliverType::Primary).await })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap().unwrap().len(), OWN.len());
    }
    assert_eq!(hits_and_misses(&parts), (10 * 3 - 3, 3));
}

#[tokio::test]
async fn a_large_answer_is_made_in_pieces_and_is_the_same() {
    let node = TestNode::start(&OWN).await;
    let parts = &node.parts;
    // Symbols of some 60 kB, of which there are more than 50.
    let blob = encode(&vec![7; 28 * 60_000]);
    let blob_id = *blob.metadata.blob_id();
    node.register(blob_id, false);
    for shard in OWN {
        put(parts, &blob, shard);
    }
    let ids: BTreeSet<_> = (0..N_SHARDS)
        .flat_map(|row| {
            (0..N_SHARDS).map(move |column| SymbolId::new(SliverIndex(row), SliverIndex(column)))
        })
        .collect();
    let selection = SymbolSelection::Ids(ids.clone());
    let asked = parts.deeds.symbols.answer(blob_id, selection, None).await;
    let mut answer = asked.unwrap();
    let (mut symbols, mut pieces) = (vec![], 0);
    while let Some(piece) = answer.next().await.unwrap() {
        let bytes = bcs::serialized_size(&piece).unwrap();
        assert!(bytes <= (1 << 20) + 128, "{bytes}");
        symbols.extend(piece);
        pieces += 1;
    }
    // Every symbol that is in one of three rows or columns.
    assert_eq!(symbols.len(), 10 * 10 - 7 * 7);
    assert_eq!((answer.count(), pieces), (symbols.len(), 3));
    assert!(symbols.is_sorted_by_key(GeneralRecoverySymbol::id));

    let query: Vec<_> = ids.iter().map(|id| format!("id={id}")).collect();
    let path = format!("/v1/blobs/{blob_id}/recoverySymbols?{}", query.join("&"));
    let sent = node.raw().get(node.url(&path)).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let bytes = sent.bytes().await.unwrap();
    assert!(bytes == bcs::to_bytes(&symbols).unwrap());

    // What is lost while an answer is sent breaks it off; nothing wrong is sent.
    let selection = SymbolSelection::Ids(ids);
    let asked = parts.deeds.symbols.answer(blob_id, selection, None).await;
    let mut answer = asked.unwrap();
    answer.next().await.unwrap();
    parts.storage.delete_data(&blob_id).unwrap();
    assert!(answer.next().await.is_err());
}
