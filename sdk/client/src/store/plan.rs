//! Storage plan, where the storage of each blob comes from: what the wallet owns is used before anything is bought. Client spec 1.5.

use std::cmp::Reverse;

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
    /// Whether objects are given away. Then only what can be given away by the transaction that certifies it may be taken from the
    /// wallet uncertified: whoever registered it would take it for stored in the meantime.
    pub(super) gives_away: bool,
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
    /// Parts of storage resources, and what is bought beside them.
    Storage(Vec<StoragePiece>),
    /// Nothing the wallet owns fits.
    Buy,
}

impl Source {
    /// Whether a registration buys storage for a time that is given by its epochs.
    pub(super) fn buys_for_dates(&self) -> bool {
        let bought = |piece: &StoragePiece| piece.resource().is_none();
        matches!(self, Self::Storage(pieces) if pieces.iter().any(bought))
    }
}

/// How an object comes to last longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extension {
    pub(super) epochs: u32,
    /// Storage of the wallet for this time, and what is bought beside it; all is bought where there is none.
    pub(super) pieces: Vec<StoragePiece>,
}

/// Finds a source for each of the first needs, as many as one transaction can register, and takes it from what is owned. Large
/// needs should come first: what fits them fits few others.
pub(super) fn plan(needs: &[Need], owned: &mut Owned, terms: Terms) -> Vec<Source> {
    let needs = needs.get(..limits::BLOBS_PER_TRANSACTION).unwrap_or(needs);
    let plain = Draft::make(needs, owned.clone(), terms, Stock::unmixed);
    let mixed = Draft::make(needs, std::mem::take(owned), terms, |stock| stock);
    let draft = if mixed.is_cheaper_than(&plain) {
        mixed
    } else {
        plain
    };
    *owned = draft.owned;
    draft.sources
}

/// One way to serve needs.
struct Draft {
    sources: Vec<Source>,
    /// What the blobs up to each one cost and use up of owned storage, as [`Stock::price`] tells it.
    prices: Vec<(u128, u128)>,
    /// What is left.
    owned: Owned,
}

impl Draft {
    fn make(
        needs: &[Need],
        mut owned: Owned,
        terms: Terms,
        kind: impl FnOnce(Stock) -> Stock,
    ) -> Self {
        let mut stock = kind(Stock::new(std::mem::take(&mut owned.storage), terms));
        let (mut sources, mut prices) = (Vec::new(), Vec::new());
        for need in needs {
            let Some(source) = source(need, &mut owned.blobs, &mut stock, terms) else {
                break;
            };
            sources.push(source);
            prices.push(stock.price());
        }
        owned.storage = stock.into_rest();
        Self {
            sources,
            prices,
            owned,
        }
    }

    /// By the needs that both serve; at the same price it is what uses up less of what is owned. Blobs that buy a little each, for different times, may pay for started units that they
    /// would share otherwise.
    fn is_cheaper_than(&self, other: &Self) -> bool {
        let mut both = self.prices.iter().zip(&other.prices);
        both.next_back().is_some_and(|(ours, theirs)| ours < theirs)
    }
}

