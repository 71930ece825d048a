//! Range proof format (proof spec 4).

use std::ops::Range;

use super::{geometry::Geometry, verifier::RangeVerifier};
use crate::{
    BlobId,
    encoding_type::EncodingType,
    hashing::Digest,
    manifest::ManifestError,
    parameters::{EncodingConfig, MAX_SYMBOL_SIZE, ParameterError},
};

/// Bytes before what depends on the range: number of shards, encoding type, length, start, end.
pub(super) const FIXED_BYTES: usize = 2 + 1 + 8 + 8 + 8;

/// Longest proof of a range of one blob, in bytes: two symbols, and of each row a hash and at most two siblings in each of 16 levels.
pub const MAX_RANGE_PROOF_BYTES: usize =
    FIXED_BYTES + 2 * MAX_SYMBOL_SIZE as usize + 32 * (16_386 + 3 * 32 + 16_386 * 16);

/// What leads from the bytes of a range to a blob ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeProof {
    pub(super) geometry: Geometry,
    pub(super) encoding_type: EncodingType,
    /// Bytes of the first symbol before the range.
    pub(super) head: Vec<u8>,
    /// Bytes of the last symbol behind it.
    pub(super) tail: Vec<u8>,
    pub(super) rows: Vec<RowProof>,
    /// Siblings in the tree of the pairs.
    pub(super) pairs: Vec<Digest>,
}

/// What leads from the symbols of a row to its pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowProof {
    /// Siblings in the tree of the row.
    pub(super) siblings: Vec<Digest>,
    /// Hash of the secondary sliver of the pair.
    pub(super) secondary: Digest,
}

impl RangeProof {
    /// The range that it is about.
    pub fn range(&self) -> Range<u64> {
        self.geometry.range.clone()
    }

    /// Length of the blob, true if the proof is.
    pub fn blob_length(&self) -> u64 {
        self.geometry.length
    }

    /// Number of shards that the blob is encoded for. A verifier must know it from elsewhere.
    pub fn n_shards(&self) -> u16 {
        self.geometry.config.n_shards()
    }

    /// Begins to verify the bytes of the range.
    ///
    /// # Errors
    /// [`ProofError::OtherShards`] if the network has another number of shards.
    pub fn verifier(
        &self,
        blob_id: BlobId,
        config: &EncodingConfig,
    ) -> Result<RangeVerifier<'_>, ProofError> {
        if *config != self.geometry.config {
            return Err(ProofError::OtherShards {
                proof: self.n_shards(),
                network: config.n_shards(),
            });
        }
        Ok(RangeVerifier::new(self, blob_id))
    }

    /// Verifies the bytes of the range.
    ///
    /// # Errors
    /// [`ProofError::OtherShards`], [`ProofError::WrongCount`], [`ProofError::Mismatch`].
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

    /// Reads one from the beginning of `bytes`; what follows it is left.
    pub(super) fn take(bytes: &mut &[u8]) -> Result<Self, ProofError> {
        let n_shards = u16::from_le_bytes(array(bytes)?);
        let [kind] = array(bytes)?;
        let encoding_type = match kind {
            kind if kind == EncodingType::RS2.id() => EncodingType::RS2,
            kind => return Err(ProofError::UnknownEncoding { kind }),
        };
        let mut number = || Ok::<_, ProofError>(u64::from_le_bytes(array(bytes)?));
        let (length, start, end) = (number()?, number()?, number()?);
        let geometry = Geometry::new(EncodingConfig::new(n_shards)?, length, start..end)?;
        let head = some(bytes, geometry.head())?.to_vec();
        let tail = some(bytes, geometry.tail())?.to_vec();
        // Each row is there before the next one is asked for: no more is kept than was sent.
        let rows = geometry.rows().map(|row| {
            Ok(RowProof {
                siblings: digests(bytes, geometry.row_siblings(row))?,
                secondary: array(bytes)?,
            })
        });
        let rows = rows.collect::<Result<_, ProofError>>()?;
        let pairs = digests(bytes, geometry.pair_siblings())?;
        Ok(Self {
            geometry,
            encoding_type,
            head,
            tail,
            rows,
            pairs,
        })
    }

    /// Writes it behind `bytes`.
    pub(super) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.n_shards().to_le_bytes());
        bytes.push(self.encoding_type.id());
        for number in [
            self.geometry.length,
            self.geometry.range.start,
            self.geometry.range.end,
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.head);
        bytes.extend_from_slice(&self.tail);
        for row in &self.rows {
            bytes.extend_from_slice(row.siblings.as_flattened());
            bytes.extend_from_slice(&row.secondary);
        }
        bytes.extend_from_slice(self.pairs.as_flattened());
    }
}

