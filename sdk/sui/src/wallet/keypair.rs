//! Key pairs of Sui addresses.

use sui_crypto::{SignatureError, Signer, ed25519::Ed25519PrivateKey, simple::SimpleKeypair};
use sui_sdk_types::{Address, SignatureScheme, UserSignature};

/// A key pair of Ed25519, Secp256k1 or Secp256r1.
#[derive(Clone)]
pub struct Keypair {
    inner: SimpleKeypair,
    address: Address,
}

/// Text that should be a private key is none. The text itself is never shown.
#[derive(Debug, Clone, thiserror::Error)]
#[error("not a private key: {reason}")]
pub struct KeyError {
    /// What is wrong.
    pub reason: String,
}

impl KeyError {
    fn new(reason: impl std::fmt::Display) -> Self {
        Self {
            reason: reason.to_string(),
        }
    }
}

impl std::fmt::Debug for Keypair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keypair({})", self.address)
    }
}

impl Keypair {
    /// A new Ed25519 key pair.
    pub fn generate() -> Self {
        Self::from_ed25519(rand::random())
    }

    /// The Ed25519 key pair of a 32-byte seed.
    pub fn from_ed25519(seed: [u8; 32]) -> Self {
        Self::new(Ed25519PrivateKey::new(seed).into())
    }

    fn new(inner: SimpleKeypair) -> Self {
        let address = inner.verifying_key().derive_address();
        Self { inner, address }
    }

    /// Reads `suiprivkey1…` (Bech32) or base64 of `flag ‖ private key`.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let bytes = if text.starts_with("suiprivkey") {
            bech32_bytes(text)?
        } else {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(KeyError::new)?
        };
        Self::from_flagged(&bytes)
    }

    /// Reads `flag ‖ private key`.
    fn from_flagged(bytes: &[u8]) -> Result<Self, KeyError> {
        let (flag, key) = bytes
            .split_first()
            .ok_or_else(|| KeyError::new("it is empty"))?;
        let key: [u8; 32] = key
            .try_into()
            .map_err(|_| KeyError::new(format!("{} key bytes instead of 32", key.len())))?;
        // The constructors of the curves panic on numbers outside the group.
        match SignatureScheme::from_byte(*flag) {
            Ok(SignatureScheme::Ed25519) => {}
            Ok(SignatureScheme::Secp256k1) if in_group(&key, &SECP256K1_ORDER) => {}
            Ok(SignatureScheme::Secp256r1) if in_group(&key, &SECP256R1_ORDER) => {}
            Ok(SignatureScheme::Secp256k1 | SignatureScheme::Secp256r1) => {
                return Err(KeyError::new("the number is not in the group of the curve"));
            }
            _ => return Err(KeyError::new(format!("unknown flag {flag}"))),
        }
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        SimpleKeypair::from_base64(&text)
            .map(Self::new)
            .map_err(KeyError::new)
    }

    /// The address: BLAKE2b-256 of `flag ‖ public key`.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The scheme.
    pub fn scheme(&self) -> SignatureScheme {
        self.inner.scheme()
    }

    /// Base64 of `flag ‖ private key`, an entry of `sui.keystore`. This is the secret itself.
    pub fn to_base64(&self) -> String {
        self.inner.to_base64()
    }

    /// `suiprivkey1…`. This is the secret itself.
    ///
    /// # Errors
    /// [`KeyError`] never happens for a valid key.
    pub fn to_suiprivkey(&self) -> Result<String, KeyError> {
        self.inner.to_suiprivkey().map_err(KeyError::new)
    }
}

/// What makes it a [`SuiSigner`](sui_crypto::SuiSigner): signs what the digest of a transaction or of a message is.
impl Signer<UserSignature> for Keypair {
    fn try_sign(&self, digest: &[u8]) -> Result<UserSignature, SignatureError> {
        self.inner.try_sign(digest)
    }
}

fn bech32_bytes(text: &str) -> Result<Vec<u8>, KeyError> {
    use bech32::primitives::decode::CheckedHrpstring;
    let checked = CheckedHrpstring::new::<bech32::Bech32>(text).map_err(KeyError::new)?;
    if checked.hrp().as_str() != "suiprivkey" {
        return Err(KeyError::new("the prefix is not suiprivkey"));
    }
    Ok(checked.byte_iter().collect())
}

/// Order of the group of secp256k1, big-endian.
const SECP256K1_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];
/// Order of the group of secp256r1, big-endian.
const SECP256R1_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Whether a scalar is in `1..order`.
fn in_group(scalar: &[u8; 32], order: &[u8; 32]) -> bool {
    scalar < order && scalar.iter().any(|byte| *byte != 0)
}
