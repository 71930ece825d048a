//! Proof of a range of a body: of one blob, or of a manifest and of the parts that it names (proof spec 4).

use std::ops::Range;

use super::{
    FORMAT, MAGIC, ProofError, RangeProof, RangeVerifier,
    range_proof::{array, some},
};
use crate::{BlobId, manifest::Manifest, parameters::EncodingConfig};

const OF_BLOB: u8 = 0;
const OF_MANIFEST: u8 = 1;

/// What leads from bytes to the blob ID that they were asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyProof {
    /// They are bytes of the blob.
    Blob(RangeProof),
    /// They are bytes of the body of the manifest that the blob is.
    Manifest {
        /// The manifest.
        manifest: Manifest,
        /// That it is the blob: of all its bytes.
        is_blob: RangeProof,
        /// Which bytes of the body.
        range: Range<u64>,
        /// Of each piece of the range, in order.
        pieces: Vec<RangeProof>,
    },
}

impl BodyProof {
    /// Joins proofs of a manifest and of the pieces of a range of its body.
    ///
    /// # Errors
    /// [`ProofError::NoSuchRange`], [`ProofError::OtherPiece`] if they are not about all of it.
    pub fn of_manifest(
        manifest: Manifest,
        is_blob: RangeProof,
        range: Range<u64>,
        pieces: Vec<RangeProof>,
    ) -> Result<Self, ProofError> {
        let length = manifest.length();
        if range.start >= range.end || range.end > length {
            let Range { start, end } = range;
            return Err(ProofError::NoSuchRange { start, end, length });
        }
        let mut proofs = pieces.iter();
        for piece in manifest.pieces(range.clone()) {
            let number = piece.number;
            let proof = proofs.next().ok_or(ProofError::OtherPiece { number })?;
            if proof.range() != piece.within || proof.blob_length() != piece.part.length {
                return Err(ProofError::OtherPiece { number });
            }
        }
        if proofs.next().is_some() {
            let number = manifest.parts().len();
            return Err(ProofError::OtherPiece { number });
        }
        Ok(Self::Manifest {
            manifest,
            is_blob,
            range,
            pieces,
        })
    }

    /// The range that it is about.
    pub fn range(&self) -> Range<u64> {
        match self {
            Self::Blob(proof) => proof.range(),
            Self::Manifest { range, .. } => range.clone(),
        }
    }

    /// Bytes of the body, true if the proof is.
    pub fn body_length(&self) -> u64 {
        match self {
            Self::Blob(proof) => proof.blob_length(),
            Self::Manifest { manifest, .. } => manifest.length(),
        }
    }

