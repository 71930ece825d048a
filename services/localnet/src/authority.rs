//! Certificate authority of the network's own, for clients that trust authorities and not keys.
//!
//! ```text
//! DIR/tls/authority.key      its key, PKCS#8; whoever has it can pose as this network to those who trust the bundle
//! DIR/tls/authority.pem      its certificate: the bundle that clients are given
//! DIR/tls/chain.key          the key of the chain's RPC port
//! ```
//!
//! Only the keys are kept. Certificates follow from them and have the same bytes at each start ([`CertificateKey`]). The authority
//! is good for this machine's own names and for the address that the network listens on, and for nothing else (RFC 5280, 4.2.1.10):
//! a browser that trusts it trusts nobody about the rest of the world.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use walrus_core::network_key::NetworkKeyPair;
use walrus_node::tls::{generated_name, server_names};
use walrus_service::tls::{CertificateKey, Certificates};
use walrus_sui::wallet::replace_private;

const AUTHORITY_KEY_FILE: &str = "authority.key";
const CHAIN_KEY_FILE: &str = "chain.key";
const BUNDLE_FILE: &str = "authority.pem";

/// The name of this machine that every machine has.
const LOCALHOST: &str = "localhost";

/// What the names end with that clients derive from a node's key. Node spec 1.1.1.
const GENERATED_NAMES: &str = "network.walrus.alt";

/// Signs the certificates of a network.
#[derive(Debug)]
pub(crate) struct Authority {
    key: CertificateKey,
    name: DistinguishedName,
    chain_key: NetworkKeyPair,
    bundle: PathBuf,
    host: IpAddr,
}

impl Authority {
    /// The authority that has its keys in `dir`, or a new one, for a network that listens on `host`. Writes the bundle.
    ///
    /// # Errors
    /// If a key cannot be read or written.
    pub(crate) fn open(dir: &Path, host: IpAddr) -> anyhow::Result<Self> {
        let secret = key_in(&dir.join(AUTHORITY_KEY_FILE))?;
        let this = Self {
            key: CertificateKey::new(&secret.secret_bytes())?,
            name: name(&secret),
            chain_key: key_in(&dir.join(CHAIN_KEY_FILE))?,
            bundle: dir.join(BUNDLE_FILE),
            host,
        };
        let bundle = this.certificate()?;
        write_if_new(&this.bundle, &bundle)?;
        Ok(this)
    }

    /// The file that a client is given: the authority's certificate, PEM.
    pub(crate) fn bundle(&self) -> &Path {
        &self.bundle
    }

    /// Writes the certificate chain of the node that has `key` and listens on `host`, PEM, for the node to serve.
    ///
    /// Two ways lead from the node's certificate to something that a client trusts: clients that know the key on chain expect that it
    /// has signed the certificate, in the name that follows from it, and are content; for all others that signer is certified by the
    /// authority in turn. The certificate must not have its signer's name as its own, or OpenSSL takes it for one that nobody else
    /// has signed.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write_node_chain(
        &self,
        path: &Path,
        key: &NetworkKeyPair,
        host: IpAddr,
    ) -> anyhow::Result<()> {
        let node_key = CertificateKey::new(&key.secret_bytes())?;
        let signer_name = generated_name(key);
        let mut signer = authority(signer_name.clone(), 0);
        signer.use_authority_key_identifier_extension = true;
        let signer = self.key.certify(signer, &node_key, self.name.clone())?;
        let names = server_names(key, &host.to_string())?;
        let node = server(common_name(&host.to_string()), names);
        let node = node_key.certify(node, &node_key, signer_name)?;
        write_if_new(path, &(node.pem() + &signer.pem()))
    }

    /// What the chain's RPC port speaks beside cleartext.
    ///
    /// # Errors
    /// Never in practice: if the certificate does not go with its key.
    pub(crate) fn chain_tls(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let mut names = vec![SanType::DnsName(LOCALHOST.try_into()?)];
        names.extend(self.addresses().map(SanType::IpAddress));
        let params = server(common_name("Walrus local network, chain"), names);
        let subject = CertificateKey::new(&self.chain_key.secret_bytes())?;
        let certificate = self.key.certify(params, &subject, self.name.clone())?;
        let key = self.chain_key.to_pkcs8_der()?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec()));
        let certificates = Certificates::new(vec![certificate.der().clone()], &key)?;
        Ok(certificates.server_config()?)
    }

    /// The authority's own certificate, PEM.
    fn certificate(&self) -> anyhow::Result<String> {
        // Below it is the name in which a node signs, and below that the node.
        let mut params = authority(self.name.clone(), 1);
        let names = [LOCALHOST, GENERATED_NAMES].map(|name| GeneralSubtree::DnsName(name.into()));
        let subnets = self.addresses().map(|address| match address {
            IpAddr::V4(address) if address.is_loopback() => {
                CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)
            }
            IpAddr::V4(address) => CidrSubnet::from_v4_prefix(address.octets(), 32),
            IpAddr::V6(address) => CidrSubnet::from_v6_prefix(address.octets(), 128),
        });
        let mut permitted = names.to_vec();
        permitted.extend(subnets.map(GeneralSubtree::IpAddress));
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: permitted,
            excluded_subtrees: Vec::new(),
        });
        let certificate = self.key.certify(params, &self.key, self.name.clone())?;
        Ok(certificate.pem())
    }

    /// The addresses under which clients reach what listens on this machine.
    fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let other = (!loopback.contains(&self.host)).then_some(self.host);
        loopback.into_iter().chain(other)
    }
}

