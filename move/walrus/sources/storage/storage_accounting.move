/// Accounting of epochs: capacity and money that are already committed to the current and coming epochs.
///
/// A ring buffer holds one slot per epoch from the current epoch on. Purchases add used capacity and rewards to the slots of
/// the epochs they cover; at the epoch change the current slot is taken out and paid, and a new last slot is added.
///
/// Invariants
/// 1. The buffer always has `length` slots; the slot at offset `i` from `current_index` is that of epoch
///    `current epoch + i`.
/// 2. Slots are only created empty, at the far end.
///
/// Life cycle of a slot: created `length` epochs ahead, filled by purchases, taken out and paid when its epoch ends.
///
/// Specification: contracts, sections 7.9 and 8.8.
module walrus::storage_accounting;

use sui::balance::{Self, Balance};
use wal::wal::WAL;

// === Errors ===

/// The offset lies beyond the last slot.
const ETooFarInFuture: u64 = 0;

// === Constants ===

/// Part of an epoch's rewards that is burned when the epoch ends, in per cent.
const BURN_RATE_PERCENT: u64 = 3;

// === Structs ===

/// The slot of one epoch.
public struct FutureAccounting has store {
    epoch: u32,
    /// Encoded bytes reserved in this epoch.
    used_capacity: u64,
    /// What the nodes earn in this epoch.
    rewards_to_distribute: Balance<WAL>,
}

/// The slots of the current epoch and the `length - 1` epochs after it.
public struct FutureAccountingRingBuffer has store {
    current_index: u32,
    length: u32,
    ring_buffer: vector<FutureAccounting>,
}

// === Public Functions ===

/// The number of slots, which is how many epochs ahead (the current one included) storage can be bought.
///
/// #### Parameters
/// - `self`: the ring buffer.
///
/// #### Returns
/// The number of slots.
///
/// #### Aborts
/// Never.
public fun max_epochs_ahead(self: &FutureAccountingRingBuffer): u32 {
    self.length
}

/// Looks up the slot of an epoch.
///
/// #### Parameters
/// - `self`: the ring buffer.
/// - `epochs_in_future`: offset from the current epoch, zero for the current one.
///
/// #### Returns
/// The slot.
///
/// #### Aborts
/// - `ETooFarInFuture` (0) if the offset is not smaller than `max_epochs_ahead`.
#[syntax(index)]
public fun ring_lookup(self: &FutureAccountingRingBuffer, epochs_in_future: u32): &FutureAccounting {
    let index = self.slot_index(epochs_in_future);
    &self.ring_buffer[index]
}

/// The epoch of a slot.
///
/// #### Parameters
/// - `accounting`: the slot.
///
/// #### Returns
/// Its epoch.
///
/// #### Aborts
/// Never.
public fun epoch(accounting: &FutureAccounting): u32 {
    accounting.epoch
}

/// The capacity used in the epoch of a slot.
///
/// #### Parameters
/// - `accounting`: the slot.
///
/// #### Returns
/// Encoded bytes.
///
/// #### Aborts
/// Never.
public fun used_capacity(accounting: &FutureAccounting): u64 {
    accounting.used_capacity
}

/// The rewards collected for the epoch of a slot.
///
/// #### Parameters
/// - `accounting`: the slot.
///
/// #### Returns
/// FROST.
///
/// #### Aborts
/// Never.
public fun rewards(accounting: &FutureAccounting): u64 {
    accounting.rewards_to_distribute.value()
}

// === Package Functions ===

/// A ring buffer of `length` empty slots for the epochs `0..length`.
public(package) fun ring_new(length: u32): FutureAccountingRingBuffer {
    let ring_buffer = vector::tabulate!(length as u64, |epoch| new_slot(epoch as u32));
    FutureAccountingRingBuffer { current_index: 0, length, ring_buffer }
}

/// As `ring_lookup`, mutably.
#[syntax(index)]
public(package) fun ring_lookup_mut(
    self: &mut FutureAccountingRingBuffer,
    epochs_in_future: u32,
): &mut FutureAccounting {
    let index = self.slot_index(epochs_in_future);
    &mut self.ring_buffer[index]
}

/// Takes out the slot of the current epoch and appends an empty slot at the far end.
public(package) fun ring_pop_expand(self: &mut FutureAccountingRingBuffer): FutureAccounting {
    let current_index = self.current_index;
    let current_epoch = self.ring_buffer[current_index as u64].epoch;
    self.ring_buffer.push_back(new_slot(current_epoch + self.length));
    // The new slot takes the place of the one removed, which is the far end once the index has moved on.
    let popped = self.ring_buffer.swap_remove(current_index as u64);
    self.current_index = (current_index + 1) % self.length;
    popped
}

/// Adds reserved bytes to a slot and returns the new sum.
public(package) fun increase_used_capacity(accounting: &mut FutureAccounting, amount: u64): u64 {
    accounting.used_capacity = accounting.used_capacity + amount;
    accounting.used_capacity
}

/// Takes released bytes from a slot.
public(package) fun decrease_used_capacity(accounting: &mut FutureAccounting, amount: u64) {
    accounting.used_capacity = accounting.used_capacity - amount;
}

/// Adds rewards to a slot.
public(package) fun add_rewards(accounting: &mut FutureAccounting, payment: Balance<WAL>) {
    accounting.rewards_to_distribute.join(payment);
}

/// Takes the part of a slot's rewards that is to be burned, rounded down. The product cannot overflow: three times the
/// total supply fits into 64 bits.
public(package) fun extract_burn_balance(accounting: &mut FutureAccounting): Balance<WAL> {
    let burned = accounting.rewards_to_distribute.value() * BURN_RATE_PERCENT / 100;
    accounting.rewards_to_distribute.split(burned)
}

/// Destroys a slot that was taken out and returns its rewards.
public(package) fun unwrap_balance(accounting: FutureAccounting): Balance<WAL> {
    let FutureAccounting { rewards_to_distribute, .. } = accounting;
    rewards_to_distribute
}

// === Private Functions ===

/// An empty slot.
fun new_slot(epoch: u32): FutureAccounting {
    FutureAccounting { epoch, used_capacity: 0, rewards_to_distribute: balance::zero() }
}

/// Position in the vector of the slot `epochs_in_future` after the current one.
fun slot_index(self: &FutureAccountingRingBuffer, epochs_in_future: u32): u64 {
    assert!(epochs_in_future < self.length, ETooFarInFuture);
    ((self.current_index as u64) + (epochs_in_future as u64)) % (self.length as u64)
}

// === Test-Only Functions ===

/// Destroys the ring buffer with everything in it.
#[test_only]
public fun destroy_for_testing(self: FutureAccountingRingBuffer) {
    std::unit_test::destroy(self);
}
