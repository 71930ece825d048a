//! Upload validation: what a node must refuse; the status and the body are those of the protocol, and nothing is stored.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use reqwest::{Body, Method, header};
use walrus_core::{BlobId, SliverPairIndex, SliverType};
use walrus_e2e::{Encoded, Member, RawNode, TestNetwork, eventually, random_bytes, small};
use walrus_node_client::{Reason, StoredOnNodeStatus};

const PATIENCE: Duration = Duration::from_secs(20);
const SHARDS: u16 = 13;
const OCTETS: &str = "application/octet-stream";

fn sliver_path(blob: &BlobId, pair: SliverPairIndex, sliver_type: SliverType) -> String {
    format!("/v1/blobs/{blob}/slivers/{pair}/{sliver_type}")
}

fn metadata_path(blob: &BlobId) -> String {
    format!("/v1/blobs/{blob}/metadata")
}

/// Registers a blob and waits until the node knows.
async fn register(network: &TestNetwork, member: &Member, encoded: &Encoded) {
    network
        .writer()
        .register_blobs(&[encoded.registration(false)])
        .await
        .unwrap();
    let id = encoded.id();
    eventually("the node sees the registration", PATIENCE, async || {
        let status = member.client.blob_status(&id).await.ok()?;
        status.is_registered().then_some(())
    })
    .await;
}

async fn assert_nothing_stored(member: &Member, blob: &BlobId) {
    let status = member.client.metadata_status(blob).await.unwrap();
    assert_eq!(status, StoredOnNodeStatus::Nonexistent);
    assert_no_slivers(member, blob).await;
}

async fn assert_no_slivers(member: &Member, blob: &BlobId) {
    for pair in member.pairs(blob) {
        for sliver_type in [SliverType::Primary, SliverType::Secondary] {
            let status = member
                .client
                .sliver_status(blob, pair, sliver_type)
                .await
                .unwrap();
            assert_eq!(
                status,
                StoredOnNodeStatus::Nonexistent,
                "{pair} {sliver_type}"
            );
        }
    }
}

struct Scene {
    network: TestNetwork,
    member: Member,
    node: RawNode,
    encoded: Encoded,
    id: BlobId,
}

impl Scene {
    async fn set() -> Self {
        let network = TestNetwork::start(small()).await;
        let member = network.member(1).await;
        let node = RawNode::new(&member);
        let encoded = Encoded::new(&random_bytes(20_000), SHARDS);
        let id = encoded.id();
        Self {
            network,
            member,
            node,
            encoded,
            id,
        }
    }

    async fn put_refused(&self, what: &str, path: &str, body: impl Into<Body>, reason: Reason) {
        let request = self
            .node
            .request(Method::PUT, path)
            .header(header::CONTENT_TYPE, OCTETS)
            .body(body);
        self.node.refused(what, request, reason).await;
    }

