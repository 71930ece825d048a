//! Storage nodes for tests: ten of two shards each, so `f` is 6 shards, unless a test wants others.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::Listener,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, rustls, server::TlsStream};
use walrus_core::{
    Axis, BlobId, EncodingConfig, ShardIndex, SliverData, SliverIndex, SliverPairIndex, SliverType,
    bls::BlsKeyPair,
    bounded_bcs::uleb,
    encoder::{BlobEncoder, EncodedBlob},
    messages::{BlobPersistence, ProtocolMessage, StorageConfirmationBody},
    recovery::GeneralRecoverySymbol,
    signed_message::StorageConfirmation,
};
use walrus_node_client::{
    Addresses, BlobStatus, EXTENSIONS, ErrorEnvelope, Held, NodeClientOptions, PieceHeader,
    PieceName, PieceReader, Reason, SuccessEnvelope, routes,
};
use walrus_sdk::nodes::{Connections, NodeCommittee};
use walrus_sui::{
    Address,
    contract::{Committee, CommitteeMember},
};

pub(crate) const NODES: usize = 10;
pub(crate) const SHARDS_PER_NODE: u16 = 2;
pub(crate) const N_SHARDS: u16 = 20;
pub(crate) const EPOCH: u32 = 7;
/// Nodes that may fail: their shards are `f`.
pub(crate) const FAULTY: usize = 3;

/// How a node behaves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Behaviour {
    Honest,
    /// Nobody listens.
    Down,
    /// Takes requests and never answers.
    Silent,
    /// Flips a byte in each sliver.
    CorruptSlivers,
    /// Sends metadata of another blob under the ID asked for.
    CorruptMetadata,
    /// Has no primary slivers.
    OnlySecondary,
    /// Has no secondary slivers, and gives no symbols.
    OnlyPrimary,
    /// Knows nothing.
    Empty,
    /// Signs with another key.
    WrongKey,
    /// Signs for a later epoch.
    WrongEpoch,
    /// Signs for another blob.
    WrongBlob,
    /// Has not seen the registration for the first so many requests.
    Behind(u32),
    /// Refuses metadata for good.
    Refuses,
    /// Says that it misses slivers the first time it is asked to confirm.
    LosesSliversOnce,
    /// Takes a blob in one request.
    Whole,
    /// The same, but the first such request breaks after some pieces.
    WholeInterrupted,
    /// The same, with a byte of each sliver flipped.
    WholeCorrupt,
    /// Has no space left.
    Full,
    /// Reports this status.
    Says(BlobStatus),
}

pub(crate) struct Node {
    pub(crate) behaviour: Behaviour,
    keys: BlsKeyPair,
    index: u16,
    shards: u16,
    blob: Option<Arc<EncodedBlob>>,
    requests: Mutex<HashMap<&'static str, u32>>,
    pub(crate) received: Mutex<HashSet<(u16, SliverType)>>,
    /// The slivers that came among several pieces, or by themselves.
    pub(crate) slivers: Mutex<HashMap<(u16, SliverType), Bytes>>,
    /// Slivers that it was asked for.
    pub(crate) wanted: Mutex<Vec<(SliverPairIndex, SliverType)>>,
    /// Pieces of each request that brought several.
    pub(crate) pieces: Mutex<Vec<usize>>,
    /// All requests.
    pub(crate) asked: AtomicU32,
}

impl Node {
    /// Its shards.
    fn held(&self) -> impl Iterator<Item = ShardIndex> + use<> {
        let first = self.index * self.shards;
        (first..first + self.shards).map(ShardIndex)
    }

    /// What it holds.
    pub(crate) fn blob(&self) -> &EncodedBlob {
        self.blob.as_ref().unwrap()
    }

    fn count(&self, kind: &'static str) -> u32 {
        let mut requests = self.requests.lock().unwrap();
        let count = requests.entry(kind).or_default();
        *count += 1;
        *count
    }

    fn takes_all(&self) -> bool {
        matches!(
            self.behaviour,
            Behaviour::Whole | Behaviour::WholeInterrupted | Behaviour::WholeCorrupt
        )
    }

    /// How often metadata was sent.
    pub(crate) fn metadata_requests(&self) -> u32 {
        let requests = self.requests.lock().unwrap();
        requests.get("metadata").copied().unwrap_or_default()
    }

