//! Shard transfers: gained shards come from those who had them before.

use super::*;

#[tokio::test]
async fn a_gained_shard_comes_from_its_previous_owner_and_what_that_lacks_from_the_others() {
    let blobs = blobs(5);
    let [first, second] = two_nodes(&blobs).await;
    let after = committees_of(&first, &second, &ALL[..7], &ALL[7..]);
    assign(&first, &after).await;
    // The previous owner has lost one sliver, which is recovered from those of its other shards.
    let lost = ShardIndex(8);
    for file in std::fs::read_dir(first.dir.path().join("shards/8")).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        std::fs::write(&path, bytes).unwrap();
    }
    assign(&second, &after).await;
    assert_eq!(
        states(&second, &[7, 8, 9]),
        [Some(ShardState::Recovering); 3]
    );
    let config = ShardSyncConfig {
        sliver_count_per_sync_request: 2,
        ..ShardSyncConfig::default()
    };
    heal(&second, config, BlobRecoveryConfig::default());
    until(|| states(&second, &[7, 8, 9]) == [Some(ShardState::Active); 3]).await;
    for blob in &blobs {
        assert_holds(&second, blob, &[7, 8, 9]);
    }
    let metrics = &second.parts.deeds.metrics;
    assert_eq!(
        metrics.synced_slivers.get(),
        5 * 2 * 3 - 1,
        "{lost} lacks one"
    );
    assert_eq!(metrics.recovered_slivers.get(), 1);
    assert_eq!(second.parts.storage.count_queued(10).unwrap(), 0);
}

#[tokio::test]
async fn slivers_that_do_not_verify_are_not_stored() {
    let blob = encode(&[3; 2000]);
    let [first, second] = two_nodes(&[]).await;
    let blob_id = *blob.metadata.blob_id();
    for node in [&first, &second] {
        know_old(node, blob_id);
    }
    store(&first, &blob, &ALL[..9]).await;
    // In the place of its last primary sliver the first node holds that of another shard.
    let (own, other) = (ShardIndex(9), ShardIndex(0));
    let pair = |shard: ShardIndex| shard.to_pair_index(&blob_id, N_SHARDS);
    for (sliver_type, payload) in [
        (
            SliverType::Primary,
            sliver(&blob, pair(other), SliverType::Primary),
        ),
        (
            SliverType::Secondary,
            sliver(&blob, pair(own), SliverType::Secondary),
        ),
    ] {
        let new = NewSliver {
            blob_id,
            sliver_type,
            payload: &payload,
        };
        first.parts.storage.put_slivers(own, &[new]).unwrap();
    }
    let after = committees_of(&first, &second, &ALL[..9], &[9]);
    assign(&first, &after).await;
    assign(&second, &after).await;
    heal(
        &second,
        ShardSyncConfig::default(),
        BlobRecoveryConfig::default(),
    );
    until(|| states(&second, &[9]) == [Some(ShardState::Active)]).await;
    assert_holds(&second, &blob, &[9]);
    assert_eq!(second.parts.deeds.metrics.synced_slivers.get(), 1);
}

#[tokio::test]
async fn a_shard_of_the_next_epoch_comes_before_it_begins() {
    let blobs = blobs(3);
    let [first, second] = two_nodes(&blobs).await;
    let mut before = committees_of(&first, &second, &ALL, &[]);
    before.next = Some(committee(
        EPOCH + 1,
        &[(&first, &ALL[..8]), (&second, &[8, 9])],
    ));
    for node in [&first, &second] {
        node.parts.committees.set(view_of(node, &before));
    }
    heal(
        &second,
        ShardSyncConfig::default(),
        BlobRecoveryConfig::default(),
    );
    let metrics = &second.parts.deeds.metrics;
    until(|| metrics.synced_slivers.get() == 3 * 2 * 2).await;
    // What was certified in between is the difference that is moved when the epoch begins.
    let fresh = encode(&[9; 77]);
    for node in [&first, &second] {
        node.register(*fresh.metadata.blob_id(), false);
        node.fold(certified(*fresh.metadata.blob_id(), false));
    }
    store(&first, &fresh, &ALL).await;
    let after = Committees {
        epoch: EPOCH + 1,
        previous: Some(before.current.clone()),
        current: before.next.clone().unwrap(),
        next: None,
        ..before
    };
    for node in [&first, &second] {
        let mut update = node.parts.storage.update();
        update.set_event_epoch(EPOCH + 1).unwrap();
        update.commit().unwrap();
        assign(node, &after).await;
    }
    let storage = &second.parts.storage;
    let queued = storage.queued_for(blobs[0].metadata.blob_id()).unwrap();
    assert_eq!(queued, None, "nothing of it is missing");
    until(|| states(&second, &[8, 9]) == [Some(ShardState::Active); 2]).await;
    assert_holds(&second, &fresh, &[8, 9]);
    assert_eq!(metrics.synced_slivers.get(), 4 * 2 * 2);
}
