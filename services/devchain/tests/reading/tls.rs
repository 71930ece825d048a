//! TLS beside cleartext on one port.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sui_rpc::proto::sui::rpc::v2 as proto;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::fixture::{Chain, address, coin};
use super::serve_tls;
use crate::rpc::offer_http;

/// A server, and clients that trust its certificate.
struct Sides {
    server: Arc<ServerConfig>,
    roots: RootCertStore,
}

fn sides() -> Sides {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    Sides {
        server: offer_http(&config),
        roots,
    }
}

fn host(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

async fn connect(url: &str, roots: RootCertStore, protocol: &[u8]) -> TlsStream<TcpStream> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(host(url)).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
    stream
}

/// A question in gRPC-web.
fn question(url: &str) -> Request<Full<Bytes>> {
    let message = proto::GetObjectRequest::new(&address(100)).encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&message);
    Request::post(format!(
        "https://{}/sui.rpc.v2.LedgerService/GetObject",
        host(url)
    ))
    .header(header::HOST, host(url))
    .header(header::CONTENT_TYPE, "application/grpc-web+proto")
    .body(Full::new(frame.into()))
    .unwrap()
}

fn assert_is_answer(body: &[u8]) {
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    let answer = proto::GetObjectResponse::decode(&body[5..5 + length]).unwrap();
    assert_eq!(answer.object.unwrap().object_id(), address(100).to_string());
}

#[tokio::test]
async fn tls_is_spoken_beside_cleartext() {
    let mut chain = Chain::new();
    let transaction = chain.transaction(address(1), &[], vec![coin(100, address(1), 5)]);
    chain.checkpoint(vec![transaction]);
    let sides = sides();
    let url = serve_tls(chain, sides.server).await;
    // One that says nothing keeps nobody waiting.
    let _mute = TcpStream::connect(host(&url)).await.unwrap();

    let mut cleartext = sui_rpc::Client::new(url.as_str()).unwrap();
    let answer = cleartext
        .ledger_client()
        .get_object(proto::GetObjectRequest::new(&address(100)))
        .await
        .unwrap();
    assert_eq!(
        answer.into_inner().object.unwrap().object_id(),
        address(100).to_string()
    );

    let stream = connect(&url, sides.roots.clone(), b"http/1.1").await;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(question(&url)).await.unwrap();
    assert_is_answer(&answer.into_body().collect().await.unwrap().to_bytes());

    let stream = connect(&url, sides.roots, b"h2").await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(question(&url)).await.unwrap();
    assert_is_answer(&answer.into_body().collect().await.unwrap().to_bytes());
}

/// Bytes that look like a handshake and are none end one connection, not the service.
#[tokio::test]
async fn a_broken_handshake_ends_its_own_connection_alone() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut chain = Chain::new();
    let transaction = chain.transaction(address(1), &[], vec![coin(100, address(1), 5)]);
    chain.checkpoint(vec![transaction]);
    let sides = sides();
    let url = serve_tls(chain, sides.server).await;
    let mut broken = TcpStream::connect(host(&url)).await.unwrap();
    broken.write_all(&[22; 64]).await.unwrap();
    // An alert, and the end.
    let mut answer = Vec::new();
    let _ = broken.read_to_end(&mut answer).await;
    let stream = connect(&url, sides.roots, b"http/1.1").await;
    drop(stream);
}
