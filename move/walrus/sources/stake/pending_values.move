/// Pending values, which take effect in later epochs: stake that joins, shares that leave, commission rates to come.
///
/// Invariant: at most one entry per epoch.
///
/// Life cycle of an entry: added for a coming epoch, taken by `flush` when its pool enters that epoch or a later one.
///
/// Specification: contracts, section 8.10.
module walrus::pending_values;

use sui::vec_map::{Self, VecMap};

// === Errors ===

/// There is no entry for the epoch.
const EMissingEpochValue: u64 = 0;
/// The entry is smaller than what shall be taken from it.
const EReduceValueTooLarge: u64 = 1;

// === Structs ===

/// Epoch to value.
public struct PendingValues(VecMap<u32, u64>) has copy, drop, store;

// === Constructors ===

/// No pending values.
public(package) fun empty(): PendingValues {
    PendingValues(vec_map::empty())
}

// === Package Functions ===

/// Adds `value` to the entry of `epoch`.
public(package) fun insert_or_add(self: &mut PendingValues, epoch: u32, value: u64) {
    if (self.0.contains(&epoch)) {
        let pending = self.0.get_mut(&epoch);
        *pending = *pending + value;
    } else {
        self.0.insert(epoch, value);
    }
}

/// Sets the entry of `epoch` to `value`.
public(package) fun insert_or_replace(self: &mut PendingValues, epoch: u32, value: u64) {
    if (self.0.contains(&epoch)) *self.0.get_mut(&epoch) = value else self.0.insert(epoch, value)
}

/// Takes `value` from the entry of `epoch` and drops an entry of zero. Aborts `EMissingEpochValue` (0),
/// `EReduceValueTooLarge` (1).
public(package) fun reduce(self: &mut PendingValues, epoch: u32, value: u64) {
    assert!(self.0.contains(&epoch), EMissingEpochValue);
    let pending = self.0.get_mut(&epoch);
    assert!(*pending >= value, EReduceValueTooLarge);
    *pending = *pending - value;
    if (*pending == 0) {
        self.0.remove(&epoch);
    }
}

/// Merges the entries up to and including `epoch` into one, for values that only take effect together. Keeps the number of
/// entries small while nothing flushes them.
public(package) fun merge_until(self: &mut PendingValues, epoch: u32) {
    let (count, _, latest_epoch, _) = self.due(epoch);
    if (count < 2) return;
    let sum = self.flush(epoch);
    self.0.insert(latest_epoch, sum);
}

/// Drops all entries up to and including `epoch` but the latest, for values of which only the latest takes effect.
public(package) fun keep_latest_until(self: &mut PendingValues, epoch: u32) {
    self.latest_value_at(epoch).do!(|value| {
        self.flush(epoch);
        self.0.insert(epoch, value);
    })
}

/// Sum of the values up to and including `epoch`.
public(package) fun value_at(self: &PendingValues, epoch: u32): u64 {
    let (_, sum, _, _) = self.due(epoch);
    sum
}

/// Value of the latest entry up to and including `epoch`, if there is one.
public(package) fun latest_value_at(self: &PendingValues, epoch: u32): Option<u64> {
    let (count, _, _, latest) = self.due(epoch);
    if (count == 0) option::none() else option::some(latest)
}

/// Removes the entries up to and including `epoch` and returns their sum.
public(package) fun flush(self: &mut PendingValues, epoch: u32): u64 {
    let mut sum = 0;
    let mut index = 0;
    while (index < self.0.length()) {
        let (entry_epoch, _) = self.0.get_entry_by_idx(index);
        if (*entry_epoch <= epoch) {
            let (_, value) = self.0.remove_entry_by_idx(index);
            sum = sum + value;
        } else {
            index = index + 1;
        }
    };
    sum
}

/// The entries, in no particular order.
public(package) fun inner(self: &PendingValues): &VecMap<u32, u64> {
    &self.0
}

/// Calls `$f` with epoch and value of every entry up to and including `$epoch`.
public(package) macro fun for_each_until($self: &PendingValues, $epoch: u32, $f: |u32, u64|) {
    let self = $self;
    let entries = self.inner();
    let epoch = $epoch;
    entries.length().do!(|index| {
        let (entry_epoch, value) = entries.get_entry_by_idx(index);
        if (*entry_epoch <= epoch) $f(*entry_epoch, *value);
    })
}

// === Private Functions ===

/// Of the entries up to and including `epoch`: their number, the sum of their values, and epoch and value of the latest.
fun due(self: &PendingValues, epoch: u32): (u64, u64, u32, u64) {
    let (mut count, mut sum, mut latest_epoch, mut latest) = (0, 0, 0, 0);
    self.for_each_until!(epoch, |entry_epoch, value| {
        count = count + 1;
        sum = sum + value;
        if (entry_epoch >= latest_epoch) {
            latest_epoch = entry_epoch;
            latest = value;
        }
    });
    (count, sum, latest_epoch, latest)
}
