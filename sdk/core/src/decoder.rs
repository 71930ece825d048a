//! Decoding a blob from slivers, and consistency checks (encoding spec 2.6, 8).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::NonZeroU16,
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::{
    axis::{Axis, SliverType},
    blob_id::BlobId,
    codec::{CodecError, LinearCode},
    encoder::{BlobEncoder, EncodeError},
    index::SliverIndex,
    message_matrix::MessageMatrix,
    metadata::VerifiedBlobMetadataWithId,
    parameters::{EncodingConfig, ParameterError},
    sliver::SliverData,
    threads::Threads,
};

/// Bytes of one sliver that a batch of codewords covers, at least one symbol: bounds the decoder's memory.
const BATCH_BYTES: usize = 16 * 1024;

/// Collects slivers of one axis until they suffice, then decodes.
///
/// Slivers of the wrong length or symbol size, with an index that does not exist, or whose index was there
/// before are dropped. The content of slivers is *not* checked: verify them against the metadata first.
#[derive(Debug, Clone)]
pub struct BlobDecoder<T: Axis> {
    config: EncodingConfig,
    blob_length: usize,
    symbol_size: u16,
    slivers: BTreeMap<SliverIndex, SliverData<T>>,
    threads: Threads,
}

impl<T: Axis> BlobDecoder<T> {
    /// A decoder of a blob of `blob_length` bytes, working on the calling thread.
    ///
    /// # Errors
    /// [`ParameterError::DataTooLarge`] if there can be no such blob.
    pub fn new(config: EncodingConfig, blob_length: u64) -> Result<Self, ParameterError> {
        let symbol_size = config.symbol_size(blob_length)?;
        let blob_length =
            usize::try_from(blob_length).map_err(|_| ParameterError::DataTooLarge {
                length: blob_length,
                max: usize::MAX as u64,
                n_shards: config.n_shards(),
            })?;
        let slivers = BTreeMap::new();
        Ok(Self {
            config,
            blob_length,
            symbol_size,
            slivers,
            threads: Threads::ONE,
        })
    }

    /// Lets the decoder use this many threads.
    pub fn with_threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Number of slivers that decode the blob: `np` primary or `ns` secondary ones.
    pub fn required(&self) -> usize {
        usize::from(self.config.source_symbols(T::TYPE))
    }

    /// Whether enough slivers are there.
    pub fn is_complete(&self) -> bool {
        self.slivers.len() >= self.required()
    }

    /// Adds a sliver; `false` if it is dropped (see the type) or not needed any more.
    pub fn add(&mut self, sliver: SliverData<T>) -> bool {
        let expected =
            usize::from(self.config.symbols_per_sliver(T::TYPE)) * usize::from(self.symbol_size);
        let usable = !self.is_complete()
            && sliver.index.0 < self.config.n_shards()
            && sliver.symbols.symbol_size().get() == self.symbol_size
            && sliver.symbols.data().len() == expected
            && !self.slivers.contains_key(&sliver.index);
        if usable {
            self.slivers.insert(sliver.index, sliver);
        }
        usable
    }

    /// Indices of the slivers that are there.
    pub fn indices(&self) -> impl Iterator<Item = SliverIndex> + '_ {
        self.slivers.keys().copied()
    }

    /// The blob.
    ///
    /// # Errors
    /// [`DecodeError::NotEnoughSlivers`].
    pub fn decode(&self) -> Result<Vec<u8>, DecodeError> {
        if !self.is_complete() {
            return Err(DecodeError::NotEnoughSlivers {
                have: self.slivers.len(),
                need: self.required(),
                axis: T::TYPE,
            });
        }
        let code = LinearCode::of_axis(&self.config, T::TYPE, self.symbol_size)?;
        let symbol = code.symbol_size();
        let row_symbols = usize::from(self.config.secondary_source_symbols());
        let mut blob =
            vec![
                0;
                code.originals() * usize::from(self.config.symbols_per_sliver(T::TYPE)) * symbol
            ];
        // Places consecutive symbols of a source sliver, the first at position `first`, into the blob.
        let mut place = |sliver: usize, first: usize, symbols: &[u8]| match T::TYPE {
            SliverType::Primary => {
                let at = (sliver * row_symbols + first) * symbol;
                blob[at..at + symbols.len()].copy_from_slice(symbols);
            }
            SliverType::Secondary => {
                for (i, data) in symbols.chunks_exact(symbol).enumerate() {
                    let at = ((first + i) * row_symbols + sliver) * symbol;
                    blob[at..at + symbol].copy_from_slice(data);
                }
            }
        };
        for (index, sliver) in self
            .slivers
            .range(..SliverIndex(self.config.source_symbols(T::TYPE)))
        {
            place(index.as_usize(), 0, sliver.symbols.data());
        }
        if self
            .slivers
            .keys()
            .any(|index| index.as_usize() >= code.originals())
        {
            for part in self.restore(&code) {
                for (sliver, first, symbols) in part? {
                    place(sliver, first, &symbols);
                }
            }
        }
        blob.truncate(self.blob_length);
        Ok(blob)
    }

    /// Restores the missing source slivers piecewise: (sliver, first symbol, consecutive symbols).
    #[allow(clippy::type_complexity)]
    fn restore(&self, code: &LinearCode) -> Vec<Result<Vec<(usize, usize, Vec<u8>)>, CodecError>> {
        let symbol = code.symbol_size();
        let symbols_per_sliver = usize::from(self.config.symbols_per_sliver(T::TYPE));
        self.threads.map_ranges(symbols_per_sliver, |range| {
            let mut pieces = Vec::new();
            let batch = (BATCH_BYTES / symbol).max(1);
            for start in range.clone().step_by(batch) {
                let end = (start + batch).min(range.end);
                let symbols: Vec<(usize, &[u8])> = self
                    .slivers
                    .iter()
                    .map(|(index, sliver)| {
                        (
                            index.as_usize(),
                            &sliver.symbols.data()[start * symbol..end * symbol],
                        )
                    })
                    .collect();
                code.restore(&symbols, end - start, |sliver, data| {
                    pieces.push((sliver, start, data.to_vec()));
                })?;
            }
            Ok(pieces)
        })
    }
}

