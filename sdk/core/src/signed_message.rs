//! Messages with a signature (encoding spec 5.3).

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

#[cfg(feature = "bls")]
use crate::bls_bytes::BlsPublicKey;
use crate::{
    blob_id::BlobId,
    bls_bytes::BlsSignature,
    bounded_bcs::{self, BcsError},
    byte_string,
    index::Epoch,
    messages::{
        BlobPersistence, MAX_MESSAGE_LENGTH, MessageBody, MessageError, ProtocolMessage,
        StorageConfirmationBody,
    },
};

/// Signed bytes that claim to be a message with body `B`. BCS: `uleb(len)` ‖ message ‖ signature (96);
/// JSON: `{"serializedMessage": base64, "signature": base64}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound = "")]
pub struct SignedMessage<B> {
    #[serde(with = "byte_string::base64")]
    serialized_message: Vec<u8>,
    signature: BlsSignature,
    #[serde(skip)]
    body: PhantomData<B>,
}

impl<B: MessageBody> SignedMessage<B> {
    /// Joins message bytes and a signature; nothing is checked.
    pub fn from_parts(serialized_message: Vec<u8>, signature: BlsSignature) -> Self {
        Self {
            serialized_message,
            signature,
            body: PhantomData,
        }
    }

    /// Decodes untrusted BCS of bounded length.
    ///
    /// # Errors
    /// [`BcsError`].
    pub fn from_bcs(bytes: &[u8]) -> Result<Self, BcsError> {
        bounded_bcs::from_bytes_at_most(bytes, 2 + MAX_MESSAGE_LENGTH + BlsSignature::LENGTH)
    }

    /// The BCS bytes.
    pub fn to_bcs(&self) -> Vec<u8> {
        bounded_bcs::to_bytes(self)
    }

    /// The bytes that were signed.
    pub fn serialized_message(&self) -> &[u8] {
        &self.serialized_message
    }

    /// The signature.
    pub fn signature(&self) -> &BlsSignature {
        &self.signature
    }

    /// The message, without checking the signature.
    ///
    /// # Errors
    /// [`MessageError::Intent`], [`MessageError::Malformed`].
    pub fn message_unverified(&self) -> Result<ProtocolMessage<B>, MessageError> {
        ProtocolMessage::from_bytes(&self.serialized_message)
    }

    /// Checks intent, epoch and signature over the received bytes, and hands out the body.
    ///
    /// # Errors
    /// [`MessageError`].
    #[cfg(feature = "bls")]
    pub fn verify(&self, key: &BlsPublicKey, epoch: Epoch) -> Result<B, MessageError> {
        let message = self.message_of(epoch)?;
        key.verify(&self.serialized_message, &self.signature)?;
        Ok(message.body)
    }

    /// As [`Self::verify`], and checks that the body is the expected one.
    ///
    /// # Errors
    /// [`MessageError`].
    #[cfg(feature = "bls")]
    pub fn verify_body(
        &self,
        key: &BlsPublicKey,
        epoch: Epoch,
        expected: &B,
    ) -> Result<(), MessageError> {
        self.check_body(epoch, expected)?;
        Ok(key.verify(&self.serialized_message, &self.signature)?)
    }

    /// The message, if it is of this epoch, without checking the signature.
    fn message_of(&self, epoch: Epoch) -> Result<ProtocolMessage<B>, MessageError> {
        let message = self.message_unverified()?;
        if message.epoch != epoch {
            return Err(MessageError::Epoch {
                found: message.epoch,
                expected: epoch,
            });
        }
        Ok(message)
    }

    /// Checks intent, epoch and body, but not who signed.
    fn check_body(&self, epoch: Epoch, expected: &B) -> Result<(), MessageError> {
        if self.message_of(epoch)?.body != *expected {
            return Err(MessageError::Content);
        }
        Ok(())
    }
}

/// A node's confirmation that it stores its slivers. BCS: `00` ‖ signed message; JSON: `{"signed": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StorageConfirmation {
    /// The signed message.
    Signed(SignedMessage<StorageConfirmationBody>),
}

impl StorageConfirmation {
    /// The signed message.
    pub fn signed(&self) -> &SignedMessage<StorageConfirmationBody> {
        let Self::Signed(message) = self;
        message
    }

    /// Checks intent, epoch, blob ID and persistence, but not the signature: of many confirmations of one blob the sum of all is
    /// checked at the price of one.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn check_message(
        &self,
        epoch: Epoch,
        blob_id: &BlobId,
        persistence: BlobPersistence,
    ) -> Result<(), MessageError> {
        let expected = StorageConfirmationBody {
            blob_id: *blob_id,
            persistence,
        };
        self.signed().check_body(epoch, &expected)
    }

    /// Checks intent, epoch, blob ID, persistence and signature, in this order.
    ///
    /// # Errors
    /// [`MessageError`].
    #[cfg(feature = "bls")]
    pub fn verify(
        &self,
        key: &BlsPublicKey,
        epoch: Epoch,
        blob_id: &BlobId,
        persistence: BlobPersistence,
    ) -> Result<(), MessageError> {
        self.check_message(epoch, blob_id, persistence)?;
        let signed = self.signed();
        Ok(key.verify(&signed.serialized_message, &signed.signature)?)
    }
}