    async fn store_metadata(&self) {
        let metadata = self.encoded.blob.metadata.metadata();
        self.member
            .client
            .store_metadata(&self.id, metadata)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_unregistered_blob_is_taken() {
    let scene = Scene::set().await;
    let metadata = scene.encoded.blob.metadata.metadata().to_bcs();
    let pair = *scene.member.pairs(&scene.id).first().unwrap();
    let path = metadata_path(&scene.id);
    scene
        .put_refused("metadata", &path, metadata, Reason::NotRegistered)
        .await;
    for sliver_type in [SliverType::Primary, SliverType::Secondary] {
        let sliver = scene.encoded.sliver(pair, sliver_type);
        let path = sliver_path(&scene.id, pair, sliver_type);
        scene
            .put_refused("sliver", &path, sliver, Reason::NotRegistered)
            .await;
    }
    assert_nothing_stored(&scene.member, &scene.id).await;
    let absent = scene.node.request(Method::GET, &path);
    scene
        .node
        .refused("unknown metadata", absent, Reason::MetadataNotFound)
        .await;
    let absent = scene.node.request(
        Method::GET,
        &sliver_path(&scene.id, pair, SliverType::Primary),
    );
    scene
        .node
        .refused("unknown sliver", absent, Reason::SliverNotFound)
        .await;
    let confirmation = format!("/v1/blobs/{}/confirmation/permanent", scene.id);
    let confirmation = scene.node.request(Method::GET, &confirmation);
    scene
        .node
        .refused("confirmation", confirmation, Reason::NotRegistered)
        .await;
    scene.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_metadata_are_refused() {
    let scene = Scene::set().await;
    register(&scene.network, &scene.member, &scene.encoded).await;
    let path = metadata_path(&scene.id);
    let good = scene.encoded.blob.metadata.metadata().to_bcs();

    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    scene
        .put_refused("a wrong hash", &path, flipped, Reason::InvalidMetadata)
        .await;
    let other = Encoded::new(&random_bytes(20_000), SHARDS);
    let other = other.blob.metadata.metadata().to_bcs();
    scene
        .put_refused("another blob's", &path, other, Reason::InvalidMetadata)
        .await;
    let fewer = Encoded::new(&random_bytes(100), 10);
    let fewer = fewer.blob.metadata.metadata().to_bcs();
    scene
        .put_refused("for fewer shards", &path, fewer, Reason::InvalidMetadata)
        .await;
    let cut = good.get(..good.len() - 1).unwrap().to_vec();
    scene
        .put_refused("cut off", &path, cut, Reason::InvalidContentType)
        .await;
    scene
        .put_refused("empty", &path, Vec::new(), Reason::InvalidContentType)
        .await;
    let mut longer = good.clone();
    longer.push(0);
    scene
        .put_refused("a byte too many", &path, longer, Reason::InvalidContentType)
        .await;
    scene
        .put_refused("oversized", &path, vec![0; 8 << 20], Reason::BodyTooLarge)
        .await;
    let json = scene
        .node
        .request(Method::PUT, &path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(good.clone());
    scene
        .node
        .refused("of another media type", json, Reason::InvalidContentType)
        .await;
    let unknown_key = format!("{path}?soon=true");
    scene
        .put_refused(
            "an unknown query key",
            &unknown_key,
            good,
            Reason::InvalidQuery,
        )
        .await;
    assert_nothing_stored(&scene.member, &scene.id).await;

    // The same node takes the right ones.
    scene.store_metadata().await;
    scene.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_slivers_are_refused() {
    let scene = Scene::set().await;
    register(&scene.network, &scene.member, &scene.encoded).await;
    let pair = *scene.member.pairs(&scene.id).first().unwrap();
    let second = *scene.member.pairs(&scene.id).get(1).unwrap();
    let sliver_type = SliverType::Primary;
    let path = sliver_path(&scene.id, pair, sliver_type);
    let good = scene.encoded.sliver(pair, sliver_type);
    scene
        .put_refused(
            "before the metadata",
            &path,
            good.clone(),
            Reason::MetadataRequired,
        )
        .await;
    scene.store_metadata().await;

    let mut flipped = good.to_vec();
    *flipped.get_mut(100).unwrap() ^= 1;
    scene
        .put_refused("a wrong bit", &path, flipped, Reason::InvalidSliver)
        .await;
    let other = Encoded::new(&random_bytes(20_000), SHARDS).sliver(pair, sliver_type);
    scene
        .put_refused("another blob's", &path, other, Reason::InvalidSliver)
        .await;
    let smaller = Encoded::new(&random_bytes(100), SHARDS).sliver(pair, sliver_type);
    scene
        .put_refused("a smaller blob's", &path, smaller, Reason::InvalidSliver)
        .await;
    let neighbour = scene.encoded.sliver(second, sliver_type);
    scene
        .put_refused(
            "another pair's",
            &path,
            neighbour,
            Reason::SliverIndexMismatch,
        )
        .await;
    let cut = good.slice(..good.len() - 1);
    scene
        .put_refused("cut off", &path, cut, Reason::InvalidContentType)
        .await;
    scene
        .put_refused("empty", &path, Vec::new(), Reason::InvalidContentType)
        .await;
    let mut longer = good.to_vec();
    longer.push(0);
    scene
        .put_refused("a byte too many", &path, longer, Reason::InvalidContentType)
        .await;

    let foreign = scene.member.foreign_pair(&scene.id);
    let sliver = scene.encoded.sliver(foreign, sliver_type);
    let foreign = sliver_path(&scene.id, foreign, sliver_type);
    scene
        .put_refused(
            "another node's shard",
            &foreign,
            sliver,
            Reason::ShardNotAssigned,
        )
        .await;
    for beyond in [SHARDS, u16::MAX] {
        let path = sliver_path(&scene.id, SliverPairIndex(beyond), sliver_type);
        scene
            .put_refused("no such pair", &path, good.clone(), Reason::IndexOutOfRange)
            .await;
    }
    // The longest primary sliver of any blob, and 4 MiB more.
    let oversized = vec![0; (9 * 65_534) + (4 << 20)];
    scene
        .put_refused("oversized", &path, oversized, Reason::BodyTooLarge)
        .await;
    assert_no_slivers(&scene.member, &scene.id).await;

    // The same node takes the right one, of any media type.
    let request = scene
        .node
        .request(Method::PUT, &path)
        .header(header::CONTENT_TYPE, "text/plain")
        .body(good);
    assert_eq!(request.send().await.unwrap().status(), 201);
    assert_eq!(scene.member.stored_slivers(&scene.id).await, 1);
    scene.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let scene = Scene::set().await;
    register(&scene.network, &scene.member, &scene.encoded).await;
    scene.store_metadata().await;
    let pair = *scene.member.pairs(&scene.id).first().unwrap();
    let path = sliver_path(&scene.id, pair, SliverType::Primary);
    let good = scene.encoded.sliver(pair, SliverType::Primary);
    let half = good.slice(..good.len() / 2);
    // The body breaks off with an error, so that the client resets the request.
    let chunks = futures::stream::iter([
        Ok::<Bytes, std::io::Error>(half),
        Err(std::io::Error::other("cut")),
    ]);
    let request = scene
        .node
        .request(Method::PUT, &path)
        .body(Body::wrap_stream(chunks));
    request.send().await.unwrap_err();
    assert_no_slivers(&scene.member, &scene.id).await;
    // The same upload, whole this time and in pieces.
    let pieces: Vec<Result<Bytes, Infallible>> = good
        .chunks(1_000)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    let body = Body::wrap_stream(futures::stream::iter(pieces));
    let request = scene.node.request(Method::PUT, &path).body(body);
    assert_eq!(request.send().await.unwrap().status(), 201);
    assert_eq!(scene.member.stored_slivers(&scene.id).await, 1);
    scene.network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_do_not_exist_are_refused_in_the_form_of_the_protocol() {
    let scene = Scene::set().await;
    let id = scene.id;
    let get = |path: String| scene.node.request(Method::GET, &path);
    let node = &scene.node;
    for path in ["/", "/v1", "/v2/health", "/v1/blobs", "/metrics"] {
        node.refused(path, get(path.to_owned()), Reason::RouteNotFound)
            .await;
    }
    for path in [
        "/v1/blobs/short/metadata".to_owned(),
        format!("/v1/blobs/{id}A/metadata"),
        format!("/v1/blobs/{id}/slivers/x/primary"),
        format!("/v1/blobs/{id}/slivers/65536/primary"),
        format!("/v1/blobs/{id}/slivers/-1/primary"),
        format!("/v1/blobs/{id}/slivers/0/tertiary"),
        format!("/v1/blobs/{id}/confirmation/deletable/0xzz"),
    ] {
        node.refused(&path, get(path.clone()), Reason::InvalidPath)
            .await;
    }
    let delete = node.request(Method::DELETE, &metadata_path(&id));
    node.refused("DELETE", delete, Reason::MethodNotAllowed)
        .await;
    let beyond = get(sliver_path(
        &id,
        SliverPairIndex(SHARDS),
        SliverType::Primary,
    ));
    node.refused("beyond", beyond, Reason::IndexOutOfRange)
        .await;
    scene.network.stop().await;
}
