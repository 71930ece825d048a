/// Certification: what the signatures and votes of the committee bring about.
///
/// Every certificate is checked against the current committee, whose epoch it must be made in.
///
/// Keeps no state. Invariant: nothing is certified or invalidated without a certificate of enough weight; event blobs need the
/// votes of a quorum instead, which `event_blob` counts.
///
/// Specification: contracts, sections 7.3, 7.6 to 7.8 and 8.6.
module walrus::certification;

use walrus::blob::{Self, Blob};
use walrus::bls_aggregate::BlsCommittee;
use walrus::encoding;
use walrus::events;
use walrus::storage_accounting::FutureAccountingRingBuffer;
use walrus::storage_market;
use walrus::storage_pool::StoragePool;

// === Package Functions ===

/// Certifies a blob with a quorum certificate. Aborts as `bls_aggregate::verify_quorum_in_epoch`,
/// `messages::certify_blob_message` and `blob::certify`.
public(package) fun certify_blob(
    committee: &BlsCommittee,
    blob: &mut Blob,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    let certificate = committee.verify_quorum_in_epoch(signature, signers_bitmap, message);
    blob.certify(committee.epoch(), certificate.certify_blob_message())
}

/// Certifies a pooled blob with a quorum certificate. Aborts as `bls_aggregate::verify_quorum_in_epoch`,
/// `messages::certify_blob_message` and `storage_pool::certify`.
public(package) fun certify_pooled_blob(
    committee: &BlsCommittee,
    storage_pool: &mut StoragePool,
    blob_id: u256,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    let certificate = committee.verify_quorum_in_epoch(signature, signers_bitmap, message);
    storage_pool.certify(blob_id, committee.epoch(), certificate.certify_blob_message())
}

/// Registers and certifies an event blob for which a quorum has voted: storage of the longest possible duration, without payment
/// and beyond the capacity limit. Aborts as `encoding::encoded_blob_length` and `blob::new`.
public(package) fun certify_event_blob(
    committee: &BlsCommittee,
    accounting: &mut FutureAccountingRingBuffer,
    blob_id: u256,
    root_hash: u256,
    size: u64,
    encoding_type: u8,
    ctx: &mut TxContext,
) {
    let (epoch, n_shards) = (committee.epoch(), committee.n_shards());
    let encoded_size = encoding::encoded_blob_length(size, encoding_type, n_shards);
    let storage = storage_market::reserve_without_payment(accounting, epoch, encoded_size, ctx);
    let mut blob = blob::new(
        storage,
        blob_id,
        root_hash,
        size,
        encoding_type,
        false,
        epoch,
        n_shards,
        ctx,
    );
    blob.certify_event_blob(epoch);
    // Nodes act on the events; nobody needs the object.
    blob.burn();
}

/// Accepts the proof of at least one correct node that a blob ID is invalid, emits `InvalidBlobID` and returns the ID. Aborts as
/// `bls_aggregate::verify_one_correct_node_in_epoch` and `messages::invalid_blob_id_message`.
public(package) fun invalidate_blob_id(
    committee: &BlsCommittee,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
): u256 {
    let certificate =
        committee.verify_one_correct_node_in_epoch(signature, signers_bitmap, message);
    let blob_id = certificate.invalid_blob_id_message().invalid_blob_id();
    events::emit_invalid_blob_id(committee.epoch(), blob_id);
    blob_id
}

/// Accepts the proof of at least one correct node that a deny-listed blob was deleted and emits `DenyListBlobDeleted`. Aborts
/// as `bls_aggregate::verify_one_correct_node_in_epoch` and `messages::deny_list_blob_deleted_message`.
public(package) fun delete_deny_listed_blob(
    committee: &BlsCommittee,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    let certificate =
        committee.verify_one_correct_node_in_epoch(signature, signers_bitmap, message);
    let blob_id = certificate.deny_list_blob_deleted_message().deleted_blob_id();
    events::emit_deny_list_blob_deleted(committee.epoch(), blob_id);
}
