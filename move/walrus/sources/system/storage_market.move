/// Storage market: what is sold and paid, slot by slot of the accounting: storage for coming epochs, write fees, subsidies.
///
/// Invariants
/// 1. Payments are taken exactly: price times started MiB, for every epoch bought, into the slot of that epoch; write fees into
///    the slot of the current epoch.
/// 2. Capacity is added and released in the same slots in which it was bought, to the byte.
///
/// Whether the capacity suffices and which epochs are allowed is for the caller, `system_state_inner`, to say.
///
/// Keeps no state of its own.
///
/// Specification: contracts, sections 7.1, 7.9 and 8.11.
module walrus::storage_market;

use sui::balance::Balance;
use sui::coin::Coin;
use wal::wal::WAL;
use walrus::storage_accounting::FutureAccountingRingBuffer;
use walrus::storage_resource::{Self, Storage};

// === Constants ===

/// Prices are per started MiB.
const BYTES_PER_UNIT_SIZE: u64 = 1_048_576;

// === Package Functions: sales ===

/// Sells `amount` bytes in every slot of `[start_offset, end_offset)` for `price` FROST per started MiB. Returns the largest
/// used capacity of these slots. Aborts in `0x2::balance` if the payment is too small.
public(package) fun sell(
    accounting: &mut FutureAccountingRingBuffer,
    price: u64,
    amount: u64,
    start_offset: u32,
    end_offset: u32,
    payment: &mut Coin<WAL>,
): u64 {
    let due = price * storage_units(amount);
    let mut largest = 0;
    start_offset.range_do!(end_offset, |offset| {
        let slot = &mut accounting[offset];
        slot.add_rewards(payment.balance_mut().split(due));
        largest = slot.increase_used_capacity(amount).max(largest);
    });
    largest
}

/// Charges `price` FROST per started MiB of `encoded_size` into the current epoch's rewards. Aborts in `0x2::balance` if the
/// payment is too small.
public(package) fun charge_write_fee(
    accounting: &mut FutureAccountingRingBuffer,
    price: u64,
    encoded_size: u64,
    payment: &mut Coin<WAL>,
) {
    let due = price * storage_units(encoded_size);
    accounting[0].add_rewards(payment.balance_mut().split(due));
}

// === Package Functions: capacity ===

/// Reserves storage of the longest possible duration, free of charge and whatever the capacity is, from `epoch` on, the current
/// one.
public(package) fun reserve_without_payment(
    accounting: &mut FutureAccountingRingBuffer,
    epoch: u32,
    amount: u64,
    ctx: &mut TxContext,
): Storage {
    let epochs_ahead = accounting.max_epochs_ahead();
    epochs_ahead.do!(|offset| { accounting[offset].increase_used_capacity(amount); });
    storage_resource::create_storage(epoch, epoch + epochs_ahead, amount, ctx)
}

/// Takes `amount` bytes out of every slot of `[start_offset, end_offset)`. Returns what was used before in the slots `0..end_offset`,
/// zero in those that stay as they are.
public(package) fun release(
    accounting: &mut FutureAccountingRingBuffer,
    amount: u64,
    start_offset: u32,
    end_offset: u32,
): vector<u64> {
    vector::tabulate!(end_offset as u64, |offset| {
        if (offset < start_offset as u64) return 0;
        let slot = &mut accounting[offset as u32];
        let used = slot.used_capacity();
        slot.decrease_used_capacity(amount);
        used
    })
}

/// The largest used capacity of any slot.
public(package) fun max_used_capacity(accounting: &FutureAccountingRingBuffer): u64 {
    let mut max = 0;
    accounting.max_epochs_ahead().do!(|offset| {
        max = accounting[offset].used_capacity().max(max);
    });
    max
}

// === Package Functions: subsidies ===

/// Spreads `subsidy` evenly over the first `epochs_ahead` slots; what rounding leaves goes to the first one. Returns the amount
/// per slot.
public(package) fun spread(
    accounting: &mut FutureAccountingRingBuffer,
    mut subsidy: Balance<WAL>,
    epochs_ahead: u32,
): vector<u64> {
    let per_epoch = subsidy.value() / (epochs_ahead as u64);
    let mut amounts = vector::tabulate!(epochs_ahead as u64, |offset| {
        accounting[offset as u32].add_rewards(subsidy.split(per_epoch));
        per_epoch
    });
    *&mut amounts[0] = per_epoch + subsidy.value();
    accounting[0].add_rewards(subsidy);
    amounts
}

/// Adds the `i`-th balance to the `i`-th slot.
public(package) fun add_each(
    accounting: &mut FutureAccountingRingBuffer,
    subsidies: vector<Balance<WAL>>,
) {
    let mut offset = 0u32;
    subsidies.do!(|subsidy| {
        accounting[offset].add_rewards(subsidy);
        offset = offset + 1;
    });
}

// === Private Functions ===

/// The number of started MiB.
fun storage_units(size: u64): u64 {
    size.divide_and_round_up(BYTES_PER_UNIT_SIZE)
}
