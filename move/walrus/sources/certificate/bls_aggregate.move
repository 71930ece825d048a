/// The signing committee and the verification of its certificates (BLS12-381, min-pk).
///
/// A certificate is an aggregated signature, a bitmap of the signers and the signed bytes. Its weight is the sum of the
/// signers' shards.
///
/// Invariants of a committee
/// 1. Every member has a positive weight; `n_shards` is the sum of the weights.
/// 2. `total_aggregated_key` is the sum of all member keys, the identity for no members.
/// 3. Members are in the order they were given in, which is by node ID; a signer's index is its position.
///
/// The aggregated key of the signers is computed by subtracting the keys of the others, because usually few are missing.
///
/// Life cycle: made by `staking_inner::next_bls_committee` at an epoch change, kept by the system until the next, never edited.
///
/// Specification: contracts, section 8.6.
module walrus::bls_aggregate;

use sui::bls12381::{Self, UncompressedG1, G1};
use sui::group_ops::Element;
#[test_only]
use sui::vec_map::{Self, VecMap};
use walrus::messages::{Self, CertifiedMessage};
use walrus::sort;

// === Errors ===

/// The signer bitmap is too long or names members that do not exist.
const EInvalidBitmap: u64 = 0;
/// The signature is not valid.
const ESigVerification: u64 = 1;
/// The signers do not have enough shards.
const ENotEnoughStake: u64 = 2;
/// A member without shards.
const EIncorrectCommittee: u64 = 3;

// === Structs ===

/// A storage node as a signer.
public struct BlsCommitteeMember has copy, drop, store {
    public_key: Element<UncompressedG1>,
    weight: u16,
    node_id: ID,
}

/// The signers of one epoch.
public struct BlsCommittee has copy, drop, store {
    members: vector<BlsCommitteeMember>,
    n_shards: u16,
    epoch: u32,
    total_aggregated_key: Element<G1>,
}

// === Constructors ===

/// A member with its public key, its number of shards and its node ID.
public(package) fun new_bls_committee_member(
    public_key: Element<UncompressedG1>,
    weight: u16,
    node_id: ID,
): BlsCommitteeMember {
    BlsCommitteeMember { public_key, weight, node_id }
}

/// The committee of `epoch`. Members must be sorted by node ID. Aborts `EIncorrectCommittee` (3) if a member has no shards,
/// arithmetically if there are more than `u16::MAX` shards.
public(package) fun new_bls_committee(
    epoch: u32,
    members: vector<BlsCommitteeMember>,
): BlsCommittee {
    let mut n_shards = 0u16;
    let mut keys = vector[];
    members.do_ref!(|member| {
        assert!(member.weight > 0, EIncorrectCommittee);
        n_shards = n_shards + member.weight;
        keys.push_back(member.public_key);
    });
    BlsCommittee { members, n_shards, epoch, total_aggregated_key: sum_of_keys(&keys) }
}

// === Package Functions: accessors ===

/// The epoch of the committee.
public(package) fun epoch(self: &BlsCommittee): u32 {
    self.epoch
}

/// The number of shards, zero for the empty committee of epoch 0.
public(package) fun n_shards(self: &BlsCommittee): u16 {
    self.n_shards
}

/// The number of members.
public(package) fun n_members(self: &BlsCommittee): u64 {
    self.members.length()
}

/// The members in signing order.
public(package) fun members(self: &BlsCommittee): &vector<BlsCommitteeMember> {
    &self.members
}

/// The node ID of a member.
public(package) fun node_id(self: &BlsCommitteeMember): ID {
    self.node_id
}

/// The number of shards of a member.
public(package) fun weight(self: &BlsCommitteeMember): u16 {
    self.weight
}

/// Whether a node is a member.
public(package) fun contains(self: &BlsCommittee, node_id: &ID): bool {
    self.find_index(node_id) < self.members.length()
}

/// The number of shards of a node, none if it is not a member.
public(package) fun member_weight(self: &BlsCommittee, node_id: &ID): Option<u16> {
    let index = self.find_index(node_id);
    if (index < self.members.length()) option::some(self.members[index].weight) else option::none()
}

// === Package Functions: weights and certificates ===

/// Whether `weight` of `n_shards` shards is a quorum, that is `3 * weight >= 2 * n_shards + 1`.
public(package) fun is_quorum_for_n_shards(weight: u64, n_shards: u64): bool {
    3 * weight >= 2 * n_shards + 1
}

/// Whether `weight` is a quorum of this committee.
public(package) fun is_quorum(self: &BlsCommittee, weight: u16): bool {
    is_quorum_for_n_shards(weight as u64, self.n_shards as u64)
}

