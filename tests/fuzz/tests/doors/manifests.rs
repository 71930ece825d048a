//! Manifests and range proofs: whoever stored or delivers them chose all of their bytes.

use walrus_core::{
    BlobId, EncodingConfig,
    encoder::BlobEncoder,
    manifest::{Manifest, Part},
    proof::{BodyProof, RangeProof, RangeProver},
};
use walrus_fuzz::edited;

const BLOB: [u8; 3000] = [7; 3000];

fn manifest() -> Manifest {
    let part = |number| Part {
        blob_id: BlobId([number; 32]),
        length: 1 + u64::from(number),
    };
    Manifest::new([9; 32], (0..5).map(part).collect()).unwrap()
}

#[test]
fn manifests() {
    let seeds = [manifest().to_bytes()];
    super::fuzz!(4000, move |bytes: &[u8]| {
        let data = edited(&seeds, bytes);
        let Ok(manifest) = Manifest::from_bytes(&data) else {
            return;
        };
        assert_eq!(manifest.to_bytes(), data);
        assert!(Manifest::can_have_length(data.len() as u64));
        let pieces = manifest.pieces(1..manifest.length());
        let bytes: u64 = pieces
            .map(|piece| piece.within.end - piece.within.start)
            .sum();
        assert_eq!(bytes, manifest.length() - 1);
    });
}

fn prove(range: std::ops::Range<u64>) -> (BlobId, RangeProof) {
    let encoder = BlobEncoder::new(config(), &BLOB).unwrap();
    let encoded = encoder.encode().unwrap();
    let mut prover = RangeProver::new(&encoded.metadata, range).unwrap();
    for index in prover.slivers() {
        let pair = &encoded.pairs[index.as_usize()];
        prover.add(pair.primary.symbols.data()).unwrap();
    }
    (*encoded.metadata.blob_id(), prover.finish().unwrap())
}

fn config() -> EncodingConfig {
    EncodingConfig::new(10).unwrap()
}

#[test]
fn proofs() {
    let (blob_id, proof) = prove(100..2000);
    let proof = BodyProof::Blob(proof);
    let seeds = [proof.to_bytes()];
    let bytes = &BLOB[100..2000];
    proof.verify(blob_id, &config(), bytes).unwrap();
    super::fuzz!(4000, move |input: &[u8]| {
        let data = edited(&seeds, input);
        let Ok(other) = BodyProof::from_bytes(&data) else {
            return;
        };
        assert_eq!(other.to_bytes(), data);
        // Bytes that are all the same: the proof of another range with the same tree may be right, one of other bytes is not.
        if other != proof && other.range().end <= BLOB.len() as u64 {
            let wrong = vec![8; usize::try_from(other.range().end - other.range().start).unwrap()];
            assert!(other.verify(blob_id, &config(), &wrong).is_err());
        }
    });
}
