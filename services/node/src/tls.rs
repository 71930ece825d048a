//! TLS server side: a certificate with the key that is on chain. Node spec 1.1.1.

use std::{net::IpAddr, sync::Arc};

use anyhow::Context;
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, IsCa, SanType};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use walrus_core::network_key::NetworkKeyPair;
use walrus_node_client::generated_server_name;
use walrus_service::{
    server::Transport,
    tls::{CertificateKey, CertificateReload, Certificates},
};

use crate::config::TlsConfig;

/// What the node speaks below HTTP.
#[derive(Debug)]
pub struct Secured {
    /// For the server.
    pub transport: Transport,
    /// What is served, unless that is plain HTTP.
    pub certificates: Option<Arc<Certificates>>,
    /// Serves the certificate that the configured file holds now, if one is configured.
    pub reload: Option<CertificateReload>,
}

/// What the configuration asks for.
///
/// # Errors
/// If a certificate cannot be read or made, or does not carry the network key.
pub fn transport(
    config: &TlsConfig,
    network_key: &NetworkKeyPair,
    public_host: &str,
) -> anyhow::Result<Secured> {
    if config.disable_tls {
        return Ok(Secured {
            transport: Transport::Plain,
            certificates: None,
            reload: None,
        });
    }
    let key = network_key.to_pkcs8_der().context("the network key")?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec()));
    let certificates = match &config.certificate_path {
        Some(path) => Certificates::in_file(path, &key)?,
        None => Certificates::new(vec![self_signed(network_key, public_host)?], &key)?,
    };
    let tls = certificates.server_config()?;
    let file = config.certificate_path.clone();
    Ok(Secured {
        transport: if config.also_plain_http {
            Transport::TlsOrPlain(tls)
        } else {
            Transport::Tls(tls)
        },
        certificates: Some(Arc::clone(&certificates)),
        reload: file.map(|path| CertificateReload::new(certificates, path)),
    })
}

/// When a certificate ends, in seconds since 1970; `None` if it is none.
pub(crate) fn not_after(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(parsed.validity().not_after.timestamp())
}

/// A certificate with exactly the names that clients derive from the key on chain. The same key and host give the same bytes.
///
/// # Errors
/// If the host is not a name that a certificate can carry.
pub fn self_signed(
    network_key: &NetworkKeyPair,
    public_host: &str,
) -> anyhow::Result<CertificateDer<'static>> {
    let key = CertificateKey::new(&network_key.secret_bytes())?;
    let name = generated_name(network_key);
    let mut params = CertificateParams::default();
    params.distinguished_name = name.clone();
    params.subject_alt_names = server_names(network_key, public_host)?;
    params.is_ca = IsCa::NoCa;
    Ok(key.certify(params, &key, name)?.der().clone())
}

/// The name under which clients that pin the key look for who signed the certificate.
pub fn generated_name(network_key: &NetworkKeyPair) -> DistinguishedName {
    let name = generated_server_name(&network_key.public_key());
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, DnValue::Utf8String(name));
    distinguished
}

/// The names that clients ask for: the one that follows from the key on chain, and the host.
///
/// # Errors
/// If the host is not a name that a certificate can carry.
pub fn server_names(
    network_key: &NetworkKeyPair,
    public_host: &str,
) -> anyhow::Result<Vec<SanType>> {
    let name = generated_server_name(&network_key.public_key());
    let host = match ip_literal(public_host) {
        Some(address) => SanType::IpAddress(address),
        None => SanType::DnsName(
            public_host
                .try_into()
                .context("public_host is not a DNS name")?,
        ),
    };
    Ok(vec![SanType::DnsName(name.try_into()?), host])
}

/// The address that a host is, if it is no name; IPv6 with or without the brackets of a URL.
pub(crate) fn ip_literal(host: &str) -> Option<IpAddr> {
    let bracketed = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}