/// Verifies a certificate signed by a quorum and checks its header against this committee's epoch.
///
/// Aborts `EInvalidBitmap` (0), `ENotEnoughStake` (2), `ESigVerification` (1), then as `messages::new_certified_message`.
public(package) fun verify_quorum_in_epoch(
    self: &BlsCommittee,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
): CertifiedMessage {
    let weight = self.verify(2 * (self.n_shards as u64) + 1, &signature, &signers_bitmap, &message);
    messages::new_certified_message(message, self.epoch, weight)
}

/// Verifies a certificate whose signers include at least one correct node. Aborts as `verify_quorum_in_epoch`.
public(package) fun verify_one_correct_node_in_epoch(
    self: &BlsCommittee,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
): CertifiedMessage {
    let weight = self.verify(self.n_shards as u64 + 1, &signature, &signers_bitmap, &message);
    messages::new_certified_message(message, self.epoch, weight)
}

// === Private Functions ===

/// Where a node is among the members, which are in the order of node IDs; the number of members if it is none. A binary search.
fun find_index(self: &BlsCommittee, node_id: &ID): u64 {
    let key = sort::key(node_id);
    let (mut low, mut high) = (0, self.members.length());
    while (low < high) {
        let middle = (low + high) / 2;
        let other = sort::key(&self.members[middle].node_id);
        if (other == key) return middle;
        if (other < key) low = middle + 1 else high = middle;
    };
    self.members.length()
}

/// Checks bitmap, weight and signature; returns the weight of the signers.
fun verify(
    self: &BlsCommittee,
    thrice_required: u64,
    signature: &vector<u8>,
    signers_bitmap: &vector<u8>,
    message: &vector<u8>,
): u16 {
    let (absent_keys, absent_weight) = self.non_signers(signers_bitmap);
    let weight = self.n_shards - absent_weight;
    assert!(3 * (weight as u64) >= thrice_required, ENotEnoughStake);

    let key = if (absent_keys.is_empty()) {
        self.total_aggregated_key
    } else {
        bls12381::g1_sub(&self.total_aggregated_key, &sum_of_keys(&absent_keys))
    };
    assert!(bls12381::bls12381_min_pk_verify(signature, key.bytes(), message), ESigVerification);
    weight
}

/// Keys and total weight of the members whose bit is not set. Bit `j` (least significant first) of byte `k` stands for
/// member `8k + j`; missing bytes count as zero.
fun non_signers(
    self: &BlsCommittee,
    signers_bitmap: &vector<u8>,
): (vector<Element<UncompressedG1>>, u16) {
    let n_members = self.members.length();
    let n_bytes = signers_bitmap.length();
    assert!(n_bytes <= n_members.divide_and_round_up(8), EInvalidBitmap);
    // Only the last byte of a bitmap of full length can have bits beyond the last member.
    if (n_bytes * 8 > n_members) {
        let stray_bits = signers_bitmap[n_bytes - 1] >> ((n_members % 8) as u8);
        assert!(stray_bits == 0, EInvalidBitmap);
    };

    let mut keys = vector[];
    let mut weight = 0;
    n_members.do!(|i| {
        let signed = i / 8 < n_bytes && (signers_bitmap[i / 8] >> ((i % 8) as u8)) & 1 == 1;
        if (!signed) {
            let member = &self.members[i];
            keys.push_back(member.public_key);
            weight = weight + member.weight;
        };
    });
    (keys, weight)
}


/// The sum of public keys, compressed.
fun sum_of_keys(keys: &vector<Element<UncompressedG1>>): Element<G1> {
    if (keys.is_empty()) {
        bls12381::g1_identity()
    } else {
        bls12381::uncompressed_g1_to_g1(&bls12381::uncompressed_g1_sum(keys))
    }
}

// === Test-Only Functions ===

/// The weight of the signers, after all checks.
#[test_only]
public fun verify_quorum_for_testing(
    self: &BlsCommittee,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
): u16 {
    self.verify(2 * (self.n_shards as u64) + 1, &signature, &signers_bitmap, &message)
}

/// The key of a member.
#[test_only]
public fun public_key_for_testing(self: &BlsCommittee, node_id: &ID): Element<UncompressedG1> {
    let index = self.find_index(node_id);
    self.members[index].public_key
}

/// The sum of all keys, compressed.
#[test_only]
public fun total_aggregated_key(self: &BlsCommittee): &Element<G1> {
    &self.total_aggregated_key
}

/// Node ID to number of shards, in signing order.
#[test_only]
public fun to_vec_map(self: &BlsCommittee): VecMap<ID, u16> {
    let mut weights = vec_map::empty();
    self.members.do_ref!(|member| weights.insert(member.node_id, member.weight));
    weights
}
