//! Verification of a range of a body against the blob ID, with a proof (range proof spec).

use std::ops::Range;

use walrus_core::{
    BlobId, EncodingConfig,
    blob_source::BlobSource,
    parameters::ParameterError,
    proof::{BodyProof, ProofError},
};

/// Bytes that are hashed at once.
const PIECE: usize = 1 << 20;

/// What a range is to be a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body {
    /// The blob, or the manifest of a longer body.
    pub blob_id: BlobId,
    /// Shards of the network.
    pub n_shards: u16,
    /// Bytes of the whole body.
    pub length: u64,
}

/// Why a range is not verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// The network cannot have so many shards.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// The proof does not hold, or is none.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The proof is about something else.
    #[error("the proof is about bytes {} to {} of {length}", .range.start, .range.end)]
    OtherRange {
        /// The range that it is about.
        range: Range<u64>,
        /// Bytes of the body that it is about.
        length: u64,
    },
    /// The bytes cannot be read.
    #[error("the bytes cannot be read: {0}")]
    Read(#[from] std::io::Error),
}

/// Verifies that `bytes` are those of the body from `start` on.
///
/// # Errors
/// [`RangeError`].
pub fn verify_range(
    body: &Body,
    start: u64,
    bytes: &dyn BlobSource,
    proof: &[u8],
) -> Result<(), RangeError> {
    let config = EncodingConfig::new(body.n_shards)?;
    let proof = BodyProof::from_bytes(proof)?;
    let (range, length) = (proof.range(), proof.body_length());
    let asked = start..start.saturating_add(bytes.length());
    if range != asked || length != body.length {
        return Err(RangeError::OtherRange { range, length });
    }
    let mut verifier = proof.verifier(body.blob_id, &config)?;
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    while offset < bytes.length() {
        let left = usize::try_from(bytes.length() - offset).unwrap_or(usize::MAX);
        let (piece, _) = piece.split_at_mut(left.min(PIECE));
        bytes.read_at(offset, piece)?;
        verifier.update(piece)?;
        offset += piece.len() as u64;
    }
    Ok(verifier.finish()?)
}

#[cfg(test)]
mod tests {
    use walrus_core::{
        SliverType,
        encoder::BlobEncoder,
        proof::{RangeProof, RangeProver},
    };

    use super::*;

    const SHARDS: u16 = 13;

    /// A blob, and a proof of a range of it.
    fn proved(range: Range<u64>) -> (Vec<u8>, Body, Vec<u8>) {
        let blob: Vec<u8> = (0..2_500_000u64).map(|i| (i * i % 251) as u8).collect();
        let config = EncodingConfig::new(SHARDS).unwrap();
        let encoded = BlobEncoder::new(config, &blob).unwrap().encode().unwrap();
        let body = Body {
            blob_id: *encoded.metadata.blob_id(),
            n_shards: SHARDS,
            length: blob.len() as u64,
        };
        let mut prover = RangeProver::new(&encoded.metadata, range).unwrap();
        let wanted: Vec<_> = prover.slivers().collect();
        for index in wanted {
            let pair = index.to_pair_index(SliverType::Primary, SHARDS);
            let pair = &encoded.pairs[usize::from(pair.0)];
            prover.add(pair.primary.symbols.data()).unwrap();
        }
        let proof: RangeProof = prover.finish().unwrap();
        (blob, body, BodyProof::Blob(proof).to_bytes())
    }

    #[test]
    fn bytes_of_a_range_are_verified_in_pieces_and_others_are_not() {
        let (blob, body, proof) = proved(3..2_400_001);
        let mut bytes = blob[3..2_400_001].to_vec();
        verify_range(&body, 3, &bytes.as_slice(), &proof).unwrap();
        let elsewhere = verify_range(&body, 4, &bytes.as_slice(), &proof).unwrap_err();
        assert!(
            matches!(elsewhere, RangeError::OtherRange { .. }),
            "{elsewhere}"
        );
        let longer = Body {
            length: body.length + 1,
            ..body
        };
        assert!(verify_range(&longer, 3, &bytes.as_slice(), &proof).is_err());
        let other = Body {
            blob_id: BlobId([7; 32]),
            ..body
        };
        assert!(verify_range(&other, 3, &bytes.as_slice(), &proof).is_err());
        for flipped in [0, 1_234_567, bytes.len() - 1] {
            bytes[flipped] ^= 1;
            let wrong = verify_range(&body, 3, &bytes.as_slice(), &proof).unwrap_err();
            assert!(matches!(wrong, RangeError::Proof(_)), "{wrong}");
            bytes[flipped] ^= 1;
        }
        assert!(verify_range(&body, 3, &bytes.as_slice(), b"no proof").is_err());
    }
}
