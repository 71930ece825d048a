//! Keys of the node: in place or in files. Node spec 6.2.

use std::{fmt, fs, path::PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use walrus_core::{bls::BlsKeyPair, network_key::NetworkKeyPair};
use walrus_sui::{config::TextOrMap, home};

use super::NodeConfig;

/// A key, in place or in a file. Node spec 6.2. What is in place is not in the `Debug` form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, from = "TextOrMap<KeyFile>")]
pub enum KeySource {
    /// A file that holds the text.
    File {
        /// Where it is.
        path: PathBuf,
    },
    /// The text itself: tagged base64, or PKCS#8 PEM for the network key.
    InPlace(String),
}

/// `{path: …}`.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(deserialize_with = "home::deserialize")]
    path: PathBuf,
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => f.debug_struct("File").field("path", path).finish(),
            Self::InPlace(_) => f.write_str("InPlace(hidden)"),
        }
    }
}

impl From<TextOrMap<KeyFile>> for KeySource {
    fn from(value: TextOrMap<KeyFile>) -> Self {
        match value {
            TextOrMap::Text(text) => Self::InPlace(text),
            TextOrMap::Map(KeyFile { path }) => Self::File { path },
        }
    }
}

impl KeySource {
    /// A key in a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File { path: path.into() }
    }

    fn text(&self) -> anyhow::Result<String> {
        match self {
            Self::InPlace(text) => Ok(text.clone()),
            Self::File { path } => fs::read_to_string(path)
                .with_context(|| format!("cannot read the key file {}", path.display())),
        }
    }
}

impl NodeConfig {
    /// The BLS key.
    ///
    /// # Errors
    /// If the file cannot be read or the text is not such a key.
    pub fn protocol_key(&self) -> anyhow::Result<BlsKeyPair> {
        self.protocol_key_pair
            .text()?
            .trim()
            .parse()
            .context("protocol_key_pair is not a BLS key")
    }

    /// The BLS key that takes its place, if there is one.
    ///
    /// # Errors
    /// If the file cannot be read or the text is not such a key.
    pub fn next_protocol_key(&self) -> anyhow::Result<Option<BlsKeyPair>> {
        let Some(source) = &self.next_protocol_key_pair else {
            return Ok(None);
        };
        let key = source.text()?.trim().parse();
        key.map(Some)
            .context("next_protocol_key_pair is not a BLS key")
    }

    /// The P-256 key.
    ///
    /// # Errors
    /// If the file cannot be read or the text is not such a key.
    pub fn network_key(&self) -> anyhow::Result<NetworkKeyPair> {
        NetworkKeyPair::from_pem_or_text(self.network_key_pair.text()?.trim())
            .context("network_key_pair is not a secp256r1 key")
    }
}
