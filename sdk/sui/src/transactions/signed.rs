//! Signed transaction: one that can be sent, now or again later. Whoever writes it down before it is sent can find out after a crash
//! what became of it, and never has to pay twice.

use std::{fmt, io, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sui_sdk_types::{Address, Digest, Transaction, UserSignature};

use super::{
    BlobRegistration, ContractWriter, ExecutedTransaction, RegisteredBlobs, TransactionError,
    TransactionExecutor, sending::Signed,
};
use crate::chain::Call;

/// A transaction with its sender's signature.
///
/// Serialized it has two fields, both standard base64: `transaction`, the BCS of the transaction data, and `signature`, flag, signature and
/// public key.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedTransaction {
    transaction: Transaction,
    signature: UserSignature,
}

#[derive(Serialize, Deserialize)]
struct Written {
    transaction: String,
    signature: String,
}

impl SignedTransaction {
    pub(super) fn new(transaction: Transaction, signature: UserSignature) -> Self {
        Self {
            transaction,
            signature,
        }
    }

    /// What the chain knows it by.
    pub fn digest(&self) -> Digest {
        self.transaction.digest()
    }

    /// Who signed it.
    pub fn sender(&self) -> Address {
        self.transaction.sender
    }

    pub(super) fn sending(&self) -> Signed {
        Signed::new(&self.transaction, self.signature.clone())
    }
}

impl Serialize for SignedTransaction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let transaction = bcs::to_bytes(&self.transaction).map_err(serde::ser::Error::custom)?;
        let written = Written {
            transaction: STANDARD.encode(transaction),
            signature: self.signature.to_base64(),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SignedTransaction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let bytes = STANDARD.decode(written.transaction);
        let bytes = bytes.map_err(D::Error::custom)?;
        let signature = UserSignature::from_base64(&written.signature);
        Ok(Self {
            transaction: bcs::from_bytes(&bytes).map_err(D::Error::custom)?,
            signature: signature.map_err(D::Error::custom)?,
        })
    }
}

/// Is told of a transaction before it is sent. If it fails, the transaction is not sent.
pub trait BeforeSending: Send + Sync {
    /// The transaction is signed, and nobody has seen it. When the future is done, whatever has to survive does.
    ///
    /// # Errors
    /// If it could not be written down.
    fn note(&self, signed: SignedTransaction) -> BoxFuture<'_, io::Result<()>>;
}

/// Who is told.
#[derive(Clone, Default)]
pub(super) struct Noting(Option<Arc<dyn BeforeSending>>);

impl fmt::Debug for Noting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Noting").field(&self.0.is_some()).finish()
    }
}

impl Noting {
    pub(super) async fn note(&self, signed: &SignedTransaction) -> Result<(), TransactionError> {
        let Some(listener) = &self.0 else {
            return Ok(());
        };
        let noted = listener.note(signed.clone()).await;
        noted.map_err(|error| TransactionError::Unnoted(Arc::new(error)))
    }
}

impl TransactionExecutor {
    /// The same executor that tells `listener` of each transaction that carries out a plan before it is sent; not of those that only
    /// merge coins for it. It shares the queue.
    #[must_use]
    pub fn noting(mut self, listener: Arc<dyn BeforeSending>) -> Self {
        self.noting = Noting(Some(listener));
        self
    }

    /// What became of a transaction that may have been sent before, `age` ago: it is looked up, and sent again if the chain does not
    /// know it.
    ///
    /// # Errors
    /// [`TransactionError`]; if it [is final](TransactionError::is_final), nothing came of the transaction, and nothing will. Otherwise
    /// its fate is still open.
    pub fn send_again<'a>(
        &'a self,
        signed: &'a SignedTransaction,
        age: Duration,
    ) -> Call<'a, ExecutedTransaction, TransactionError> {
        Box::pin(async move {
            let _turn = self.turn().await;
            let answer = signed.sending().execute_again(self.chain(), age).await?;
            let executed = self.executed(signed.digest(), &answer)?;
            self.fill_types(executed).await
        })
    }
}

impl ContractWriter {
    /// As [`TransactionExecutor::send_again`] for a transaction that [`ContractWriter::register_blobs`] sent for these registrations.
    ///
    /// # Errors
    /// As there; [`TransactionError::UnexpectedEffects`] if it registered others.
    pub async fn register_blobs_again(
        &self,
        registrations: &[BlobRegistration],
        signed: &SignedTransaction,
        age: Duration,
    ) -> Result<RegisteredBlobs, TransactionError> {
        let transaction = self.executor().send_again(signed, age).await?;
        self.registered_blobs(registrations, transaction).await
    }

    /// As [`TransactionExecutor::send_again`] for a transaction that [`ContractWriter::share_blob`] sent; the shared object.
    ///
    /// # Errors
    /// As there.
    pub async fn share_blob_again(
        &self,
        signed: &SignedTransaction,
        age: Duration,
    ) -> Result<Address, TransactionError> {
        let executed = self.executor().send_again(signed, age).await?;
        executed.created_one("shared_blob", "SharedBlob")
    }

    /// The same writer that tells `listener` of each transaction before it is sent; see [`TransactionExecutor::noting`].
    #[must_use]
    pub fn noting(mut self, listener: Arc<dyn BeforeSending>) -> Self {
        self.executor = self.executor.noting(listener);
        self
    }
}

#[cfg(test)]
mod tests {
    use sui_crypto::SuiSigner as _;
    use sui_sdk_types::{
        GasPayment, ProgrammableTransaction, TransactionExpiration, TransactionKind,
    };

    use super::*;
    use crate::wallet::Keypair;

    #[test]
    fn what_is_written_down_is_the_same_transaction_when_it_is_read() {
        let key = Keypair::generate();
        let transaction = Transaction {
            kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
                inputs: Vec::new(),
                commands: Vec::new(),
            }),
            sender: key.address(),
            gas_payment: GasPayment {
                objects: Vec::new(),
                owner: key.address(),
                price: 1000,
                budget: 1_000_000,
            },
            expiration: TransactionExpiration::None,
        };
        let signature = key.sign_transaction(&transaction).unwrap();
        let signed = SignedTransaction::new(transaction, signature);
        let written = serde_json::to_string(&signed).unwrap();
        let again: SignedTransaction = serde_json::from_str(&written).unwrap();
        assert_eq!(again, signed);
        assert_eq!(
            (again.digest(), again.sender()),
            (signed.digest(), key.address())
        );
        for damaged in [
            "{}",
            r#"{"transaction":"AA","signature":""}"#,
            r#"{"transaction":"?","signature":"?"}"#,
        ] {
            assert!(serde_json::from_str::<SignedTransaction>(damaged).is_err());
        }
    }
}
