//! Where the storage of each blob comes from: what the wallet owns is used before anything is bought. Client spec 1.5.

use std::cmp::Reverse;

use walrus_core::{BlobId, Epoch};
use walrus_sui::objects::{Blob, Storage};

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

/// Where storage comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A certified object that lasts long enough: nothing to do.
    Certified(Blob),
    /// A certified object, to be extended by so many epochs.
    Extend(Blob, u32),
    /// A registered object, to be certified, then extended by so many epochs if it does not last long enough.
    Registered(Blob, Option<u32>),
    /// A storage resource.
    Storage(Storage),
    /// Nothing the wallet owns fits.
    Buy,
}

/// Finds a source for each need. An object is used once: identical blobs get one each.
pub(super) fn plan(
    needs: &[Need],
    mut blobs: Vec<Blob>,
    mut storage: Vec<Storage>,
    terms: Terms,
) -> Vec<Source> {
    let mut sources: Vec<Source> = needs
        .iter()
        .map(|need| take_blob(need, &mut blobs, terms))
        .collect();
    storage.retain(|resource| {
        resource.start_epoch <= terms.current && resource.end_epoch >= terms.end
    });
    // The largest blobs choose first: what fits them fits few others.
    let mut order: Vec<usize> = (0..needs.len()).collect();
    order.sort_by_key(|index| needs.get(*index).map(|need| Reverse(need.encoded_size)));
    for index in order {
        if let (Some(need), Some(source @ Source::Buy)) = (needs.get(index), sources.get_mut(index))
            && let Some(resource) = take_storage(need, &mut storage)
        {
            *source = Source::Storage(resource);
        }
    }
    sources
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
        .filter(|epochs| *epochs > 0);
    match (blob.certified_epoch, missing) {
        (Some(_), None) => Source::Certified(blob),
        (Some(_), Some(epochs)) => Source::Extend(blob, epochs),
        (None, missing) => Source::Registered(blob, missing),
    }
}

/// The smallest resource that fits; of equals the one that ends first.
fn take_storage(need: &Need, storage: &mut Vec<Storage>) -> Option<Storage> {
    let position = storage
        .iter()
        .enumerate()
        .filter(|(_, resource)| resource.storage_size >= need.encoded_size)
        .min_by_key(|(_, resource)| (resource.storage_size, resource.end_epoch))
        .map(|(position, _)| position)?;
    Some(storage.swap_remove(position))
}

#[cfg(test)]
mod tests {
    use walrus_sui::Address;

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

    fn plan_one(blobs: Vec<Blob>, terms: Terms) -> Source {
        plan(&[need(1, 100)], blobs, vec![], terms).remove(0)
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
            Source::Extend(short, 3)
        );
        let registered = blob(1, 1, 20, None);
        let expected = Source::Registered(registered.clone(), None);
        assert_eq!(plan_one(vec![registered], TERMS), expected);
        let both = blob(1, 1, 14, None);
        assert_eq!(
            plan_one(vec![both.clone()], TERMS),
            Source::Registered(both, Some(1))
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
    fn identical_blobs_get_one_object_each() {
        let owned = vec![blob(1, 1, 20, None)];
        let sources = plan(&[need(1, 100), need(1, 100)], owned.clone(), vec![], TERMS);
        assert_eq!(
            sources,
            [Source::Registered(owned[0].clone(), None), Source::Buy]
        );
    }

    #[test]
    fn large_blobs_choose_storage_first_and_take_the_smallest_that_fits() {
        let resources = vec![
            storage(1, 15, 500),
            storage(2, 20, 200),
            storage(3, 16, 200),
            storage(4, 14, 150),
        ];
        let needs = [need(1, 100), need(2, 190), need(3, 600)];
        let sources = plan(&needs, vec![], resources, TERMS);
        assert_eq!(sources[1], Source::Storage(storage(3, 16, 200)));
        assert_eq!(sources[0], Source::Storage(storage(2, 20, 200)));
        assert_eq!(sources[2], Source::Buy);
    }
}
