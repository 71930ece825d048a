//! The REST API over TLS: what is stored, what is refused and how, when a confirmation is signed.

use crate::support::*;
use walrus_core::{
    BlobId, ShardIndex, SliverType,
    messages::{BlobPersistence, ProtocolMessage, StorageConfirmationBody},
};
use walrus_node::storage::records::SyncReason;
use walrus_node_client::{BlobStatus, NodeError, Reason, Stored, StoredOnNodeStatus};
use walrus_service::worker::{Failure, Step, Worker};

fn refused<T: std::fmt::Debug>(result: Result<T, NodeError>, reason: Reason) {
    let error = result.unwrap_err();
    assert!(error.is_reason(reason), "{error}");
    assert_eq!(error.http_status(), Some(reason.http_status()));
}

#[tokio::test]
async fn a_confirmation_needs_the_registration_and_every_sliver() {
    let node = TestNode::start(&[0, 4, 7]).await;
    let (client, blob) = (node.client(), encode(&[9; 5000]));
    let blob_id = *blob.metadata.blob_id();
    let permanent = BlobPersistence::Permanent;

    refused(
        client
            .store_metadata(&blob_id, blob.metadata.metadata())
            .await,
        Reason::NotRegistered,
    );
    refused(
        client.confirmation(&blob_id, &permanent, None).await,
        Reason::NotRegistered,
    );

    node.register(blob_id, false);
    refused(
        client.confirmation(&blob_id, &permanent, None).await,
        Reason::MissingSlivers,
    );
    assert_eq!(
        client
            .store_metadata(&blob_id, blob.metadata.metadata())
            .await
            .unwrap(),
        Stored::New
    );
    assert_eq!(
        client
            .store_metadata(&blob_id, blob.metadata.metadata())
            .await
            .unwrap(),
        Stored::Existing
    );
    node.upload(&blob, &[0, 4]).await;
    let last = ShardIndex(7).to_pair_index(&blob_id, N_SHARDS);
    let primary = sliver(&blob, last, SliverType::Primary);
    client
        .store_sliver(&blob_id, last, SliverType::Primary, primary.into())
        .await
        .unwrap();
    refused(
        client.confirmation(&blob_id, &permanent, None).await,
        Reason::MissingSlivers,
    );

    node.upload(&blob, &[7]).await;
    let confirmation = client
        .confirmation(&blob_id, &permanent, None)
        .await
        .unwrap();
    let key = node.protocol_key.public_key();
    confirmation
        .verify(&key, EPOCH, &blob_id, permanent)
        .unwrap();
    let body = StorageConfirmationBody {
        blob_id,
        persistence: permanent,
    };
    assert_eq!(
        confirmation.signed().serialized_message(),
        ProtocolMessage::new(EPOCH, body).to_bytes()
    );

    let deletable = |object_id| BlobPersistence::Deletable { object_id };
    client
        .confirmation(&blob_id, &deletable(OBJECT), None)
        .await
        .unwrap();
    let other = deletable([0x2b; 32]);
    refused(
        client.confirmation(&blob_id, &other, None).await,
        Reason::NotRegistered,
    );
}

