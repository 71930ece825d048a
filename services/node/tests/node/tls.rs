//! The certificate: its names, and that only the key on chain is accepted. Node spec 1.1.1.

use std::{net::SocketAddr, sync::Arc};

use crate::support::*;
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    pki_types::UnixTime,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use walrus_core::network_key::NetworkKeyPair;
use walrus_node::{
    api,
    config::TlsConfig,
    tls::{self_signed, transport},
};
use walrus_node_client::{NodeClient, generated_server_name};
use walrus_service::server::{Limits, Server};
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    prelude::{FromDer as _, X509Version},
};

#[tokio::test]
async fn a_client_that_pins_another_key_is_refused() {
    let node = TestNode::start(&[0]).await;
    node.client().health(false).await.unwrap();
    let other = NetworkKeyPair::generate(&mut rand::rng()).public_key();
    let address = node.server.address().to_string();
    let client = NodeClient::new(&address, &other, &client_options()).unwrap();
    let error = client.health(false).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
}

/// What comes back for a plain HTTP request; nothing if the node does not speak it.
async fn plain_answer(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /v1/health HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // A TLS server may close with the request unread, which resets the connection.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn plain_http_is_spoken_beside_tls_when_asked_for() {
    let node = TestNode::start(&[0]).await;
    let answer = plain_answer(node.server.address()).await;
    assert!(!answer.contains("HTTP/1.1"), "{answer}");

    let config = TlsConfig {
        also_plain_http: true,
        ..TlsConfig::default()
    };
    let both = transport(&config, &node.network_key, "127.0.0.1").unwrap();
    let both = both.transport;
    let router = api::router(node.parts.deeds.clone());
    let server = Server::start(([127, 0, 0, 1], 0).into(), router, both, Limits::default())
        .await
        .unwrap();
    let answer = plain_answer(server.address()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let address = server.address().to_string();
    let key = node.network_key.public_key();
    let client = NodeClient::new(&address, &key, &client_options()).unwrap();
    client.health(false).await.unwrap();
    // One that says nothing at all does not hold the server up.
    let _mute = TcpStream::connect(server.address()).await.unwrap();
    server.shutdown(None).await;
}

#[test]
fn the_certificate_has_exactly_the_names_that_clients_derive() {
    let key = NetworkKeyPair::generate(&mut rand::rng());
    let generated = generated_server_name(&key.public_key());
    let loopback = std::net::Ipv6Addr::LOCALHOST.octets();
    for (host, expected) in [
        ("node.example.com", GeneralName::DNSName("node.example.com")),
        ("127.0.0.1", GeneralName::IPAddress(&[127, 0, 0, 1])),
        ("::1", GeneralName::IPAddress(&loopback)),
        ("[::1]", GeneralName::IPAddress(&loopback)),
    ] {
        let der = self_signed(&key, host).unwrap();
        let (rest, certificate) = X509Certificate::from_der(&der).unwrap();
        assert!(rest.is_empty());
        assert_eq!(certificate.version(), X509Version::V3);
        for name in [certificate.subject(), certificate.issuer()] {
            let attributes: Vec<_> = name.iter_attributes().collect();
            assert_eq!(attributes.len(), 1);
            let common_name = name.iter_common_name().next().unwrap().attr_value();
            assert_eq!(common_name.tag().0, 12, "a UTF8String");
            assert_eq!(common_name.as_str().unwrap(), generated);
        }
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        assert_eq!(
            names.value.general_names,
            [GeneralName::DNSName(&generated), expected]
        );
        assert!(!certificate.is_ca());
        let spki = &certificate.public_key().subject_public_key.data;
        assert_eq!(**spki, key.public_key().to_uncompressed().unwrap());
    }
}

#[test]
fn every_start_makes_the_same_certificate() {
    let key = NetworkKeyPair::generate(&mut rand::rng());
    let again = NetworkKeyPair::from_secret_bytes(&key.secret_bytes()).unwrap();
    let first = self_signed(&key, "127.0.0.1").unwrap();
    assert_eq!(self_signed(&again, "127.0.0.1").unwrap(), first);
    // Another certificate of the same issuer has another number.
    let serial = |der: &[u8]| {
        let (_, certificate) = X509Certificate::from_der(der).unwrap();
        certificate.raw_serial().to_vec()
    };
    let elsewhere = self_signed(&key, "127.0.0.2").unwrap();
    assert_ne!(serial(&first), serial(&elsewhere));
}

#[test]
fn a_client_that_knows_the_key_and_the_names_finds_the_certificate_valid() {
    let key = NetworkKeyPair::generate(&mut rand::rng());
    let certificate = self_signed(&key, "::1").unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap();
    let generated = generated_server_name(&key.public_key());
    for (name, is_valid) in [("::1", true), (&generated, true), ("127.0.0.1", false)] {
        let name = name.to_owned().try_into().unwrap();
        let now = UnixTime::now();
        let found = verifier.verify_server_cert(&certificate, &[], &name, &[], now);
        assert_eq!(found.is_ok(), is_valid, "{name:?}: {found:?}");
    }
}
