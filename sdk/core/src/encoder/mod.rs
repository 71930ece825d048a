//! Encoding a blob into sliver pairs and metadata (encoding spec 2, 3).
//!
//! The matrix is expanded once and each symbol hashed once: the same leaf hash goes into the tree of its
//! row and into that of its column. Rows are expanded one by one; columns in batches, split among threads.

mod control;
mod directory;
mod error;
mod sink;
mod source;
mod stream;

use std::{borrow::Cow, num::NonZeroU16, ops::Range};

pub use control::{Cancellation, Progress};
pub use directory::DirectorySink;
pub use error::{EncodeError, IoFailure};
pub use sink::SliverSink;
pub use source::{BlobSource, FileSource, SeekSource};
pub use stream::StreamEncoder;

use crate::{
    axis::SliverType,
    blob_id::BlobId,
    codec::{BatchEncoder, CodecError, CodewordEncoder, LinearCode},
    hashing::{self, Digest},
    index::{SliverIndex, SliverPairIndex},
    merkle::{self, Node},
    message_matrix::MessageMatrix,
    metadata::{BlobMetadata, SliverPairMetadata, VerifiedBlobMetadataWithId},
    parameters::{EncodingConfig, ParameterError},
    sliver::{SliverData, SliverPair},
    threads::Threads,
};

/// Bytes of one row that a batch of columns covers, at least one symbol: bounds the encoder's memory.
const BATCH_BYTES: usize = 4096;

/// Encodes one blob.
#[derive(Debug, Clone)]
pub struct BlobEncoder<'a> {
    blob: &'a [u8],
    config: EncodingConfig,
    symbol_size: NonZeroU16,
    threads: Threads,
}

/// A blob's sliver pairs in pair order, and its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedBlob {
    /// One pair per shard; pair `p` is at position `p`.
    pub pairs: Vec<SliverPair>,
    /// The metadata, with the blob ID.
    pub metadata: VerifiedBlobMetadataWithId,
}

impl<'a> BlobEncoder<'a> {
    /// Prepares to encode `blob`, which may be empty, on the calling thread.
    ///
    /// # Errors
    /// [`ParameterError::DataTooLarge`] if the blob does not fit.
    pub fn new(config: EncodingConfig, blob: &'a [u8]) -> Result<Self, ParameterError> {
        let symbol_size = config.symbol_size(blob.len() as u64)?;
        let symbol_size = NonZeroU16::new(symbol_size).unwrap_or(NonZeroU16::MIN);
        Ok(Self {
            blob,
            config,
            symbol_size,
            threads: Threads::ONE,
        })
    }

    /// Lets the encoder use this many threads.
    pub fn with_threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Size of a symbol in bytes.
    pub fn symbol_size(&self) -> NonZeroU16 {
        self.symbol_size
    }

    /// All sliver pairs and the metadata.
    ///
    /// # Errors
    /// None for a blob that fits; [`EncodeError`] wraps those of the code beneath.
    pub fn encode(&self) -> Result<EncodedBlob, EncodeError> {
        let rows = self.expand_rows()?;
        let parts = self.expand_columns(&rows, true)?;
        let metadata = self.metadata_of(&parts)?;
        Ok(EncodedBlob {
            pairs: self.pairs(&rows, parts),
            metadata,
        })
    }

