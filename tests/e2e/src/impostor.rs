//! Byzantine node: it sits at the address of a real node, holds its key, and falsifies what the real node says.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;
use walrus_core::{
    bls::BlsKeyPair,
    signed_message::{SignedMessage, StorageConfirmation},
};
use walrus_node::{NodeConfig, RunningNode};
use walrus_node_client::{SuccessEnvelope, client_tls_config};

use crate::TestNetwork;

/// The most that is taken in a request or an answer.
const MAX_BODY: usize = 64 << 20;

/// What the impostor falsifies. Everything else is what the real node says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Slivers with one wrong bit.
    FlippedSlivers,
    /// Slivers that are right, but of another pair.
    SwappedSlivers,
    /// Slivers that end early.
    ShortSlivers,
    /// Slivers that never end.
    EndlessSlivers,
    /// An empty answer instead of a sliver, with status 200.
    EmptySlivers,
    /// Primary slivers are said not to be there.
    NoPrimarySlivers,
    /// Metadata with one wrong bit in a hash.
    FlippedMetadata,
    /// Metadata that says the blob is longer by a byte.
    LongerMetadata,
    /// Bytes that are no metadata.
    GarbledMetadata,
    /// The blob is said not to exist, in every answer.
    Denial,
    /// The blob is said to be inconsistent, by an event that does not exist.
    InvalidStatus,
    /// Confirmations with a well-formed signature of another key.
    ForgedConfirmations,
    /// Recovery symbols with wrong bits.
    FlippedSymbols,
    /// Requests are taken and never answered.
    Silence,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Sliver,
    Metadata,
    Status,
    Confirmation,
    Symbols,
    Other,
}

impl Question {
    fn of(method: &Method, path: &str) -> Self {
        if method != Method::GET {
            return Self::Other;
        }
        let parts: Vec<_> = path.split('/').skip(1).collect();
        match parts.as_slice() {
            ["v1", "blobs", _, "slivers", _, _] => Self::Sliver,
            ["v1", "blobs", _, "metadata"] => Self::Metadata,
            ["v1", "blobs", _, "status"] => Self::Status,
            ["v1", "blobs", _, "confirmation", ..] => Self::Confirmation,
            ["v1", "blobs", _, "recoverySymbols"] => Self::Symbols,
            _ => Self::Other,
        }
    }
}

struct Truth {
    base: String,
    http: reqwest::Client,
    n_shards: u16,
}

struct Shared {
    truth: Truth,
    lie: Lie,
    told: AtomicUsize,
}

