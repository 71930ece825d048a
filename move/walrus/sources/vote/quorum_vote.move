/// A parameter of the system decided by the shard-weighted votes of a committee.
///
/// Invariant: as long as less than a third of the shards votes dishonestly, the result lies between the lowest and the
/// highest honest vote, because moving it out of there takes more than a third one way and a quorum the other way.
///
/// Life cycle: a vote lives within one call and is never stored.
///
/// Specification: contracts, section 8.5.
module walrus::quorum_vote;

use sui::priority_queue::{Self, PriorityQueue};
use walrus::bls_aggregate::is_quorum_for_n_shards;

// === Structs ===

/// The votes, highest first, each with the weight behind it.
public struct QuorumVote has drop {
    votes: PriorityQueue<u16>,
}

// === Constructors ===

/// A vote in which nobody voted yet.
public(package) fun new(): QuorumVote {
    QuorumVote { votes: priority_queue::new(vector[]) }
}

// === Package Functions ===

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