#[tokio::test]
async fn bad_slivers_are_refused_and_leave_nothing_behind() {
    let node = TestNode::start(&[0, 4, 7]).await;
    let (client, blob) = (node.client(), encode(&[9; 5000]));
    let blob_id = *blob.metadata.blob_id();
    let pair = ShardIndex(4).to_pair_index(&blob_id, N_SHARDS);
    let foreign = ShardIndex(5).to_pair_index(&blob_id, N_SHARDS);
    let sliver_type = SliverType::Secondary;
    let good = sliver(&blob, pair, sliver_type);
    let put = |pair, bytes: Vec<u8>| {
        let client = &client;
        async move {
            client
                .store_sliver(&blob_id, pair, sliver_type, bytes.into())
                .await
        }
    };

    refused(put(pair, good.clone()).await, Reason::NotRegistered);
    node.register(blob_id, false);
    refused(put(pair, good.clone()).await, Reason::MetadataRequired);
    client
        .store_metadata(&blob_id, blob.metadata.metadata())
        .await
        .unwrap();

    let mut changed = good.clone();
    changed[10] ^= 1;
    refused(put(pair, changed).await, Reason::InvalidSliver);
    refused(
        put(pair, good[..good.len() - 1].to_vec()).await,
        Reason::InvalidContentType,
    );
    refused(put(pair, vec![]).await, Reason::InvalidContentType);
    refused(
        put(pair, sliver(&blob, foreign, sliver_type)).await,
        Reason::SliverIndexMismatch,
    );
    refused(
        put(foreign, sliver(&blob, foreign, sliver_type)).await,
        Reason::ShardNotAssigned,
    );
    refused(
        put(walrus_core::SliverPairIndex(10), good.clone()).await,
        Reason::IndexOutOfRange,
    );
    let oversized = vec![0; encoding().max_sliver_length() + 129];
    let url = node.url(&format!("/v1/blobs/{blob_id}/slivers/{pair}/{sliver_type}"));
    let answer = node.raw().put(&url).body(oversized).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["details"][0]["reason"], "BODY_TOO_LARGE");
    assert_eq!(body["error"]["details"][0]["domain"], "global");

    assert_eq!(
        client
            .sliver_status(&blob_id, pair, sliver_type)
            .await
            .unwrap(),
        StoredOnNodeStatus::Nonexistent
    );
    refused(
        client.sliver(&blob.metadata, pair, sliver_type).await,
        Reason::SliverNotFound,
    );
    assert_eq!(put(pair, good.clone()).await.unwrap(), Stored::New);
    assert_eq!(put(pair, good.clone()).await.unwrap(), Stored::Existing);
    assert_eq!(
        client
            .sliver(&blob.metadata, pair, sliver_type)
            .await
            .unwrap(),
        good
    );
}

#[tokio::test]
async fn metadata_of_another_blob_is_refused() {
    let node = TestNode::start(&[0]).await;
    let (client, blob) = (node.client(), encode(&[1; 10]));
    let other = BlobId([5; 32]);
    node.register(other, false);
    refused(
        client
            .store_metadata(&other, blob.metadata.metadata())
            .await,
        Reason::InvalidMetadata,
    );
    assert_eq!(
        client.metadata_status(&other).await.unwrap(),
        StoredOnNodeStatus::Nonexistent
    );
    refused(
        client.metadata(&other, &encoding()).await,
        Reason::MetadataNotFound,
    );
    refused(
        client.metadata(&BlobId([0xbb; 32]), &encoding()).await,
        Reason::ForbiddenBlob,
    );
}

