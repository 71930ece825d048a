//! Segment files: whatever a disk made of them, they open, give back no wrong byte, and take new slivers.

use std::{fs, path::Path};

use walrus_core::{BlobId, SliverType};
use walrus_fuzz::edited;
use walrus_node::storage::segments::{Found, NewSliver, SegmentError, ShardSegments};

const SEGMENT_BYTES: u64 = 4096;
const FILE: &str = "0000000000.slivers";

fn open(directory: &Path) -> ShardSegments {
    ShardSegments::open_with(directory.to_owned(), SEGMENT_BYTES).unwrap()
}

/// The payload that every sliver of this blob has here.
fn payload(blob: u8) -> Vec<u8> {
    vec![blob; 40 + usize::from(blob)]
}

fn sliver(blob: u8, payload: &[u8]) -> NewSliver<'_> {
    NewSliver {
        blob_id: BlobId([blob; 32]),
        sliver_type: SliverType::Primary,
        payload,
    }
}

/// A segment with three slivers, of which one is taken back.
fn seed(directory: &Path) -> Vec<u8> {
    let segments = open(directory);
    for blob in 1..=3 {
        segments.append(&[sliver(blob, &payload(blob))]).unwrap();
    }
    segments
        .delete(BlobId([2; 32]), SliverType::Primary)
        .unwrap();
    fs::read(directory.join(FILE)).unwrap()
}

/// The slivers that can be read.
fn readable(segments: &ShardSegments) -> Vec<Found> {
    let mut found = Vec::new();
    segments.scan(|record| found.push(record)).unwrap();
    found.retain(|record| {
        let Some(location) = record.location else {
            return false;
        };
        match segments.read(location, &record.blob_id, record.sliver_type) {
            Ok(read) => {
                assert_eq!(
                    read,
                    payload(record.blob_id.0[0]),
                    "a wrong sliver was returned"
                );
                true
            }
            Err(SegmentError::Corrupt { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    });
    found
}

#[test]
fn segments() {
    let directory = tempfile::tempdir().unwrap();
    let seeds = [seed(directory.path())];
    super::fuzz!(150, move |bytes: &[u8]| {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE);
        let data = edited(&seeds, bytes);
        fs::write(&file, &data).unwrap();
        let opened = ShardSegments::open_with(directory.path().to_owned(), SEGMENT_BYTES);
        let segments = match opened {
            // Bytes that a newer program may have written stay as they are.
            Err(SegmentError::Newer { .. }) => return assert_eq!(fs::read(&file).unwrap(), data),
            opened => opened.unwrap(),
        };
        let mut before = readable(&segments);
        let location = segments.append(&[sliver(9, &payload(9))]).unwrap()[0];
        drop(segments);
        let after = readable(&open(directory.path()));
        before.push(Found {
            blob_id: BlobId([9; 32]),
            sliver_type: SliverType::Primary,
            location: Some(location),
        });
        assert_eq!(
            after, before,
            "what could be read can be read after a restart"
        );
    });
}
