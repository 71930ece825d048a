//! Decoding a blob from slivers, and consistency checks (encoding spec 2.6, 8).
//!
//! There is one core: a block of symbols of all slivers at a time is decoded, strip by strip in the cache,
//! and written to its place. [`StreamDecoder`] uses it with slivers and blob in files, [`BlobDecoder`] with
//! both in memory.

mod assembly;
mod check;
mod error;
mod in_place;
mod sink;
mod source;
mod stream;
mod tile;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

#[cfg(feature = "files")]
pub use crate::files::DirectorySource;
pub(crate) use assembly::Assembly;
pub use check::{ConsistencyCheck, ParseConsistencyCheckError, check_consistency};
pub use error::DecodeError;
pub(crate) use sink::{BlobSink, MemoryBlob};
pub use source::SliverSource;
pub use stream::StreamDecoder;
pub(crate) use tile::{DecodeTiling, TileDecoder};

use crate::{
    index::SliverIndex,
    metadata::VerifiedBlobMetadataWithId,
    parameters::{EncodingConfig, ParameterError},
    sliver::{SliverData, SliverId},
    sliver_type::{Axis, SliverType},
    threads::Threads,
    work::Work,
};

/// Collects slivers of one type until they suffice, then decodes.
///
/// Slivers of the wrong length or symbol size, with an index that does not exist, or whose index was there
/// before are dropped. The content of slivers is *not* checked: verify them against the metadata first.
#[derive(Debug, Clone)]
pub struct BlobDecoder<T: Axis> {
    config: EncodingConfig,
    blob_length: u64,
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
        Ok(Self {
            config,
            blob_length,
            symbol_size: config.symbol_size(blob_length)?,
            slivers: BTreeMap::new(),
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

    /// The blob. Primary slivers are decoded in their own memory, which is let go as the blob grows.
    ///
    /// # Errors
    /// [`DecodeError::NotEnoughSlivers`].
    pub fn decode(self) -> Result<Vec<u8>, DecodeError> {
        let chosen = self.indices().collect();
        let assembly = Assembly::new(&self.config, T::TYPE, self.blob_length, chosen)?;
        let work = Work::on(self.threads.clone());
        if T::TYPE == SliverType::Primary {
            let slivers = self.slivers.into_values();
            let slivers = slivers.map(|sliver| sliver.symbols.into_data());
            return in_place::decode(&assembly, &work.begin(0), slivers.collect());
        }
        let mut blob = vec![0; assembly.blob_length()?];
        let sink = MemoryBlob::new(&mut blob, assembly.row_length());
        assembly.run(&work.begin(0), &InMemory(&self.slivers), &sink, usize::MAX)?;
        drop(sink);
        Ok(blob)
    }
}

/// Slivers of one type in memory.
struct InMemory<'a, T: Axis>(&'a BTreeMap<SliverIndex, SliverData<T>>);

impl<T: Axis> SliverSource for InMemory<'_, T> {
    fn available(&self, sliver_type: SliverType) -> BTreeSet<SliverIndex> {
        let all = self.0.keys().copied();
        all.filter(|_| sliver_type == T::TYPE).collect()
    }

    fn read_at(&self, sliver: SliverId, offset: usize, buffer: &mut [u8]) -> io::Result<()> {
        let part = self
            .as_slice(sliver)
            .and_then(|data| data.get(offset..offset.checked_add(buffer.len())?));
        buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn as_slice(&self, sliver: SliverId) -> Option<&[u8]> {
        let found = self.0.get(&sliver.index());
        let found = found.filter(|_| sliver.sliver_type() == T::TYPE);
        found.map(|sliver| sliver.symbols.data())
    }
}

/// Decodes the blob of `metadata` from slivers of one type and checks it.
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
    let verified = match T::TYPE {
        SliverType::Primary => decoder.indices().collect(),
        SliverType::Secondary => BTreeSet::new(),
    };
    let blob = decoder.decode()?;
    check_consistency(metadata, &blob, check, &verified, threads)?;
    Ok(blob)
}
