//! Test accounts, whose keys follow from names.

use sha2::{Digest as _, Sha256};
use sui_crypto::{SuiSigner as _, ed25519::Ed25519PrivateKey};
use sui_sdk_types::{Address, Transaction, UserSignature};
use walrus_core::{bls::BlsKeyPair, network_key::NetworkKeyPair};

/// An account that signs. The same name is the same account on every chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The address.
    pub address: Address,
    secret: [u8; 32],
}

impl Account {
    /// The account with this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let secret = secret("account", name);
        let address = Ed25519PrivateKey::new(secret).public_key().derive_address();
        Self { address, secret }
    }

    pub(crate) fn sign(&self, transaction: &Transaction) -> UserSignature {
        Ed25519PrivateKey::new(self.secret)
            .sign_transaction(transaction)
            .expect("ed25519 signs everything")
    }
}

/// The BLS key with this name.
pub(crate) fn protocol_key(name: &str) -> BlsKeyPair {
    let mut scalar = secret("protocol", name);
    // Below 2^254 and so below the group order.
    scalar[0] &= 0x3f;
    BlsKeyPair::from_secret_bytes(&scalar).expect("a scalar in range")
}

/// The network key with this name.
pub(crate) fn network_key(name: &str) -> NetworkKeyPair {
    let mut scalar = secret("network", name);
    // Below the group order, which begins with ff.
    scalar[0] &= 0x7f;
    NetworkKeyPair::from_secret_bytes(&scalar).expect("a scalar in range")
}

fn secret(purpose: &str, name: &str) -> [u8; 32] {
    Sha256::digest(format!("walrus-contract-tests::{purpose}::{name}")).into()
}
