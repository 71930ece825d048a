//! Where the storage of each blob comes from: what the wallet owns is used before anything is bought. Client spec 1.5.

use walrus_core::{BlobId, Epoch};
use walrus_sui::{
    objects::{Blob, OwnedStorage},
    transactions::StoragePiece,
};

use super::cutting::{Offer, Stock};
use crate::limits;

/// A blob that needs storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) blob_id: BlobId,
    /// Bytes after encoding.
    pub(super) encoded_size: u64,
}

/// For how long, and what counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) current: Epoch,
    /// First epoch that need not be paid for.
    pub(super) end: Epoch,
    pub(super) deletable: bool,
    /// Whether a certified object of the wallet may stand for a store.
    pub(super) use_certified: bool,
}

/// What a wallet owns.
#[derive(Debug, Clone, Default)]
pub(super) struct Owned {
    pub(super) blobs: Vec<Blob>,
    pub(super) storage: Vec<OwnedStorage>,
}

/// Where storage comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A certified object that lasts long enough: nothing to do.
    Certified(Blob),
    /// A certified object, to be extended.
    Extend(Blob, Extension),
    /// A registered object, to be certified, then extended if it does not last long enough.
    Registered(Blob, Option<Extension>),
    /// Parts of storage resources.
    Storage(Vec<StoragePiece>),
    /// Nothing the wallet owns fits.
    Buy,
}

/// How an object comes to last longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extension {
    pub(super) epochs: u32,
    /// Storage of the wallet for this time; it is bought where there is none.
    pub(super) pieces: Vec<StoragePiece>,
}

/// Finds a source for each of the first needs, as many as one transaction can register, and takes it from what is owned. Large
/// needs should come first: what fits them fits few others.
pub(super) fn plan(needs: &[Need], owned: &mut Owned, terms: Terms) -> Vec<Source> {
    let mut stock = Stock::new(std::mem::take(&mut owned.storage), terms);
    let mut sources = Vec::new();
    for need in needs.iter().take(limits::BLOBS_PER_TRANSACTION) {
        let source = match take_blob(need, &mut owned.blobs, terms) {
            Source::Buy => match stock.take(need.encoded_size) {
                Offer::Pieces(pieces) => Source::Storage(pieces),
                Offer::Nothing => Source::Buy,
                Offer::Later => break,
            },
            Source::Extend(blob, extension) => {
                let extension = extension.served_by(&blob, &mut stock);
                Source::Extend(blob, extension)
            }
            Source::Registered(blob, Some(extension)) => {
                let extension = extension.served_by(&blob, &mut stock);
                Source::Registered(blob, Some(extension))
            }
            source => source,
        };
        sources.push(source);
    }
    owned.storage = stock.into_rest();
    sources
}

impl Extension {
    fn bought(epochs: u32) -> Self {
        let pieces = Vec::new();
        Self { epochs, pieces }
    }

    fn served_by(mut self, blob: &Blob, stock: &mut Stock) -> Self {
        let storage = &blob.storage;
        let pieces = stock.extend(storage.storage_size, storage.end_epoch);
        self.pieces = pieces.unwrap_or_default();
        self
    }
}

fn take_blob(need: &Need, blobs: &mut Vec<Blob>, terms: Terms) -> Source {
    let best = blobs
        .iter()
        .enumerate()
        .filter(|(_, blob)| {
            blob.blob_id == need.blob_id
                && blob.deletable == terms.deletable
                && blob.storage.end_epoch > terms.current
                && (terms.use_certified || blob.certified_epoch.is_none())
        })
        // What costs nothing comes first, then what needs no upload.
        .max_by_key(|(_, blob)| {
            let lasts = blob.storage.end_epoch >= terms.end;
            (
                lasts,
                blob.certified_epoch.is_some(),
                blob.storage.end_epoch,
            )
        })
        .map(|(position, _)| position);
    let Some(position) = best else {
        return Source::Buy;
    };
    let blob = blobs.swap_remove(position);
    let missing = terms
        .end
        .checked_sub(blob.storage.end_epoch)
        .filter(|epochs| *epochs > 0)
        .map(Extension::bought);
    match (blob.certified_epoch, missing) {
        (Some(_), None) => Source::Certified(blob),
        (Some(_), Some(extension)) => Source::Extend(blob, extension),
        (None, missing) => Source::Registered(blob, missing),
    }
}

#[cfg(test)]
mod tests {
    use walrus_sui::{Address, Digest, ObjectReference, objects::Storage};

    use super::*;

    const TERMS: Terms = Terms {
        current: 10,
        end: 15,
        deletable: true,
        use_certified: true,
    };

    fn id(number: u8) -> Address {
        Address::new([number; 32])
    }

