/// Messages that storage nodes sign with their BLS keys.
///
/// Every message starts with a seven-byte header (all integers little-endian BCS): intent type `u8`, intent version `u8`,
/// app ID `u8`, epoch `u32`; the body follows without a length prefix. Certificates are parsed only after their signature has
/// been verified over the raw bytes; bytes after the body are ignored for all certificate types. The proof of possession is
/// never parsed: the contract rebuilds its bytes, so it is valid for one sender, one key and one epoch only.
///
/// Invariants
/// 1. A `CertifiedMessage` exists only for bytes whose signature was verified, with the header of the committee that signed.
/// 2. Every body is parsed only after the type in the header has been compared.
///
/// Life cycle: messages live within one call and are never stored.
///
/// Specification: contracts, section 8.6.
module walrus::messages;

use sui::bcs::{Self, BCS};
use sui::bls12381;

// === Errors ===

/// The app ID of the header is not that of Walrus.
const EIncorrectAppId: u64 = 0;
/// The epoch of the header is not that of the committee.
const EIncorrectEpoch: u64 = 1;
/// The intent type of the header is not the one asked for.
const EInvalidMsgType: u64 = 2;
/// The intent version of the header is unknown.
const EIncorrectIntentVersion: u64 = 3;
/// The persistence tag is neither permanent nor deletable.
const EInvalidBlobPersistenceType: u64 = 4;
/// The object ID of a permanent blob certificate was asked for.
const ENotDeletable: u64 = 5;
/// A BLS public key does not have 48 bytes.
const EInvalidKeyLength: u64 = 6;

// === Constants ===

/// Intent app ID of storage messages.
const APP_ID: u8 = 3;
/// The only intent version.
const INTENT_VERSION: u8 = 0;
/// Bytes of a compressed G1 public key.
const BLS_KEY_LEN: u64 = 48;

/// Intent types. Type 3 (shard synchronization) is only used between nodes.
const PROOF_OF_POSSESSION: u8 = 0;
const BLOB_CERT: u8 = 1;
const INVALID_BLOB_ID: u8 = 2;
const DENY_LIST_UPDATE: u8 = 4;
const DENY_LIST_BLOB_DELETED: u8 = 5;
const PROTOCOL_VERSION: u8 = 6;

/// Persistence tags.
const PERMANENT: u8 = 0;
const DELETABLE: u8 = 1;

// === Structs ===

/// What a node signs to prove that it holds the secret key of its BLS public key.
public struct ProofOfPossessionMessage has drop {
    intent_type: u8,
    intent_version: u8,
    intent_app: u8,
    epoch: u32,
    sui_address: address,
    bls_key: vector<u8>,
}

/// A message whose signature and header have been checked; `message` is the body.
public struct CertifiedMessage has drop {
    intent_type: u8,
    intent_version: u8,
    cert_epoch: u32,
    message: vector<u8>,
    stake_support: u16,
}

/// Whether a blob can be deleted, and then the object the certificate is bound to.
public enum BlobPersistenceType has copy, drop {
    Permanent,
    Deletable { object_id: ID },
}

/// Body of a blob certificate (type 1).
public struct CertifiedBlobMessage has drop {
    blob_id: u256,
    blob_persistence_type: BlobPersistenceType,
}

/// Body of an invalid blob ID certificate (type 2).
public struct CertifiedInvalidBlobId has drop {
    blob_id: u256,
}

/// Body of a deny-list update (type 4).
public struct DenyListUpdateMessage has drop {
    storage_node_id: ID,
    deny_list_sequence_number: u64,
    deny_list_size: u64,
    deny_list_root: u256,
}

/// Body of the certificate that a deny-listed blob was deleted (type 5).
public struct DenyListBlobDeleted has drop {
    blob_id: u256,
}

/// Body of a protocol version update (type 6).
public struct ProtocolVersionMessage has drop {
    start_epoch: u32,
    protocol_version: u64,
}

// === Constructors ===

/// The proof of possession that `sui_address` must present in `epoch` for `bls_key` (compressed G1). Aborts
/// `EInvalidKeyLength` (6) unless the key has 48 bytes.
public(package) fun new_proof_of_possession_msg(
    epoch: u32,
    sui_address: address,
    bls_key: vector<u8>,
): ProofOfPossessionMessage {
    assert!(bls_key.length() == BLS_KEY_LEN, EInvalidKeyLength);
    ProofOfPossessionMessage {
        intent_type: PROOF_OF_POSSESSION,
        intent_version: INTENT_VERSION,
        intent_app: APP_ID,
        epoch,
        sui_address,
        bls_key,
    }
}

