/// Parameters of an epoch, decided by the shard-weighted votes of a committee.
///
/// Since prices take effect immediately, the two price fields only keep the layout that clients decode; they hold
/// `u64::MAX` placeholders and nothing reads them.
///
/// Invariant of a vote: as long as less than a third of the shards votes dishonestly, the result lies between the lowest and the
/// highest honest vote, because moving it out of there takes more than a third one way and a quorum the other way.
///
/// Life cycle: parameters are made when a vote ends, used by the next epoch change, kept until the vote after it; never edited. A vote
/// lives within one call and is never stored.
///
/// Specification: contracts, sections 4.4, 7.12 and 8.5.
module walrus::epoch_parameters;

use sui::priority_queue::{Self, PriorityQueue};
use walrus::bls_aggregate::is_quorum_for_n_shards;

// === Structs ===

/// Outcome of the parameter vote for one epoch.
public struct EpochParams has copy, drop, store {
    /// Encoded capacity of the system, in bytes.
    total_capacity_size: u64,
    /// Placeholder, FROST per MiB and epoch.
    storage_price_per_unit_size: u64,
    /// Placeholder, FROST per MiB.
    write_price_per_unit_size: u64,
}

/// The votes, highest first, each with the weight behind it.
public struct QuorumVote has drop {
    votes: PriorityQueue<u16>,
}

// === Package Functions ===

/// Creates the parameters from a capacity in bytes and the two price fields in FROST.
public(package) fun new(
    total_capacity_size: u64,
    storage_price_per_unit_size: u64,
    write_price_per_unit_size: u64,
): EpochParams {
    EpochParams { total_capacity_size, storage_price_per_unit_size, write_price_per_unit_size }
}

/// The capacity in bytes.
public(package) fun total_capacity_size(self: &EpochParams): u64 {
    self.total_capacity_size
}

// === Package Functions: votes ===

/// A vote in which nobody voted yet.
public(package) fun new_vote(): QuorumVote {
    QuorumVote { votes: priority_queue::new(vector[]) }
}

/// Adds a vote.
public(package) fun add(self: &mut QuorumVote, value: u64, weight: u16) {
    self.votes.insert(value, weight)
}

/// The highest value such that the votes for it or more form a quorum. Aborts in `0x2::priority_queue` when all votes
/// together do not.
public(package) fun highest_with_quorum(self: QuorumVote, n_shards: u16): u64 {
    let QuorumVote { mut votes } = self;
    let mut above = 0;
    loop {
        let (value, weight) = votes.pop_max();
        above = above + (weight as u64);
        if (is_quorum_for_n_shards(above, n_shards as u64)) return value
    }
}

/// The lowest value such that the votes for it or less form a quorum. The votes must add up to `n_shards`.
public(package) fun lowest_with_quorum(self: QuorumVote, n_shards: u16): u64 {
    let QuorumVote { mut votes } = self;
    let mut below = n_shards as u64;
    loop {
        let (value, weight) = votes.pop_max();
        below = below - (weight as u64);
        if (!is_quorum_for_n_shards(below, n_shards as u64)) return value
    }
}
