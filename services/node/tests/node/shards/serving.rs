//! What the owner of a shard sends of it, to whom, and for how long.

use super::*;

/// A request of the second node, and what is asked with it.
fn request(shard: u16, kind: SliverType, first: BlobId, count: u64) -> SyncShardRequestV1 {
    SyncShardRequestV1 {
        shard_index: ShardIndex(shard),
        sliver_type: kind,
        starting_blob_id: first,
        sliver_count: count,
        epoch: EPOCH,
    }
}

fn signed(node: &TestNode, request: SyncShardRequestV1) -> SignedMessage<SyncShardRequest> {
    let message = ProtocolMessage::new(request.epoch, SyncShardRequest::V1(request));
    node.protocol_key.sign(&message)
}

#[tokio::test]
async fn a_shard_is_sent_to_its_new_owner_by_ascending_blob_id() {
    let blobs = blobs(4);
    let [first, second] = two_nodes(&blobs).await;
    let after = committees_of(&first, &second, &ALL[..9], &[9]);
    assign(&first, &after).await;
    // One that was certified in this epoch does not go with the shard: the new owner was sent it, or recovers it.
    let fresh = encode(&[9; 77]);
    first.register(*fresh.metadata.blob_id(), false);
    first.fold(certified(*fresh.metadata.blob_id(), false));
    let ask = async |request: SyncShardRequestV1| {
        let answer = first
            .raw()
            .post(first.url("/v1/migrate/sync_shard"))
            .header(
                "authorization",
                second.protocol_key.public_key().to_string(),
            )
            .body(signed(&second, request).to_bcs())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/octet-stream");
        answer.bytes().await.unwrap()
    };
    let expected = |kind, range: std::ops::Range<usize>| {
        let slivers = blobs[range].iter().map(|blob| {
            let blob_id = *blob.metadata.blob_id();
            let pair = ShardIndex(9).to_pair_index(&blob_id, N_SHARDS);
            let bytes = sliver(blob, pair, kind);
            let sliver = Sliver::from_untagged_bcs(&bytes, kind, &blob.metadata);
            (blob_id, sliver.unwrap())
        });
        bcs::to_bytes(&SyncShardResponse::V1(slivers.collect())).unwrap()
    };
    for kind in BOTH {
        let all = ask(request(9, kind, BlobId([0; 32]), 100)).await;
        assert_eq!(all, expected(kind, 0..4));
        let second_id = *blobs[1].metadata.blob_id();
        let two = ask(request(9, kind, second_id, 2)).await;
        assert_eq!(two, expected(kind, 1..3));
        let none = ask(request(9, kind, BlobId([0xff; 32]), 2)).await;
        assert_eq!(none, expected(kind, 0..0));
    }
}

#[tokio::test]
async fn who_may_not_have_a_shard_is_told_the_first_reason() {
    let [first, second] = two_nodes(&[]).await;
    let stranger = TestNode::start_as(Address::new([3; 32]), &[]).await;
    let after = committees_of(&first, &second, &ALL[..9], &[9]);
    assign(&first, &after).await;
    let good = || request(9, SliverType::Primary, BlobId([0; 32]), 1);
    let refused = async |caller: &TestNode, signer: &TestNode, request: SyncShardRequestV1| {
        let key = caller.protocol_key.public_key();
        let signed = signed(signer, request);
        let answer = first.client().sync_shard(&key, &signed, 1 << 20).await;
        answer.map(drop).unwrap_err()
    };
    let wrong_epoch = || SyncShardRequestV1 {
        epoch: EPOCH - 1,
        shard_index: ShardIndex(3),
        sliver_count: 1 << 40,
        ..good()
    };
    let cases = [
        (
            &stranger,
            &second,
            wrong_epoch(),
            Reason::RequestUnauthorized,
        ),
        (
            &second,
            &stranger,
            wrong_epoch(),
            Reason::MessageVerificationFailed,
        ),
        (&second, &second, wrong_epoch(), Reason::InvalidEpoch),
        (
            &second,
            &second,
            SyncShardRequestV1 {
                epoch: EPOCH,
                ..wrong_epoch()
            },
            Reason::RequestUnauthorized,
        ),
        (
            &second,
            &second,
            SyncShardRequestV1 {
                sliver_count: 100_001,
                ..good()
            },
            Reason::SliverCountExceedsLimit,
        ),
    ];
    for (caller, signer, request, reason) in cases {
        let error = refused(caller, signer, request).await;
        assert!(error.is_reason(reason), "{reason:?}: {error}");
    }
    let error = refused(&second, &second, wrong_epoch()).await.to_string();
    assert!(error.contains("20") && error.contains("21"), "{error}");
    first.parts.storage.remove_shard(ShardIndex(9)).unwrap();
    let error = refused(&second, &second, good()).await;
    assert!(error.is_reason(Reason::ShardNotAssigned), "{error}");
    let bare = first.raw().post(first.url("/v1/migrate/sync_shard")).send();
    assert_eq!(bare.await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_lost_shard_is_read_from_for_one_epoch_and_then_gone() {
    let blob = encode(&[3; 2000]);
    let blob_id = *blob.metadata.blob_id();
    let [first, second] = two_nodes(std::slice::from_ref(&blob)).await;
    let after = committees_of(&first, &second, &ALL[..9], &[9]);
    assign(&first, &after).await;
    assert_eq!(
        states(&first, &[8, 9]),
        [Some(ShardState::Active), Some(ShardState::Locked)]
    );
    let pair = ShardIndex(9).to_pair_index(&blob_id, N_SHARDS);
    let client = first.client();
    let read = client
        .sliver(&blob.metadata, pair, SliverType::Primary)
        .await;
    assert_eq!(read.unwrap(), sliver(&blob, pair, SliverType::Primary));
    let later = Committees {
        previous: Some(after.current.clone()),
        ..after
    };
    assign(&first, &later).await;
    assert_eq!(states(&first, &[8, 9]), [Some(ShardState::Active), None]);
    assert!(!first.dir.path().join("shards/9").exists());
}
