/// Upgrades of the package, by a vote of the storage nodes or with the emergency capability.
///
/// Life cycle of an upgrade: nodes vote for the digest of a compiled package; once a quorum of shards has voted within one
/// epoch, anybody can have the upgrade authorized, publish it and commit it, all in one transaction; then `init::migrate_v2` of
/// the new package moves the shared objects to it. The holder of the `EmergencyUpgradeCap` can do the same without votes until
/// that capability is burned.
///
/// Invariants
/// 1. The package's `UpgradeCap` never leaves the manager.
/// 2. Votes count for one epoch and one package version only.
/// 3. The package that a migration switches to is the one whose migration it is. Were another one committed in between, the
///    migration of the first would send all clients to the second, which does not work with what the first left behind.
///
/// Specification: contracts, section 7.14.
module walrus::upgrade;

use sui::package::{UpgradeCap, UpgradeReceipt, UpgradeTicket};
use sui::table::{Self, Table};
use sui::vec_set::{Self, VecSet};
use walrus::auth::Authenticated;
use walrus::events;
use walrus::staking::Staking;
use walrus::system::System;

// === Errors ===

/// The emergency capability is for another manager.
const EInvalidUpgradeManager: u64 = 0;
/// The caller may not vote for this node.
const ENotAuthorized: u64 = 1;
/// The node has voted for this proposal.
const EDuplicateVote: u64 = 2;
/// A package digest does not have 32 bytes.
const EInvalidPackageDigest: u64 = 3;
/// Nobody has proposed this digest.
const ENoProposalForDigest: u64 = 4;
/// The proposal is of another epoch.
const EWrongEpoch: u64 = 5;
/// The proposal has no quorum.
const ENotEnoughVotes: u64 = 6;
/// The proposal is for another version of the package.
const EWrongVersion: u64 = 7;
/// An upgrade is committed, and the shared objects have not been migrated to it.
const EMigrationPending: u64 = 8;
/// No upgrade waits for its migration.
const ENoMigrationPending: u64 = 9;

// === Constants ===

/// Bytes of a package digest.
const PACKAGE_DIGEST_LENGTH: u64 = 32;

// === Structs ===

/// Digest of a compiled package.
public struct PackageDigest(vector<u8>) has copy, drop, store;

/// The votes for one digest.
public struct UpgradeProposal has drop, store {
    epoch: u32,
    digest: PackageDigest,
    /// The version the package would have after the upgrade.
    version: u64,
    voting_weight: u16,
    voters: VecSet<ID>,
}

/// Shared holder of the upgrade capability and of the proposals.
public struct UpgradeManager has key {
    id: UID,
    cap: UpgradeCap,
    upgrade_proposals: Table<PackageDigest, UpgradeProposal>,
}

/// Allows upgrades without votes.
public struct EmergencyUpgradeCap has key, store {
    id: UID,
    upgrade_manager_id: ID,
}

// === Constructors ===

/// Creates and shares the manager that holds `cap`; returns the emergency capability.
public(package) fun new(cap: UpgradeCap, ctx: &mut TxContext): EmergencyUpgradeCap {
    let (manager, emergency_cap) = create(cap, ctx);
    transfer::share_object(manager);
    emergency_cap
}

// === Public Functions ===

/// Votes for an upgrade with the current shards of a node. A proposal of another epoch or version starts afresh.
///
/// #### Parameters
/// - `self`: the manager.
/// - `staking`: the staking object.
/// - `auth`: authentication of the node's governance entity.
/// - `node_id`: the voting node, a member of the current committee.
/// - `digest`: package digest, 32 bytes.
///
/// Emits `ContractUpgradeProposed` for a new or refreshed proposal, and `ContractUpgradeQuorumReached` for the vote that
/// reaches the quorum.
///
/// #### Aborts
/// - `ENotAuthorized` (1), `staking_inner::ENotInCommittee` (4), `EInvalidPackageDigest` (3), `EDuplicateVote` (2).
/// - `staking::EWrongVersion` (1); framework abort 1 in `0x2::dynamic_field` if the node does not exist.
public fun vote_for_upgrade(
    self: &mut UpgradeManager,
    staking: &Staking,
    auth: Authenticated,
    node_id: ID,
    digest: vector<u8>,
) {
    assert!(staking.is_governance_authorized(node_id, &auth), ENotAuthorized);
    let weight = staking.node_weight(node_id);
    let epoch = staking.epoch();
    let version = self.cap.version() + 1;
    let digest = new_digest(digest);

    let is_current = self.upgrade_proposals.contains(digest) && {
        let proposal = &self.upgrade_proposals[digest];
        proposal.epoch == epoch && proposal.version == version
    };
    if (!is_current) self.propose(epoch, version, digest);

    let proposal = &mut self.upgrade_proposals[digest];
    assert!(!proposal.voters.contains(&node_id), EDuplicateVote);
    proposal.voters.insert(node_id);
    let had_quorum = staking.is_quorum(proposal.voting_weight);
    proposal.voting_weight = proposal.voting_weight + weight;
    // Once per proposal: further votes after the quorum are no news.
    if (!had_quorum && staking.is_quorum(proposal.voting_weight)) {
        events::emit_contract_upgrade_quorum_reached(epoch, digest.0);
    };
}