    /// The metadata alone, without keeping slivers.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    pub fn compute_metadata(&self) -> Result<VerifiedBlobMetadataWithId, EncodeError> {
        let rows = self.expand_rows()?;
        let parts = self.expand_columns(&rows, false)?;
        self.metadata_of(&parts)
    }

    /// The blob ID alone.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    pub fn compute_blob_id(&self) -> Result<BlobId, EncodeError> {
        Ok(*self.compute_metadata()?.blob_id())
    }

    fn bytes_per_symbol(&self) -> usize {
        usize::from(self.symbol_size.get())
    }

    /// The source rows with their recovery symbols.
    fn expand_rows(&self) -> Result<Rows<'a>, EncodeError> {
        let symbol = self.bytes_per_symbol();
        let code =
            LinearCode::of_axis(&self.config, SliverType::Secondary, self.symbol_size.get())?;
        let source = MessageMatrix::new(self.blob, code.originals() * symbol);
        let row_count = usize::from(self.config.primary_source_symbols());
        let parts = self
            .threads
            .map_ranges(row_count, |rows| -> Result<_, CodecError> {
                let mut encoder = CodewordEncoder::new(&code)?;
                rows.map(|row| {
                    let data = source.row(row);
                    let mut recovery = Vec::with_capacity(code.recoveries() * symbol);
                    encoder.encode(&data, &mut recovery)?;
                    Ok((data, recovery))
                })
                .collect::<Result<Vec<_>, CodecError>>()
            });
        let mut rows = Rows {
            split: code.originals(),
            symbol,
            rows: Vec::with_capacity(row_count),
        };
        for part in parts {
            rows.rows.extend(part?);
        }
        Ok(rows)
    }

    /// Expands and hashes all columns; parts are in column order and none crosses from source to recovery
    /// columns.
    fn expand_columns(
        &self,
        rows: &Rows<'_>,
        keep_slivers: bool,
    ) -> Result<Vec<Columns>, EncodeError> {
        let code = LinearCode::of_axis(&self.config, SliverType::Primary, self.symbol_size.get())?;
        let n = usize::from(self.config.n_shards());
        let parts = self.threads.map_ranges(n, |range| {
            let middle = rows.split.clamp(range.start, range.end);
            [range.start..middle, middle..range.end]
                .into_iter()
                .filter(|columns| !columns.is_empty())
                .map(|columns| expand_column_range(&code, rows, columns, keep_slivers))
                .collect::<Result<Vec<_>, CodecError>>()
        });
        let mut columns = Vec::new();
        for part in parts {
            columns.extend(part?);
        }
        Ok(columns)
    }

    fn metadata_of(&self, parts: &[Columns]) -> Result<VerifiedBlobMetadataWithId, EncodeError> {
        let n = usize::from(self.config.n_shards());
        let secondary: Vec<Node> = parts
            .iter()
            .flat_map(|part| part.roots.iter().copied())
            .collect();
        let primary = self.threads.map_ranges(n, |rows| {
            rows.map(|row| {
                let leaves: Vec<Digest> = parts
                    .iter()
                    .flat_map(|part| part.leaf_hashes_of_row(row).iter().copied())
                    .collect();
                merkle::root_of(&leaves)
            })
            .collect::<Vec<_>>()
        });
        let hashes = primary
            .into_iter()
            .flatten()
            .zip(secondary.into_iter().rev())
            .map(|(primary_hash, secondary_hash)| SliverPairMetadata {
                primary_hash,
                secondary_hash,
            })
            .collect();
        let metadata = BlobMetadata::new(self.blob.len() as u64, hashes);
        Ok(VerifiedBlobMetadataWithId::from_metadata(
            metadata,
            &self.config,
        )?)
    }

    fn pairs(&self, rows: &Rows<'_>, parts: Vec<Columns>) -> Vec<SliverPair> {
        let n = self.config.n_shards();
        let source_rows = self.config.primary_source_symbols();
        let length = rows.split * rows.symbol;
        let primary = (0..n).map(|index| match rows.rows.get(usize::from(index)) {
            Some((data, _)) => data.to_vec(),
            None => {
                let recovery = usize::from(index - source_rows);
                let mut data = Vec::with_capacity(length);
                for part in &parts {
                    data.extend_from_slice(part.recovery_row(recovery));
                }
                data
            }
        });
        let primary: Vec<Vec<u8>> = primary.collect();
        let secondary: Vec<Vec<u8>> = parts.into_iter().flat_map(|part| part.slivers).collect();
        let pairs = primary
            .into_iter()
            .zip(secondary.into_iter().rev())
            .zip(0..n);
        pairs
            .filter_map(|((row, column), pair)| {
                let secondary = SliverPairIndex(pair).to_sliver_index(SliverType::Secondary, n);
                Some(SliverPair {
                    primary: SliverData::new(row, self.symbol_size, SliverIndex(pair))?,
                    secondary: SliverData::new(column, self.symbol_size, secondary)?,
                })
            })
            .collect()
    }
}

/// The source rows of the matrix, expanded: `split` source symbols and the recovery symbols after them.
struct Rows<'a> {
    split: usize,
    symbol: usize,
    rows: Vec<(Cow<'a, [u8]>, Vec<u8>)>,
}

