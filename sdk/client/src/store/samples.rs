//! Test samples of owned storage.

use walrus_core::Epoch;
use walrus_sui::{
    Address, Digest, ObjectReference,
    objects::{OwnedStorage, Storage},
    transactions::StoragePiece,
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

/// Number of the resource (0: bought), bytes, and time of a piece.
pub(super) type Short = (u8, u64, Epoch, Epoch);

/// Pieces in few words.
pub(super) fn short(pieces: &[StoragePiece]) -> Vec<Short> {
    let number = |piece: &StoragePiece| {
        let resource = piece.resource();
        resource.map_or(0, |owned| owned.storage.id.into_inner()[0])
    };
    let short = |piece: &StoragePiece| {
        let (start, end) = (piece.start_epoch, piece.end_epoch);
        (number(piece), piece.size, start, end)
    };
    pieces.iter().map(short).collect()
}
