//! Consistency check: does a decoded blob belong to its metadata? (encoding spec 8)

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    blob_source::BlobSource,
    decoder::error::DecodeError,
    encoder::{PaddedBlob, StreamEncoder},
    index::SliverIndex,
    merkle::Node,
    metadata::VerifiedBlobMetadataWithId,
    sliver::SliverHasher,
    sliver_type::SliverType,
    threads::Threads,
    work::{Running, Work},
};

/// How thoroughly a decoded blob is compared with its metadata. Text: `skip`, `default`, `strict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum ConsistencyCheck {
    /// Not at all.
    Skip,
    /// The hashes of the systematic primary slivers: all readers who succeed get the same bytes.
    #[default]
    Default,
    /// The blob ID after encoding again: the blob is encoded correctly in every part.
    Strict,
}

impl fmt::Display for ConsistencyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skip => "skip",
            Self::Default => "default",
            Self::Strict => "strict",
        })
    }
}

/// The text names no consistency check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a consistency check is \"skip\", \"default\" or \"strict\"")]
pub struct ParseConsistencyCheckError;

impl FromStr for ConsistencyCheck {
    type Err = ParseConsistencyCheckError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "skip" => Ok(Self::Skip),
            "default" => Ok(Self::Default),
            "strict" => Ok(Self::Strict),
            _ => Err(ParseConsistencyCheckError),
        }
    }
}

/// Compares a decoded blob with its metadata. `verified_primary` are indices of primary slivers that the
/// blob was decoded from and that were verified: the default check skips them.
///
/// # Errors
/// [`DecodeError::Inconsistent`], [`DecodeError::BlobIdMismatch`], [`DecodeError::LengthMismatch`].
pub fn check_consistency(
    metadata: &VerifiedBlobMetadataWithId,
    blob: &[u8],
    check: ConsistencyCheck,
    verified_primary: &BTreeSet<SliverIndex>,
    threads: Threads,
) -> Result<(), DecodeError> {
    let work = Work::on(threads);
    let run = work.begin(0);
    check_source(metadata, &blob, check, verified_primary, &run, usize::MAX)
}

/// The same for a blob that need not be in memory.
pub(crate) fn check_source(
    metadata: &VerifiedBlobMetadataWithId,
    blob: &dyn BlobSource,
    check: ConsistencyCheck,
    verified_primary: &BTreeSet<SliverIndex>,
    run: &Running<'_>,
    memory: usize,
) -> Result<(), DecodeError> {
    if check == ConsistencyCheck::Skip {
        return Ok(());
    }
    if blob.length() != metadata.unencoded_length() {
        let (length, expected) = (blob.length(), metadata.unencoded_length());
        return Err(DecodeError::LengthMismatch { length, expected });
    }
    match check {
        ConsistencyCheck::Strict => check_blob_id(metadata, blob, run, memory),
        _ => check_rows(metadata, blob, verified_primary, run),
    }
}

fn check_blob_id(
    metadata: &VerifiedBlobMetadataWithId,
    blob: &dyn BlobSource,
    run: &Running<'_>,
    memory: usize,
) -> Result<(), DecodeError> {
    let work = Work::on(run.threads().clone())
        .with_memory(memory)
        .with_cancellation(run.cancellation());
    let computed = *StreamEncoder::new(*metadata.config(), blob)?
        .with_work(work)
        .compute_metadata()?
        .blob_id();
    if computed == *metadata.blob_id() {
        return Ok(());
    }
    let expected = *metadata.blob_id();
    Err(DecodeError::BlobIdMismatch { computed, expected })
}

fn check_rows(
    metadata: &VerifiedBlobMetadataWithId,
    blob: &dyn BlobSource,
    verified: &BTreeSet<SliverIndex>,
    run: &Running<'_>,
) -> Result<(), DecodeError> {
    let config = metadata.config();
    let length = metadata.sliver_length(SliverType::Primary);
    let padded = PaddedBlob::new(blob, blob.as_slice());
    let rows: Vec<_> = (0..config.primary_source_symbols())
        .map(SliverIndex)
        .filter(|index| !verified.contains(index))
        .collect();
    let size = metadata.symbol_size().get();
    let state = || {
        let hasher = SliverHasher::new(config, SliverType::Primary, size)?;
        Ok::<_, DecodeError>((hasher, Vec::new()))
    };
    let work = |(hasher, buffer): &mut (SliverHasher, Vec<u8>), item: usize| {
        run.check()?;
        let Some(index) = rows.get(item).copied() else {
            return Ok(());
        };
        let start = index.as_usize() as u64 * length as u64;
        let row = match padded.borrowed(start..start + length as u64) {
            Some(row) => row,
            None => {
                buffer.resize(length, 0);
                padded.read(start, buffer)?;
                buffer
            }
        };
        let hash = Node::Digest(hasher.hash(row)?);
        if metadata.sliver_hash(SliverType::Primary, index) != Some(&hash) {
            return Err(DecodeError::Inconsistent { index });
        }
        run.advance(length as u64);
        Ok(())
    };
    run.threads().for_each(rows.len(), state, work, drop)
}
