//! Certificate key: P-256, and signs the same certificate the same way each time.
//!
//! An ECDSA signature usually contains a random number. A certificate that is made anew at each start then has other bytes each
//! time, and a client that was given the bytes to trust trusts nobody after a restart. With the number of RFC 6979, a certificate
//! follows from the key and from what it says; nothing has to be kept for it on disk.

use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use rcgen::{
    Certificate, CertificateParams, DistinguishedName, Issuer, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, SerialNumber, SignatureAlgorithm,
};

use super::TlsError;

/// Octets of a serial number: what RFC 5280 allows is 20, what nobody collides in is 16.
const SERIAL_BYTES: usize = 16;

/// Signs certificates.
pub struct CertificateKey {
    secret: SigningKey,
    /// SEC1, uncompressed.
    point: Vec<u8>,
}

impl CertificateKey {
    /// The key of a secret scalar, big-endian.
    ///
    /// # Errors
    /// [`TlsError::Scalar`] if it is none of the curve.
    pub fn new(secret: &[u8; 32]) -> Result<Self, TlsError> {
        let secret = SigningKey::from_slice(secret).map_err(|_| TlsError::Scalar)?;
        let point = secret.verifying_key().to_encoded_point(false);
        Ok(Self {
            point: point.as_bytes().to_vec(),
            secret,
        })
    }

    /// A certificate for `subject` that says what `params` say (all but the serial number, which follows from the rest), signed
    /// with this key in the name of `issuer`.
    ///
    /// # Errors
    /// If a name in it cannot be written.
    pub fn certify(
        &self,
        mut params: CertificateParams,
        subject: &Self,
        issuer: DistinguishedName,
    ) -> Result<Certificate, TlsError> {
        let mut signer = CertificateParams::default();
        signer.distinguished_name = issuer;
        let signer = Issuer::new(signer, self);
        params.serial_number = Some(SerialNumber::from_slice(&[1]));
        let draft = params.signed_by(subject, &signer)?;
        // No two certificates of an issuer may have the same number: a client may take the second for a forgery.
        let mut serial = [0; SERIAL_BYTES];
        blake3::Hasher::new()
            .update(draft.der())
            .finalize_xof()
            .fill(&mut serial);
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        Ok(params.signed_by(subject, &signer)?)
    }
}

impl std::fmt::Debug for CertificateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateKey")
            .field("point", &self.point)
            .finish_non_exhaustive()
    }
}

impl PublicKeyData for CertificateKey {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for CertificateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: Signature = self.secret.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}
