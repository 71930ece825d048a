//! BLS12-381 keys, signatures and aggregation (encoding spec 5.1).
//!
//! Public keys in G1, signatures in G2, basic scheme; the message bytes are signed directly.

use std::{fmt, str::FromStr};

use blst::{
    BLST_ERROR,
    min_pk::{AggregatePublicKey, AggregateSignature, PublicKey, SecretKey, Signature},
};
use zeroize::Zeroizing;

use crate::{
    bls_bytes::{BlsError, BlsPublicKey, BlsSignature},
    index::Epoch,
    key_text::{self, KeyTextError},
    messages::{MessageBody, ProofOfPossession, ProtocolMessage, SuiAddressBytes},
    signed_message::SignedMessage,
};

/// Domain separation tag of the basic scheme.
const DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_";
/// The flag byte of a BLS key in text form.
const KEY_FLAG: u8 = 0x04;

/// A protocol key pair. Text form: standard base64 of `04` ‖ secret scalar (32 bytes, big-endian).
#[derive(Clone)]
pub struct BlsKeyPair {
    secret: SecretKey,
    public: BlsPublicKey,
}

impl BlsKeyPair {
    /// A new key from 32 random bytes of `rng`.
    pub fn generate(rng: &mut impl rand::CryptoRng) -> Self {
        loop {
            let mut material = Zeroizing::new([0u8; 32]);
            rng.fill_bytes(material.as_mut());
            // Fails only for less than 32 bytes of material.
            if let Ok(secret) = SecretKey::key_gen(material.as_ref(), &[]) {
                return Self::from_secret(secret);
            }
        }
    }

    /// The key of a secret scalar, big-endian, `0 < sk < r`.
    ///
    /// # Errors
    /// [`BlsError::SecretKey`] outside that range.
    pub fn from_secret_bytes(bytes: &[u8; 32]) -> Result<Self, BlsError> {
        SecretKey::from_bytes(bytes)
            .map(Self::from_secret)
            .map_err(|_| BlsError::SecretKey)
    }

    fn from_secret(secret: SecretKey) -> Self {
        let public = BlsPublicKey(secret.sk_to_pk().to_bytes());
        Self { secret, public }
    }

    /// The secret scalar, big-endian.
    pub fn secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes())
    }

    /// The text form. It contains the secret.
    pub fn to_text(&self) -> Zeroizing<String> {
        key_text::encode(KEY_FLAG, &self.secret_bytes())
    }

    /// The public key.
    pub fn public_key(&self) -> BlsPublicKey {
        self.public
    }

    /// Signs bytes.
    pub fn sign_bytes(&self, message: &[u8]) -> BlsSignature {
        BlsSignature(self.secret.sign(message, DST, &[]).to_bytes())
    }

    /// Signs a message.
    pub fn sign<B: MessageBody>(&self, message: &ProtocolMessage<B>) -> SignedMessage<B> {
        let bytes = message.to_bytes();
        let signature = self.sign_bytes(&bytes);
        SignedMessage::from_parts(bytes, signature)
    }

    /// Proves possession of the key to the contract: `epoch` is the current staking epoch, `sui_address`
    /// the sender of the transaction.
    pub fn prove_possession(
        &self,
        epoch: Epoch,
        sui_address: SuiAddressBytes,
    ) -> SignedMessage<ProofOfPossession> {
        let body = ProofOfPossession {
            sui_address,
            public_key: self.public,
        };
        self.sign(&ProtocolMessage::new(epoch, body))
    }
}

impl FromStr for BlsKeyPair {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let secret = key_text::decode(KEY_FLAG, text)?;
        Self::from_secret_bytes(&secret).map_err(|_| KeyTextError::Scalar)
    }
}

impl fmt::Debug for BlsKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlsKeyPair")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl BlsPublicKey {
    /// Checks that the bytes are a usable key.
    ///
    /// # Errors
    /// [`BlsError::PublicKey`].
    pub fn validate(&self) -> Result<(), BlsError> {
        self.point().map(drop)
    }

    fn point(&self) -> Result<PublicKey, BlsError> {
        PublicKey::key_validate(&self.0).map_err(|_| BlsError::PublicKey)
    }

    /// Checks a signature of this key over `message`, including that it is in the right group.
    ///
    /// # Errors
    /// [`BlsError`].
    pub fn verify(&self, message: &[u8], signature: &BlsSignature) -> Result<(), BlsError> {
        check(signature, message, &self.point()?)
    }
}

impl BlsSignature {
    /// The sum of signatures over the same message.
    ///
    /// # Errors
    /// [`BlsError::Empty`], [`BlsError::MalformedSignature`].
    pub fn aggregate<'a>(signatures: impl IntoIterator<Item = &'a Self>) -> Result<Self, BlsError> {
        let points = signatures
            .into_iter()
            .map(Self::point)
            .collect::<Result<Vec<Signature>, BlsError>>()?;
        let references: Vec<&Signature> = points.iter().collect();
        let sum = AggregateSignature::aggregate(&references, false).map_err(|_| BlsError::Empty)?;
        Ok(Self(sum.to_signature().to_bytes()))
    }

    fn point(&self) -> Result<Signature, BlsError> {
        Signature::sig_validate(&self.0, true).map_err(|_| BlsError::MalformedSignature)
    }

    /// Checks an aggregate signature of all these keys over the same `message`.
    ///
    /// # Errors
    /// [`BlsError`].
    pub fn verify_aggregate<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a BlsPublicKey>,
        message: &[u8],
    ) -> Result<(), BlsError> {
        let points = keys
            .into_iter()
            .map(BlsPublicKey::point)
            .collect::<Result<Vec<PublicKey>, BlsError>>()?;
        let references: Vec<&PublicKey> = points.iter().collect();
        let sum = AggregatePublicKey::aggregate(&references, false).map_err(|_| BlsError::Empty)?;
        check(self, message, &sum.to_public_key())
    }
}

fn check(signature: &BlsSignature, message: &[u8], key: &PublicKey) -> Result<(), BlsError> {
    // The point was checked to be in the group on decoding, so the verification need not.
    match signature
        .point()?
        .verify(false, message, DST, &[], key, false)
    {
        BLST_ERROR::BLST_SUCCESS => Ok(()),
        _ => Err(BlsError::SignatureMismatch),
    }
}
