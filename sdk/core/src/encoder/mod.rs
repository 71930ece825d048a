//! Encoding a blob into sliver pairs and metadata (encoding spec 2, 3).
//!
//! There is one core, [`StreamEncoder`]: a source in, slivers out, in two passes. The first expands source
//! rows; the second takes a block of columns at a time, expands them strip by strip in the cache, hashes each
//! symbol once for the tree of its row and the one of its column, and folds both trees as far as the block
//! goes. Where the expanded rows do not fit in memory, both passes go over a strip of all symbols, then over the
//! next one: the code makes every 64 bytes of a symbol by themselves, and hashes go on where they stopped.
//! [`BlobEncoder`] is the use of this with everything in memory. [`SelectiveEncoder`] stands beside it: of a blob whose metadata is
//! known it makes some of the slivers, and keeps none.

mod columns;
mod error;
mod leaf_hashes;
mod matrix;
mod memory;
mod plan;
mod rows;
mod run;
mod selected;
mod sink;
mod stream;

use std::num::NonZeroU16;

#[cfg(feature = "files")]
pub use crate::files::{DirectorySink, FileSource};
pub use error::EncodeError;
pub(crate) use matrix::PaddedBlob;
pub use selected::SelectiveEncoder;
pub use sink::SliverSink;
pub use stream::StreamEncoder;

use crate::{
    blob_id::BlobId,
    encoder::memory::MemorySink,
    metadata::VerifiedBlobMetadataWithId,
    parameters::{EncodingConfig, ParameterError},
    sliver::SliverPair,
    threads::Threads,
    work::Work,
};

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
        let sink = MemorySink::new(&self.config, self.symbol_size);
        let metadata = self.stream()?.encode_to(&sink)?;
        let pairs = sink.into_pairs();
        Ok(EncodedBlob { pairs, metadata })
    }

    /// The metadata alone, without keeping slivers.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    pub fn compute_metadata(&self) -> Result<VerifiedBlobMetadataWithId, EncodeError> {
        self.stream()?.compute_metadata()
    }

    /// The blob ID alone.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    pub fn compute_blob_id(&self) -> Result<BlobId, EncodeError> {
        Ok(*self.compute_metadata()?.blob_id())
    }

    fn stream(&self) -> Result<StreamEncoder<'_>, ParameterError> {
        let encoder = StreamEncoder::new(self.config, &self.blob)?;
        Ok(encoder.with_work(Work::on(self.threads.clone()).with_memory(usize::MAX)))
    }
}
