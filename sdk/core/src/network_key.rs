//! Network keys: NIST P-256, for TLS and request signatures (encoding spec 5.1).

use std::{fmt, str::FromStr};

use p256::{
    PublicKey, SecretKey,
    ecdsa::{
        Signature, SigningKey, VerifyingKey,
        signature::{Signer as _, Verifier as _},
    },
    elliptic_curve::sec1::ToEncodedPoint,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding},
};
use zeroize::Zeroizing;

use crate::{
    bls_bytes::{ArrayVisitor, FixedBytesError, fixed_bytes},
    key_text::{self, KeyTextError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeTuple};

/// The flag byte of a P-256 key in text form.
const KEY_FLAG: u8 = 0x02;

fixed_bytes!(
    /// A P-256 public key: a compressed SEC1 point.
    NetworkPublicKey,
    33
);

impl NetworkPublicKey {
    /// The uncompressed SEC1 point (65 bytes), as TLS certificates carry it.
    ///
    /// # Errors
    /// [`KeyTextError::Scalar`] if the bytes are no point of the curve.
    pub fn to_uncompressed(&self) -> Result<Vec<u8>, KeyTextError> {
        let key = PublicKey::from_sec1_bytes(&self.0).map_err(|_| KeyTextError::Scalar)?;
        Ok(key.to_encoded_point(false).as_bytes().to_vec())
    }

    /// The key of a SEC1 point, compressed or not.
    ///
    /// # Errors
    /// [`KeyTextError::Scalar`] if the bytes are no point of the curve.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, KeyTextError> {
        PublicKey::from_sec1_bytes(bytes)
            .map(|key| Self::of(&key))
            .map_err(|_| KeyTextError::Scalar)
    }

    /// Whether the holder of this key signed the message: ECDSA over its SHA-256, `r` and `s` in 64 bytes.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = VerifyingKey::from_sec1_bytes(&self.0);
        let signature = Signature::from_slice(signature);
        match (key, signature) {
            (Ok(key), Ok(signature)) => key.verify(message, &signature).is_ok(),
            _ => false,
        }
    }

    fn of(key: &PublicKey) -> Self {
        let point = key.to_encoded_point(true);
        let mut bytes = [0; Self::LENGTH];
        for (place, byte) in bytes.iter_mut().zip(point.as_bytes()) {
            *place = *byte;
        }
        Self(bytes)
    }
}

/// A network key pair. Text form: standard base64 of `02` ‖ secret (32 bytes); or PKCS#8 in PEM.
#[derive(Clone)]
pub struct NetworkKeyPair {
    secret: SecretKey,
}

impl NetworkKeyPair {
    /// A new key from `rng`.
    pub fn generate(rng: &mut impl rand::CryptoRng) -> Self {
        loop {
            let mut bytes = Zeroizing::new([0u8; 32]);
            rng.fill_bytes(bytes.as_mut());
            // Nearly every 32 bytes are a valid scalar.
            if let Ok(pair) = Self::from_secret_bytes(&bytes) {
                return pair;
            }
        }
    }

    /// The key of a secret scalar, big-endian.
    ///
    /// # Errors
    /// [`KeyTextError::Scalar`] if it is 0 or not below the group order.
    pub fn from_secret_bytes(bytes: &[u8; 32]) -> Result<Self, KeyTextError> {
        SecretKey::from_slice(bytes)
            .map(|secret| Self { secret })
            .map_err(|_| KeyTextError::Scalar)
    }

    /// Reads PKCS#8 PEM, or else the text form.
    ///
    /// # Errors
    /// [`KeyTextError`]: of PEM if the text looks like PEM, of the text form otherwise.
    pub fn from_pem_or_text(text: &str) -> Result<Self, KeyTextError> {
        if text.trim_start().starts_with("-----BEGIN") {
            Self::from_pkcs8_pem(text)
        } else {
            text.parse()
        }
    }

    /// Reads PKCS#8 PEM.
    ///
    /// # Errors
    /// [`KeyTextError::Pem`].
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, KeyTextError> {
        SecretKey::from_pkcs8_pem(pem)
            .map(|secret| Self { secret })
            .map_err(|_| KeyTextError::Pem)
    }

    /// The key as PKCS#8 PEM.
    ///
    /// # Errors
    /// [`KeyTextError::Pem`] if it cannot be written, which does not happen.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyTextError> {
        self.secret
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|_| KeyTextError::Pem)
    }

    /// The key as PKCS#8 DER.
    ///
    /// # Errors
    /// [`KeyTextError::Pem`] if it cannot be written, which does not happen.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyTextError> {
        self.secret
            .to_pkcs8_der()
            .map(|document| document.to_bytes())
            .map_err(|_| KeyTextError::Pem)
    }

    /// The text form. It contains the secret.
    pub fn to_text(&self) -> Zeroizing<String> {
        key_text::encode(KEY_FLAG, &self.secret_bytes())
    }

    /// The secret scalar, big-endian.
    pub fn secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes().into())
    }

    /// Signs a message: ECDSA over its SHA-256, `r` and `s` in 64 bytes. The same message gives the same signature (RFC 6979).
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = SigningKey::from(&self.secret).sign(message);
        signature.to_bytes().into()
    }

    /// The public key.
    pub fn public_key(&self) -> NetworkPublicKey {
        NetworkPublicKey::of(&self.secret.public_key())
    }
}

impl FromStr for NetworkKeyPair {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_secret_bytes(&*key_text::decode(KEY_FLAG, text)?)
    }
}

impl fmt::Debug for NetworkKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkKeyPair")
            .field("public", &self.public_key())
            .finish_non_exhaustive()
    }
}
