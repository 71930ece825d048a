//! Certificates: one message signed by many members of a committee (encoding spec 5.3, 5.4).

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::{bls_bytes::BlsSignature, messages::MessageBody};
#[cfg(feature = "bls")]
use crate::{
    bls_bytes::{BlsError, BlsPublicKey},
    messages::{MessageError, ProtocolMessage},
    signed_message::SignedMessage,
};

/// The bitmap of signers: bit `i mod 8`, least significant first, of byte `i / 8` is 1 iff member `i`
/// signed; `ceil(committee_size / 8)` bytes.
///
/// # Errors
/// [`CertificateError::SignerIndex`] for a signer that is no member.
pub fn signers_bitmap(signers: &[u16], committee_size: u16) -> Result<Vec<u8>, CertificateError> {
    let mut bitmap = vec![0u8; usize::from(committee_size).div_ceil(8)];
    for signer in signers {
        let byte = bitmap
            .get_mut(usize::from(signer / 8))
            .filter(|_| *signer < committee_size);
        let byte = byte.ok_or(CertificateError::SignerIndex {
            index: *signer,
            committee_size,
        })?;
        *byte |= 1 << (signer % 8);
    }
    Ok(bitmap)
}

/// The signers named by a bitmap, which may be shorter than the committee but sets no bit beyond it.
///
/// # Errors
/// [`CertificateError::BitmapLength`], [`CertificateError::SignerIndex`].
pub fn signers_from_bitmap(
    bitmap: &[u8],
    committee_size: u16,
) -> Result<Vec<u16>, CertificateError> {
    if bitmap.len() > usize::from(committee_size).div_ceil(8) {
        return Err(CertificateError::BitmapLength {
            length: bitmap.len(),
            committee_size,
        });
    }
    let mut signers = Vec::new();
    for (place, byte) in bitmap.iter().enumerate() {
        for index in (0..8)
            .filter(|bit| byte & (1 << bit) != 0)
            .map(|bit| place * 8 + bit)
        {
            let member = u16::try_from(index)
                .ok()
                .filter(|member| *member < committee_size);
            signers.push(member.ok_or(CertificateError::SignerIndex {
                index: u16::try_from(index).unwrap_or(u16::MAX),
                committee_size,
            })?);
        }
    }
    Ok(signers)
}

/// A message, who signed it and the sum of their signatures. BCS: `uleb(count)` ‖ signers `u16` ‖
/// `uleb(len)` ‖ message ‖ signature (96). JSON keys are snake_case, the message an array of numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct ProtocolMessageCertificate<B> {
    /// Indices of the signers in the committee, strictly increasing when made here.
    pub signers: Vec<u16>,
    /// The bytes that all of them signed.
    pub serialized_message: Vec<u8>,
    /// The aggregate signature.
    pub signature: BlsSignature,
    #[serde(skip)]
    body: PhantomData<B>,
}

impl<B: MessageBody> ProtocolMessageCertificate<B> {
    /// A certificate from its parts; nothing is checked.
    pub fn from_parts(
        signers: Vec<u16>,
        serialized_message: Vec<u8>,
        signature: BlsSignature,
    ) -> Self {
        Self {
            signers,
            serialized_message,
            signature,
            body: PhantomData,
        }
    }

    /// The bitmap of the signers.
    ///
    /// # Errors
    /// [`CertificateError::SignerIndex`].
    pub fn signers_bitmap(&self, committee_size: u16) -> Result<Vec<u8>, CertificateError> {
        signers_bitmap(&self.signers, committee_size)
    }
}

#[cfg(feature = "bls")]
impl<B: MessageBody> ProtocolMessageCertificate<B> {
    /// Aggregates messages signed by the members with these indices; the signatures must be verified.
    ///
    /// # Errors
    /// [`CertificateError::Empty`], [`CertificateError::DuplicateSigner`], [`CertificateError::Signature`],
    /// and [`CertificateError::DifferentMessages`] unless all signed the same bytes.
    pub fn aggregate(
        signed: impl IntoIterator<Item = (u16, SignedMessage<B>)>,
    ) -> Result<Self, CertificateError> {
        let mut signed: Vec<_> = signed.into_iter().collect();
        signed.sort_by_key(|(signer, _)| *signer);
        let Some((_, first)) = signed.first() else {
            return Err(CertificateError::Empty);
        };
        let serialized_message = first.serialized_message().to_vec();
        let mut signers: Vec<u16> = Vec::with_capacity(signed.len());
        for (signer, message) in &signed {
            if message.serialized_message() != serialized_message {
                return Err(CertificateError::DifferentMessages { index: *signer });
            }
            if signers.last() == Some(signer) {
                return Err(CertificateError::DuplicateSigner { index: *signer });
            }
            signers.push(*signer);
        }
        let signature =
            BlsSignature::aggregate(signed.iter().map(|(_, message)| message.signature()))?;
        Ok(Self::from_parts(signers, serialized_message, signature))
    }

    /// Checks the aggregate signature against the keys of the committee, in member order, and hands out
    /// the message. Epoch and weight are the caller's to check.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn verify(
        &self,
        committee: &[BlsPublicKey],
    ) -> Result<ProtocolMessage<B>, CertificateError> {
        let committee_size = u16::try_from(committee.len()).unwrap_or(u16::MAX);
        let mut seen = std::collections::BTreeSet::new();
        let mut keys = Vec::with_capacity(self.signers.len());
        for index in &self.signers {
            if !seen.insert(*index) {
                return Err(CertificateError::DuplicateSigner { index: *index });
            }
            let key = committee.get(usize::from(*index));
            keys.push(key.ok_or(CertificateError::SignerIndex {
                index: *index,
                committee_size,
            })?);
        }
        let message = ProtocolMessage::from_bytes(&self.serialized_message)?;
        self.signature
            .verify_aggregate(keys, &self.serialized_message)?;
        Ok(message)
    }
}

/// No certificate, or a wrong one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// There is nothing to aggregate.
    #[error("no signed messages")]
    Empty,
    /// A signer is not in the committee.
    #[error("signer {index} is not among {committee_size} members")]
    SignerIndex {
        /// Index of the signer.
        index: u16,
        /// Number of members.
        committee_size: u16,
    },
    /// A signer occurs twice.
    #[error("signer {index} occurs twice")]
    DuplicateSigner {
        /// Index of the signer.
        index: u16,
    },
    /// The bitmap has more bytes than the committee needs.
    #[error("bitmap of {length} bytes for {committee_size} members")]
    BitmapLength {
        /// Bytes found.
        length: usize,
        /// Number of members.
        committee_size: u16,
    },
    /// Not all signed the same bytes.
    #[error("signer {index} signed another message")]
    DifferentMessages {
        /// Index of the signer.
        index: u16,
    },
    /// The message is not of the expected kind.
    #[cfg(feature = "bls")]
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A signature or key is bad.
    #[cfg(feature = "bls")]
    #[error(transparent)]
    Signature(#[from] BlsError),
}
