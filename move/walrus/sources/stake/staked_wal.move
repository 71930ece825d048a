/// Stake of one owner with one node. The object holds the principal itself.
///
/// Life cycle: `staking::stake_with_pool` creates it in state `Staked`; `staking::request_withdraw_stake` moves it to
/// `Withdrawing`; `staking::withdraw_stake` consumes it. In between it may be split, joined and transferred.
///
/// Invariants
/// 1. The principal is at least 1 WAL.
/// 2. Splitting and joining conserve the principal and never change node, activation epoch or state.
///
/// Specification: contracts, sections 4.5 and 7.11.
module walrus::staked_wal;

use sui::balance::Balance;
use wal::wal::WAL;
use walrus::walrus_context::WalrusContext;

// === Errors ===

/// The object is not withdrawing.
const ENotWithdrawing: u64 = 0;
/// The objects differ in node, activation epoch or state.
const EMetadataMismatch: u64 = 1;
/// The amount to split off is not smaller than the principal.
const EInvalidAmount: u64 = 2;
/// The object is withdrawing already.
const EAlreadyWithdrawing: u64 = 6;
/// The principal would be below 1 WAL.
const EStakeBelowThreshold: u64 = 7;

// === Constants ===

/// Smallest principal in FROST.
const MIN_STAKING_THRESHOLD: u64 = 1_000_000_000;

// === Structs ===

/// State of the stake.
public enum StakedWalState has copy, drop, store {
    /// Staked, active from the activation epoch on.
    Staked,
    /// On the way out; it can be withdrawn from `withdraw_epoch` on.
    Withdrawing { withdraw_epoch: u32 },
}

/// The stake.
public struct StakedWal has key, store {
    id: UID,
    state: StakedWalState,
    node_id: ID,
    principal: Balance<WAL>,
    activation_epoch: u32,
}

// === Constructors ===

/// Creates stake in state `Staked`. Aborts `EStakeBelowThreshold` (7).
public(package) fun mint(
    node_id: ID,
    principal: Balance<WAL>,
    activation_epoch: u32,
    ctx: &mut TxContext,
): StakedWal {
    assert!(principal.value() >= MIN_STAKING_THRESHOLD, EStakeBelowThreshold);
    StakedWal {
        id: object::new(ctx),
        state: StakedWalState::Staked,
        node_id,
        principal,
        activation_epoch,
    }
}

// === Public Functions: accessors ===

/// Returns the node the stake is with. Never aborts.
public fun node_id(sw: &StakedWal): ID {
    sw.node_id
}

/// Returns the principal in FROST. Never aborts.
public fun value(sw: &StakedWal): u64 {
    sw.principal.value()
}

/// Returns the epoch from which on the stake counts. Never aborts.
public fun activation_epoch(sw: &StakedWal): u32 {
    sw.activation_epoch
}

/// Returns whether the stake is in state `Staked`. Never aborts.
public fun is_staked(sw: &StakedWal): bool {
    sw.state == StakedWalState::Staked
}

/// Returns whether the stake is in state `Withdrawing`. Never aborts.
public fun is_withdrawing(sw: &StakedWal): bool {
    !sw.is_staked()
}

/// The epoch from which on the stake can be withdrawn.
///
/// #### Parameters
/// - `sw`: the stake.
///
/// #### Returns
/// The epoch.
///
/// #### Aborts
/// - `ENotWithdrawing` (0): no withdrawal was requested.
public fun withdraw_epoch(sw: &StakedWal): u32 {
    match (&sw.state) {
        StakedWalState::Withdrawing { withdraw_epoch } => *withdraw_epoch,
        StakedWalState::Staked => abort ENotWithdrawing,
    }
}

// === Public Functions: joining and splitting ===

/// Adds the principal of one stake to another and deletes the first.
///
/// #### Parameters
/// - `sw`: the stake that stays.
/// - `other`: the stake that is consumed.
///
/// #### Aborts
/// - `EMetadataMismatch` (1): node, activation epoch, state or withdraw epoch differ.
public fun join(sw: &mut StakedWal, other: StakedWal) {
    let StakedWal { id, state, node_id, principal, activation_epoch } = other;
    assert!(sw.node_id == node_id, EMetadataMismatch);
    assert!(sw.activation_epoch == activation_epoch, EMetadataMismatch);
    assert!(sw.state == state, EMetadataMismatch);
    id.delete();
    sw.principal.join(principal);
}

/// Splits a part off.
///
/// #### Parameters
/// - `sw`: the stake to split.
/// - `amount`: principal of the new object in FROST.
/// - `ctx`: source of the object ID.
///
/// #### Returns
/// A stake of `amount` with the same node, activation epoch and state.
///
/// #### Aborts
/// - `EInvalidAmount` (2): `amount` is not smaller than the principal.
/// - `EStakeBelowThreshold` (7): one of the parts would be below 1 WAL.
public fun split(sw: &mut StakedWal, amount: u64, ctx: &mut TxContext): StakedWal {
    assert!(sw.principal.value() > amount, EInvalidAmount);
    assert!(amount >= MIN_STAKING_THRESHOLD, EStakeBelowThreshold);
    assert!(sw.principal.value() - amount >= MIN_STAKING_THRESHOLD, EStakeBelowThreshold);
    StakedWal {
        id: object::new(ctx),
        state: sw.state,
        node_id: sw.node_id,
        principal: sw.principal.split(amount),
        activation_epoch: sw.activation_epoch,
    }
}

// === Package Functions ===

/// Whether stake can be withdrawn without a request because it counts nowhere yet. `in_next`: the node is in the selected
/// next committee.
public(package) fun can_withdraw_early(sw: &StakedWal, in_next: bool, wctx: &WalrusContext): bool {
    sw.is_staked() && (
        sw.activation_epoch == wctx.epoch() + 2 ||
        (sw.activation_epoch == wctx.epoch() + 1 && !in_next)
    )
}

/// Marks the stake as withdrawing. Aborts `EAlreadyWithdrawing` (6).
public(package) fun set_withdrawing(sw: &mut StakedWal, withdraw_epoch: u32) {
    assert!(sw.is_staked(), EAlreadyWithdrawing);
    sw.state = StakedWalState::Withdrawing { withdraw_epoch };
}

/// Deletes the object and returns the principal.
public(package) fun into_balance(sw: StakedWal): Balance<WAL> {
    let StakedWal { id, principal, .. } = sw;
    id.delete();
    principal
}