#[tokio::test]
async fn requests_that_reach_no_handler_get_json_and_cors() {
    let node = TestNode::start(&[0]).await;
    let http = node.raw();
    let id = BlobId([7; 32]);
    let cases = [
        (
            reqwest::Method::GET,
            "/nothing".to_owned(),
            404,
            "ROUTE_NOT_FOUND",
        ),
        (
            reqwest::Method::POST,
            "/v1/health".to_owned(),
            405,
            "METHOD_NOT_ALLOWED",
        ),
        (
            reqwest::Method::GET,
            "/v1/blobs/short/status".to_owned(),
            400,
            "INVALID_PATH",
        ),
        (
            reqwest::Method::GET,
            format!("/v1/blobs/{id}/slivers/x/primary"),
            400,
            "INVALID_PATH",
        ),
        (
            reqwest::Method::GET,
            format!("/v1/blobs/{id}/slivers/0/third"),
            400,
            "INVALID_PATH",
        ),
        (
            reqwest::Method::PUT,
            format!("/v1/blobs/{id}/metadata?a=b"),
            400,
            "INVALID_QUERY",
        ),
        (
            reqwest::Method::PUT,
            // Its body is not even looked at.
            format!("/v1/blobs/{id}/metadata"),
            400,
            "NOT_REGISTERED",
        ),
        (
            reqwest::Method::GET,
            format!("/v1/blobs/{id}/confirmation/deletable/x"),
            400,
            "INVALID_PATH",
        ),
        (
            reqwest::Method::GET,
            format!("/v1/blobs/{id}/recoverySymbols"),
            400,
            "NO_SYMBOLS_SPECIFIED",
        ),
    ];
    for (method, path, status, reason) in cases {
        let answer = http.request(method, node.url(&path)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(
            answer.headers()["access-control-allow-origin"],
            "*",
            "{path}"
        );
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], status, "{path}");
        assert_eq!(body["error"]["details"][0]["@type"], "ErrorInfo", "{path}");
        assert_eq!(body["error"]["details"][0]["reason"], reason, "{path}");
        assert!(
            body["error"]["details"][0]["metadata"].is_object(),
            "{path}"
        );
    }
    let preflight = http
        .request(
            reqwest::Method::OPTIONS,
            node.url(&format!("/v1/blobs/{id}/metadata")),
        )
        .header("origin", "https://app.example")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type")
        .send()
        .await
        .unwrap();
    assert!(preflight.status().is_success());
    assert_eq!(preflight.headers()["access-control-allow-methods"], "*");
    assert_eq!(preflight.headers()["access-control-allow-headers"], "*");
}

#[tokio::test]
async fn uploads_before_the_registration_wait_in_memory_when_asked_to() {
    let node = TestNode::start(&[0]).await;
    let (client, http, blob) = (node.client(), node.raw(), encode(&[3; 100]));
    let blob_id = *blob.metadata.blob_id();
    let pair = ShardIndex(0).to_pair_index(&blob_id, N_SHARDS);
    let put = |path: String, bytes: Vec<u8>| {
        let request = http.put(node.url(&format!("/v1/blobs/{blob_id}/{path}?pending=true")));
        async move { request.body(bytes).send().await.unwrap().status().as_u16() }
    };
    let metadata = blob.metadata.metadata().to_bcs();
    assert_eq!(put("metadata".into(), metadata.clone()).await, 202);
    assert_eq!(put("metadata".into(), metadata).await, 200);
    for sliver_type in [SliverType::Primary, SliverType::Secondary] {
        assert_eq!(
            put(
                format!("slivers/{pair}/{sliver_type}"),
                sliver(&blob, pair, sliver_type)
            )
            .await,
            202
        );
    }
    assert_eq!(
        client.metadata_status(&blob_id).await.unwrap(),
        StoredOnNodeStatus::Buffered
    );
    refused(
        client.metadata(&blob_id, &encoding()).await,
        Reason::MetadataNotFound,
    );
    let permanent = BlobPersistence::Permanent;
    refused(
        client.confirmation(&blob_id, &permanent, None).await,
        Reason::NotRegistered,
    );
    node.register(blob_id, false);
    client
        .confirmation(&blob_id, &permanent, None)
        .await
        .unwrap();
    assert_eq!(
        client.metadata_status(&blob_id).await.unwrap(),
        StoredOnNodeStatus::Stored
    );
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let node = TestNode::start(&[0, 4]).await;
    let (client, blob) = (node.client(), encode(&[9; 3000]));
    let blob_id = *blob.metadata.blob_id();
    node.register(blob_id, true);
    client
        .store_metadata(&blob_id, blob.metadata.metadata())
        .await
        .unwrap();
    node.upload(&blob, &[0, 4]).await;
    // The directory as a killed process would leave it: nothing was closed.
    let copy = tempfile::tempdir().unwrap();
    copy_dir(node.dir.path(), copy.path());
    let deeds = open_parts(copy.path(), &[0, 4], &node.protocol_key).deeds;
    let deletable = BlobPersistence::Deletable { object_id: OBJECT };
    let confirmation = deeds
        .confirmations
        .confirm(blob_id, deletable, None)
        .await
        .unwrap();
    let key = node.protocol_key.public_key();
    confirmation
        .verify(&key, EPOCH, &blob_id, deletable)
        .unwrap();
    assert!(matches!(
        deeds.reads.status(blob_id).await.unwrap(),
        BlobStatus::Deletable { .. }
    ));
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn the_health_document_counts_blobs_that_wait_and_not_those_that_are_done() {
    let node = TestNode::start(&[0]).await;
    let storage = &node.parts.storage;
    let mut queued = storage.update();
    for id in 1..=5u8 {
        queued
            .queue(&BlobId([id; 32]), SyncReason::Certified)
            .unwrap();
    }
    queued.commit().unwrap();
    let mut done = storage.update();
    for id in 1..=4u8 {
        done.dequeue(&BlobId([id; 32])).unwrap();
    }
    done.commit().unwrap();
    let health = node.client().health(false).await.unwrap();
    assert_eq!(health.event_progress.pending, 1);
}

/// A background job that cannot go on.
struct Broken;

impl Worker for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        Err("the disk is gone".into())
    }
}

