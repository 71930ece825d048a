//! TLS to a node whose key is known from the chain. Node spec 1.1.1.
//!
//! The only thing that is checked about the certificate is that its key is the node's network key, and that the server
//! holds that key (it signs the handshake). Names and dates are ignored on purpose: whoever holds the key *is* the node, and a
//! certificate that has expired changes nothing about that.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use walrus_core::network_key::NetworkPublicKey;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::NodeError;

/// Accepts exactly the certificates that carry one P-256 key.
#[derive(Debug)]
pub struct PinnedKeyVerifier {
    /// The expected key, SEC1 uncompressed (65 bytes).
    uncompressed: Vec<u8>,
    /// The expected key, SEC1 compressed (33 bytes); certificates may hold either form.
    compressed: Vec<u8>,
    provider: Arc<CryptoProvider>,
}

impl PinnedKeyVerifier {
    /// A verifier for the node whose network key is `key`.
    ///
    /// # Errors
    /// [`NodeError::InvalidNetworkKey`] if the bytes are not a compressed point of the curve.
    pub fn new(key: &NetworkPublicKey) -> Result<Self, NodeError> {
        let uncompressed = key
            .to_uncompressed()
            .map_err(|_| NodeError::InvalidNetworkKey)?;
        Ok(Self {
            uncompressed,
            compressed: key.0.to_vec(),
            provider: Arc::new(ring::default_provider()),
        })
    }
}

impl ServerCertVerifier for PinnedKeyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (_, certificate) = X509Certificate::from_der(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let key: &[u8] = &certificate.public_key().subject_public_key.data;
        if key == self.uncompressed || key == self.compressed {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A TLS configuration that connects only to the holder of `network_key`.
///
/// # Errors
/// [`NodeError::InvalidNetworkKey`] if the bytes are not a point of the curve.
pub fn client_tls_config(network_key: &NetworkPublicKey) -> Result<ClientConfig, NodeError> {
    let verifier = PinnedKeyVerifier::new(network_key)?;
    let provider = Arc::clone(&verifier.provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(NodeError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The name that a node's self-signed certificate carries: the first four bytes of the compressed key, each in hexadecimal
/// *without* leading zero, before `.network.walrus.alt`.
pub fn generated_server_name(network_key: &NetworkPublicKey) -> String {
    let mut name: String = network_key
        .0
        .iter()
        .take(4)
        .map(|byte| format!("{byte:x}"))
        .collect();
    name.push_str(".network.walrus.alt");
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generated_name_has_no_leading_zeros() {
        let mut key = [0; 33];
        key[0] = 0x02;
        key[1] = 0x0a;
        key[2] = 0xff;
        assert_eq!(
            generated_server_name(&NetworkPublicKey(key)),
            "2aff0.network.walrus.alt"
        );
    }

    #[test]
    fn only_the_pinned_key_is_accepted() {
        let certificate = |pair: &rcgen::KeyPair| {
            rcgen::CertificateParams::new(vec!["node.test".to_owned()])
                .unwrap()
                .self_signed(pair)
                .unwrap()
        };
        let ours = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let theirs = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let verifier =
            PinnedKeyVerifier::new(&NetworkPublicKey::from_sec1(ours.public_key_raw()).unwrap())
                .unwrap();
        let name = ServerName::try_from("unrelated.test").unwrap();
        let verify = |pair| {
            let certificate = certificate(pair);
            verifier
                .verify_server_cert(certificate.der(), &[], &name, &[], UnixTime::now())
                .map(|_| ())
        };
        assert!(verify(&ours).is_ok());
        assert!(verify(&theirs).is_err());
        assert!(
            verifier
                .verify_server_cert(
                    &CertificateDer::from(vec![1, 2, 3]),
                    &[],
                    &name,
                    &[],
                    UnixTime::now()
                )
                .is_err()
        );
        assert!(matches!(
            PinnedKeyVerifier::new(&NetworkPublicKey([0xff; 33])),
            Err(NodeError::InvalidNetworkKey)
        ));
    }
}