/// Authorizes an upgrade that has a quorum and removes its proposal.
///
/// #### Parameters
/// - `self`: the manager.
/// - `staking`: the staking object.
/// - `digest`: package digest, 32 bytes.
///
/// #### Returns
/// The ticket for the `Upgrade` command.
///
/// #### Aborts
/// - `EInvalidPackageDigest` (3), `ENoProposalForDigest` (4), `EWrongEpoch` (5), `ENotEnoughVotes` (6), `EWrongVersion` (7).
/// - `staking::EWrongVersion` (1); in `0x2::package` if an upgrade is under way in this transaction.
public fun authorize_upgrade(
    self: &mut UpgradeManager,
    staking: &Staking,
    digest: vector<u8>,
): UpgradeTicket {
    let digest = new_digest(digest);
    self.take_accepted(staking, digest);
    self.authorize(digest)
}

/// Authorizes an upgrade without votes and removes the proposal for the same digest, if there is one.
///
/// #### Parameters
/// - `upgrade_manager`: the manager.
/// - `emergency_upgrade_cap`: the capability for this manager.
/// - `digest`: package digest, 32 bytes.
///
/// #### Returns
/// The ticket for the `Upgrade` command.
///
/// #### Aborts
/// - `EInvalidUpgradeManager` (0), `EInvalidPackageDigest` (3).
/// - In `0x2::package` if an upgrade is under way in this transaction.
public fun authorize_emergency_upgrade(
    upgrade_manager: &mut UpgradeManager,
    emergency_upgrade_cap: &EmergencyUpgradeCap,
    digest: vector<u8>,
): UpgradeTicket {
    upgrade_manager.assert_cap(emergency_upgrade_cap);
    let digest = new_digest(digest);
    if (upgrade_manager.upgrade_proposals.contains(digest)) {
        upgrade_manager.upgrade_proposals.remove(digest);
    };
    upgrade_manager.authorize(digest)
}

/// Records an upgrade that was just published, so that the next migration switches to the new package.
///
/// #### Parameters
/// - `upgrade_manager`: the manager.
/// - `staking`: the staking object, of any version.
/// - `system`: the system, of any version.
/// - `receipt`: the result of the `Upgrade` command.
///
/// #### Aborts
/// - `EMigrationPending` (8): an earlier upgrade has to be migrated, or discarded, first.
/// - In `0x2::package` if the receipt is for another package.
public fun commit_upgrade(
    upgrade_manager: &mut UpgradeManager,
    staking: &mut Staking,
    system: &mut System,
    receipt: UpgradeReceipt,
) {
    let is_pending = staking.new_package_id().is_some() || system.new_package_id().is_some();
    assert!(!is_pending, EMigrationPending);
    let new_package_id = receipt.package();
    staking.set_new_package_id(new_package_id);
    system.set_new_package_id(new_package_id);
    upgrade_manager.cap.commit(receipt)
}

/// Gives up a committed upgrade whose package has no migration, because it does not raise the version of the shared objects: it
/// would stand in the way of all later ones. Needs the votes of a quorum, by `vote_for_upgrade`, for the 32 bytes of the ID of the
/// announced package in place of a digest. Anybody may call it then.
///
/// The ID of the package stays in the dynamic field `b"discarded"` of `staking` until the next migration. The package, and each one
/// that is discarded, uses up a version number, so that its migration, if it has one, fails for good: `VERSION` of the next package
/// is that of the objects, plus one, plus the number of packages discarded since.
///
/// #### Parameters
/// - `self`: the manager.
/// - `staking`, `system`: the two shared objects.
///
/// #### Aborts
/// - `ENoMigrationPending` (9), `ENoProposalForDigest` (4), `EWrongEpoch` (5), `ENotEnoughVotes` (6), `EWrongVersion` (7).
/// - `staking::EWrongVersion` (1).
public fun discard_upgrade(
    self: &mut UpgradeManager,
    staking: &mut Staking,
    system: &mut System,
) {
    let announced = staking.new_package_id();
    assert!(announced.is_some(), ENoMigrationPending);
    self.take_accepted(staking, PackageDigest(announced.destroy_some().to_bytes()));
    discard(staking, system)
}

/// As `discard_upgrade`, without votes.
///
/// #### Parameters
/// - `upgrade_manager`: the manager.
/// - `emergency_upgrade_cap`: the capability for this manager.
/// - `staking`, `system`: the two shared objects.
///
/// #### Aborts
/// - `EInvalidUpgradeManager` (0), `ENoMigrationPending` (9).
public fun discard_upgrade_in_emergency(
    upgrade_manager: &UpgradeManager,
    emergency_upgrade_cap: &EmergencyUpgradeCap,
    staking: &mut Staking,
    system: &mut System,
) {
    upgrade_manager.assert_cap(emergency_upgrade_cap);
    assert!(staking.new_package_id().is_some(), ENoMigrationPending);
    discard(staking, system)
}

