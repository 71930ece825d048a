//! The server over TLS: certificates that change while it runs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{path::Path, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use rcgen::CertificateParams;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::net::TcpStream;
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
