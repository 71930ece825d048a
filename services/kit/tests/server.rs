//! The server: certificates that change while it runs, and clients that take a connection and say nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{path::Path, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    http::HeaderMap,
    routing::{get, post},
};
use rcgen::CertificateParams;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::TlsConnector;
use walrus_service::{
    metrics::Registry,
    server::{Caller, Limits, Pace, PeerKey, Peers, Server, Transport},
    tls::{CertificateKey, CertificateReload, Certificates, TlsError},
    worker::{Runner, State},
};

fn secret(byte: u8) -> ([u8; 32], PrivateKeyDer<'static>) {
    use p256::pkcs8::EncodePrivateKey as _;
    let key = p256::SecretKey::from_slice(&[byte; 32]).unwrap();
    let der = key.to_pkcs8_der().unwrap().as_bytes().to_vec();
    (
        [byte; 32],
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der)),
    )
}

fn certificate(secret: &[u8; 32], name: &str) -> rcgen::Certificate {
    let key = CertificateKey::new(secret).unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let issuer = params.distinguished_name.clone();
    key.certify(params, &key, issuer).unwrap()
}

/// The certificate that a server shows to who trusts these.
async fn shown(server: &Server, trusted: &[CertificateDer<'static>]) -> CertificateDer<'static> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = "service.test".try_into().unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    let chain = stream.get_ref().1.peer_certificates().unwrap();
    chain.first().unwrap().clone().into_owned()
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_new_certificate_in_the_file_is_served_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("certificate.pem");
    let (scalar, key) = secret(7);
    let first = certificate(&scalar, "service.test");
    write(&path, &first.pem());
    let certificates = Certificates::in_file(&path, &key).unwrap();
    let router = Router::new().route("/", get(async || "hello"));
    let tls = Transport::Tls(certificates.server_config().unwrap());
    let address = ([127, 0, 0, 1], 0).into();
    let server = Server::start(address, router, tls, Limits::default())
        .await
        .unwrap();
    let trusted = [first.der().clone()];
    assert_eq!(&shown(&server, &trusted).await, first.der());

    let runner = Runner::new(&Registry::new());
    let reload = CertificateReload::new(Arc::clone(&certificates), path.clone());
    let mut params = CertificateParams::new(vec!["service.test".to_owned()]).unwrap();
    params
        .subject_alt_names
        .push(rcgen::SanType::DnsName("other.test".try_into().unwrap()));
    let own = CertificateKey::new(&scalar).unwrap();
    let issuer = params.distinguished_name.clone();
    let second = own.certify(params, &own, issuer).unwrap();
    write(&path, &second.pem());
    runner.spawn(reload);
    let trusted = [first.der().clone(), second.der().clone()];
    while shown(&server, &trusted).await != *second.der() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    runner.shutdown().await.unwrap();

    // One of another key is not served; the worker says so and tries again.
    let runner = Runner::new(&Registry::new());
    let reload = CertificateReload::new(Arc::clone(&certificates), path.clone());
    write(
        &path,
        &(certificate(&secret(8).0, "service.test").pem() + "\n"),
    );
    runner.spawn(reload);
    loop {
        let info = runner.workers().list().pop().unwrap();
        if info.state == State::Retrying {
            let error = info.last_error.unwrap().message;
            assert!(error.contains("does not go with the key"), "{error}");
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(shown(&server, &trusted).await, *second.der());
    runner.shutdown().await.unwrap();
    server.shutdown(None).await;
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("absent.pem");
    let (_, key) = secret(1);
    let error = Certificates::in_file(&path, &key).unwrap_err();
    assert!(matches!(error, TlsError::Read { .. }), "{error}");
    assert!(error.to_string().contains("absent.pem"), "{error}");
    write(&path, "not PEM");
    assert!(Certificates::in_file(&path, &key).is_err());
    assert!(matches!(
        CertificateKey::new(&[0; 32]),
        Err(TlsError::Scalar)
    ));
}

/// What begins every HTTP/2 connection: the preface and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// `GET http:/` on stream 1, all of it in the static table of RFC 7541.
const GET: &[u8] = b"\0\0\x03\x01\x05\0\0\0\x01\x82\x86\x84";

/// A server with room for one connection at a time, which answers on `/` and never on `/never`.
async fn narrow(limits: Limits) -> Server {
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/never", get(std::future::pending::<()>));
    let limits = Limits {
        connections: 1,
        peer_connections: 0,
        closing: Duration::from_millis(10),
        ..limits
    };
    let address = ([127, 0, 0, 1], 0).into();
    Server::start(address, router, Transport::Plain, limits)
        .await
        .unwrap()
}

/// What must come, long before this.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("nothing came")
}

/// Opens a connection, says `words` and leaves it open.
async fn connect(server: &Server, words: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(words).await.unwrap();
    stream
}

#[tokio::test]
async fn who_takes_a_connection_and_asks_nothing_loses_it_to_who_asks() {
    let limits = Limits {
        handshake: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = narrow(limits).await;
    // Nothing, the beginning of HTTP/2, HTTP/2 without a request, half of a request.
    for words in [&b""[..], b"PRI * ", PREFACE, b"GET / HT"] {
        let _silent = connect(&server, words).await;
        let mut asking = connect(
            &server,
            b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        )
        .await;
        let mut answer = String::new();
        let answered = asking.read_to_string(&mut answer);
        soon(answered).await.unwrap();
        assert!(answer.ends_with("hello"), "{answer}");
    }
    server.shutdown(None).await;
}

#[tokio::test]
async fn a_connection_is_kept_while_its_request_is_open_and_closed_when_it_is_not_used() {
    let limits = Limits {
        handshake: Duration::from_millis(20),
        idle: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = narrow(limits).await;
    let mut used = connect(&server, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut answer = String::new();
    // The end comes although the client asked for none.
    soon(used.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with("hello"), "{answer}");

    let mut open = connect(&server, b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut byte = [0; 1];
    let kept = tokio::time::timeout(Duration::from_millis(300), open.read(&mut byte));
    assert!(kept.await.is_err());
    assert_eq!(server.open_requests(), 1);
    drop(open);
    server.shutdown(Some(Duration::ZERO)).await;
    assert_eq!(server.open_requests(), 0);
}

#[tokio::test]
async fn an_open_request_of_who_is_gone_does_not_keep_its_connection() {
    let limits = Limits {
        handshake: Duration::from_secs(60),
        keep_alive: Duration::from_millis(100),
        ..Limits::default()
    };
    let router = Router::new().route("/", get(std::future::pending::<()>));
    let address = ([127, 0, 0, 1], 0).into();
    let server = Server::start(address, router, Transport::Plain, limits)
        .await
        .unwrap();
    // It asks, and answers no ping.
    let mut gone = connect(&server, &[PREFACE, GET].concat()).await;
    let mut heard = Vec::new();
    let _ = soon(gone.read_to_end(&mut heard)).await;
    server.shutdown(None).await;
}

/// What is sent for a path, and how it is asked to end.
fn ask(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").into_bytes()
}

/// A connection from another address of this machine, which says `words`; what comes back until its end.
async fn answer_at(server: &Server, from: [u8; 4], words: &[u8]) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream = socket.connect(server.address()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is refused may be reset under the question.
    if stream.write_all(words).await.is_ok() {
        let _ = soon(stream.read_to_end(&mut answer)).await;
    }
    String::from_utf8_lossy(&answer).into_owned()
}

const HERE: [u8; 4] = [127, 0, 0, 1];
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

async fn crowded(limits: Limits) -> Server {
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/body", post(async |body: Bytes| body.len().to_string()));
    let limits = Limits {
        connections: 20,
        connections_per_address: 10,
        peer_connections: 4,
        ..limits
    };
    Server::start((HERE, 0).into(), router, Transport::Plain, limits)
        .await
        .unwrap()
}

#[tokio::test]
async fn idle_connections_give_way() {
    let server = crowded(Limits::default()).await;
    let mut held = Vec::new();
    for _ in 0..30 {
        // Each has asked once, so that there is much patience with it.
        held.push(connect(&server, &[PREFACE, GET].concat()).await);
        let answer = answer_at(&server, HERE, &ask("/")).await;
        assert!(answer.ends_with("hello"), "{answer}");
    }
    let answer = answer_at(&server, ELSEWHERE, &ask("/")).await;
    assert!(answer.ends_with("hello"), "{answer}");
    server.shutdown(Some(Duration::ZERO)).await;
}

#[tokio::test]
async fn bodies_that_trickle_take_the_share_of_their_sender_and_not_for_long() {
    const TRICKLE: &[u8] = b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\na";
    let server = crowded(Limits {
        body: Pace {
            bytes: 100,
            within: Duration::from_secs(1),
        },
        ..Limits::default()
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(connect(&server, TRICKLE).await);
    }
    let answer = answer_at(&server, ELSEWHERE, &ask("/")).await;
    assert!(answer.ends_with("hello"), "{answer}");
    // Nobody had to go for it: the share of this address is all in use, until it is taken away.
    while !answer_at(&server, HERE, &ask("/")).await.ends_with("hello") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for mut stream in held {
        let mut answer = Vec::new();
        let _ = soon(stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    server.shutdown(None).await;
}

/// Tells when it is dropped.
struct Told(Option<tokio::sync::oneshot::Sender<()>>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.take().map(|sender| sender.send(()));
    }
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let (sender, gone) = tokio::sync::oneshot::channel();
    let told = std::sync::Mutex::new(Some(Told(Some(sender))));
    let endless = async move || {
        let told = told.lock().unwrap().take();
        let parts = std::iter::repeat_with(move || {
            let _ = &told;
            Ok::<_, std::convert::Infallible>(Bytes::from(vec![0; 1 << 20]))
        });
        Body::from_stream(futures::stream::iter(parts))
    };
    let endless = Arc::new(endless);
    let router = Router::new().route(
        "/",
        get(move || {
            let endless = Arc::clone(&endless);
            async move { endless().await }
        }),
    );
    let limits = Limits {
        answer: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = Server::start((HERE, 0).into(), router, Transport::Plain, limits)
        .await
        .unwrap();
    let _unread = connect(&server, &ask("/")).await;
    soon(gone).await.unwrap();
    server.shutdown(None).await;
}

/// Whoever says so is a peer.
#[derive(Debug)]
struct Credulous;

impl Peers for Credulous {
    fn recognise(&self, headers: &HeaderMap) -> Option<PeerKey> {
        headers.contains_key("peer").then_some([7; 33])
    }
}

#[tokio::test]
async fn peers_are_served_when_strangers_are_not_and_requests_say_who_sent_them() {
    let who = async |Extension(caller): Extension<Caller>| match caller {
        Caller::Peer(_) => "a peer".to_owned(),
        Caller::Address(address) => address.to_string(),
    };
    let router = Router::new()
        .route("/", get(who))
        .route("/never", get(std::future::pending::<()>));
    let limits = Limits {
        connections: 1,
        peer_connections: 1,
        ..Limits::default()
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::start_on(
        listener,
        router,
        Transport::Plain,
        limits,
        Arc::new(Credulous),
    )
    .unwrap();
    let answer = answer_at(&server, HERE, &ask("/")).await;
    assert!(answer.ends_with("127.0.0.1"), "{answer}");
    let _busy = connect(&server, b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let peer = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\npeer: yes\r\n\r\n";
    // Until the server has seen the other's request, there may be room.
    loop {
        let answer = answer_at(&server, ELSEWHERE, &ask("/")).await;
        let by_peer = answer_at(&server, ELSEWHERE, peer).await;
        assert!(by_peer.ends_with("a peer"), "{by_peer}");
        if answer.starts_with("HTTP/1.1 503") {
            assert!(answer.contains("UNAVAILABLE"), "{answer}");
            break;
        }
    }
    server.shutdown(Some(Duration::ZERO)).await;
}

#[tokio::test]
async fn who_is_refused_while_he_sends_gets_to_see_it() {
    let router = Router::new().route("/", post(async || "no"));
    let limits = Limits::default();
    let server = Server::start((HERE, 0).into(), router, Transport::Plain, limits)
        .await
        .unwrap();
    let head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 600000\r\n\r\n";
    let mut stream = connect(&server, head).await;
    for _ in 0..60 {
        stream.write_all(&[0; 10_000]).await.unwrap();
        tokio::task::yield_now().await;
    }
    // The connection goes on, too.
    stream.write_all(&ask("/nowhere")).await.unwrap();
    let mut answers = String::new();
    soon(stream.read_to_string(&mut answers)).await.unwrap();
    assert!(answers.starts_with("HTTP/1.1 200"), "{answers}");
    assert!(answers.contains("HTTP/1.1 404"), "{answers}");
    server.shutdown(None).await;
}