/// Splits `message` into header and body and checks the header. The caller has verified the signature, which
/// `stake_support` shards have made.
///
/// Aborts `EIncorrectIntentVersion` (3), `EIncorrectAppId` (0), `EIncorrectEpoch` (1), or in `0x2::bcs` if the header is
/// incomplete.
public(package) fun new_certified_message(
    message: vector<u8>,
    committee_epoch: u32,
    stake_support: u16,
): CertifiedMessage {
    let mut reader = bcs::new(message);
    let intent_type = reader.peel_u8();
    let intent_version = reader.peel_u8();
    assert!(intent_version == INTENT_VERSION, EIncorrectIntentVersion);
    assert!(reader.peel_u8() == APP_ID, EIncorrectAppId);
    let cert_epoch = reader.peel_u32();
    assert!(cert_epoch == committee_epoch, EIncorrectEpoch);
    CertifiedMessage {
        intent_type,
        intent_version,
        cert_epoch,
        message: reader.into_remainder_bytes(),
        stake_support,
    }
}

// === Package Functions: proof of possession ===

/// The 87 bytes to be signed: header, address, key without length prefix.
public(package) fun to_bytes(self: &ProofOfPossessionMessage): vector<u8> {
    let mut bytes = vector[self.intent_type, self.intent_version, self.intent_app];
    bytes.append(bcs::to_bytes(&self.epoch));
    bytes.append(bcs::to_bytes(&self.sui_address));
    bytes.append(self.bls_key);
    bytes
}

/// Whether `signature` (compressed G2) is that of the message's own key over the message.
public(package) fun verify_proof_of_possession(
    self: &ProofOfPossessionMessage,
    signature: vector<u8>,
): bool {
    bls12381::bls12381_min_pk_verify(&signature, &self.bls_key, &self.to_bytes())
}

/// Whether `signature` proves the possession of `bls_key` by `sui_address` in `epoch` or the epoch before: a proof must not be
/// lost because the epoch changes while the transaction is under way. Aborts `EInvalidKeyLength` (6).
public(package) fun is_possession_proven(
    epoch: u32,
    sui_address: address,
    bls_key: vector<u8>,
    signature: &vector<u8>,
): bool {
    new_proof_of_possession_msg(epoch, sui_address, bls_key).verify_proof_of_possession(*signature) ||
    (epoch > 0 &&
        new_proof_of_possession_msg(epoch - 1, sui_address, bls_key)
            .verify_proof_of_possession(*signature))
}

// === Package Functions: certified messages ===

/// Parses a blob certificate. Aborts `EInvalidMsgType` (2), `EInvalidBlobPersistenceType` (4), or in `0x2::bcs` if the
/// body is incomplete.
public(package) fun certify_blob_message(self: CertifiedMessage): CertifiedBlobMessage {
    let mut reader = self.into_body(BLOB_CERT);
    let blob_id = reader.peel_u256();
    let blob_persistence_type = peel_persistence_type(&mut reader);
    CertifiedBlobMessage { blob_id, blob_persistence_type }
}

/// Parses an invalid blob ID certificate. Aborts `EInvalidMsgType` (2), or in `0x2::bcs` if the body is incomplete.
public(package) fun invalid_blob_id_message(self: CertifiedMessage): CertifiedInvalidBlobId {
    let mut reader = self.into_body(INVALID_BLOB_ID);
    CertifiedInvalidBlobId { blob_id: reader.peel_u256() }
}

/// Parses a deny-list update. Aborts `EInvalidMsgType` (2), or in `0x2::bcs` if the body is incomplete.
public(package) fun deny_list_update_message(self: CertifiedMessage): DenyListUpdateMessage {
    let mut reader = self.into_body(DENY_LIST_UPDATE);
    DenyListUpdateMessage {
        storage_node_id: reader.peel_address().to_id(),
        deny_list_sequence_number: reader.peel_u64(),
        deny_list_size: reader.peel_u64(),
        deny_list_root: reader.peel_u256(),
    }
}

/// Parses the certificate that a deny-listed blob was deleted. Aborts `EInvalidMsgType` (2), or in `0x2::bcs` if the body
/// is incomplete.
public(package) fun deny_list_blob_deleted_message(self: CertifiedMessage): DenyListBlobDeleted {
    let mut reader = self.into_body(DENY_LIST_BLOB_DELETED);
    DenyListBlobDeleted { blob_id: reader.peel_u256() }
}

/// Parses a protocol version update. Aborts `EInvalidMsgType` (2), or in `0x2::bcs` if the body is incomplete.
public(package) fun protocol_version_message(self: CertifiedMessage): ProtocolVersionMessage {
    let mut reader = self.into_body(PROTOCOL_VERSION);
    ProtocolVersionMessage {
        start_epoch: reader.peel_u32(),
        protocol_version: reader.peel_u64(),
    }
}

// === Package Functions: bodies ===

/// The certified blob ID.
public(package) fun certified_blob_id(self: &CertifiedBlobMessage): u256 {
    self.blob_id
}

/// The persistence the nodes certified.
public(package) fun blob_persistence_type(self: &CertifiedBlobMessage): BlobPersistenceType {
    self.blob_persistence_type
}

/// Whether the type is deletable.
public(package) fun is_deletable(self: &BlobPersistenceType): bool {
    match (self) {
        BlobPersistenceType::Permanent => false,
        BlobPersistenceType::Deletable { .. } => true,
    }
}