    /// Waits until metadata was sent so often.
    pub(crate) async fn asked_for_metadata(&self, times: u32) {
        while self.metadata_requests() < times {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// The nodes and the committee they form.
pub(crate) struct Network {
    pub(crate) committee: NodeCommittee,
    pub(crate) nodes: Vec<Arc<Node>>,
}

pub(crate) fn config() -> EncodingConfig {
    EncodingConfig::new(N_SHARDS).unwrap()
}

pub(crate) fn content(seed: u8) -> Vec<u8> {
    (0..50_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed)
        .collect()
}

pub(crate) fn encode(data: &[u8]) -> Arc<EncodedBlob> {
    Arc::new(BlobEncoder::new(config(), data).unwrap().encode().unwrap())
}

impl Network {
    /// Starts nodes that hold `blob`; all that are not named are honest.
    pub(crate) async fn start(blob: Option<&Arc<EncodedBlob>>, faulty: Vec<Behaviour>) -> Self {
        Self::start_of(NODES, SHARDS_PER_NODE, blob, faulty).await
    }

    /// Starts so many nodes with so many shards each.
    pub(crate) async fn start_of(
        size: usize,
        shards: u16,
        blob: Option<&Arc<EncodedBlob>>,
        faulty: Vec<Behaviour>,
    ) -> Self {
        let mut members = Vec::new();
        let mut nodes = Vec::new();
        for index in 0..size {
            let behaviour = faulty.get(index).cloned().unwrap_or(Behaviour::Honest);
            let node = Arc::new(Node {
                behaviour,
                keys: BlsKeyPair::generate(&mut rand::rng()),
                index: u16::try_from(index).unwrap(),
                shards,
                blob: blob.cloned(),
                requests: Mutex::default(),
                received: Mutex::default(),
                slivers: Mutex::default(),
                wanted: Mutex::default(),
                pieces: Mutex::default(),
                asked: AtomicU32::new(0),
            });
            members.push(spawn(Arc::clone(&node), index).await);
            nodes.push(node);
        }
        let committee = Committee {
            epoch: EPOCH,
            n_shards: u16::try_from(size).unwrap() * shards,
            members,
        };
        let connections = Connections::new(NodeClientOptions {
            addresses: Addresses::Any,
            ..NodeClientOptions::default()
        });
        let committee = NodeCommittee::new(&committee, &connections).unwrap();
        Self { committee, nodes }
    }
}

async fn spawn(node: Arc<Node>, index: usize) -> CommitteeMember {
    let tls_key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let network_key =
        walrus_core::network_key::NetworkPublicKey::from_sec1(tls_key.public_key_raw()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (weight, shards) = (node.shards, node.held().collect());
    let node_key = node.keys.public_key();
    if node.behaviour != Behaviour::Down {
        let listener = TlsListener {
            listener,
            acceptor: acceptor(&tls_key),
        };
        tokio::spawn(async move { axum::serve(listener, router(node)).await.unwrap() });
    }
    CommitteeMember {
        node_id: Address::new([index as u8; 32]),
        weight,
        shards,
        public_key: Some(node_key),
        network_public_key: Some(network_key),
        network_address: address.to_string(),
        name: format!("node-{index}"),
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

fn acceptor(key: &rcgen::KeyPair) -> TlsAcceptor {
    let certificate = rcgen::CertificateParams::new(vec!["node.test".to_owned()])
        .unwrap()
        .self_signed(key)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let secret = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret.into())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn router(node: Arc<Node>) -> Router {
    let mut router = Router::new();
    if node.takes_all() {
        router = router
            .route(routes::UPLOAD, post(upload))
            .route(routes::HAVE, get(have))
            .route(routes::SLIVERS, get(get_slivers));
    }
    router
        .route(routes::METADATA, get(get_metadata).put(put_metadata))
        .route(routes::SLIVER, get(get_sliver).put(put_sliver))
        .route(routes::RECOVERY_SYMBOLS, get(recovery_symbols))
        .route(routes::PERMANENT_CONFIRMATION, get(confirm))
        .route(routes::BLOB_STATUS, get(status))
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&node),
            silence,
        ))
        .with_state(node)
}

async fn silence(
    State(node): State<Arc<Node>>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    node.asked.fetch_add(1, Ordering::Relaxed);
    if node.behaviour == Behaviour::Silent {
        std::future::pending::<()>().await;
    }
    let mut response = next.run(request).await;
    if node.takes_all() {
        let offered = header::HeaderValue::from_static("upload slivers");
        response.headers_mut().insert(EXTENSIONS, offered);
    }
    response
}

fn success<T: serde::Serialize>(code: StatusCode, data: T) -> Response {
    (code, Json(SuccessEnvelope::new(code.as_u16(), data))).into_response()
}

fn refuse(reason: Reason) -> Response {
    let status = StatusCode::from_u16(reason.http_status()).unwrap();
    (status, Json(ErrorEnvelope::new(reason, "no"))).into_response()
}

fn binary(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}

async fn get_metadata(State(node): State<Arc<Node>>, Path(blob_id): Path<BlobId>) -> Response {
    match (&node.behaviour, &node.blob) {
        (Behaviour::CorruptMetadata, _) => {
            let other = encode(b"something else");
            let mut bytes = blob_id.0.to_vec();
            bytes.extend(other.metadata.metadata().to_bcs());
            binary(bytes)
        }
        (Behaviour::Empty, _) | (_, None) => refuse(Reason::MetadataNotFound),
        (_, Some(blob)) => binary(blob.metadata.to_bcs()),
    }
}

async fn get_sliver(
    State(node): State<Arc<Node>>,
    Path((_, pair, sliver_type)): Path<(BlobId, SliverPairIndex, SliverType)>,
) -> Response {
    node.wanted.lock().unwrap().push((pair, sliver_type));
    let Some(blob) = node
        .blob
        .as_ref()
        .filter(|_| node.behaviour != Behaviour::Empty)
    else {
        return refuse(Reason::SliverNotFound);
    };
    let lacks = match node.behaviour {
        Behaviour::OnlySecondary => sliver_type == SliverType::Primary,
        Behaviour::OnlyPrimary => sliver_type == SliverType::Secondary,
        _ => false,
    };
    if lacks {
        return refuse(Reason::SliverNotFound);
    }
    let slivers = &blob.pairs[pair.as_usize()];
    let mut bytes = match sliver_type {
        SliverType::Primary => slivers.primary.to_bcs(),
        SliverType::Secondary => slivers.secondary.to_bcs(),
    };
    if node.behaviour == Behaviour::CorruptSlivers {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    }
    binary(bytes)
}

/// All symbols of the target sliver that are in slivers of the node; of [`Behaviour::CorruptSlivers`] with a bit flipped.
async fn recovery_symbols(
    State(node): State<Arc<Node>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let Some(blob) = node
        .blob
        .as_ref()
        .filter(|_| !matches!(node.behaviour, Behaviour::Empty | Behaviour::OnlyPrimary))
    else {
        return refuse(Reason::MetadataNotFound);
    };
    let target: SliverIndex = query["targetSliver"].parse().unwrap();
    let target_type: SliverType = query["targetType"].parse().unwrap();
    let n_shards = blob.metadata.n_shards();
    let symbols: Vec<GeneralRecoverySymbol> = node
        .held()
        .map(|shard| {
            let pair = shard.to_pair_index(blob.metadata.blob_id(), n_shards);
            let pair = &blob.pairs[pair.as_usize()];
            match target_type {
                SliverType::Secondary => symbol(&pair.primary, blob, target),
                SliverType::Primary => symbol(&pair.secondary, blob, target),
            }
        })
        .collect();
    let mut bytes = uleb(symbols.len());
    symbols
        .iter()
        .for_each(|symbol| bytes.extend(symbol.to_bcs()));
    if node.behaviour == Behaviour::CorruptSlivers {
        bytes[6] ^= 1;
    }
    binary(bytes)
}

/// The symbol of a sliver that belongs to the target, with its proof.
fn symbol<T: Axis>(
    source: &SliverData<T>,
    blob: &EncodedBlob,
    target: SliverIndex,
) -> GeneralRecoverySymbol {
    let expanded = source.expand(blob.metadata.config()).unwrap();
    expanded
        .general_recovery_symbol(&expanded.merkle_tree(), target)
        .unwrap()
}

/// Slivers in one answer; of [`Behaviour::WholeInterrupted`] only the first.
async fn get_slivers(State(node): State<Arc<Node>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap();
    let of_key = |key: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.filter(|(found, _)| *found == key);
        found.map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
    };
    let sliver_type: SliverType = of_key("sliver_type")[0].parse().unwrap();
    let mut body = Vec::new();
    for pair in of_key("pair") {
        let pair = SliverPairIndex(pair.parse().unwrap());
        let slivers = &node.blob.as_ref().unwrap().pairs[pair.as_usize()];
        let mut bytes = match sliver_type {
            SliverType::Primary => slivers.primary.to_bcs(),
            SliverType::Secondary => slivers.secondary.to_bcs(),
        };
        if node.behaviour == Behaviour::WholeCorrupt {
            bytes[20] ^= 1;
        }
        let name = PieceName::Sliver(pair, sliver_type);
        let header = PieceHeader::of(name, &bytes).unwrap();
        header
            .parts(bytes.into())
            .for_each(|part| body.extend(part));
        if node.behaviour == Behaviour::WholeInterrupted {
            break;
        }
    }
    binary(body)
}

async fn put_metadata(State(node): State<Arc<Node>>, _body: Bytes) -> Response {
    match node.behaviour {
        Behaviour::Behind(requests) if node.count("metadata") <= requests => {
            refuse(Reason::NotRegistered)
        }
        Behaviour::Refuses => refuse(Reason::InvalidBlob),
        Behaviour::Full => refuse(Reason::StorageFull),
        _ => success(StatusCode::CREATED, "metadata stored"),
    }
}

async fn put_sliver(
    State(node): State<Arc<Node>>,
    Path((_, pair, sliver_type)): Path<(BlobId, SliverPairIndex, SliverType)>,
    body: Bytes,
) -> Response {
    node.received.lock().unwrap().insert((pair.0, sliver_type));
    let mut slivers = node.slivers.lock().unwrap();
    slivers.insert((pair.0, sliver_type), body);
    success(StatusCode::CREATED, "sliver stored")
}

async fn upload(
    State(node): State<Arc<Node>>,
    Path(blob_id): Path<BlobId>,
    body: axum::body::Body,
) -> Response {
    let breaks = node.behaviour == Behaviour::WholeInterrupted && node.count("upload") == 1;
    let mut pieces = PieceReader::new(body.into_data_stream());
    let mut came = 0;
    while let Some(header) = pieces.header().await.unwrap() {
        let payload = pieces.payload(&header).await.unwrap();
        if let PieceName::Sliver(pair, sliver_type) = header.name {
            let mut slivers = node.slivers.lock().unwrap();
            slivers.insert((pair.0, sliver_type), payload);
            drop(slivers);
            node.received.lock().unwrap().insert((pair.0, sliver_type));
        }
        came += 1;
        if breaks && came == 2 {
            return refuse(Reason::Unavailable);
        }
    }
    node.pieces.lock().unwrap().push(came);
    confirm(State(node), Path(blob_id)).await
}

async fn have(State(node): State<Arc<Node>>) -> Response {
    let received = node.received.lock().unwrap();
    let of = |wanted: SliverType| {
        let pairs = received.iter().filter(|(_, found)| *found == wanted);
        pairs.map(|(pair, _)| SliverPairIndex(*pair)).collect()
    };
    let held = Held {
        registered: true,
        metadata: true,
        primary: of(SliverType::Primary),
        secondary: of(SliverType::Secondary),
    };
    success(StatusCode::OK, held)
}

async fn confirm(State(node): State<Arc<Node>>, Path(blob_id): Path<BlobId>) -> Response {
    let stored = node.received.lock().unwrap().len();
    if stored < usize::from(node.shards) * 2 {
        return refuse(Reason::MissingSlivers);
    }
    if node.behaviour == Behaviour::LosesSliversOnce && node.count("confirm") == 1 {
        node.received.lock().unwrap().clear();
        return refuse(Reason::MissingSlivers);
    }
    let other_keys = BlsKeyPair::generate(&mut rand::rng());
    let keys = if node.behaviour == Behaviour::WrongKey {
        &other_keys
    } else {
        &node.keys
    };
    let epoch = if node.behaviour == Behaviour::WrongEpoch {
        EPOCH + 1
    } else {
        EPOCH
    };
    let blob_id = if node.behaviour == Behaviour::WrongBlob {
        BlobId([9; 32])
    } else {
        blob_id
    };
    let body = StorageConfirmationBody {
        blob_id,
        persistence: BlobPersistence::Permanent,
    };
    let signed = keys.sign(&ProtocolMessage::new(epoch, body));
    success(StatusCode::OK, StorageConfirmation::Signed(signed))
}

async fn status(State(node): State<Arc<Node>>) -> Response {
    match &node.behaviour {
        Behaviour::Says(status) => success(StatusCode::OK, status.clone()),
        _ => success(StatusCode::OK, BlobStatus::Nonexistent),
    }
}
