/// The type of staked SUI, so that clients that ask for objects of it get the answer of a chain on which nobody stakes:
/// none. Nothing here makes one.
module sui_system::staking_pool;

use sui::balance::Balance;
use sui::sui::SUI;

/// SUI that is staked with a validator's pool. The layout is that of the public networks.
public struct StakedSui has key, store {
    id: UID,
    /// The pool.
    pool_id: ID,
    /// The first epoch that it earns rewards in.
    stake_activation_epoch: u64,
    /// What was staked.
    principal: Balance<SUI>,
}

/// The pool.
public fun pool_id(staked_sui: &StakedSui): ID {
    staked_sui.pool_id
}

/// What was staked, in MIST.
public fun staked_sui_amount(staked_sui: &StakedSui): u64 {
    staked_sui.principal.value()
}

/// The first epoch that it earns rewards in.
public fun stake_activation_epoch(staked_sui: &StakedSui): u64 {
    staked_sui.stake_activation_epoch
}