    /// Reads a proof; there is nothing behind it.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, ProofError> {
        let bytes = &mut bytes;
        if array(bytes) != Ok(MAGIC) {
            return Err(ProofError::NoProof);
        }
        let format = u32::from_le_bytes(array(bytes)?);
        if format != FORMAT {
            return Err(ProofError::UnknownFormat { format });
        }
        let [kind] = array(bytes)?;
        let proof = match kind {
            OF_BLOB => Self::Blob(RangeProof::take(bytes)?),
            OF_MANIFEST => {
                let range = u64::from_le_bytes(array(bytes)?)..u64::from_le_bytes(array(bytes)?);
                let length = u32::from_le_bytes(array(bytes)?);
                let manifest = Manifest::from_bytes(some(bytes, length.into())?)?;
                let is_blob = RangeProof::take(bytes)?;
                // Each is there before the next one is asked for.
                let pieces = manifest.pieces(range.clone());
                let pieces = pieces.map(|_| RangeProof::take(bytes));
                let pieces = pieces.collect::<Result<_, ProofError>>()?;
                Self::of_manifest(manifest, is_blob, range, pieces)?
            }
            kind => return Err(ProofError::UnknownKind { kind }),
        };
        match bytes.len() {
            0 => Ok(proof),
            count => Err(ProofError::TrailingBytes { count }),
        }
    }

    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        match self {
            Self::Blob(proof) => {
                bytes.push(OF_BLOB);
                proof.put(&mut bytes);
            }
            Self::Manifest {
                manifest,
                is_blob,
                range,
                pieces,
            } => {
                bytes.push(OF_MANIFEST);
                bytes.extend_from_slice(&range.start.to_le_bytes());
                bytes.extend_from_slice(&range.end.to_le_bytes());
                let manifest = manifest.to_bytes();
                let length = u32::try_from(manifest.len()).unwrap_or(u32::MAX);
                bytes.extend_from_slice(&length.to_le_bytes());
                bytes.extend_from_slice(&manifest);
                is_blob.put(&mut bytes);
                pieces.iter().for_each(|proof| proof.put(&mut bytes));
            }
        }
        bytes
    }

    /// Begins to verify the bytes of the range.
    ///
    /// # Errors
    /// [`ProofError::OtherShards`]; [`ProofError::Mismatch`] if the manifest is another blob.
    pub fn verifier(
        &self,
        blob_id: BlobId,
        config: &EncodingConfig,
    ) -> Result<BodyVerifier<'_>, ProofError> {
        let (first, rest) = match self {
            Self::Blob(proof) => (proof.verifier(blob_id, config)?, Vec::new()),
            Self::Manifest {
                manifest,
                is_blob,
                range,
                pieces,
            } => {
                let bytes = manifest.to_bytes();
                if is_blob.blob_length() != bytes.len() as u64 {
                    let Range { start, end } = is_blob.range();
                    return Err(ProofError::OtherRange { start, end });
                }
                is_blob.verify(blob_id, config, &bytes)?;
                let verifiers = manifest.pieces(range.clone()).zip(pieces);
                let mut verifiers = verifiers
                    .map(|(piece, proof)| proof.verifier(piece.part.blob_id, config))
                    .collect::<Result<Vec<_>, ProofError>>()?;
                verifiers.reverse();
                let first = verifiers.pop().ok_or(ProofError::Truncated)?;
                (first, verifiers)
            }
        };
        Ok(BodyVerifier {
            current: first,
            rest,
        })
    }

    /// Verifies the bytes of the range.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify(
        &self,
        blob_id: BlobId,
        config: &EncodingConfig,
        bytes: &[u8],
    ) -> Result<(), ProofError> {
        let mut verifier = self.verifier(blob_id, config)?;
        verifier.update(bytes)?;
        verifier.finish()
    }
}

/// Takes the bytes of a range of a body in order, and keeps hashes only.
#[derive(Debug)]
pub struct BodyVerifier<'a> {
    current: RangeVerifier<'a>,
    /// Of the pieces that follow, the last one first.
    rest: Vec<RangeVerifier<'a>>,
}

impl BodyVerifier<'_> {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`ProofError::WrongCount`] if they are more than the range has; [`ProofError::Mismatch`] if a piece that is complete is wrong.
    pub fn update(&mut self, mut bytes: &[u8]) -> Result<(), ProofError> {
        loop {
            let missing = usize::try_from(self.current.missing()).unwrap_or(usize::MAX);
            let Some((piece, rest)) = bytes.split_at_checked(missing) else {
                return self.current.update(bytes);
            };
            let Some(next) = self.rest.pop() else {
                return self.current.update(bytes);
            };
            self.current.update(piece)?;
            std::mem::replace(&mut self.current, next).finish()?;
            bytes = rest;
        }
    }

    /// Whether the bytes are those of the body.
    ///
    /// # Errors
    /// [`ProofError::WrongCount`] if they are too few, [`ProofError::Mismatch`].
    pub fn finish(mut self) -> Result<(), ProofError> {
        self.current.finish()?;
        // A piece whose bytes did not come.
        self.rest.pop().map_or(Ok(()), RangeVerifier::finish)
    }
}
