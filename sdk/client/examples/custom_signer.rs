//! Signs with something that is no key of a wallet file: `cargo run -p walrus-sdk --example custom_signer -- KEY`.
//!
//! Here it is a key that asks before it signs. A hardware token or a key management service looks the same.

use walrus_sdk::{
    Client, ClientError, Keypair, PersonalMessage, SignatureError, StoredBlob, SuiSigner,
    Transaction, TransactionSigner, UserSignature,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = std::env::args().nth(1).ok_or("give a private key")?;
    let client = Client::from_default_config().await?;
    let stored = store_if(&client, Keypair::parse(&key)?, |transaction| {
        println!("sign transaction {}? [y/n]", transaction.digest());
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).is_ok() && answer.trim() == "y"
    });
    println!("stored as {}", stored.await?.blob_id());
    Ok(())
}

/// Stores a blob if every transaction is approved.
pub async fn store_if(
    client: &Client,
    key: Keypair,
    approves: impl Fn(&Transaction) -> bool + Send + Sync + 'static,
) -> Result<StoredBlob, ClientError> {
    let signer = TransactionSigner::new(key.address(), Cautious { key, approves });
    let client = client.clone().with_signer(signer);
    client.store(b"signed with care").await
}

/// A key that asks first. It may take its time: it is asked on a thread of its own.
struct Cautious<F> {
    key: Keypair,
    approves: F,
}

impl<F: Fn(&Transaction) -> bool> SuiSigner for Cautious<F> {
    fn sign_transaction(&self, transaction: &Transaction) -> Result<UserSignature, SignatureError> {
        match (self.approves)(transaction) {
            true => self.key.sign_transaction(transaction),
            false => Err(SignatureError::from_source("it was not approved")),
        }
    }

    fn sign_personal_message(
        &self,
        message: &PersonalMessage<'_>,
    ) -> Result<UserSignature, SignatureError> {
        self.key.sign_personal_message(message)
    }
}
