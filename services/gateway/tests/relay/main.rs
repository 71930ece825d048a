//! The routes of an upload relay, with a chain and nodes in memory.

#![allow(clippy::unwrap_used)]

use std::{
    io::Read as _,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures::{StreamExt as _, future::BoxFuture, stream};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;
use walrus_core::messages::BlobPersistence;
use walrus_gateway::{
    BlocklistFile, Services,
    relay::{RelayBackend, RelayOptions, Tip, TipConfig, TipKind},
};
use walrus_sdk::{Address, BlobData, BlobId, ClientError, Digest, UploadCertificate};
use walrus_service::metrics::Registry;
use walrus_sui::{
    chain::{ChainError, Payment},
    transactions::BlobCertificate,
};

const BLOB: BlobId = BlobId([3; 32]);
const TIP_TO: Address = Address::new([42; 32]);
const NONCE: [u8; 32] = [7; 32];

/// A chain that knows one transaction, and nodes that take one blob.
#[derive(Default)]
struct Memory {
    payment: Option<Payment>,
    uploads: Mutex<Vec<(Vec<u8>, BlobPersistence)>>,
}

impl RelayBackend for Memory {
    fn encoded_length(&self, length: u64) -> BoxFuture<'_, Result<u64, ClientError>> {
        Box::pin(std::future::ready(Ok(length * 5)))
    }

    fn payment(&self, digest: Digest) -> BoxFuture<'_, Result<Payment, ChainError>> {
        let payment = self
            .payment
            .clone()
            .filter(|_| digest == Digest::new([9; 32]));
        let unknown = ChainError::ObjectNotFound { id: Address::ZERO };
        Box::pin(std::future::ready(payment.ok_or(unknown)))
    }

    fn upload(
        &self,
        data: BlobData,
        blob_id: BlobId,
        persistence: BlobPersistence,
    ) -> BoxFuture<'_, Result<UploadCertificate, ClientError>> {
        Box::pin(async move {
            if blob_id != BLOB {
                return Err(ClientError::OtherBlob {
                    expected: blob_id,
                    found: BLOB,
                });
            }
            let mut bytes = Vec::new();
            data.reader().unwrap().read_to_end(&mut bytes).unwrap();
            self.uploads.lock().unwrap().push((bytes, persistence));
            Ok(UploadCertificate {
                signers: vec![0, 5, 9],
                certificate: BlobCertificate {
                    signature: vec![1; 96],
                    signers_bitmap: vec![0x21, 0x02],
                    message: vec![2, 0, 3],
                },
            })
        })
    }
}

struct Relay {
    memory: Arc<Memory>,
    router: Router,
}

impl Relay {
    fn new(memory: Memory, tip: TipConfig) -> Self {
        Self::without(memory, tip, None)
    }

