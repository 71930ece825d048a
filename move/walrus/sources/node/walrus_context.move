/// Context of a call: what the pools need to know about the state of the staking system during one call.
///
/// Invariant: a context is made from `StakingInnerV1`, used in the same call and dropped; it is never stored.
///
/// Specification: contracts, section 4.5.
module walrus::walrus_context;

use sui::vec_map::VecMap;

// === Structs ===

/// Snapshot of the staking state.
public struct WalrusContext has drop {
    /// The current epoch.
    epoch: u32,
    /// Whether the committee of the next epoch is selected already.
    committee_selected: bool,
    /// The current committee: node ID to shard indices.
    committee: VecMap<ID, vector<u16>>,
}

// === Constructors ===

/// Creates a context.
public(package) fun new(
    epoch: u32,
    committee_selected: bool,
    committee: VecMap<ID, vector<u16>>,
): WalrusContext {
    WalrusContext { epoch, committee_selected, committee }
}

// === Package Functions ===

/// The current epoch.
public(package) fun epoch(self: &WalrusContext): u32 {
    self.epoch
}

/// Whether the committee of the next epoch is selected already.
public(package) fun committee_selected(self: &WalrusContext): bool {
    self.committee_selected
}

/// Whether a node is in the current committee.
public(package) fun in_current_committee(self: &WalrusContext, node_id: ID): bool {
    self.committee.contains(&node_id)
}

/// The epoch in which stake added now becomes active: the next one whose committee is still open.
public(package) fun next_activation_epoch(self: &WalrusContext): u32 {
    if (self.committee_selected) self.epoch + 2 else self.epoch + 1
}