/// The key in a file, or a new one that is written there.
fn key_in(path: &Path) -> anyhow::Result<NetworkKeyPair> {
    match fs::read_to_string(path) {
        Ok(text) => NetworkKeyPair::from_pkcs8_pem(&text)
            .with_context(|| format!("{} is no key of a local network", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = NetworkKeyPair::generate(&mut rand::rng());
            replace_private(path, key.to_pkcs8_pem()?.as_bytes())?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Writes what can be made again at any time: nothing if it is there already.
fn write_if_new(path: &Path, text: &str) -> anyhow::Result<()> {
    if fs::read(path).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Its own for each network: clients look for authorities by their names.
fn name(key: &NetworkKeyPair) -> DistinguishedName {
    let mut name = String::from("Walrus local network ");
    // The first byte of a compressed point is one of two.
    for byte in key.public_key().0.iter().skip(1).take(4) {
        name.push_str(&format!("{byte:02x}"));
    }
    common_name(&name)
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// A certificate that signs others, with at most `below` authorities under it.
fn authority(name: DistinguishedName, below: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A certificate of a server.
fn server(name: DistinguishedName, names: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.subject_alt_names = names;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use rustls::{
        RootCertStore,
        client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
        pki_types::{CertificateDer, UnixTime, pem::PemObject as _},
    };
    use walrus_node::tls::self_signed;

    use super::*;

    const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
        let all = CertificateDer::pem_file_iter(path).unwrap();
        all.collect::<Result<_, _>>().unwrap()
    }

    fn is_valid(trusted: &CertificateDer<'_>, chain: &[CertificateDer<'_>], name: &str) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone().into_owned()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let name = name.to_owned().try_into().unwrap();
        verifier
            .verify_server_cert(&chain[0], &chain[1..], &name, &[], UnixTime::now())
            .is_ok()
    }

    fn node_chain(authority: &Authority, key: &NetworkKeyPair) -> Vec<CertificateDer<'static>> {
        let path = authority.bundle().with_file_name("node.pem");
        authority.write_node_chain(&path, key, HOST).unwrap();
        certificates(&path)
    }

    #[test]
    fn a_node_is_trusted_through_the_bundle_and_by_the_key_on_chain() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path(), HOST).unwrap();
        let bundle = certificates(authority.bundle());
        let key = NetworkKeyPair::generate(&mut rand::rng());
        let chain = node_chain(&authority, &key);
        assert!(is_valid(&bundle[0], &chain, "127.0.0.1"));
        assert!(!is_valid(&bundle[0], &chain, "127.0.0.2"));
        // What a client that pins keys expects has the same signer and key as a certificate of the node's own.
        let pinned = self_signed(&key, "127.0.0.1").unwrap();
        assert!(is_valid(&pinned, &chain, "127.0.0.1"));
        let other = NetworkKeyPair::generate(&mut rand::rng());
        let pinned = self_signed(&other, "127.0.0.1").unwrap();
        assert!(!is_valid(&pinned, &chain, "127.0.0.1"));
    }

    #[test]
    fn the_authority_is_kept_and_its_certificates_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let key = NetworkKeyPair::generate(&mut rand::rng());
        let start = || {
            let authority = Authority::open(dir.path(), HOST).unwrap();
            (
                certificates(authority.bundle()),
                node_chain(&authority, &key),
            )
        };
        assert_eq!(start(), start());
        for file in [AUTHORITY_KEY_FILE, CHAIN_KEY_FILE] {
            let found = fs::metadata(dir.path().join(file)).unwrap();
            assert_eq!(found.permissions().mode() & 0o777, 0o600, "{file}");
        }
        fs::write(dir.path().join(AUTHORITY_KEY_FILE), "").unwrap();
        let refused = Authority::open(dir.path(), HOST).unwrap_err().to_string();
        assert!(refused.contains(AUTHORITY_KEY_FILE), "{refused}");
    }

    #[test]
    fn the_chain_has_the_names_of_this_machine_and_the_authority_vouches_for_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let host = "192.0.2.7";
        let authority = Authority::open(dir.path(), host.parse().unwrap()).unwrap();
        let bundle = certificates(authority.bundle());
        let key = authority.chain_key.clone();
        let certify = |names: &[&str]| {
            let names = names.iter().map(|name| match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*name).try_into().unwrap()),
            });
            let params = server(common_name("server"), names.collect());
            let subject = CertificateKey::new(&key.secret_bytes()).unwrap();
            let made = authority
                .key
                .certify(params, &subject, authority.name.clone())
                .unwrap();
            [made.der().clone()]
        };
        for name in ["localhost", "127.0.0.1", "127.0.0.9", "::1", host] {
            assert!(is_valid(&bundle[0], &certify(&[name]), name), "{name}");
        }
        for name in ["example.com", "192.0.2.8", "2001:db8::1"] {
            assert!(!is_valid(&bundle[0], &certify(&[name]), name), "{name}");
        }
        authority.chain_tls().unwrap();
    }
}