#[tokio::test]
async fn a_background_job_that_fails_is_in_the_health_document_and_ends_the_node() {
    let node = TestNode::start(&[0]).await;
    node.parts.runner.spawn(Broken);
    let failed = node.parts.runner.failed().await;
    assert_eq!(failed.to_string(), "broken failed: the disk is gone");
    let health = node.client().health(false).await.unwrap();
    let [broken] = health.workers.as_slice() else {
        panic!("{:?}", health.workers)
    };
    assert_eq!(
        (broken.name.as_str(), broken.state.as_str()),
        ("broken", "failed")
    );
    assert_eq!(broken.last_error.as_deref(), Some("the disk is gone"));
    node.server.shutdown(None).await;
    drop(node.server);
    let closed = node.parts.close().await.unwrap_err();
    assert_eq!(closed.to_string(), failed.to_string());
}

#[tokio::test]
async fn symbols_of_peers_recover_a_sliver() {
    // Seven shards hold enough columns and rows for any sliver of the other three.
    let node = TestNode::start(&[0, 1, 2, 3, 4, 5, 6]).await;
    let (client, blob) = (node.client(), encode(&[8; 4000]));
    let blob_id = *blob.metadata.blob_id();
    node.register(blob_id, false);
    node.fold(certified(blob_id, false));
    client
        .store_metadata(&blob_id, blob.metadata.metadata())
        .await
        .unwrap();
    node.upload(&blob, &[0, 1, 2, 3, 4, 5, 6]).await;
    let pair = ShardIndex(9).to_pair_index(&blob_id, N_SHARDS);
    let target = pair.to_sliver_index(SliverType::Primary, N_SHARDS);
    let symbols = client
        .recovery_symbols(&blob.metadata, target, SliverType::Primary)
        .await
        .unwrap();
    assert_eq!(symbols.len(), 7);
    for symbol in &symbols {
        symbol
            .verify(&blob.metadata, SliverType::Primary, target)
            .unwrap();
    }
    let symbols = symbols
        .into_iter()
        .filter_map(|symbol| symbol.into_recovery_symbol());
    let walrus_core::recovery::Recovered::Sliver(recovered) =
        walrus_core::recovery::recover_sliver_or_prove::<walrus_core::Primary>(
            &blob.metadata,
            symbols,
            target,
        )
        .unwrap()
    else {
        panic!("the blob is consistent")
    };
    assert_eq!(recovered.to_bcs(), sliver(&blob, pair, SliverType::Primary));
    let health = client.health(true).await.unwrap();
    assert_eq!(health.shard_summary.owned_shard_status.ready, 7);
    assert_eq!(health.epoch, EPOCH);
}