    fn storage(number: u8, end_epoch: u32, storage_size: u64) -> Storage {
        Storage {
            id: id(number),
            start_epoch: 8,
            end_epoch,
            storage_size,
        }
    }

    fn blob(number: u8, blob_id: u8, end_epoch: u32, certified_epoch: Option<u32>) -> Blob {
        Blob {
            id: id(number),
            registered_epoch: 8,
            blob_id: BlobId([blob_id; 32]),
            size: 1,
            encoding_type: 1,
            certified_epoch,
            storage: storage(number, end_epoch, 100),
            deletable: true,
        }
    }

    fn need(blob_id: u8, encoded_size: u64) -> Need {
        Need {
            blob_id: BlobId([blob_id; 32]),
            encoded_size,
        }
    }

    fn owning(blobs: Vec<Blob>, storage: Vec<Storage>) -> Owned {
        let owned = |storage: Storage| OwnedStorage {
            reference: ObjectReference::new(storage.id, 1, Digest::ZERO),
            storage,
        };
        let storage = storage.into_iter().map(owned).collect();
        Owned { blobs, storage }
    }

    fn plan_one(blobs: Vec<Blob>, terms: Terms) -> Source {
        plan(&[need(1, 100)], &mut owning(blobs, vec![]), terms).remove(0)
    }

    #[test]
    fn owned_objects_are_used_by_state_and_lifetime() {
        let certified = blob(1, 1, 15, Some(9));
        assert_eq!(
            plan_one(vec![certified.clone()], TERMS),
            Source::Certified(certified.clone())
        );
        let short = blob(1, 1, 12, Some(9));
        assert_eq!(
            plan_one(vec![short.clone()], TERMS),
            Source::Extend(short, Extension::bought(3))
        );
        let registered = blob(1, 1, 20, None);
        let expected = Source::Registered(registered.clone(), None);
        assert_eq!(plan_one(vec![registered], TERMS), expected);
        let both = blob(1, 1, 14, None);
        assert_eq!(
            plan_one(vec![both.clone()], TERMS),
            Source::Registered(both, Some(Extension::bought(1)))
        );
        let forced = Terms {
            use_certified: false,
            ..TERMS
        };
        assert_eq!(plan_one(vec![certified], forced), Source::Buy);
    }

    #[test]
    fn objects_that_do_not_fit_are_left_alone() {
        let other_blob = blob(1, 2, 20, None);
        let expired = blob(2, 1, 10, None);
        let permanent = Blob {
            deletable: false,
            ..blob(3, 1, 20, None)
        };
        assert_eq!(
            plan_one(vec![other_blob, expired, permanent], TERMS),
            Source::Buy
        );
    }

    #[test]
    fn an_object_is_used_once() {
        let mut owned = owning(vec![blob(1, 1, 20, None)], vec![]);
        let object = owned.blobs[0].clone();
        let sources = plan(&[need(1, 100), need(1, 100)], &mut owned, TERMS);
        assert_eq!(sources, [Source::Registered(object, None), Source::Buy]);
        assert!(owned.blobs.is_empty());
    }

    #[test]
    fn storage_serves_several_blobs_and_the_rest_stays_for_later_ones() {
        let mut owned = owning(vec![], vec![storage(1, 30, 500)]);
        let needs = [need(1, 300), need(2, 150), need(3, 90)];
        let sources = plan(&needs, &mut owned, TERMS);
        let taken = |source: &Source| match source {
            Source::Storage(pieces) => pieces.iter().map(|piece| piece.size).sum(),
            _ => 0_u64,
        };
        assert_eq!(sources.iter().map(taken).collect::<Vec<_>>(), [300, 150, 0]);
        assert_eq!(sources[2], Source::Buy);
        assert_eq!(owned.storage[0].storage, storage(1, 30, 50));
    }

    #[test]
    fn storage_that_is_owned_extends_what_is_owned() {
        let short = blob(1, 1, 12, Some(9));
        let mut owned = owning(vec![short], vec![storage(2, 30, 500)]);
        let sources = plan(&[need(1, 100)], &mut owned, TERMS);
        let Source::Extend(_, extension) = &sources[0] else {
            panic!("{sources:?}");
        };
        assert_eq!((extension.epochs, extension.pieces.len()), (3, 1));
        assert_eq!(owned.storage[0].storage.storage_size, 400);
    }

    #[test]
    fn a_plan_is_no_longer_than_a_transaction() {
        let needs = vec![need(1, 100); limits::BLOBS_PER_TRANSACTION + 1];
        let sources = plan(&needs, &mut Owned::default(), TERMS);
        assert_eq!(sources.len(), limits::BLOBS_PER_TRANSACTION);
    }
}