pub(super) fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], ProofError> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(ProofError::Truncated)?;
    *bytes = rest;
    Ok(*taken)
}

pub(super) fn some<'a>(bytes: &mut &'a [u8], count: u64) -> Result<&'a [u8], ProofError> {
    let count = usize::try_from(count).map_err(|_| ProofError::Truncated)?;
    let (taken, rest) = bytes.split_at_checked(count).ok_or(ProofError::Truncated)?;
    *bytes = rest;
    Ok(taken)
}

fn digests(bytes: &mut &[u8], count: usize) -> Result<Vec<Digest>, ProofError> {
    let taken = some(bytes, 32 * count as u64)?;
    Ok(taken.as_chunks().0.to_vec())
}

/// A proof that is none, or that does not prove what it is asked about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It begins otherwise.
    #[error("it does not begin as a proof does")]
    NoProof,
    /// It is of a format that is not known here.
    #[error("the proof has format {format}; format {} is known", super::FORMAT)]
    UnknownFormat {
        /// The format.
        format: u32,
    },
    /// It is about something that is not known here.
    #[error("the proof is of kind {kind}, which is not known")]
    UnknownKind {
        /// The kind.
        kind: u8,
    },
    /// Of an encoding that is not known here.
    #[error("the proof is of encoding {kind}, which is not known")]
    UnknownEncoding {
        /// The encoding.
        kind: u8,
    },
    /// It ends too early.
    #[error("the proof ends too early")]
    Truncated,
    /// There is more behind its end.
    #[error("{count} bytes follow the proof")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// No number of shards or length that has an encoding.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// It is about no bytes of the blob.
    #[error("bytes {start} to {end} are none of a blob of {length}")]
    NoSuchRange {
        /// First byte.
        start: u64,
        /// First byte after it.
        end: u64,
        /// Bytes of the blob.
        length: u64,
    },
    /// What it has as a manifest is none.
    #[error("what the proof has as a manifest is none: {0}")]
    Manifest(#[from] ManifestError),
    /// Its proofs are not about the manifest's parts, or not about all of the range.
    #[error("the proof of part {number} is about other bytes than the range has of it")]
    OtherPiece {
        /// Which part, from 0 on.
        number: usize,
    },
    /// The network has another number of shards.
    #[error("the proof is for {proof} shards, and the network has {network}")]
    OtherShards {
        /// What it says.
        proof: u16,
        /// What the network has.
        network: u16,
    },
    /// It is about another range than was asked for.
    #[error("the proof is about bytes {start} to {end}")]
    OtherRange {
        /// First byte.
        start: u64,
        /// First byte after it.
        end: u64,
    },
    /// More or fewer bytes than the range has.
    #[error("the range has {expected} bytes, and there are {}{found}", if *.found > *.expected { "at least " } else { "" })]
    WrongCount {
        /// Bytes of the range.
        expected: u64,
        /// Bytes that came.
        found: u64,
    },
    /// The bytes are not those of the blob, or the proof is wrong.
    #[error("with this proof, the bytes belong to blob {computed}, not to {given}")]
    Mismatch {
        /// What bytes and proof commit to.
        computed: BlobId,
        /// The blob that they were to be of.
        given: BlobId,
    },
}
