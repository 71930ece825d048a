//! Every field of `manifest.json`, and what bytes that are nearly a manifest are.

use proptest::prelude::*;
use walrus_core::{
    BlobId,
    manifest::{HEAD_BYTES, MAX_MANIFEST_BYTES, MAX_PARTS, Manifest, ManifestError, Part},
};

use crate::vector_files::{bytes, list, load, number, text};

fn digest(hex: &serde_json::Value) -> [u8; 32] {
    bytes(hex).try_into().unwrap()
}

#[test]
fn vectors_are_what_is_written_and_read() {
    let vectors = load("manifest.json");
    for vector in list(&vectors["manifests"]) {
        let parts = list(&vector["parts"]).iter().map(|part| Part {
            blob_id: BlobId(digest(&part["blob_id_hex"])),
            length: number(&part["length"]),
        });
        let manifest = Manifest::new(digest(&vector["digest_hex"]), parts.collect()).unwrap();
        assert_eq!(manifest.length(), number(&vector["length"]));
        let bytes = bytes(&vector["bytes_hex"]);
        assert_eq!(manifest.to_bytes(), bytes, "{}", vector["name"]);
        assert_eq!(Manifest::from_bytes(&bytes), Ok(manifest));
        assert!(Manifest::can_have_length(bytes.len() as u64));
    }
}

#[test]
fn what_is_no_manifest_is_told() {
    let vectors = load("manifest.json");
    for vector in list(&vectors["refused"]) {
        let error = Manifest::from_bytes(&bytes(&vector["bytes_hex"])).unwrap_err();
        let name = format!("{error:?}");
        assert!(name.starts_with(text(&vector["error"])), "{vector}: {name}");
    }
    let part = Part {
        blob_id: BlobId([1; 32]),
        length: 1,
    };
    let most = Manifest::new([0; 32], vec![part; MAX_PARTS]).unwrap();
    let mut bytes = most.to_bytes();
    assert_eq!(bytes.len(), MAX_MANIFEST_BYTES);
    assert_eq!(Manifest::from_bytes(&bytes), Ok(most));
    let one_more = vec![part; MAX_PARTS + 1];
    let parts = one_more.len() as u64;
    let too_many = ManifestError::PartCount { parts };
    assert_eq!(Manifest::new([0; 32], one_more), Err(too_many));
    bytes.extend_from_slice(&[1; 40]);
    bytes[20..24].copy_from_slice(&(MAX_PARTS as u32 + 1).to_le_bytes());
    assert_eq!(Manifest::from_bytes(&bytes), Err(too_many));
    assert!(!Manifest::can_have_length(bytes.len() as u64));
}

#[test]
fn most_lengths_are_of_no_manifest() {
    let lengths = (0..10_000).filter(|length| Manifest::can_have_length(*length));
    let first: Vec<_> = lengths.clone().take(3).collect();
    assert_eq!(first, [144, 184, 224]);
    assert_eq!(lengths.count(), 247);
}

/// Parts of these lengths.
fn manifest(lengths: &[u64]) -> Manifest {
    let part = |(number, length): (usize, &u64)| Part {
        blob_id: BlobId([number as u8; 32]),
        length: *length,
    };
    let parts = lengths.iter().enumerate().map(part).collect();
    Manifest::new([9; 32], parts).unwrap()
}

proptest! {
    #[test]
    fn bytes_are_one_manifest_or_none(
        lengths in prop::collection::vec(1_u64..1 << 40, 2..20),
        place in 0_usize..1000,
        change in 1_u8..,
    ) {
        let manifest = manifest(&lengths);
        let mut bytes = manifest.to_bytes();
        prop_assert_eq!(Manifest::from_bytes(&bytes), Ok(manifest.clone()));
        let place = place % bytes.len();
        bytes[place] ^= change;
        // Whatever is read of other bytes are those bytes, and another manifest.
        if let Ok(other) = Manifest::from_bytes(&bytes) {
            prop_assert!(place >= HEAD_BYTES - 32 && other != manifest);
            prop_assert_eq!(other.to_bytes(), bytes);
        }
    }

    #[test]
    fn random_bytes_are_none(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Manifest::from_bytes(&bytes).is_err());
    }

    #[test]
    fn pieces_are_the_range(
        lengths in prop::collection::vec(1_u64..20, 2..12),
        start in 0_u64..260,
        length in 0_u64..260,
    ) {
        let manifest = manifest(&lengths);
        let expected: Vec<(usize, u64)> = lengths
            .iter()
            .enumerate()
            .flat_map(|(number, length)| (0..*length).map(move |byte| (number, byte)))
            .skip(start as usize)
            .take(length as usize)
            .collect();
        let found: Vec<_> = manifest
            .pieces(start..start + length)
            .inspect(|piece| {
                assert!(!piece.within.is_empty());
                assert_eq!(piece.part, manifest.parts()[piece.number]);
            })
            .flat_map(|piece| piece.within.map(move |byte| (piece.number, byte)))
            .collect();
        prop_assert_eq!(found, expected);
    }
}
