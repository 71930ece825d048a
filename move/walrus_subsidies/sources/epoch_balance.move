/// One number per epoch, from the current epoch on.
///
/// A ring buffer beside the accounting of `walrus::storage_accounting`: it has as many slots and moves on with it.
///
/// Invariant: the slot at offset `i` from `current_index` is that of epoch `e + i`, `e` being the epoch the buffer was last
/// advanced to.
///
/// Life cycle: created with the subsidies, moved on whenever they are processed.
///
/// Specification: contracts, section 9.1.
module walrus_subsidies::epoch_balance;

// === Errors ===

/// The offset lies beyond the last slot.
const EIndexOutOfBounds: u64 = 0;

// === Structs ===

/// The number of one epoch.
public struct EpochBalance has copy, drop, store {
    epoch: u32,
    balance: u64,
}

/// The numbers of the current epoch and the epochs after it.
public struct EpochBalanceRingBuffer has store {
    current_index: u32,
    ring_buffer: vector<EpochBalance>,
}

// === Package Functions ===

/// A buffer that holds `balances[i]` for the epoch `epoch + i`.
public(package) fun new(epoch: u32, balances: vector<u64>): EpochBalanceRingBuffer {
    let ring_buffer = vector::tabulate!(
        balances.length(),
        |i| EpochBalance { epoch: epoch + (i as u32), balance: balances[i] },
    );
    EpochBalanceRingBuffer { current_index: 0, ring_buffer }
}

/// The number of slots.
public(package) fun length(self: &EpochBalanceRingBuffer): u64 {
    self.ring_buffer.length()
}

/// Drops the numbers of the epochs before `epoch`; the epochs that come into reach start at zero.
public(package) fun advance(self: &mut EpochBalanceRingBuffer, epoch: u32) {
    let length = self.ring_buffer.length();
    let current_epoch = self.ring_buffer[self.current_index as u64].epoch;
    if (epoch <= current_epoch) return;
    let passed = (epoch - current_epoch) as u64;
    if (passed >= length) {
        self.current_index = 0;
        self.ring_buffer =
            vector::tabulate!(length, |i| EpochBalance { epoch: epoch + (i as u32), balance: 0 });
        return
    };
    passed.do!(|_| {
        let slot = &mut self.ring_buffer[self.current_index as u64];
        *slot = EpochBalance { epoch: slot.epoch + (length as u32), balance: 0 };
        self.current_index = (((self.current_index as u64) + 1) % length) as u32;
    })
}

/// The number of the epoch `offset` after the current one. Aborts `EIndexOutOfBounds` (0).
public(package) fun balance(self: &EpochBalanceRingBuffer, offset: u64): u64 {
    self.ring_buffer[self.slot_index(offset)].balance
}

/// Sets the number of the epoch `offset` after the current one. Aborts `EIndexOutOfBounds` (0).
public(package) fun set_balance(self: &mut EpochBalanceRingBuffer, offset: u64, balance: u64) {
    let index = self.slot_index(offset);
    self.ring_buffer[index].balance = balance;
}

// === Private Functions ===

/// Position in the vector. Aborts `EIndexOutOfBounds` (0).
fun slot_index(self: &EpochBalanceRingBuffer, offset: u64): u64 {
    let length = self.ring_buffer.length();
    assert!(offset < length, EIndexOutOfBounds);
    ((self.current_index as u64) + offset) % length
}

// === Test-Only Functions ===

/// The epoch of the slot at an offset.
#[test_only]
public fun epoch(self: &EpochBalanceRingBuffer, offset: u64): u32 {
    self.ring_buffer[self.slot_index(offset)].epoch
}
