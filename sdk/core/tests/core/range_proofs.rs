//! Range proofs: every range has one, of its bytes and no others, and no byte of it can be changed.

use std::ops::Range;

use proptest::prelude::*;
use walrus_core::{
    BlobId, EncodingConfig, Threads,
    encoder::{BlobEncoder, EncodedBlob},
    manifest::{BodyDigest, Manifest, Part},
    proof::{BodyProof, ProofError, ProveError, RangeProof, RangeProver},
};

use crate::vector_files::{bytes, index, linear, list, load, number, text};

fn encode(n_shards: u16, blob: &[u8]) -> EncodedBlob {
    let config = EncodingConfig::new(n_shards).unwrap();
    let encoder = BlobEncoder::new(config, blob).unwrap();
    encoder.with_threads(Threads::ONE).encode().unwrap()
}

fn prove(encoded: &EncodedBlob, range: Range<u64>) -> RangeProof {
    let mut prover = RangeProver::new(&encoded.metadata, range).unwrap();
    for sliver in prover.slivers() {
        let pair = &encoded.pairs[sliver.as_usize()];
        prover.add(pair.primary.symbols.data()).unwrap();
    }
    prover.finish().unwrap()
}

fn place(range: &Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

#[test]
fn every_range_of_small_blobs_is_proved() {
    for (n, length) in [(4, 1), (4, 30), (7, 45), (10, 57), (10, 56)] {
        let blob = linear(length);
        let encoded = encode(n, &blob);
        let config = encoded.metadata.config();
        let blob_id = *encoded.metadata.blob_id();
        for start in 0..length as u64 {
            for end in start + 1..=length as u64 {
                let range = start..end;
                let proof = BodyProof::Blob(prove(&encoded, range.clone()));
                let bytes = &blob[place(&range)];
                assert_eq!(
                    proof.verify(blob_id, config, bytes),
                    Ok(()),
                    "{n} {range:?}"
                );
                let encoded = proof.to_bytes();
                assert_eq!(BodyProof::from_bytes(&encoded), Ok(proof));
            }
        }
    }
}

#[test]
fn symbols_of_many_bytes_and_bytes_that_come_in_pieces() {
    let blob = linear(100_000);
    let encoded = encode(10, &blob);
    let blob_id = *encoded.metadata.blob_id();
    for range in [0..100_000, 1..99_999, 25_000..25_001, 12_000..77_777] {
        let proof = prove(&encoded, range.clone());
        let mut verifier = proof.verifier(blob_id, encoded.metadata.config()).unwrap();
        for piece in blob[place(&range)].chunks(777) {
            verifier.update(piece).unwrap();
        }
        assert_eq!(verifier.missing(), 0);
        assert_eq!(verifier.finish(), Ok(()), "{range:?}");
    }
}

#[test]
fn no_byte_of_a_proof_or_of_the_range_can_be_changed() {
    let blob = linear(5000);
    let encoded = encode(13, &blob);
    let (blob_id, config) = (*encoded.metadata.blob_id(), *encoded.metadata.config());
    let range = 700..1800;
    let proof = BodyProof::Blob(prove(&encoded, range.clone()));
    let bytes = blob[place(&range)].to_vec();
    let encoded = proof.to_bytes();
    for at in 0..encoded.len() {
        for change in [1, 0x80] {
            let mut changed = encoded.clone();
            changed[at] ^= change;
            let verdict =
                BodyProof::from_bytes(&changed).and_then(|p| p.verify(blob_id, &config, &bytes));
            assert!(verdict.is_err(), "byte {at} of the proof");
        }
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let verdict = proof.verify(blob_id, &config, &changed);
        assert!(
            matches!(verdict, Err(ProofError::Mismatch { .. })),
            "byte {at}"
        );
    }
    for length in 0..encoded.len() {
        assert!(BodyProof::from_bytes(&encoded[..length]).is_err());
    }
    let more = [encoded, vec![0]].concat();
    let error = ProofError::TrailingBytes { count: 1 };
    assert_eq!(BodyProof::from_bytes(&more), Err(error));
    let (expected, found) = (1100, 1099);
    let few = proof.verify(blob_id, &config, &bytes[1..]);
    assert_eq!(few, Err(ProofError::WrongCount { expected, found }));
    let many = proof.verify(blob_id, &config, &[bytes, vec![0]].concat());
    assert_eq!(
        many,
        Err(ProofError::WrongCount {
            expected,
            found: 1101
        })
    );
}

#[test]
fn a_proof_for_other_shards_is_refused() {
    let blob = linear(40);
    let (ten, eleven) = (encode(10, &blob), encode(11, &blob));
    let proof = prove(&ten, 0..40);
    let verdict = proof.verify(*ten.metadata.blob_id(), eleven.metadata.config(), &blob);
    let (proof, network) = (10, 11);
    assert_eq!(verdict, Err(ProofError::OtherShards { proof, network }));
}

#[test]
fn a_prover_takes_the_slivers_of_its_range_alone() {
    let encoded = encode(10, &linear(5000));
    let rows: Vec<_> = encoded
        .pairs
        .iter()
        .map(|pair| pair.primary.symbols.data())
        .collect();
    let row = rows[0].len() as u64;
    let prover = || RangeProver::new(&encoded.metadata, row - 1..row + 1).unwrap();
    let slivers: Vec<u16> = prover().slivers().map(|sliver| sliver.0).collect();
    assert_eq!(slivers, [0, 1]);
    let wrong = prover().add(rows[1]);
    assert!(matches!(wrong, Err(ProveError::WrongSliver { index }) if index.0 == 0));
    let mut two = prover();
    two.add(rows[0]).unwrap();
    assert_eq!(
        two.add(&[rows[1], b"0"].concat()).unwrap_err().to_string(),
        "what was given as source sliver 1 is not that of the blob"
    );
    two.add(rows[1]).unwrap();
    assert_eq!(two.add(rows[2]), Err(ProveError::TooMany));
    assert!(two.finish().is_ok());
    assert_eq!(prover().finish().unwrap_err(), ProveError::TooFew);
    let backwards = Range { start: 3, end: 2 };
    for none in [0..0, 5000..5000, 4000..5001, backwards] {
        let refused = RangeProver::new(&encoded.metadata, none);
        assert!(matches!(
            refused,
            Err(ProofError::NoSuchRange { length: 5000, .. })
        ));
    }
}

/// Parts, and the manifest of them.
fn body(n_shards: u16, parts: &[&[u8]]) -> (Manifest, EncodedBlob, Vec<EncodedBlob>) {
    let mut digest = BodyDigest::default();
    parts.iter().for_each(|part| digest.update(part));
    let encoded: Vec<_> = parts.iter().map(|part| encode(n_shards, part)).collect();
    let named = encoded.iter().zip(parts).map(|(encoded, part)| Part {
        blob_id: *encoded.metadata.blob_id(),
        length: part.len() as u64,
    });
    let manifest = Manifest::new(digest.finish(), named.collect()).unwrap();
    let blob = encode(n_shards, &manifest.to_bytes());
    (manifest, blob, encoded)
}

fn prove_body(
    (manifest, blob, parts): &(Manifest, EncodedBlob, Vec<EncodedBlob>),
    range: Range<u64>,
) -> BodyProof {
    let is_blob = prove(blob, 0..blob.metadata.unencoded_length());
    let pieces = manifest.pieces(range.clone());
    let pieces = pieces.map(|piece| prove(&parts[piece.number], piece.within));
    BodyProof::of_manifest(manifest.clone(), is_blob, range, pieces.collect()).unwrap()
}

#[test]
fn ranges_of_the_body_of_a_manifest_are_proved_through_it() {
    let parts = [linear(50), linear(33), linear(61)];
    let whole = parts.concat();
    let made = body(7, &parts.each_ref().map(Vec::as_slice));
    let (blob_id, config) = (*made.1.metadata.blob_id(), *made.1.metadata.config());
    for range in [0..144, 0..50, 49..51, 50..83, 20..120, 143..144] {
        let proof = prove_body(&made, range.clone());
        let bytes = &whole[place(&range)];
        assert_eq!(proof.verify(blob_id, &config, bytes), Ok(()), "{range:?}");
        assert_eq!(BodyProof::from_bytes(&proof.to_bytes()), Ok(proof.clone()));
        let mut verifier = proof.verifier(blob_id, &config).unwrap();
        bytes
            .chunks(7)
            .for_each(|piece| verifier.update(piece).unwrap());
        assert_eq!(verifier.finish(), Ok(()));
        let mut fewer = proof.verifier(blob_id, &config).unwrap();
        fewer.update(&bytes[..bytes.len() - 1]).unwrap();
        assert!(matches!(fewer.finish(), Err(ProofError::WrongCount { .. })));
    }
    let range = 45..90;
    let (proof, bytes) = (prove_body(&made, range.clone()), &whole[place(&range)]);
    let encoded = proof.to_bytes();
    for at in 0..encoded.len() {
        let mut changed = encoded.clone();
        changed[at] ^= 1;
        let verdict =
            BodyProof::from_bytes(&changed).and_then(|p| p.verify(blob_id, &config, bytes));
        assert!(verdict.is_err(), "byte {at}");
    }
    // A true manifest of another blob, and true parts of another manifest.
    let verdict = proof.verify(BlobId([1; 32]), &config, bytes);
    assert!(matches!(verdict, Err(ProofError::Mismatch { .. })));
    let BodyProof::Manifest {
        manifest,
        is_blob,
        pieces,
        ..
    } = proof
    else {
        panic!()
    };
    let swapped = vec![pieces[1].clone(), pieces[0].clone()];
    for pieces in [
        swapped,
        pieces[..1].to_vec(),
        [pieces.clone(), pieces].concat(),
    ] {
        let made = BodyProof::of_manifest(manifest.clone(), is_blob.clone(), range.clone(), pieces);
        assert!(
            matches!(made, Err(ProofError::OtherPiece { .. })),
            "{made:?}"
        );
    }
}

proptest! {
    #[test]
    fn random_bytes_are_no_proof(data in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(BodyProof::from_bytes(&data).is_err());
        let mut begun = BodyProof::Blob(prove(&encode(4, b"x"), 0..1)).to_bytes();
        begun.truncate(20);
        begun.extend_from_slice(&data);
        // Whatever it is, it is bounded by what came.
        if let Ok(proof) = BodyProof::from_bytes(&begun) {
            prop_assert_eq!(proof.to_bytes(), begun);
        }
    }

    #[test]
    fn any_range_of_any_blob(
        n_shards in 4_u16..40,
        length in 1_usize..3000,
        start in 0_usize..3000,
        count in 1_usize..3000,
    ) {
        let start = start % length;
        let range = start as u64..(start + count).min(length) as u64;
        let blob = linear(length);
        let encoded = encode(n_shards, &blob);
        let proof = prove(&encoded, range.clone());
        let (id, config) = (encoded.metadata.blob_id(), encoded.metadata.config());
        prop_assert_eq!(proof.verify(*id, config, &blob[place(&range)]), Ok(()));
    }
}

#[test]
fn vectors_are_what_is_made() {
    let vectors = load("range-proof.json");
    for vector in list(&vectors["proofs"]) {
        let blob = linear(number(&vector["length"]) as usize);
        let encoded = encode(index(&vector["n_shards"]), &blob);
        let blob_id = encoded.metadata.blob_id();
        assert_eq!(
            hex::encode(blob_id.as_bytes()),
            text(&vector["blob_id_hex"])
        );
        let range = number(&vector["start"])..number(&vector["end"]);
        let proof = BodyProof::Blob(prove(&encoded, range));
        assert_eq!(hex::encode(proof.to_bytes()), text(&vector["proof_hex"]));
        assert_eq!(
            BodyProof::from_bytes(&bytes(&vector["proof_hex"])),
            Ok(proof)
        );
    }
}