/// The source for one need; `None` if only the next transaction has room for it.
fn source(need: &Need, blobs: &mut Vec<Blob>, stock: &mut Stock, terms: Terms) -> Option<Source> {
    Some(match take_blob(need, blobs, terms) {
        Source::Buy => match stock.take(need.encoded_size) {
            Offer::Pieces(pieces) => Source::Storage(pieces),
            Offer::Buy => Source::Buy,
            Offer::Later => return None,
        },
        Source::Extend(blob, extension) => {
            let extension = extension.served_by(&blob, stock);
            Source::Extend(blob, extension)
        }
        Source::Registered(blob, Some(extension)) => {
            let extension = extension.served_by(&blob, stock);
            Source::Registered(blob, Some(extension))
        }
        source => source,
    })
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
                && match blob.certified_epoch {
                    Some(_) => terms.use_certified,
                    None => !terms.gives_away || blob.storage.end_epoch >= terms.end,
                }
        })
        // What costs nothing comes first, then what needs no upload. Of equals the first: if several programs have just registered
        // the same, the later ones give way to it.
        .min_by_key(|(_, blob)| {
            let lasts = blob.storage.end_epoch >= terms.end;
            Reverse((
                lasts,
                blob.certified_epoch.is_some(),
                blob.storage.end_epoch,
            ))
        })
        .map(|(position, _)| position);
    let Some(position) = best else {
        return Source::Buy;
    };
    let blob = blobs.remove(position);
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
    use proptest::prelude::*;
    use walrus_core::EncodingType;
    use walrus_sui::{
        contract::Prices,
        objects::Storage,
        transactions::{BlobRegistration, StorageSource, registration_costs},
    };

    use super::*;
    use crate::store::samples::{id, owned_as};

    const TERMS: Terms = Terms {
        current: 10,
        end: 15,
        deletable: true,
        use_certified: true,
        gives_away: false,
    };

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
        let storage = storage.into_iter().map(owned_as).collect();
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
    fn what_is_given_away_is_given_away_by_its_certificate() {
        let giving = Terms {
            gives_away: true,
            ..TERMS
        };
        let long = blob(1, 1, 15, None);
        let expected = Source::Registered(long.clone(), None);
        assert_eq!(plan_one(vec![long], giving), expected);
        assert_eq!(plan_one(vec![blob(1, 1, 14, None)], giving), Source::Buy);
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
    fn of_equal_objects_the_first_is_used() {
        let source = plan_one(vec![blob(1, 1, 20, None), blob(2, 1, 20, None)], TERMS);
        assert_eq!(source, Source::Registered(blob(1, 1, 20, None), None));
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

    /// FROST for registering all of these blobs at once.
    fn total(sources: &[Source], needs: &[Need]) -> u64 {
        let blobs: Vec<BlobRegistration> = sources
            .iter()
            .zip(needs)
            .map(|(source, need)| BlobRegistration {
                blob_id: need.blob_id,
                root_hash: [0; 32],
                unencoded_size: 1,
                encoded_size: need.encoded_size,
                encoding_type: EncodingType::RS2,
                deletable: true,
                storage: StorageSource::Pieces(match source {
                    Source::Storage(pieces) => pieces.clone(),
                    Source::Buy => vec![StoragePiece::bought(need.encoded_size, 10, 15)],
                    other => panic!("{other:?}"),
                }),
                attributes: Vec::new(),
            })
            .collect();
        let prices = Prices {
            storage_price_per_unit: 10,
            write_price_per_unit: 0,
        };
        registration_costs(&blobs, &prices).unwrap().iter().sum()
    }

    #[test]
    fn what_is_owned_and_what_it_lacks_make_one_plan() {
        let mut owned = owning(vec![], vec![storage(1, 12, 4 << 20)]);
        let sources = plan(&[need(1, 3 << 20)], &mut owned, TERMS);
        assert!(sources[0].buys_for_dates(), "{sources:?}");
        // Three units for the three epochs that are missing.
        assert_eq!(total(&sources, &[need(1, 3 << 20)]), 90);
        assert_eq!(owned.storage[0].storage.storage_size, 1 << 20);
        let short = blob(1, 1, 12, Some(9));
        let mut owned = owning(vec![short], vec![storage(2, 14, 500)]);
        let sources = plan(&[need(1, 100)], &mut owned, TERMS);
        let Source::Extend(_, extension) = &sources[0] else {
            panic!("{sources:?}");
        };
        let times: Vec<_> = extension
            .pieces
            .iter()
            .map(|piece| {
                (
                    piece.resource().is_some(),
                    piece.start_epoch,
                    piece.end_epoch,
                )
            })
            .collect();
        assert_eq!(times, [(true, 12, 14), (false, 14, 15)]);
    }

    #[test]
    fn blobs_share_a_started_unit_rather_than_a_little_owned_storage() {
        let mut owned = owning(vec![], vec![storage(1, 11, 1_000)]);
        let needs = [need(1, 1_000), need(2, 900), need(3, 800)];
        // Alone the first would buy four epochs; the others need all five anyhow.
        let sources = plan(&needs, &mut owned, TERMS);
        assert_eq!(sources, [Source::Buy, Source::Buy, Source::Buy]);
        assert_eq!(owned.storage.len(), 1);
    }

    proptest! {
        #[test]
        fn a_plan_is_never_dearer_than_buying_anew(
            resources in proptest::collection::vec((1_u32..16, 1_u32..8, 1_u64..4 << 20), 0..6),
            sizes in proptest::collection::vec(1_u64..3 << 20, 1..8),
        ) {
            let numbered = (1_u8..).zip(resources);
            let storage = numbered.map(|(number, (start_epoch, length, storage_size))| Storage {
                id: id(number),
                start_epoch,
                end_epoch: start_epoch + length,
                storage_size,
            });
            let mut owned = owning(vec![], storage.collect());
            let bytes = |owned: &Owned| owned.storage.iter().map(|o| o.storage.storage_size).sum::<u64>();
            let useful = Stock::new(owned.storage.clone(), TERMS).into_rest();
            let before = bytes(&Owned { storage: useful, ..Owned::default() });
            let needs: Vec<Need> = (1..).zip(&sizes).map(|(number, size)| need(number, *size)).collect();
            let sources = plan(&needs, &mut owned, TERMS);
            prop_assert_eq!(sources.len(), needs.len());
            let anew = vec![Source::Buy; needs.len()];
            prop_assert!(total(&sources, &needs) <= total(&anew, &needs));
            let pieces = sources.iter().filter_map(|source| match source {
                Source::Storage(pieces) => Some(pieces),
                _ => None,
            });
            let taken: u64 = pieces.flatten().filter(|p| p.resource().is_some()).map(|p| p.size).sum();
            prop_assert_eq!(before - bytes(&owned), taken);
        }
    }
}