/// A lying node in the place of a real one.
pub struct Impostor {
    node: RunningNode,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Impostor {
    /// Stops node `index` of the network and takes its place; the real node goes on behind it, at another address.
    ///
    /// # Panics
    /// If the node cannot be replaced.
    pub async fn replace(network: &mut TestNetwork, index: u16, lie: Lie) -> Self {
        let member = network.member(index).await;
        network.stop_nodes(&[index]).await;
        let mut config =
            NodeConfig::load(&network.node_config_path(index)).expect("localnet wrote it");
        let place = config.rest_api_address;
        config.rest_api_address = SocketAddr::new(place.ip(), 0);
        // It lies about the answers that every node gives.
        config.rest_server.extensions = false;
        let acceptor = acceptor(&config);
        let node = RunningNode::start(config)
            .await
            .expect("the node starts elsewhere");
        let key = member.network_key();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(client_tls_config(&key).expect("a key"))
            .no_proxy()
            .build()
            .expect("a client");
        let shared = Arc::new(Shared {
            truth: Truth {
                base: format!("https://{}", node.address()),
                http,
                n_shards: member.n_shards,
            },
            lie,
            told: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind(place)
            .await
            .expect("the node has left its port");
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(serve(listener, acceptor, router));
        Self {
            node,
            shared,
            server,
        }
    }

    /// How many answers were falsified.
    pub fn lies_told(&self) -> usize {
        self.shared.told.load(Ordering::Relaxed)
    }

    /// Stops the impostor and the real node behind it.
    ///
    /// # Panics
    /// If the real node had failed.
    pub async fn stop(self) {
        self.server.abort();
        // The port is free when the task is gone.
        let _ = self.server.await;
        self.node.shutdown().await.expect("the real node was well");
    }
}

fn acceptor(config: &NodeConfig) -> TlsAcceptor {
    let key = config.network_key().expect("localnet wrote the key");
    let pem = key.to_pkcs8_pem().expect("a key");
    let pair = rcgen::KeyPair::from_pem(&pem).expect("a P-256 key");
    let certificate = rcgen::CertificateParams::new(vec!["node.test".to_owned()])
        .and_then(|params| params.self_signed(&pair))
        .expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der())),
        )
        .expect("the certificate carries the key");
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(tls))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, router: Router) {
    // Aborted with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        let service = TowerToHyperService::new(router.clone());
        connections.spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                // A broken connection is the client's business.
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if shared.lie == Lie::Silence {
        shared.told.fetch_add(1, Ordering::Relaxed);
        return std::future::pending().await;
    }
    let question = Question::of(&parts.method, parts.uri.path());
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if shared.lie == Lie::NoPrimarySlivers
        && question == Question::Sliver
        && path.ends_with("/primary")
    {
        shared.told.fetch_add(1, Ordering::Relaxed);
        return not_found("SLIVER_NOT_FOUND");
    }
    let path = match (shared.lie, question) {
        (Lie::SwappedSlivers, Question::Sliver) => swap_pair(path, shared.truth.n_shards),
        _ => path.to_owned(),
    };
    let truth = shared
        .truth
        .ask(parts.method, &path, parts.headers, body)
        .await;
    match falsify(shared.lie, question, truth) {
        Ok(falsified) => {
            shared.told.fetch_add(1, Ordering::Relaxed);
            falsified
        }
        Err(truth) => (*truth).into_response(),
    }
}

type Answer = (StatusCode, HeaderMap, Bytes);

impl Truth {
    async fn ask(&self, method: Method, path: &str, headers: HeaderMap, body: Bytes) -> Answer {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .body(body);
        for name in [header::CONTENT_TYPE, header::AUTHORIZATION] {
            if let Some(value) = headers.get(&name) {
                request = request.header(name, value);
            }
        }
        let Ok(response) = request.send().await else {
            return (StatusCode::BAD_GATEWAY, HeaderMap::new(), Bytes::new());
        };
        let status = response.status();
        let mut headers = HeaderMap::new();
        if let Some(value) = response.headers().get(header::CONTENT_TYPE) {
            headers.insert(header::CONTENT_TYPE, value.clone());
        }
        (status, headers, response.bytes().await.unwrap_or_default())
    }
}

/// The path of another sliver pair. Pairs of a node follow each other, so the next one may well be there.
fn swap_pair(path: &str, n_shards: u16) -> String {
    let mut parts: Vec<_> = path.split('/').map(str::to_owned).collect();
    if let Some(pair) = parts.get_mut(5)
        && let Ok(index) = pair.parse::<u16>()
    {
        *pair = ((index + 1) % n_shards).to_string();
    }
    parts.join("/")
}

