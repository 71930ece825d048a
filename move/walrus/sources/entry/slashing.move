/// Slashing of a node's uncollected commission by a vote of the storage nodes.
///
/// Life cycle: nodes vote against a candidate; once a quorum of shards has voted within one epoch, anybody can execute the
/// proposal, which burns all commission of the candidate. Stakers' principal and rewards are never touched.
///
/// Invariant: votes count for one epoch only.
///
/// No events are emitted.
///
/// Specification: contracts, section 7.15.
module walrus::slashing;

use sui::table::{Self, Table};
use sui::vec_set::{Self, VecSet};
use wal::wal::ProtectedTreasury;
use walrus::auth::Authenticated;
use walrus::staking::Staking;

// === Errors ===

/// The caller may not vote for this node.
const ENotAuthorized: u64 = 0;
/// The node has voted against this candidate.
const EDuplicateVote: u64 = 1;
/// Nobody has voted against this candidate.
const ENoProposalForNode: u64 = 2;
/// The proposal is of another epoch.
const EWrongEpoch: u64 = 3;
/// The proposal has no quorum.
const ENotEnoughVotes: u64 = 4;

// === Structs ===

/// The votes against one candidate.
public struct SlashingProposal has drop, store {
    epoch: u32,
    node_id: ID,
    voting_weight: u16,
    voters: VecSet<ID>,
}

/// Shared holder of the proposals, keyed by candidate.
public struct SlashingManager has key {
    id: UID,
    slashing_candidates: Table<ID, SlashingProposal>,
}

// === Constructors ===

/// Creates and shares the manager.
public(package) fun new(ctx: &mut TxContext) {
    transfer::share_object(create(ctx))
}

// === Public Functions ===

/// Votes for slashing a node with the current shards of another. A proposal of a past epoch starts afresh.
///
/// #### Parameters
/// - `self`: the manager.
/// - `staking`: the staking object.
/// - `auth`: authentication of the voter's governance entity.
/// - `voter_node_id`: the voting node, a member of the current committee.
/// - `candidate_node_id`: the node to slash; need not exist until the execution.
///
/// #### Aborts
/// - `ENotAuthorized` (0), `staking_inner::ENotInCommittee` (4), `EDuplicateVote` (1).
/// - `staking::EWrongVersion` (1); framework abort 1 in `0x2::dynamic_field` if the voter does not exist.
public fun vote_for_slashing(
    self: &mut SlashingManager,
    staking: &Staking,
    auth: Authenticated,
    voter_node_id: ID,
    candidate_node_id: ID,
) {
    assert!(staking.is_governance_authorized(voter_node_id, &auth), ENotAuthorized);
    let weight = staking.node_weight(voter_node_id);
    let epoch = staking.epoch();

    let is_current = self.slashing_candidates.contains(candidate_node_id) &&
        self.slashing_candidates[candidate_node_id].epoch == epoch;
    if (!is_current) self.propose(epoch, candidate_node_id);

    let proposal = &mut self.slashing_candidates[candidate_node_id];
    assert!(!proposal.voters.contains(&voter_node_id), EDuplicateVote);
    proposal.voters.insert(voter_node_id);
    proposal.voting_weight = proposal.voting_weight + weight;
}

/// Burns all commission of a node against which a quorum has voted, and removes the proposal.
///
/// #### Parameters
/// - `self`: the manager.
/// - `staking`: the staking object.
/// - `treasury`: the WAL treasury.
/// - `candidate_node_id`: the node to slash.
/// - `ctx`: source of the object ID of the coin that is burned.
///
/// #### Aborts
/// - `ENoProposalForNode` (2), `EWrongEpoch` (3), `ENotEnoughVotes` (4).
/// - `staking::EWrongVersion` (1); framework abort 1 in `0x2::dynamic_field` if the candidate does not exist.
public fun execute_slashing(
    self: &mut SlashingManager,
    staking: &mut Staking,
    treasury: &mut ProtectedTreasury,
    candidate_node_id: ID,
    ctx: &mut TxContext,
) {
    assert!(self.slashing_candidates.contains(candidate_node_id), ENoProposalForNode);
    let proposal = self.slashing_candidates.remove(candidate_node_id);
    assert!(proposal.epoch == staking.epoch(), EWrongEpoch);
    assert!(staking.is_quorum(proposal.voting_weight), ENotEnoughVotes);
    let slashed = staking.extract_all_commission(proposal.node_id);
    treasury.burn(slashed.into_coin(ctx));
}

/// Removes proposals of past epochs. Others, and nodes without a proposal, are skipped.
///
/// #### Parameters
/// - `self`: the manager.
/// - `staking`: the staking object.
/// - `node_ids`: candidates to look at.
///
/// #### Aborts
/// - `staking::EWrongVersion` (1).
public fun cleanup_slashing_proposals(
    self: &mut SlashingManager,
    staking: &Staking,
    node_ids: vector<ID>,
) {
    let epoch = staking.epoch();
    node_ids.do!(|node_id| {
        if (
            self.slashing_candidates.contains(node_id) &&
                self.slashing_candidates[node_id].epoch < epoch
        ) {
            self.slashing_candidates.remove(node_id);
        };
    });
}

// === Private Functions ===

/// A manager that is not shared yet.
fun create(ctx: &mut TxContext): SlashingManager {
    SlashingManager { id: object::new(ctx), slashing_candidates: table::new(ctx) }
}

/// Creates a proposal without votes, replacing an older one against the same candidate.
fun propose(self: &mut SlashingManager, epoch: u32, node_id: ID) {
    if (self.slashing_candidates.contains(node_id)) {
        self.slashing_candidates.remove(node_id);
    };
    let proposal = SlashingProposal { epoch, node_id, voting_weight: 0, voters: vec_set::empty() };
    self.slashing_candidates.add(node_id, proposal);
}

// === Test-Only Functions ===

/// A manager that is not shared.
#[test_only]
public fun new_for_testing(ctx: &mut TxContext): SlashingManager {
    create(ctx)
}

/// Whether there is a proposal against a node.
#[test_only]
public fun has_proposal(self: &SlashingManager, node_id: ID): bool {
    self.slashing_candidates.contains(node_id)
}
