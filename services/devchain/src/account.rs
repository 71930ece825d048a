//! Accounts and keys that follow from the seed of the chain.

use std::fmt;

use sui_crypto::bls12381::Bls12381PrivateKey;
use sui_crypto::ed25519::Ed25519PrivateKey;
use sui_sdk_types::hash::Hasher;
use sui_sdk_types::{Address, Digest};

use crate::error::StartError;

/// A funded ed25519 account of the chain. Whoever knows the seed knows its key: for development only.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Address of the account.
    pub address: Address,
    /// Private key in the bech32 form `suiprivkey1…`.
    pub private_key: String,
    /// The 32 secret bytes of the ed25519 key.
    pub secret: [u8; 32],
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// The account number `index` of the chain with this seed.
    ///
    /// # Errors
    /// When the key has no bech32 form.
    pub fn derive(seed: &Digest, index: u32) -> Result<Self, StartError> {
        Self::from_secret(derive_bytes(seed, "account", index))
    }

    /// The account number `index` of a chain whose seed is this text, as [`crate::DevchainBuilder::seed`] takes it.
    ///
    /// # Errors
    /// When the key has no bech32 form.
    pub fn of_seed(seed: impl AsRef<[u8]>, index: u32) -> Result<Self, StartError> {
        Self::derive(&Hasher::digest(seed), index)
    }

    /// The account that the faucet pays from.
    pub(crate) fn faucet(seed: &Digest) -> Result<Self, StartError> {
        Self::from_secret(derive_bytes(seed, "faucet", 0))
    }

    fn from_secret(secret: [u8; 32]) -> Result<Self, StartError> {
        let key = Ed25519PrivateKey::new(secret);
        Ok(Self {
            address: key.public_key().derive_address(),
            private_key: key
                .to_suiprivkey()
                .map_err(|error| StartError::Key(error.to_string()))?,
            secret,
        })
    }

    /// The signing key.
    #[must_use]
    pub fn key(&self) -> Ed25519PrivateKey {
        Ed25519PrivateKey::new(self.secret)
    }
}

/// The key of the one validator.
pub(crate) fn validator_key(seed: &Digest) -> Result<Bls12381PrivateKey, StartError> {
    let mut bytes = derive_bytes(seed, "validator", 0);
    // A scalar below 2^254 is below the group order, so every seed gives a valid key.
    bytes[0] &= 0x3f;
    Bls12381PrivateKey::new(bytes).map_err(|error| StartError::Key(error.to_string()))
}

/// 32 bytes that depend on the seed, a purpose and a number.
pub(crate) fn derive_bytes(seed: &Digest, purpose: &str, index: u32) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update("devchain::");
    hasher.update(purpose);
    hasher.update(seed.inner());
    hasher.update(index.to_le_bytes());
    hasher.finalize().into_inner()
}