/// Removes proposals that can no longer be authorized: those of past epochs or of versions already reached. Others, and
/// digests without a proposal, are skipped.
///
/// #### Parameters
/// - `self`: the manager.
/// - `staking`: the staking object.
/// - `proposals`: digests to look at.
///
/// #### Aborts
/// - `staking::EWrongVersion` (1).
public fun cleanup_upgrade_proposals(
    self: &mut UpgradeManager,
    staking: &Staking,
    proposals: vector<vector<u8>>,
) {
    let epoch = staking.epoch();
    let version = self.cap.version();
    proposals.do!(|digest| {
        let digest = PackageDigest(digest);
        if (self.upgrade_proposals.contains(digest)) {
            let proposal = &self.upgrade_proposals[digest];
            if (proposal.version <= version || proposal.epoch < epoch) {
                self.upgrade_proposals.remove(digest);
            };
        };
    });
}

/// Gives up the possibility of emergency upgrades.
///
/// #### Parameters
/// - `emergency_upgrade_cap`: the capability to destroy.
///
/// #### Aborts
/// Never.
public fun burn_emergency_upgrade_cap(emergency_upgrade_cap: EmergencyUpgradeCap) {
    let EmergencyUpgradeCap { id, .. } = emergency_upgrade_cap;
    id.delete();
}

// === Private Functions ===

/// A manager that is not shared yet, and its emergency capability.
fun create(cap: UpgradeCap, ctx: &mut TxContext): (UpgradeManager, EmergencyUpgradeCap) {
    let manager = UpgradeManager { id: object::new(ctx), cap, upgrade_proposals: table::new(ctx) };
    let upgrade_manager_id = manager.id.to_inner();
    (manager, EmergencyUpgradeCap { id: object::new(ctx), upgrade_manager_id })
}

/// Checks the length of a digest.
fun new_digest(digest: vector<u8>): PackageDigest {
    assert!(digest.length() == PACKAGE_DIGEST_LENGTH, EInvalidPackageDigest);
    PackageDigest(digest)
}

/// Creates a proposal without votes, replacing an older one for the same digest.
fun propose(self: &mut UpgradeManager, epoch: u32, version: u64, digest: PackageDigest) {
    if (self.upgrade_proposals.contains(digest)) {
        self.upgrade_proposals.remove(digest);
    };
    let proposal = UpgradeProposal {
        epoch,
        digest,
        version,
        voting_weight: 0,
        voters: vec_set::empty(),
    };
    self.upgrade_proposals.add(digest, proposal);
    events::emit_contract_upgrade_proposed(epoch, digest.0);
}

/// Removes the proposal for a digest. Aborts `ENoProposalForDigest` (4), `EWrongEpoch` (5), `ENotEnoughVotes` (6),
/// `EWrongVersion` (7).
fun take_accepted(self: &mut UpgradeManager, staking: &Staking, digest: PackageDigest) {
    assert!(self.upgrade_proposals.contains(digest), ENoProposalForDigest);
    let proposal = self.upgrade_proposals.remove(digest);
    assert!(proposal.epoch == staking.epoch(), EWrongEpoch);
    assert!(staking.is_quorum(proposal.voting_weight), ENotEnoughVotes);
    assert!(proposal.version == self.cap.version() + 1, EWrongVersion);
}

/// Aborts `EInvalidUpgradeManager` (0) unless the capability is for this manager.
fun assert_cap(self: &UpgradeManager, cap: &EmergencyUpgradeCap) {
    assert!(cap.upgrade_manager_id == self.id.to_inner(), EInvalidUpgradeManager);
}

/// Forgets the announced package.
fun discard(staking: &mut Staking, system: &mut System) {
    staking.discard_new_package_id();
    system.discard_new_package_id();
}

/// Issues the ticket, with the capability's own policy.
fun authorize(self: &mut UpgradeManager, digest: PackageDigest): UpgradeTicket {
    let policy = self.cap.policy();
    self.cap.authorize(policy, digest.0)
}

// === Test-Only Functions ===

/// A manager that is not shared, and its emergency capability.
#[test_only]
public fun new_for_testing(
    cap: UpgradeCap,
    ctx: &mut TxContext,
): (UpgradeManager, EmergencyUpgradeCap) {
    create(cap, ctx)
}

/// The version of the package the manager has reached.
#[test_only]
public fun package_version(self: &UpgradeManager): u64 {
    self.cap.version()
}

/// Whether there is a proposal for a digest.
#[test_only]
public fun has_proposal(self: &UpgradeManager, digest: vector<u8>): bool {
    self.upgrade_proposals.contains(PackageDigest(digest))
}
