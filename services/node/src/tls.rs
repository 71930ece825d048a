//! The server side of TLS: a certificate with the key that is on chain. Node spec 1.1.1.

use std::{net::IpAddr, sync::Arc};

use anyhow::Context;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    SanType,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
};
use walrus_core::network_key::NetworkKeyPair;
use walrus_node_client::generated_server_name;

use crate::{config::TlsConfig, server::Transport};

/// What the node speaks below HTTP.
///
/// # Errors
/// If a certificate cannot be read or made, or does not carry the network key.
pub fn transport(
    config: &TlsConfig,
    network_key: &NetworkKeyPair,
    public_host: &str,
) -> anyhow::Result<Transport> {
    if config.disable_tls {
        return Ok(Transport::Plain);
    }
    let key = network_key.to_pkcs8_der().context("the network key")?;
    let chain = match &config.certificate_path {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .with_context(|| format!("cannot read the certificate {}", path.display()))?,
        None => vec![self_signed(network_key, public_host)?],
    };
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec()));
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS versions")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate does not go with the network key")?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let tls = Arc::new(tls);
    Ok(if config.also_plain_http {
        Transport::TlsOrPlain(tls)
    } else {
        Transport::Tls(tls)
    })
}

/// A certificate with exactly the names that clients derive from the key on chain.
///
/// # Errors
/// If the host is not a name that a certificate can carry.
pub fn self_signed(
    network_key: &NetworkKeyPair,
    public_host: &str,
) -> anyhow::Result<CertificateDer<'static>> {
    let der = network_key.to_pkcs8_der().context("the network key")?;
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(
        &PrivatePkcs8KeyDer::from(der.to_vec()),
        &PKCS_ECDSA_P256_SHA256,
    )
    .context("the network key")?;
    let name = generated_server_name(&network_key.public_key());
    let mut names = vec![SanType::DnsName(name.as_str().try_into()?)];
    names.push(match public_host.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(
            public_host
                .try_into()
                .context("public_host is not a DNS name")?,
        ),
    });
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, DnValue::Utf8String(name));
    params.subject_alt_names = names;
    params.is_ca = IsCa::NoCa;
    Ok(params.self_signed(&pair)?.der().clone())
}
