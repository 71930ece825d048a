//! TLS, the server side: certificates that can be replaced while connections are served, and a key that makes them.

mod certificate_key;
mod reload;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

pub use self::{certificate_key::CertificateKey, reload::CertificateReload};

/// Why a certificate cannot be made or served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file is not there, or no PEM.
    #[error("cannot read the certificate {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// The chain does not go with the key, or one of both is not usable.
    #[error("the certificate does not go with the key: {0}")]
    Mismatch(rustls::Error),
    /// What the server offers does not fit together.
    #[error("TLS versions: {0}")]
    Versions(rustls::Error),
    /// A certificate cannot be made: a name in it cannot be written.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The bytes are no secret key of the curve P-256.
    #[error("the key is no scalar of the curve P-256")]
    Scalar,
}

/// A certificate chain and its key, as served now.
#[derive(Debug)]
pub struct Certificates {
    provider: Arc<CryptoProvider>,
    key: PrivateKeyDer<'static>,
    served: RwLock<Arc<CertifiedKey>>,
}

impl Certificates {
    /// A chain, the leaf first, with the key of the leaf.
    ///
    /// # Errors
    /// [`TlsError::Mismatch`].
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'_>,
    ) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let served = certified(chain, key.clone_key(), &provider)?;
        Ok(Arc::new(Self {
            provider,
            key: key.clone_key(),
            served: RwLock::new(served),
        }))
    }

    /// The chain of a PEM file, with the key of its leaf.
    ///
    /// # Errors
    /// [`TlsError::Read`] and [`TlsError::Mismatch`].
    pub fn in_file(path: &Path, key: &PrivateKeyDer<'_>) -> Result<Arc<Self>, TlsError> {
        Self::new(read_chain(path)?, key)
    }

    /// Whether this chain is served.
    pub fn serve(&self, chain: &[CertificateDer<'_>]) -> bool {
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
        served.cert == chain
    }

    /// The certificate that is served now, without what it was signed with.
    pub fn leaf(&self) -> Option<CertificateDer<'static>> {
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
        served.cert.first().cloned()
    }

    /// Serves another chain with the same key to connections from now on.
    ///
    /// # Errors
    /// [`TlsError::Mismatch`]; then the old one goes on to be served.
    pub fn replace(&self, chain: Vec<CertificateDer<'static>>) -> Result<(), TlsError> {
        let served = certified(chain, self.key.clone_key(), &self.provider)?;
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = served;
        Ok(())
    }

    /// What a server speaks with these: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, no certificates of clients.
    ///
    /// # Errors
    /// Never in practice.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&served))
    }
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsError> {
    CertifiedKey::from_der(chain, key, provider)
        .map(Arc::new)
        .map_err(TlsError::Mismatch)
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|source| TlsError::Read {
            path: path.to_owned(),
            source,
        })
}
