//! Storage parts: what the storage of a blob was put together from, as it is told.

use walrus_core::Epoch;
use walrus_sui::{
    objects::{OwnedStorage, Storage},
    transactions::{PieceOrigin, StoragePiece},
};

use crate::{BoughtStorage, ReusedStorage};

/// What the storage of a blob was put together from. Storage that is new as a whole has no parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// Taken from what the wallet owned.
    pub(super) reused: Vec<ReusedStorage>,
    /// Bought beside it.
    pub(super) bought: Vec<BoughtStorage>,
}

impl Parts {
    /// Tells pieces, with what `rest` has left of the resources. It is epoch `current`.
    pub(super) fn of(pieces: &[StoragePiece], rest: &[OwnedStorage], current: Epoch) -> Self {
        let mut parts = Self::default();
        for piece in pieces {
            match &piece.origin {
                PieceOrigin::Owned(resource) => {
                    parts
                        .reused
                        .push(taken(piece, &resource.storage, rest, current));
                }
                PieceOrigin::Bought => parts.bought.push(BoughtStorage {
                    size: piece.size,
                    start_epoch: piece.start_epoch,
                    end_epoch: piece.end_epoch,
                }),
            }
        }
        if parts.reused.is_empty() {
            parts.bought.clear();
        }
        parts
    }
}

fn taken(
    piece: &StoragePiece,
    resource: &Storage,
    rest: &[OwnedStorage],
    current: Epoch,
) -> ReusedStorage {
    let from = resource.start_epoch.max(current);
    let mut rest = rest.iter().map(|owned| &owned.storage);
    let rest = rest.find(|storage| storage.id == resource.id);
    ReusedStorage {
        resource: resource.id,
        taken: piece.size,
        start_epoch: piece.start_epoch,
        end_epoch: piece.end_epoch,
        left: rest.map_or(0, |storage| storage.storage_size),
        resource_end_epoch: resource.end_epoch,
        left_before_from: (from < piece.start_epoch).then_some(from),
    }
}
