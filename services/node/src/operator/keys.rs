//! Key files of a node. Node spec 6.2.

use std::path::Path;

use walrus_core::{bls::BlsKeyPair, network_key::NetworkKeyPair};
use walrus_sui::wallet::{FileError, read_bounded, replace_private, write_private};
use zeroize::Zeroizing;

/// The usual name of the BLS key's file.
pub const PROTOCOL_KEY_FILE: &str = "protocol.key";
/// The usual name of the P-256 key's file.
pub const NETWORK_KEY_FILE: &str = "network.key";

/// Why a key file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read or written, or is there already.
    #[error(transparent)]
    File(#[from] FileError),
    /// The text is no such key.
    #[error("{path} is no {kind} key: {reason}", path = path.display())]
    Text {
        /// The file.
        path: std::path::PathBuf,
        /// What it should be.
        kind: KeyKind,
        /// What is wrong.
        reason: String,
    },
    /// BLS keys have no PKCS#8 form.
    #[error("a protocol key is always written in the tagged format; only network keys have PKCS#8")]
    NoPkcs8,
    /// The key cannot be written as PKCS#8.
    #[error("the network key has no PKCS#8 form: {0}")]
    Pkcs8(String),
}

/// Which of a node's two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// BLS: signs confirmations.
    Protocol,
    /// P-256: the key of the TLS certificate.
    Network,
}

impl KeyKind {
    /// The usual name of its file.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Protocol => PROTOCOL_KEY_FILE,
            Self::Network => NETWORK_KEY_FILE,
        }
    }
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Protocol => "protocol",
            Self::Network => "network",
        })
    }
}

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// Base64 of the scheme's byte and the secret.
    Tagged,
    /// PKCS#8 in PEM.
    Pkcs8,
}

/// The keys of a node.
#[derive(Debug)]
pub struct NodeKeys {
    /// Signs confirmations.
    pub protocol: BlsKeyPair,
    /// The key of the TLS certificate.
    pub network: NetworkKeyPair,
}

impl NodeKeys {
    /// Fresh keys.
    pub fn generate() -> Self {
        let mut rng = rand::rng();
        Self {
            protocol: BlsKeyPair::generate(&mut rng),
            network: NetworkKeyPair::generate(&mut rng),
        }
    }

    /// Writes both under their usual names into `dir`, for their owner alone, and overwrites nothing.
    ///
    /// # Errors
    /// [`KeysError::File`].
    pub fn write(&self, dir: &Path, network_format: KeyFormat) -> Result<(), KeysError> {
        let network = network_text(&self.network, network_format)?;
        let protocol = self.protocol.to_text();
        write_private(&dir.join(PROTOCOL_KEY_FILE), protocol.as_bytes())?;
        Ok(write_private(
            &dir.join(NETWORK_KEY_FILE),
            network.as_bytes(),
        )?)
    }
}

/// A fresh key, as text.
///
/// # Errors
/// [`KeysError::NoPkcs8`].
pub fn generate(kind: KeyKind, format: KeyFormat) -> Result<Zeroizing<String>, KeysError> {
    let keys = NodeKeys::generate();
    match kind {
        KeyKind::Protocol => protocol_text(&keys.protocol, format),
        KeyKind::Network => network_text(&keys.network, format),
    }
}

/// The key of a file, in another format.
///
/// # Errors
/// [`KeysError`].
pub fn convert(
    path: &Path,
    kind: KeyKind,
    format: KeyFormat,
) -> Result<Zeroizing<String>, KeysError> {
    let text = Zeroizing::new(read_bounded("the key", path)?);
    let bad = |reason: String| KeysError::Text {
        path: path.to_owned(),
        kind,
        reason,
    };
    match kind {
        KeyKind::Protocol => {
            let key: Result<BlsKeyPair, _> = text.trim().parse();
            protocol_text(&key.map_err(|error| bad(error.to_string()))?, format)
        }
        KeyKind::Network => {
            let key = NetworkKeyPair::from_pem_or_text(text.trim());
            network_text(&key.map_err(|error| bad(error.to_string()))?, format)
        }
    }
}

/// Writes a key for its owner alone; over another one only if `force`.
///
/// # Errors
/// [`KeysError::File`].
pub fn write_key(path: &Path, text: &str, force: bool) -> Result<(), KeysError> {
    let write = if force {
        replace_private
    } else {
        write_private
    };
    Ok(write(path, text.as_bytes())?)
}

fn protocol_text(key: &BlsKeyPair, format: KeyFormat) -> Result<Zeroizing<String>, KeysError> {
    match format {
        KeyFormat::Tagged => Ok(key.to_text()),
        KeyFormat::Pkcs8 => Err(KeysError::NoPkcs8),
    }
}

fn network_text(key: &NetworkKeyPair, format: KeyFormat) -> Result<Zeroizing<String>, KeysError> {
    match format {
        KeyFormat::Tagged => Ok(key.to_text()),
        KeyFormat::Pkcs8 => key
            .to_pkcs8_pem()
            .map_err(|error| KeysError::Pkcs8(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_every_format_and_are_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let keys = NodeKeys::generate();
        keys.write(dir.path(), KeyFormat::Pkcs8).unwrap();
        let path = dir.path().join(NETWORK_KEY_FILE);
        let tagged = convert(&path, KeyKind::Network, KeyFormat::Tagged).unwrap();
        assert_eq!(*tagged, *keys.network.to_text());
        write_key(&dir.path().join("tagged"), &tagged, false).unwrap();
        let pem = convert(
            &dir.path().join("tagged"),
            KeyKind::Network,
            KeyFormat::Pkcs8,
        )
        .unwrap();
        assert_eq!(*pem, std::fs::read_to_string(&path).unwrap());
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
        let path = dir.path().join(PROTOCOL_KEY_FILE);
        let protocol = convert(&path, KeyKind::Protocol, KeyFormat::Tagged).unwrap();
        assert_eq!(*protocol, *keys.protocol.to_text());
        let refused = convert(&path, KeyKind::Protocol, KeyFormat::Pkcs8).unwrap_err();
        assert!(matches!(refused, KeysError::NoPkcs8));
        let refused = convert(&path, KeyKind::Network, KeyFormat::Tagged).unwrap_err();
        assert!(
            refused.to_string().contains("is no network key"),
            "{refused}"
        );

        assert!(keys.write(dir.path(), KeyFormat::Pkcs8).is_err());
        let fresh = generate(KeyKind::Protocol, KeyFormat::Tagged).unwrap();
        assert!(write_key(&path, &fresh, false).is_err());
        write_key(&path, &fresh, true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), *fresh);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
