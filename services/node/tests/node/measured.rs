//! What is counted of requests, and the routes for people and load balancers.

use crate::support::*;
use walrus_core::{ShardIndex, SliverType};
use walrus_node_client::routes;

#[tokio::test]
async fn uploads_reads_and_refusals_are_counted_by_route() {
    let node = TestNode::start(&[0]).await;
    let (client, blob) = (node.client(), encode(&[9; 5000]));
    let blob_id = *blob.metadata.blob_id();
    node.register(blob_id, false);
    client
        .store_metadata(&blob_id, blob.metadata.metadata())
        .await
        .unwrap();
    node.upload(&blob, &[0]).await;
    let pair = ShardIndex(0).to_pair_index(&blob_id, N_SHARDS);
    client
        .sliver(&blob.metadata, pair, SliverType::Secondary)
        .await
        .unwrap();
    let unknown = node.raw().get(node.url("/v2/anything/at/all")).send();
    assert_eq!(unknown.await.unwrap().status(), 404);

    let text = node.parts.scrape(None, None).text();
    let route = format!("route=\"{}\"", routes::SLIVER);
    for line in [
        "walrus_metadata_stored_total 1".to_owned(),
        "walrus_slivers_stored_total{sliver_type=\"primary\"} 1".to_owned(),
        "walrus_slivers_retrieved_total{sliver_type=\"secondary\"} 1".to_owned(),
        "walrus_uploaded_metadata_unencoded_blob_bytes_sum 5000".to_owned(),
        format!("http_server_request_duration_seconds_count{{method=\"PUT\",{route},scheme=\"http\",status=\"201\"}} 2"),
        format!("http_server_active_requests{{method=\"PUT\",{route},scheme=\"http\"}} 0"),
        "http_server_request_duration_seconds_count{method=\"GET\",route=\"none\",scheme=\"http\",status=\"404\"} 1".to_owned(),
        "walrus_shards_owned 1".to_owned(),
        "walrus_node_shards{status=\"ready\"} 1".to_owned(),
        format!("walrus_current_epoch {EPOCH}"),
        "walrus_event_highest_background_processed_index -1".to_owned(),
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in\n{text}");
    }
    let paths = text
        .lines()
        .filter(|line| line.contains(&blob_id.to_string()));
    assert_eq!(paths.count(), 0, "labels are templates");
}

#[tokio::test]
async fn a_node_that_has_heard_nothing_is_not_ready_and_says_so() {
    let node = TestNode::start(&[0]).await;
    let answer = node
        .raw()
        .get(node.url(routes::READY))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 503);
    let body = answer.text().await.unwrap();
    assert!(body.contains("has not heard of the chain yet"), "{body}");
    assert!(body.contains("UNAVAILABLE"), "{body}");
}

#[tokio::test]
async fn the_page_for_people_lists_the_routes() {
    let node = TestNode::start(&[0]).await;
    let answer = node.raw().get(node.url(routes::API)).send().await.unwrap();
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(kind.starts_with("text/html"), "{kind}");
    let page = answer.text().await.unwrap();
    for route in [
        routes::METADATA,
        routes::METADATA_STATUS,
        routes::SLIVER,
        routes::SLIVER_STATUS,
        routes::PERMANENT_CONFIRMATION,
        routes::DELETABLE_CONFIRMATION,
        routes::BLOB_STATUS,
        routes::RECOVERY_SYMBOLS,
        routes::DECODING_SYMBOLS,
        routes::INCONSISTENCY_PROOF,
        routes::SYNC_SHARD,
        routes::UPLOAD,
        routes::HAVE,
        routes::SLIVERS,
        routes::HEALTH,
        routes::READY,
    ] {
        assert!(page.contains(route), "{route}");
    }
}
