/// Certification of event blobs by on-chain votes.
///
/// Every storage node attests, once per event blob, to the blob it derived from the protocol's events. The weights of
/// identical attestations are summed here; at a quorum the blob becomes the latest certified one.
///
/// Invariants
/// 1. The checkpoint of the latest certified blob only grows.
/// 2. The tally holds votes of one epoch only: it is cleared at every epoch change and at every certification.
/// 3. Every node has at most one vote in the tally.
///
/// Nodes that disagree cannot make the tally grow without bound: before a new candidate is added, those that cannot reach a
/// quorum any more are dropped. By invariant 3 a candidate can still gain the shards that have no vote in the tally; dropping
/// lowers the sum of votes, so the bound stays on the safe side.
///
/// Life cycle of a vote: `system::certify_event_blob` adds it; certification, an epoch change or a lost cause removes it.
///
/// Specification: contracts, section 7.7.
module walrus::event_blob;

use sui::vec_map::{Self, VecMap};
use walrus::bls_aggregate;

// === Errors ===

/// The checkpoint of a newly certified blob is not larger than that of the latest one.
const EInvalidSequenceNumber: u64 = 0;

// === Structs ===

/// A node's last attestation, kept in its capability.
public struct EventBlobAttestation has copy, drop, store {
    checkpoint_sequence_num: u64,
    epoch: u32,
}

/// An event blob: its ID and the last checkpoint whose events it holds.
public struct EventBlob has copy, drop, store {
    blob_id: u256,
    ending_checkpoint_sequence_number: u64,
}

/// The latest certified event blob and the votes for its successor.
public struct EventBlobCertificationState has store {
    latest_certified_blob: Option<EventBlob>,
    aggregate_weight_per_blob: VecMap<EventBlob, u16>,
}

// === Package Functions ===

/// State before any event blob exists.
public(package) fun create_with_empty_state(): EventBlobCertificationState {
    EventBlobCertificationState {
        latest_certified_blob: option::none(),
        aggregate_weight_per_blob: vec_map::empty(),
    }
}

/// Records that a node attested in `epoch` to a blob ending at `checkpoint_sequence_num`.
public(package) fun new_attestation(checkpoint_sequence_num: u64, epoch: u32): EventBlobAttestation {
    EventBlobAttestation { checkpoint_sequence_num, epoch }
}

/// The checkpoint of an attestation.
public(package) fun last_attested_event_blob_checkpoint_seq_num(self: &EventBlobAttestation): u64 {
    self.checkpoint_sequence_num
}

/// The epoch of an attestation.
public(package) fun last_attested_event_blob_epoch(self: &EventBlobAttestation): u32 {
    self.epoch
}

/// The checkpoint of the latest certified blob, if there is one.
public(package) fun latest_certified_checkpoint(self: &EventBlobCertificationState): Option<u64> {
    self.latest_certified_blob.map_ref!(|blob| blob.ending_checkpoint_sequence_number)
}

/// Whether the events up to `ending_checkpoint` are in a certified blob already.
public(package) fun is_blob_already_certified(
    self: &EventBlobCertificationState,
    ending_checkpoint: u64,
): bool {
    self.latest_certified_checkpoint().is_some_and!(|checkpoint| *checkpoint >= ending_checkpoint)
}

/// Adds `weight` of `n_shards` shards to the votes for a blob and returns the blob's sum.
public(package) fun add_vote(
    self: &mut EventBlobCertificationState,
    blob_id: u256,
    ending_checkpoint: u64,
    weight: u16,
    n_shards: u16,
): u16 {
    let blob = EventBlob { blob_id, ending_checkpoint_sequence_number: ending_checkpoint };
    if (!self.aggregate_weight_per_blob.contains(&blob)) {
        self.drop_hopeless(n_shards as u64);
        self.aggregate_weight_per_blob.insert(blob, 0);
    };
    let votes = &mut self.aggregate_weight_per_blob;
    let sum = votes.get_mut(&blob);
    *sum = *sum + weight;
    *sum
}

/// Makes a blob the latest certified one. Aborts `EInvalidSequenceNumber` (0) unless its checkpoint is larger than the
/// current one's.
public(package) fun update_latest_certified_event_blob(
    self: &mut EventBlobCertificationState,
    ending_checkpoint: u64,
    blob_id: u256,
) {
    assert!(!self.is_blob_already_certified(ending_checkpoint), EInvalidSequenceNumber);
    self.latest_certified_blob =
        option::some(EventBlob { blob_id, ending_checkpoint_sequence_number: ending_checkpoint });
}

/// Drops all votes.
public(package) fun reset(self: &mut EventBlobCertificationState) {
    self.aggregate_weight_per_blob = vec_map::empty();
}

// === Private Functions ===

/// Drops the candidates that do not reach a quorum even with all shards that have no vote in the tally.
fun drop_hopeless(self: &mut EventBlobCertificationState, n_shards: u64) {
    let votes = &mut self.aggregate_weight_per_blob;
    let mut open = n_shards;
    votes.length().do!(|i| {
        let (_, weight) = votes.get_entry_by_idx(i);
        open = open - (*weight as u64);
    });
    let mut i = 0;
    while (i < votes.length()) {
        let (_, weight) = votes.get_entry_by_idx(i);
        if (bls_aggregate::is_quorum_for_n_shards(open + (*weight as u64), n_shards)) {
            i = i + 1;
        } else {
            votes.remove_entry_by_idx(i);
        }
    }
}

// === Test-Only Functions ===

/// The ID of the latest certified blob.
#[test_only]
public fun latest_certified_blob_id(self: &EventBlobCertificationState): Option<u256> {
    self.latest_certified_blob.map_ref!(|blob| blob.blob_id)
}

/// How many different blobs have votes.
#[test_only]
public fun candidates(self: &EventBlobCertificationState): u64 {
    self.aggregate_weight_per_blob.length()
}
