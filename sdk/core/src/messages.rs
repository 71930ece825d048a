//! Protocol messages, which nodes sign (encoding spec 5.2).
//!
//! A message is type ‖ version 0 ‖ application 3 ‖ epoch `u32` ‖ body, all in BCS.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    blob_id::BlobId,
    bls_bytes::BlsPublicKey,
    bounded_bcs::{self, BcsError},
    index::{Epoch, ShardIndex},
    sliver::Sliver,
    sliver_type::SliverType,
};

/// 32 bytes of a Sui address or object ID.
pub type SuiAddressBytes = [u8; 32];

/// Longest message there is, in bytes: bounds what is read from peers.
pub const MAX_MESSAGE_LENGTH: usize = 256;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum IntentType {
    /// Possession of a BLS key.
    ProofOfPossession = 0,
    /// A node stores its slivers of a blob.
    StorageConfirmation = 1,
    /// A blob is encoded wrongly.
    InvalidBlobId = 2,
    /// A node asks another for the slivers of a shard.
    SyncShard = 3,
    /// A node announces its deny list.
    DenyListUpdate = 4,
    /// A node deleted a blob of its deny list.
    DenyListBlobDeleted = 5,
    /// Nodes agree on a protocol version.
    ProtocolVersion = 6,
}

/// The version byte of all intents.
pub const INTENT_VERSION: u8 = 0;
/// The application byte of all intents: Walrus storage.
pub const INTENT_APP_ID: u8 = 3;

/// The content of one kind of message.
pub trait MessageBody: Serialize + DeserializeOwned + Clone + PartialEq + std::fmt::Debug {
    /// The kind.
    const INTENT: IntentType;
}

/// Body of type 0; the epoch is the current one of staking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofOfPossession {
    /// Address that sends the registering transaction.
    pub sui_address: SuiAddressBytes,
    /// The key possessed.
    pub public_key: BlsPublicKey,
}

/// Whether a blob can be deleted. BCS: `00`, or `01` ‖ object ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BlobPersistence {
    /// No; a confirmation holds for every blob object with that ID.
    Permanent,
    /// Yes; a confirmation is bound to one blob object.
    Deletable {
        /// ID of the Sui object.
        object_id: SuiAddressBytes,
    },
}

/// Body of type 1: the node stores its slivers of the blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageConfirmationBody {
    /// The blob.
    pub blob_id: BlobId,
    /// Whether it can be deleted.
    pub persistence: BlobPersistence,
}

/// Body of type 2: the node holds a valid inconsistency proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidBlobId {
    /// The blob.
    pub blob_id: BlobId,
}

/// Body of type 3, and the request of shard sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncShardRequest {
    /// Version 1.
    V1(SyncShardRequestV1),
}

/// A request for consecutive slivers of a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncShardRequestV1 {
    /// The shard.
    pub shard_index: ShardIndex,
    /// Which slivers of its pairs.
    pub sliver_type: SliverType,
    /// The first blob in byte order, included.
    pub starting_blob_id: BlobId,
    /// Most slivers to send.
    pub sliver_count: u64,
    /// The epoch transitioned to: blobs certified before it are synced.
    pub epoch: Epoch,
}

/// The answer to a [`SyncShardRequest`], blobs in byte order of their IDs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncShardResponse {
    /// Version 1.
    V1(Vec<(BlobId, Sliver)>),
}

/// Body of type 4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyListUpdate {
    /// Object ID of the node.
    pub node_id: SuiAddressBytes,
    /// Counts the node's updates.
    pub sequence_number: u64,
    /// Size of the list.
    pub size: u64,
    /// Root of the list, a `u256` in little-endian bytes.
    pub root: [u8; 32],
}

/// Body of type 5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyListBlobDeleted {
    /// The blob.
    pub blob_id: BlobId,
}

/// Body of type 6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolVersion {
    /// First epoch of the version.
    pub start_epoch: Epoch,
    /// The version.
    pub protocol_version: u64,
}

macro_rules! message_body {
    ($($body:ty => $intent:ident),* $(,)?) => {
        $(impl MessageBody for $body {
            const INTENT: IntentType = IntentType::$intent;
        })*
    };
}

message_body! {
    ProofOfPossession => ProofOfPossession,
    StorageConfirmationBody => StorageConfirmation,
    InvalidBlobId => InvalidBlobId,
    SyncShardRequest => SyncShard,
    DenyListUpdate => DenyListUpdate,
    DenyListBlobDeleted => DenyListBlobDeleted,
    ProtocolVersion => ProtocolVersion,
}

/// A message: what is signed is its BCS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolMessage<B> {
    /// The Walrus epoch in which the signer is.
    pub epoch: Epoch,
    /// The content.
    pub body: B,
}

#[derive(Serialize, Deserialize)]
struct WireMessage<B> {
    intent: [u8; 3],
    epoch: Epoch,
    body: B,
}

const fn intent_of<B: MessageBody>() -> [u8; 3] {
    [B::INTENT as u8, INTENT_VERSION, INTENT_APP_ID]
}

impl<B: MessageBody> ProtocolMessage<B> {
    /// A message of this epoch.
    pub const fn new(epoch: Epoch, body: B) -> Self {
        Self { epoch, body }
    }

    /// The bytes to sign.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { epoch, body } = self.clone();
        bounded_bcs::to_bytes(&WireMessage {
            intent: intent_of::<B>(),
            epoch,
            body,
        })
    }

    /// Reads signed bytes; the intent must be exactly that of `B`, and nothing may follow.
    ///
    /// # Errors
    /// [`MessageError::Intent`], [`MessageError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MessageError> {
        let expected = intent_of::<B>();
        // The intent decides how the rest is read, so it comes first.
        if !bytes.starts_with(&expected) {
            let found = bytes.iter().take(3).copied().collect();
            return Err(MessageError::Intent { found, expected });
        }
        let wire: WireMessage<B> = bounded_bcs::from_bytes_at_most(bytes, MAX_MESSAGE_LENGTH)?;
        Ok(Self {
            epoch: wire.epoch,
            body: wire.body,
        })
    }
}

/// A message that is not the expected one, or not signed as expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Another kind of message, version or application.
    #[error("intent {found:?}, expected {expected:?}")]
    Intent {
        /// First bytes found.
        found: Vec<u8>,
        /// The intent expected.
        expected: [u8; 3],
    },
    /// Not the BCS of such a message.
    #[error(transparent)]
    Malformed(#[from] BcsError),
    /// A message of another epoch.
    #[error("message of epoch {found}, expected {expected}")]
    Epoch {
        /// Epoch found.
        found: Epoch,
        /// Epoch expected.
        expected: Epoch,
    },
    /// A message about something else.
    #[error("the message is about another blob, persistence or request than expected")]
    Content,
    /// The signature does not verify.
    #[error("invalid signature: {0}")]
    Signature(#[from] crate::bls_bytes::BlsError),
}