/// The falsified answer, or the true one if there is nothing to falsify.
fn falsify(lie: Lie, question: Question, truth: Answer) -> Result<Response, Box<Answer>> {
    let (status, _, body) = &truth;
    let found = *status == StatusCode::OK;
    match (lie, question) {
        (Lie::FlippedSlivers, Question::Sliver) if found => Ok(octets(flip(body, body.len() / 2))),
        // The path was falsified already.
        (Lie::SwappedSlivers, Question::Sliver) if found => Ok(octets(body.clone())),
        (Lie::ShortSlivers, Question::Sliver) if found => Ok(octets(body.slice(..body.len() / 2))),
        (Lie::FlippedSymbols, Question::Symbols) if found => Ok(octets(flip_everywhere(body))),
        (Lie::EmptySlivers, Question::Sliver) if found => Ok(octets(Bytes::new())),
        (Lie::EndlessSlivers, Question::Sliver) if found => Ok(endless()),
        // Past the blob ID, the tags, the length and the number of hashes.
        (Lie::FlippedMetadata, Question::Metadata) if found => Ok(octets(flip(body, 60))),
        // The least significant byte of the length, after blob ID, version and encoding type.
        (Lie::LongerMetadata, Question::Metadata) if found => Ok(octets(flip(body, 34))),
        (Lie::GarbledMetadata, Question::Metadata) if found => {
            Ok(octets(Bytes::from_static(b"these are no metadata")))
        }
        (Lie::Denial, Question::Metadata) => Ok(not_found("METADATA_NOT_FOUND")),
        (Lie::Denial, Question::Sliver) => Ok(not_found("SLIVER_NOT_FOUND")),
        (Lie::Denial, Question::Status) => Ok(success(serde_json::json!("nonexistent"))),
        (Lie::InvalidStatus, Question::Status) => {
            Ok(success(serde_json::json!({"invalid": {"event": {
                "txDigest": "11111111111111111111111111111111",
                "eventSeq": "0",
            }}})))
        }
        (Lie::ForgedConfirmations, Question::Confirmation) if found => forge_signature(body)
            .map(json)
            .ok_or_else(|| Box::new(truth)),
        _ => Err(Box::new(truth)),
    }
}

fn flip(body: &Bytes, position: usize) -> Bytes {
    let mut bytes = body.to_vec();
    if let Some(byte) = bytes.get_mut(position) {
        *byte ^= 1;
    }
    bytes.into()
}

/// Flips a bit of every 16th byte from the first symbol on, so that no symbol of the answer stays right.
fn flip_everywhere(body: &Bytes) -> Bytes {
    let mut bytes = body.to_vec();
    for byte in bytes.iter_mut().skip(8).step_by(16) {
        *byte ^= 1;
    }
    bytes.into()
}

/// The same confirmation, signed by somebody else.
fn forge_signature(body: &Bytes) -> Option<serde_json::Value> {
    let answer: SuccessEnvelope<StorageConfirmation> = serde_json::from_slice(body).ok()?;
    let message = answer.success.data.signed().serialized_message().to_vec();
    let signature = BlsKeyPair::generate(&mut rand::rng()).sign_bytes(&message);
    let forged = StorageConfirmation::Signed(SignedMessage::from_parts(message, signature));
    serde_json::to_value(SuccessEnvelope::new(200, forged)).ok()
}

fn octets(body: Bytes) -> Response {
    let media_type = HeaderValue::from_static("application/octet-stream");
    ([(header::CONTENT_TYPE, media_type)], body).into_response()
}

fn endless() -> Response {
    let chunk = Bytes::from(vec![7; 64 << 10]);
    let chunks = futures::stream::repeat_with(move || Ok::<_, Infallible>(chunk.clone()));
    let chunks = Body::from_stream(chunks);
    let media_type = HeaderValue::from_static("application/octet-stream");
    ([(header::CONTENT_TYPE, media_type)], chunks).into_response()
}

fn json(body: serde_json::Value) -> Response {
    axum::Json(body).into_response()
}

fn success(data: serde_json::Value) -> Response {
    json(serde_json::json!({"success": {"code": 200, "data": data}}))
}

fn not_found(reason: &str) -> Response {
    let body = serde_json::json!({"error": {
        "status": "NOT_FOUND",
        "code": 404,
        "message": "never heard of it",
        "details": [{"@type": "ErrorInfo", "reason": reason, "domain": "storage.walrus.space", "metadata": {}}],
    }});
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}
