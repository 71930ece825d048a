//! Sliver segments: what is written is read back, what is torn is cut off, what is damaged is reported.

use std::{collections::BTreeMap, fs::OpenOptions, path::Path};

use proptest::prelude::*;
use walrus_core::{BlobId, SliverType};
use walrus_node::storage::segments::{Location, NewSliver, SegmentError, ShardSegments};

const SEGMENT_BYTES: u64 = 4096;

fn open(dir: &Path) -> ShardSegments {
    ShardSegments::open_with(dir.to_owned(), SEGMENT_BYTES).unwrap()
}

fn write(segments: &ShardSegments, id: u8, payload: &[u8]) -> Location {
    let sliver = NewSliver {
        blob_id: BlobId([id; 32]),
        sliver_type: SliverType::Primary,
        payload,
    };
    segments.append(&[sliver]).unwrap()[0]
}

fn read(segments: &ShardSegments, location: Location, id: u8) -> Result<Vec<u8>, SegmentError> {
    segments.read(location, &BlobId([id; 32]), SliverType::Primary)
}

#[test]
fn slivers_survive_reopening_and_rolling_over() {
    let dir = tempfile::tempdir().unwrap();
    let segments = open(dir.path());
    let locations: Vec<_> = (0..20)
        .map(|id| write(&segments, id, &vec![id; 1000]))
        .collect();
    assert!(
        locations.last().unwrap().segment > 0,
        "several segments were needed"
    );
    drop(segments);
    let segments = open(dir.path());
    for (id, location) in (0..20).zip(locations) {
        assert_eq!(read(&segments, location, id).unwrap(), vec![id; 1000]);
    }
}

#[test]
fn a_tail_torn_anywhere_costs_only_the_last_record() {
    for cut in 1..180 {
        let dir = tempfile::tempdir().unwrap();
        let segments = open(dir.path());
        let first = write(&segments, 1, &[1; 100]);
        write(&segments, 2, &[2; 100]);
        drop(segments);
        let path = dir.path().join("0000000000.slivers");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(360 - cut).unwrap();
        drop(file);

        let segments = open(dir.path());
        assert_eq!(read(&segments, first, 1).unwrap(), vec![1; 100]);
        let third = write(&segments, 3, &[3; 50]);
        assert_eq!(
            third.offset, 180,
            "the next record takes the place of the torn one"
        );
        assert_eq!(read(&segments, third, 3).unwrap(), vec![3; 50]);
    }
}

#[test]
fn damage_is_reported_and_never_returned() {
    let dir = tempfile::tempdir().unwrap();
    let segments = open(dir.path());
    let location = write(&segments, 1, &[1; 100]);
    write(&segments, 2, &[2; 100]);
    let path = dir.path().join("0000000000.slivers");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[150] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let segments = open(dir.path());
    assert!(matches!(
        read(&segments, location, 1),
        Err(SegmentError::Corrupt { offset: 0, .. })
    ));
}

#[test]
fn a_location_of_another_sliver_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let segments = open(dir.path());
    let location = write(&segments, 1, &[1; 100]);
    assert!(read(&segments, location, 2).is_err());
    assert!(
        segments
            .read(location, &BlobId([1; 32]), SliverType::Secondary)
            .is_err()
    );
    assert!(
        read(
            &segments,
            Location {
                offset: 7,
                ..location
            },
            1
        )
        .is_err()
    );
    assert!(
        read(
            &segments,
            Location {
                offset: u64::MAX,
                ..location
            },
            1
        )
        .is_err()
    );
    assert!(matches!(
        read(
            &segments,
            Location {
                segment: 9,
                ..location
            },
            1
        ),
        Err(SegmentError::Missing { segment: 9, .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_index_rebuilt_by_scanning_is_the_one_that_was_kept(
        operations in proptest::collection::vec((0_u8..6, any::<bool>(), proptest::option::of(0_usize..600)), 1..60)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let segments = open(dir.path());
        let mut kept = BTreeMap::new();
        for (id, primary, length) in operations {
            let blob_id = BlobId([id; 32]);
            let sliver_type = if primary { SliverType::Primary } else { SliverType::Secondary };
            match length {
                Some(length) => {
                    let payload = vec![id; length];
                    let sliver = NewSliver { blob_id, sliver_type, payload: &payload };
                    kept.insert((id, primary), segments.append(&[sliver]).unwrap()[0]);
                }
                None => {
                    segments.delete(blob_id, sliver_type).unwrap();
                    kept.remove(&(id, primary));
                }
            }
        }
        drop(segments);
        let mut rebuilt = BTreeMap::new();
        open(dir.path()).scan(|found| {
            let key = (found.blob_id.0[0], found.sliver_type == SliverType::Primary);
            match found.location {
                Some(location) => { rebuilt.insert(key, location); }
                None => { rebuilt.remove(&key); }
            }
        }).unwrap();
        prop_assert_eq!(rebuilt, kept);
    }
}
