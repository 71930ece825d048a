/// Reservations of encoded storage capacity for a period of epochs.
///
/// Life cycle: bought from `System` (or created for an event blob), possibly split and fused, then embedded into a blob or a
/// storage pool, or destroyed. The object is owned and freely transferable.
///
/// Invariants
/// 1. `start_epoch < end_epoch`; the start is inclusive, the end exclusive.
/// 2. Splitting and fusing preserve the sum of `storage_size * (end_epoch - start_epoch)`, so the accounting of the system
///    stays right without being told.
///
/// Destroying a reservation neither refunds anything nor releases capacity: there is no access to `System` here.
///
/// Specification: contracts, section 7.2.
module walrus::storage_resource;

// === Errors ===

/// The split epoch is not strictly inside the reserved period.
const EInvalidEpoch: u64 = 0;
/// The periods are neither adjacent (fusing periods) nor equal (fusing amounts).
const EIncompatibleEpochs: u64 = 1;
/// The split size is larger than the reservation, or two sizes that must be equal differ.
const EIncompatibleAmount: u64 = 2;
/// A reservation would start at or after its end.
const EInvalidEpochRange: u64 = 3;

// === Structs ===

/// The right to store `storage_size` encoded bytes from `start_epoch` up to, but not including, `end_epoch`.
public struct Storage has key, store {
    id: UID,
    start_epoch: u32,
    end_epoch: u32,
    storage_size: u64,
}

// === Public Functions ===

/// The first epoch of the reservation.
///
/// #### Parameters
/// - `self`: the reservation.
///
/// #### Returns
/// The first epoch, inclusive.
///
/// #### Aborts
/// Never.
public fun start_epoch(self: &Storage): u32 {
    self.start_epoch
}

/// The epoch at which the reservation is over.
///
/// #### Parameters
/// - `self`: the reservation.
///
/// #### Returns
/// The end epoch, exclusive.
///
/// #### Aborts
/// Never.
public fun end_epoch(self: &Storage): u32 {
    self.end_epoch
}

/// The reserved size.
///
/// #### Parameters
/// - `self`: the reservation.
///
/// #### Returns
/// The size in encoded bytes.
///
/// #### Aborts
/// Never.
public fun size(self: &Storage): u64 {
    self.storage_size
}

/// Cuts the period in two. `storage` keeps `[start, split_epoch)`.
///
/// #### Parameters
/// - `storage`: the reservation to split.
/// - `split_epoch`: first epoch of the new reservation.
/// - `ctx`: source of the object ID.
///
/// #### Returns
/// A reservation of the same size for `[split_epoch, end)`.
///
/// #### Aborts
/// - `EInvalidEpoch` (0) unless `start < split_epoch < end`.
public fun split_by_epoch(storage: &mut Storage, split_epoch: u32, ctx: &mut TxContext): Storage {
    assert!(storage.start_epoch < split_epoch && split_epoch < storage.end_epoch, EInvalidEpoch);
    let end_epoch = storage.end_epoch;
    storage.end_epoch = split_epoch;
    create_storage(split_epoch, end_epoch, storage.storage_size, ctx)
}

/// Cuts the size in two. `storage` keeps `split_size` bytes. Either part may be empty.
///
/// #### Parameters
/// - `storage`: the reservation to split.
/// - `split_size`: bytes that stay in `storage`.
/// - `ctx`: source of the object ID.
///
/// #### Returns
/// A reservation for the same period with the remaining bytes.
///
/// #### Aborts
/// - `EIncompatibleAmount` (2) if `split_size` is larger than the reservation.
public fun split_by_size(storage: &mut Storage, split_size: u64, ctx: &mut TxContext): Storage {
    assert!(split_size <= storage.storage_size, EIncompatibleAmount);
    let remainder = storage.storage_size - split_size;
    storage.storage_size = split_size;
    create_storage(storage.start_epoch, storage.end_epoch, remainder, ctx)
}

/// Joins two adjacent periods of equal size into `first`.
///
/// #### Parameters
/// - `first`: the reservation to extend, forward or backward.
/// - `second`: the reservation to consume.
///
/// #### Aborts
/// - `EIncompatibleAmount` (2) if the sizes differ.
/// - `EIncompatibleEpochs` (1) if the periods are not adjacent.
public fun fuse_periods(first: &mut Storage, second: Storage) {
    let Storage { id, start_epoch, end_epoch, storage_size } = second;
    id.delete();
    assert!(first.storage_size == storage_size, EIncompatibleAmount);
    if (first.end_epoch == start_epoch) {
        first.end_epoch = end_epoch;
    } else {
        assert!(first.start_epoch == end_epoch, EIncompatibleEpochs);
        first.start_epoch = start_epoch;
    }
}

/// Joins the sizes of two reservations for the same period into `first`.
///
/// #### Parameters
/// - `first`: the reservation to enlarge.
/// - `second`: the reservation to consume.
///
/// #### Aborts
/// - `EIncompatibleEpochs` (1) if the start or end epochs differ.
/// - Arithmetic error if the sum of the sizes exceeds `u64::MAX`.
public fun fuse_amount(first: &mut Storage, second: Storage) {
    let Storage { id, start_epoch, end_epoch, storage_size } = second;
    id.delete();
    assert!(
        first.start_epoch == start_epoch && first.end_epoch == end_epoch,
        EIncompatibleEpochs,
    );
    first.increase_size(storage_size);
}

/// Joins two reservations into `first`: by amount if they start together, by period otherwise.
///
/// #### Parameters
/// - `first`: the reservation to extend or enlarge.
/// - `second`: the reservation to consume.
///
/// #### Aborts
/// - `EIncompatibleEpochs` (1) if the starts are equal and the ends differ, or the periods are not adjacent.
/// - `EIncompatibleAmount` (2) if the starts differ and the sizes differ.
/// - Arithmetic error if the sum of the sizes exceeds `u64::MAX`.
public fun fuse(first: &mut Storage, second: Storage) {
    if (first.start_epoch == second.start_epoch) {
        first.fuse_amount(second)
    } else {
        first.fuse_periods(second)
    }
}

/// Deletes a reservation. Nothing is refunded; the capacity stays accounted for until the end epoch.
///
/// #### Parameters
/// - `storage`: the reservation to delete.
///
/// #### Aborts
/// Never.
public fun destroy(storage: Storage) {
    let Storage { id, .. } = storage;
    id.delete();
}

// === Package Functions ===

/// Creates a reservation. The caller has accounted for it. Aborts `EInvalidEpochRange` (3) unless `start < end`.
public(package) fun create_storage(
    start_epoch: u32,
    end_epoch: u32,
    storage_size: u64,
    ctx: &mut TxContext,
): Storage {
    assert!(start_epoch < end_epoch, EInvalidEpochRange);
    Storage { id: object::new(ctx), start_epoch, end_epoch, storage_size }
}

/// Moves the end by `extension_epochs`. The caller has accounted for it.
public(package) fun extend_end_epoch(self: &mut Storage, extension_epochs: u32) {
    self.end_epoch = self.end_epoch + extension_epochs;
}

/// Adds `additional_size` bytes. The caller has accounted for them.
public(package) fun increase_size(self: &mut Storage, additional_size: u64) {
    self.storage_size = self.storage_size + additional_size;
}
