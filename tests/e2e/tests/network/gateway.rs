//! The gateway: what is stored over HTTP is read over HTTP, whole and in parts, also with a node down.

use reqwest::{Client, Response, StatusCode, header};
use serde_json::Value;
use walrus_core::{BlobId, EncodingConfig, encoder::BlobEncoder};
use walrus_e2e::{TestNetwork, random_bytes, small};
use walrus_localnet::LocalnetOptions;

/// A gateway, and how it is asked.
pub(super) struct Gateway {
    http: Client,
    aggregator: String,
    publisher: String,
}

impl Gateway {
    pub(super) fn of(network: &TestNetwork) -> Self {
        let (aggregator, publisher) = network.gateway_urls().unwrap();
        // Fails only if a provider was installed before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().build().unwrap();
        Self {
            http,
            aggregator,
            publisher,
        }
    }

    async fn put(&self, query: &str, body: Vec<u8>) -> Response {
        let url = format!("{}/v1/blobs{query}", self.publisher);
        self.http.put(url).body(body).send().await.unwrap()
    }

    /// The result of a store that must succeed.
    pub(super) async fn store(&self, query: &str, body: &[u8]) -> Value {
        let response = self.put(query, body.to_vec()).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn get(&self, path: &str, range: Option<&str>) -> Response {
        let request = self.http.get(format!("{}{path}", self.aggregator));
        let request = match range {
            Some(range) => request.header(header::RANGE, range),
            None => request,
        };
        request.send().await.unwrap()
    }

    /// The reason of a read that must be refused, if it is by now.
    pub(super) async fn refusal(&self, path: &str) -> Option<(u16, String)> {
        let response = self.get(path, None).await;
        let status = response.status().as_u16();
        let error: Value = response.json().await.ok()?;
        let reason = error["error"]["details"][0]["reason"].as_str()?;
        Some((status, reason.to_owned()))
    }

    async fn read(&self, path: &str, range: Option<&str>) -> (u16, Vec<u8>) {
        let response = self.get(path, range).await;
        let status = response.status().as_u16();
        (status, response.bytes().await.unwrap().to_vec())
    }
}

fn blob_id(shards: u16, data: &[u8]) -> BlobId {
    let config = EncodingConfig::new(shards).unwrap();
    let encoder = BlobEncoder::new(config, data).unwrap();
    *encoder.compute_metadata().unwrap().blob_id()
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_are_stored_and_read_over_http() {
    let options = LocalnetOptions {
        gateway: true,
        ..small()
    };
    let shards = options.shards;
    let mut network = TestNetwork::start(options).await;
    let gateway = Gateway::of(&network);
    let data = random_bytes(1_500_000);
    let id = blob_id(shards, &data);
    let path = format!("/v1/blobs/{id}");

    // Before it is stored, a read is refused, or waits for it.
    let missing: Value = gateway.get(&path, None).await.json().await.unwrap();
    assert_eq!(missing["error"]["details"][0]["reason"], "BLOB_NOT_FOUND");
    let waiting = format!("{path}?wait=30");
    let query = "?epochs=2&permanent=true";
    let (waited, stored) = tokio::join!(
        gateway.read(&waiting, Some("bytes=0-9")),
        gateway.store(query, &data)
    );
    assert_eq!(waited, (206, data[..10].to_vec()));
    let object = &stored["newlyCreated"]["blobObject"];
    assert_eq!(object["blobId"], id.to_string());
    assert_eq!(object["size"], 1_500_000);
    assert_eq!(object["deletable"], false);
    let object_id = object["id"].as_str().unwrap();
    // It belongs to whoever pays.
    let owned = network.reader().owned_blobs(network.admin().address());
    assert_eq!(owned.await.unwrap().len(), 1);
    let again = gateway.store(query, &data).await;
    assert!(again["alreadyCertified"]["event"].is_object(), "{again}");

    assert_eq!(gateway.read(&path, None).await, (200, data.clone()));
    let by_object = format!("/v1/blobs/by-object-id/{object_id}");
    assert_eq!(gateway.read(&by_object, None).await, (200, data.clone()));
    let strictly = format!("{path}?strict_consistency_check=true");
    assert_eq!(gateway.read(&strictly, None).await, (200, data.clone()));

    // With a node down, its slivers are recovered.
    network.stop_node(1).await.unwrap();
    let other = random_bytes(700_001);
    let stored = gateway.store("?deletable=true", &other).await;
    let other_id = stored["newlyCreated"]["blobObject"]["blobId"]
        .as_str()
        .unwrap();
    let path = format!("/v1/blobs/{other_id}");
    for (range, expected) in [
        ("bytes=0-0", &other[..1]),
        ("bytes=350000-350999", &other[350_000..351_000]),
        ("bytes=-1", &other[700_000..]),
    ] {
        let found = gateway.read(&path, Some(range)).await;
        assert_eq!(found, (206, expected.to_vec()), "{range}");
    }
    assert!(gateway.read(&path, None).await == (200, other));
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_go_where_a_store_says() {
    let options = LocalnetOptions {
        gateway: true,
        ..small()
    };
    let network = TestNetwork::start(options).await;
    let gateway = Gateway::of(&network);
    let owner = walrus_sui::Address::new([7; 32]);
    let query = format!("?send_object_to={owner}");
    let stored = gateway.store(&query, b"for somebody").await;
    let id = &stored["newlyCreated"]["blobObject"]["id"];
    let owned = network.reader().owned_blobs(owner).await.unwrap();
    assert_eq!(owned.len(), 1);
    assert_eq!(*id, owned[0].id.to_string());

    let shared = gateway
        .store("?share=true&permanent=true", b"for all")
        .await;
    let shared = &shared["newlyCreated"]["sharedBlobObject"];
    let path = format!("/v1/blobs/by-object-id/{}", shared.as_str().unwrap());
    assert_eq!(gateway.read(&path, None).await, (200, b"for all".to_vec()));

    // More at once than there are sub-wallets.
    let stores = (0..12_u8).map(|number| {
        let gateway = &gateway;
        async move { gateway.store("", &[number; 1000]).await }
    });
    for stored in futures::future::join_all(stores).await {
        assert!(stored["newlyCreated"].is_object(), "{stored}");
    }
    let too_long = gateway.put("?epochs=1000000", b"x".to_vec()).await;
    assert_eq!(too_long.status(), StatusCode::BAD_REQUEST);
    network.stop().await;
}
