//! `sui.keystore`: a JSON array of base64 `flag ‖ private key`.

use std::{path::Path, sync::Arc};

use sui_sdk_types::Address;

use super::{
    KeyError, Keypair, WalletError,
    file::{read_bounded, replace_private, write_private},
};

/// The key pairs of a wallet, in file order.
#[derive(Debug, Clone, Default)]
pub struct Keystore {
    keys: Vec<Arc<Keypair>>,
}

impl Keystore {
    /// A keystore of these keys.
    pub fn new(keys: impl IntoIterator<Item = Keypair>) -> Self {
        Self {
            keys: keys.into_iter().map(Arc::new).collect(),
        }
    }

    /// Parses the file's text.
    ///
    /// # Errors
    /// [`KeyError`]; the text is never part of it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // The parser's message could quote the contents, which are secret.
        let entries: Vec<String> = serde_json::from_str(text).map_err(|error| KeyError {
            reason: format!(
                "the keystore is no JSON array of texts (line {}, column {})",
                error.line(),
                error.column()
            ),
        })?;
        let keys = entries.iter().enumerate().map(|(index, entry)| {
            let key = Keypair::parse(entry).map_err(|KeyError { reason }| KeyError {
                reason: format!("entry {index} of the keystore: {reason}"),
            })?;
            Ok(Arc::new(key))
        });
        Ok(Self {
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let entries: Vec<String> = self.keys.iter().map(|key| key.to_base64()).collect();
        serde_json::to_string_pretty(&entries).unwrap_or_default()
    }

    /// Reads a keystore.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn load(path: &Path) -> Result<Self, WalletError> {
        Self::parse(&read_bounded("the keystore", path)?).map_err(|source| WalletError::Keystore {
            path: path.to_owned(),
            source,
        })
    }

    /// Writes a new keystore with mode 0600.
    ///
    /// # Errors
    /// [`WalletError`] when there is a file already.
    pub fn create(&self, path: &Path) -> Result<(), WalletError> {
        Ok(write_private(path, self.to_json().as_bytes())?)
    }

    /// Adds a key and replaces the file atomically.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn add(&mut self, path: &Path, key: Keypair) -> Result<(), WalletError> {
        let mut keys = self.keys.clone();
        if self.get(key.address()).is_none() {
            keys.push(Arc::new(key));
        }
        let grown = Self { keys };
        replace_private(path, grown.to_json().as_bytes())?;
        *self = grown;
        Ok(())
    }

    /// The key of an address.
    pub fn get(&self, address: Address) -> Option<Arc<Keypair>> {
        self.keys
            .iter()
            .find(|key| key.address() == address)
            .cloned()
    }

    /// The addresses in file order.
    pub fn addresses(&self) -> Vec<Address> {
        self.keys.iter().map(|key| key.address()).collect()
    }

    /// The first key.
    pub fn first(&self) -> Option<Arc<Keypair>> {
        self.keys.first().cloned()
    }
}
