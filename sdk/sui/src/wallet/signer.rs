//! Signer of transactions: a key of this process, or whatever else signs for an address.

use std::{fmt, sync::Arc};

use sui_crypto::{SignatureError, SuiSigner};
use sui_sdk_types::{Address, Transaction, UserSignature};

use super::Keypair;

/// Who sends transactions: an address and what signs for it. Cheap to clone.
///
/// Made of a [`Keypair`], or of anything that implements [`SuiSigner`]: a hardware token, a key management service, the
/// members of a multisignature.
#[derive(Clone)]
pub struct TransactionSigner {
    address: Address,
    signer: Arc<dyn SuiSigner + Send + Sync>,
}

impl TransactionSigner {
    /// `signer` signs what `address` sends. That the two belong together shows when the chain looks at a signature.
    pub fn new(address: Address, signer: impl SuiSigner + Send + Sync + 'static) -> Self {
        Self {
            address,
            signer: Arc::new(signer),
        }
    }

    /// The sender.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs on a thread where waiting holds up nobody: the signer may ask another machine, or a person.
    ///
    /// # Errors
    /// Whatever the signer says; that it panicked.
    pub(crate) async fn sign(
        &self,
        transaction: Transaction,
    ) -> Result<UserSignature, SignatureError> {
        let signer = Arc::clone(&self.signer);
        tokio::task::spawn_blocking(move || signer.sign_transaction(&transaction))
            .await
            .unwrap_or_else(|failure| Err(SignatureError::from_source(failure)))
    }
}

impl fmt::Debug for TransactionSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionSigner({})", self.address)
    }
}

impl From<Keypair> for TransactionSigner {
    fn from(key: Keypair) -> Self {
        Self::new(key.address(), key)
    }
}

impl From<Arc<Keypair>> for TransactionSigner {
    fn from(key: Arc<Keypair>) -> Self {
        Self {
            address: key.address(),
            signer: key,
        }
    }
}