    /// Without what is on a list.
    fn without(memory: Memory, tip: TipConfig, blocklist: Option<BlocklistFile>) -> Self {
        let memory = Arc::new(memory);
        let options = RelayOptions {
            max_body_size: 100,
            ..RelayOptions::new(tip)
        };
        let services = Services {
            relay: Some((memory.clone(), options)),
            blocklist,
            ..Services::default()
        };
        let address = ([127, 0, 0, 1], 0).into();
        let router = services.router(address, &Registry::new()).unwrap();
        Self { memory, router }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Status and text.
    async fn post(&self, query: &str, body: &str) -> (StatusCode, String) {
        let request = Request::post(format!("/v1/blob-upload-relay?{query}"));
        self.answer(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    /// The same for who asks first, and whose body may not be taken.
    async fn ask(&self, query: &str) -> (StatusCode, String) {
        let untouched = stream::once(async { panic!("the body is taken") });
        let untouched = untouched.map(|()| Ok::<_, std::convert::Infallible>(Bytes::new()));
        let request = Request::post(format!("/v1/blob-upload-relay?{query}"));
        let request = request.header("expect", "100-continue");
        self.answer(request.body(Body::from_stream(untouched)).unwrap())
            .await
    }

    async fn answer(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.send(request).await;
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

fn tip() -> TipConfig {
    let kind = TipKind::Linear {
        base: 100,
        encoded_size_mul_per_kib: 10,
    };
    TipConfig::SendTip(Tip {
        address: TIP_TO,
        kind,
    })
}

/// The transaction of a tip for `body`.
fn payment(body: &str, amount: i128) -> Payment {
    let mut package = Sha256::digest(body).to_vec();
    package.extend(Sha256::digest(NONCE));
    package.extend((body.len() as u64).to_le_bytes());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Payment {
        succeeded: true,
        timestamp_ms: Some(u64::try_from(now.as_millis()).unwrap()),
        sui_changes: vec![(TIP_TO, amount)],
        first_pure_input: Some(package),
        is_programmable: true,
    }
}

fn paid_query() -> String {
    let nonce = BASE64_URL_SAFE_NO_PAD.encode(NONCE);
    format!(
        "blob_id={BLOB}&tx_id={}&nonce={nonce}",
        Digest::new([9; 32])
    )
}

#[tokio::test]
async fn a_blob_is_relayed_and_the_certificate_is_as_clients_read_it() {
    let relay = Relay::new(Memory::default(), TipConfig::NoTip);
    let object = format!("0x{}", "0a".repeat(32));
    // A free relay has no use for what others send.
    let query =
        format!("blob_id={BLOB}&deletable_blob_object={object}&tx_id=x&nonce=y&encoding_type=RS2");
    let (status, text) = relay.post(&query, "body").await;
    assert_eq!(status, 200, "{text}");
    let expected = json!({
        "blob_id": vec![3; 32],
        "confirmation_certificate": {
            "signers": [0, 5, 9],
            "serialized_message": [2, 0, 3],
            "signature": "AQEB".repeat(32),
        },
    });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    let (status, _) = relay.post(&format!("blob_id={BLOB}"), "").await;
    assert_eq!(status, 200);
    let deletable = BlobPersistence::Deletable {
        object_id: [10; 32],
    };
    assert_eq!(
        *relay.memory.uploads.lock().unwrap(),
        [
            (b"body".to_vec(), deletable),
            (Vec::new(), BlobPersistence::Permanent)
        ]
    );
}

#[tokio::test]
async fn a_tip_is_asked_for_and_found() {
    let memory = Memory {
        payment: Some(payment("body", 110)),
        ..Memory::default()
    };
    let relay = Relay::new(memory, tip());
    let request = Request::get("/v1/tip-config").body(Body::empty()).unwrap();
    let told = relay
        .send(request)
        .await
        .into_body()
        .collect()
        .await
        .unwrap();
    let told: Value = serde_json::from_slice(&told.to_bytes()).unwrap();
    let kind = json!({"linear": {"base": 100, "encoded_size_mul_per_kib": 10}});
    assert_eq!(told["send_tip"]["kind"], kind);
    // The same transaction, again and again.
    for _ in 0..2 {
        let (status, text) = relay.post(&paid_query(), "body").await;
        assert_eq!(status, 200, "{text}");
    }
    let (status, text) = relay.post(&paid_query(), "bodY").await;
    assert_eq!(
        (status.as_u16(), relay.memory.uploads.lock().unwrap().len()),
        (401, 2),
        "{text}"
    );
    let (status, text) = relay.post(&format!("blob_id={BLOB}"), "body").await;
    assert_eq!(status, 400);
    assert!(text.contains("tx_id"), "{text}");
}

#[tokio::test]
async fn an_insufficient_tip_is_told_with_both_amounts() {
    let memory = Memory {
        payment: Some(payment("body", 109)),
        ..Memory::default()
    };
    let relay = Relay::new(memory, tip());
    let (status, text) = relay.post(&paid_query(), "body").await;
    assert_eq!(status, 402);
    assert_eq!(
        text,
        "the tip is insufficient: balance change 109; expected 110"
    );
    let request = Request::post(format!("/v1/blob-upload-relay?{}", paid_query()));
    let request = request.header("accept", "application/json");
    let response = relay.send(request.body(Body::from("body")).unwrap()).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let json: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(json["error"]["code"], 402);
    assert_eq!(json["error"]["message"], text);
}

#[tokio::test]
async fn a_tip_that_was_not_paid_is_told_before_the_body_is_there() {
    let old = Payment {
        timestamp_ms: Some(1),
        ..payment("", 1000)
    };
    for (payment, expected) in [(payment("", 99), 402), (old, 400)] {
        let memory = Memory {
            payment: Some(payment),
            ..Memory::default()
        };
        let (status, text) = Relay::new(memory, tip()).ask(&paid_query()).await;
        assert_eq!(status, expected, "{text}");
    }
}

#[tokio::test]
async fn what_is_no_upload_is_refused() {
    let relay = Relay::new(Memory::default(), TipConfig::NoTip);
    let other = BlobId([4; 32]);
    for (query, body, status) in [
        (String::new(), "body".to_owned(), 400),
        ("blob_id=x".to_owned(), "body".to_owned(), 400),
        (format!("blob_id={BLOB}&what=1"), "body".to_owned(), 400),
        (
            format!("blob_id={BLOB}&deletable_blob_object=zz"),
            "body".to_owned(),
            400,
        ),
        (format!("blob_id={other}"), "body".to_owned(), 400),
        (format!("blob_id={BLOB}"), "x".repeat(101), 413),
    ] {
        let (found, text) = relay.post(&query, &body).await;
        assert_eq!(found, status, "{query}: {text}");
    }
    let relay = Relay::new(Memory::default(), tip());
    let (status, text) = relay.post(&paid_query(), "body").await;
    assert_eq!(status, 500, "the chain does not know it: {text}");
}

#[tokio::test]
async fn what_is_on_the_list_of_the_server_is_not_relayed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    std::fs::write(&path, format!("- {BLOB}\n")).unwrap();
    let list = BlocklistFile::open(&path).unwrap();
    let relay = Relay::without(Memory::default(), TipConfig::NoTip, Some(list));
    let (status, text) = relay.post(&format!("blob_id={BLOB}"), "blob").await;
    assert_eq!(status, 451);
    assert!(text.contains("blocked"), "{text}");
    assert!(relay.memory.uploads.lock().unwrap().is_empty());
}
