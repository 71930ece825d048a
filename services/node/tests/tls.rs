//! The certificate: its names, and that only the key on chain is accepted. Node spec 1.1.1.
#![allow(clippy::unwrap_used)]

mod support;

use support::*;
use walrus_core::network_key::NetworkKeyPair;
use walrus_node::tls::self_signed;
use walrus_node_client::{NodeClient, NodeClientOptions, generated_server_name};
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
    let client = NodeClient::new(&address, &other, &NodeClientOptions::default()).unwrap();
    let error = client.health(false).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
}

#[test]
fn the_certificate_has_exactly_the_names_that_clients_derive() {
    let key = NetworkKeyPair::generate(&mut rand::rng());
    let generated = generated_server_name(&key.public_key());
    for (host, expected) in [
        ("node.example.com", GeneralName::DNSName("node.example.com")),
        ("127.0.0.1", GeneralName::IPAddress(&[127, 0, 0, 1])),
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
