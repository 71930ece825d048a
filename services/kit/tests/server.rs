//! The server: certificates that change while it runs, and clients that take a connection and say nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{path::Path, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use rcgen::CertificateParams;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use walrus_service::{
    metrics::Registry,
    server::{Limits, Server, Transport},
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
    drop(open);
    server.shutdown(Some(Duration::ZERO)).await;
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