impl Rows<'_> {
    /// The symbols of a row in a range of columns that does not cross `split`.
    fn symbols(&self, row: usize, columns: &Range<usize>) -> &[u8] {
        let (data, recovery) = &self.rows[row];
        if columns.start < self.split {
            &data[columns.start * self.symbol..columns.end * self.symbol]
        } else {
            let (start, end) = (columns.start - self.split, columns.end - self.split);
            &recovery[start * self.symbol..end * self.symbol]
        }
    }
}

/// A range of columns, expanded and hashed.
struct Columns {
    count: usize,
    symbol: usize,
    /// Leaf hashes, row by row, all `n` rows.
    leaf_hashes: Vec<Digest>,
    /// Merkle root of each column.
    roots: Vec<Node>,
    /// The secondary slivers, if kept.
    slivers: Vec<Vec<u8>>,
    /// The recovery rows, one after the other, if kept and the columns are source columns.
    recovery: Vec<u8>,
}

impl Columns {
    fn leaf_hashes_of_row(&self, row: usize) -> &[Digest] {
        &self.leaf_hashes[row * self.count..(row + 1) * self.count]
    }

    fn recovery_row(&self, index: usize) -> &[u8] {
        let length = self.count * self.symbol;
        self.recovery
            .get(index * length..(index + 1) * length)
            .unwrap_or_default()
    }
}

fn expand_column_range(
    code: &LinearCode,
    rows: &Rows<'_>,
    columns: Range<usize>,
    keep_slivers: bool,
) -> Result<Columns, CodecError> {
    let (count, symbol, n) = (
        columns.len(),
        rows.symbol,
        code.originals() + code.recoveries(),
    );
    let keep_recovery = keep_slivers && columns.start < rows.split;
    let mut out = Columns {
        count,
        symbol,
        leaf_hashes: vec![[0; 32]; n * count],
        roots: Vec::with_capacity(count),
        slivers: Vec::new(),
        recovery: if keep_recovery {
            vec![0; code.recoveries() * count * symbol]
        } else {
            Vec::new()
        },
    };
    let batch_size = (BATCH_BYTES / symbol).clamp(1, count);
    let mut encoder: Option<(usize, BatchEncoder)> = None;
    let mut hashes = Vec::with_capacity(batch_size);
    for start in columns.clone().step_by(batch_size) {
        let batch = start..(start + batch_size).min(columns.end);
        let offset = start - columns.start;
        let mut hash_row = |row: usize, symbols: &[u8]| {
            hashes.clear();
            hashing::leaves(symbols, symbol, &mut hashes);
            let at = row * count + offset;
            out.leaf_hashes[at..at + hashes.len()].copy_from_slice(&hashes);
        };
        for row in 0..code.originals() {
            hash_row(row, rows.symbols(row, &batch));
        }
        // Only the last batch is shorter.
        let fits = encoder.take().filter(|(size, _)| *size == batch.len());
        let (size, mut batch_encoder) = match fits {
            Some(found) => found,
            None => (batch.len(), BatchEncoder::new(code, batch.len())?),
        };
        let originals = (0..code.originals()).map(|row| rows.symbols(row, &batch));
        batch_encoder.encode(originals, |index, symbols| {
            hash_row(code.originals() + index, symbols);
            if keep_recovery {
                let at = (index * count + offset) * symbol;
                out.recovery[at..at + symbols.len()].copy_from_slice(symbols);
            }
        })?;
        encoder = Some((size, batch_encoder));
    }
    let mut leaves = Vec::with_capacity(n);
    for column in 0..count {
        leaves.clear();
        leaves.extend(out.leaf_hashes.iter().skip(column).step_by(count).copied());
        out.roots.push(merkle::root_of(&leaves));
    }
    if keep_slivers {
        out.slivers = columns
            .map(|column| gather_column(rows, code.originals(), column))
            .collect();
    }
    Ok(out)
}

fn gather_column(rows: &Rows<'_>, row_count: usize, column: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(row_count * rows.symbol);
    for row in 0..row_count {
        data.extend_from_slice(rows.symbols(row, &(column..column + 1)));
    }
    data
}
