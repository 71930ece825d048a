//! Storage that somebody owns, for tests.

use walrus_sui::{
    Address, Digest, ObjectReference,
    objects::{OwnedStorage, Storage},
};

/// The ID of object `number`.
pub(super) fn id(number: u8) -> Address {
    Address::new([number; 32])
}

/// Resource `number` with these epochs and bytes.
pub(super) fn owned(
    number: u8,
    start_epoch: u32,
    end_epoch: u32,
    storage_size: u64,
) -> OwnedStorage {
    owned_as(Storage {
        id: id(number),
        start_epoch,
        end_epoch,
        storage_size,
    })
}

/// A resource and a reference to it.
pub(super) fn owned_as(storage: Storage) -> OwnedStorage {
    OwnedStorage {
        reference: ObjectReference::new(storage.id, 1, Digest::ZERO),
        storage,
    }
}