/// Decodes the blob of `metadata` from slivers of one axis and checks it.
///
/// The slivers must have been verified against the metadata.
///
/// # Errors
/// [`DecodeError`]; [`DecodeError::Inconsistent`] if the check fails: the blob's encoding is wrong.
pub fn decode_and_check<T: Axis>(
    metadata: &VerifiedBlobMetadataWithId,
    slivers: impl IntoIterator<Item = SliverData<T>>,
    check: ConsistencyCheck,
    threads: Threads,
) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = BlobDecoder::<T>::new(*metadata.config(), metadata.unencoded_length())?
        .with_threads(threads.clone());
    for sliver in slivers {
        decoder.add(sliver);
        if decoder.is_complete() {
            break;
        }
    }
    let blob = decoder.decode()?;
    let verified = match T::TYPE {
        SliverType::Primary => decoder.indices().collect(),
        SliverType::Secondary => BTreeSet::new(),
    };
    check_consistency(metadata, &blob, check, &verified, threads)?;
    Ok(blob)
}

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
    if check == ConsistencyCheck::Skip {
        return Ok(());
    }
    let config = *metadata.config();
    if blob.len() as u64 != metadata.unencoded_length() {
        let (length, expected) = (blob.len() as u64, metadata.unencoded_length());
        return Err(DecodeError::LengthMismatch { length, expected });
    }
    if check == ConsistencyCheck::Strict {
        let computed = BlobEncoder::new(config, blob)?
            .with_threads(threads)
            .compute_blob_id()?;
        if computed != *metadata.blob_id() {
            return Err(DecodeError::BlobIdMismatch {
                computed,
                expected: *metadata.blob_id(),
            });
        }
        return Ok(());
    }
    let matrix = MessageMatrix::new(blob, metadata.sliver_length(SliverType::Primary));
    let rows = usize::from(config.primary_source_symbols());
    let results = threads.map_ranges(rows, |range| {
        for index in (range.start as u16..range.end as u16).map(SliverIndex) {
            if !verified_primary.contains(&index) {
                check_row(metadata, &matrix, index, metadata.symbol_size())?;
            }
        }
        Ok(())
    });
    results.into_iter().collect()
}

fn check_row(
    metadata: &VerifiedBlobMetadataWithId,
    matrix: &MessageMatrix<'_>,
    index: SliverIndex,
    symbol_size: NonZeroU16,
) -> Result<(), DecodeError> {
    let row = matrix.row(index.as_usize()).into_owned();
    let hash = SliverData::<crate::axis::Primary>::new(row, symbol_size, index)
        .map(|sliver| sliver.hash(metadata.config()))
        .transpose()?;
    if hash.as_ref() == metadata.sliver_hash(SliverType::Primary, index) {
        Ok(())
    } else {
        Err(DecodeError::Inconsistent { index })
    }
}

/// No blob, or not the right one.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// Too few usable slivers.
    #[error("decoding unsuccessful: {have} usable {axis} slivers, {need} needed")]
    NotEnoughSlivers {
        /// Usable slivers.
        have: usize,
        /// Slivers needed.
        need: usize,
        /// Their axis.
        axis: SliverType,
    },
    /// The default check failed.
    #[error("inconsistent blob: primary sliver {index} of the decoded data has another hash")]
    Inconsistent {
        /// Index of the first sliver found to differ.
        index: SliverIndex,
    },
    /// The strict check failed.
    #[error("inconsistent blob: the decoded data has blob ID {computed}, not {expected}")]
    BlobIdMismatch {
        /// ID of the decoded data.
        computed: BlobId,
        /// ID asked for.
        expected: BlobId,
    },
    /// The data has another length than the metadata says.
    #[error("{length} bytes of data, the metadata says {expected}")]
    LengthMismatch {
        /// Bytes there.
        length: u64,
        /// Bytes expected.
        expected: u64,
    },
    /// The code refused its input.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Encoding for the strict check failed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// There can be no such blob.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
}