/// The blob object a deletable type is bound to. Aborts `ENotDeletable` (5) for a permanent one.
public(package) fun object_id(self: &BlobPersistenceType): ID {
    match (self) {
        BlobPersistenceType::Permanent => abort ENotDeletable,
        BlobPersistenceType::Deletable { object_id } => *object_id,
    }
}

/// The invalid blob ID.
public(package) fun invalid_blob_id(self: &CertifiedInvalidBlobId): u256 {
    self.blob_id
}

/// The node whose deny list is updated.
public(package) fun storage_node_id(self: &DenyListUpdateMessage): ID {
    self.storage_node_id
}

/// The sequence number of the deny list.
public(package) fun deny_list_sequence_number(self: &DenyListUpdateMessage): u64 {
    self.deny_list_sequence_number
}

/// The encoded bytes of the blobs on the deny list.
public(package) fun deny_list_size(self: &DenyListUpdateMessage): u64 {
    self.deny_list_size
}

/// The root hash of the deny list.
public(package) fun deny_list_root(self: &DenyListUpdateMessage): u256 {
    self.deny_list_root
}

/// The ID of the deleted blob.
public(package) fun deleted_blob_id(self: &DenyListBlobDeleted): u256 {
    self.blob_id
}

/// The epoch from which the protocol version holds.
public(package) fun start_epoch(self: &ProtocolVersionMessage): u32 {
    self.start_epoch
}

/// The protocol version.
public(package) fun protocol_version(self: &ProtocolVersionMessage): u64 {
    self.protocol_version
}

// === Private Functions ===

/// Checks the intent type and gives the body to read.
fun into_body(self: CertifiedMessage, intent_type: u8): BCS {
    assert!(self.intent_type == intent_type, EInvalidMsgType);
    let CertifiedMessage { message, .. } = self;
    bcs::new(message)
}

/// Reads the persistence tag and, for deletable blobs, the object ID.
fun peel_persistence_type(reader: &mut BCS): BlobPersistenceType {
    let tag = reader.peel_u8();
    if (tag == PERMANENT) {
        BlobPersistenceType::Permanent
    } else {
        assert!(tag == DELETABLE, EInvalidBlobPersistenceType);
        BlobPersistenceType::Deletable { object_id: reader.peel_address().to_id() }
    }
}

// === Test-Only Functions ===

/// The header of a message.
#[test_only]
public fun header_for_testing(intent_type: u8, epoch: u32): vector<u8> {
    let mut bytes = vector[intent_type, INTENT_VERSION, APP_ID];
    bytes.append(bcs::to_bytes(&epoch));
    bytes
}

/// The bytes nodes sign to certify a blob; deletable if `object_id` is given.
#[test_only]
public fun blob_certificate_for_testing(
    epoch: u32,
    blob_id: u256,
    object_id: Option<ID>,
): vector<u8> {
    let mut bytes = header_for_testing(BLOB_CERT, epoch);
    bytes.append(bcs::to_bytes(&blob_id));
    if (object_id.is_some()) {
        bytes.push_back(DELETABLE);
        bytes.append(object_id.destroy_some().to_bytes());
    } else {
        bytes.push_back(PERMANENT);
    };
    bytes
}

/// The bytes nodes sign to invalidate a blob ID.
#[test_only]
public fun invalid_blob_id_for_testing(epoch: u32, blob_id: u256): vector<u8> {
    let mut bytes = header_for_testing(INVALID_BLOB_ID, epoch);
    bytes.append(bcs::to_bytes(&blob_id));
    bytes
}

/// The bytes nodes sign to accept a deny list.
#[test_only]
public fun deny_list_update_for_testing(
    epoch: u32,
    node_id: ID,
    sequence: u64,
    size: u64,
    root: u256,
): vector<u8> {
    let mut bytes = header_for_testing(DENY_LIST_UPDATE, epoch);
    bytes.append(node_id.to_bytes());
    bytes.append(bcs::to_bytes(&sequence));
    bytes.append(bcs::to_bytes(&size));
    bytes.append(bcs::to_bytes(&root));
    bytes
}

/// The bytes nodes sign when a deny-listed blob is gone.
#[test_only]
public fun deny_list_blob_deleted_for_testing(epoch: u32, blob_id: u256): vector<u8> {
    let mut bytes = header_for_testing(DENY_LIST_BLOB_DELETED, epoch);
    bytes.append(bcs::to_bytes(&blob_id));
    bytes
}

/// The bytes nodes sign to change the protocol version.
#[test_only]
public fun protocol_version_for_testing(
    epoch: u32,
    start_epoch: u32,
    protocol_version: u64,
): vector<u8> {
    let mut bytes = header_for_testing(PROTOCOL_VERSION, epoch);
    bytes.append(bcs::to_bytes(&start_epoch));
    bytes.append(bcs::to_bytes(&protocol_version));
    bytes
}

/// The epoch of the header.
#[test_only]
public fun cert_epoch(self: &CertifiedMessage): u32 {
    self.cert_epoch
}
