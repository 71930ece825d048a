//! Sliver spool: the slivers of one blob in one file, for what does not fit in memory.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::PositionalFile;
use crate::{
    decoder::SliverSource,
    encoder::SliverSink,
    index::SliverIndex,
    parameters::{EncodingConfig, ParameterError},
    sliver::{SliverData, SliverFraming, SliverId},
    sliver_type::{Axis, SliverType},
};

/// Slivers of one blob in one file, each at a place of its own.
///
/// The file is an array of the BCS of all slivers as storage nodes take it (`uleb(len)` ‖ symbols ‖ symbol size `u16` ‖
/// sliver index `u16`, little-endian): first the primary ones by index, then the secondary ones. Places of slivers that
/// are not there are holes. The file is the caller's, who best gives it no name, so that nothing of it can be left behind.
///
/// As a [`SliverSink`] it takes an encoded blob; [`Self::put`] takes single slivers that the caller has verified. So
/// whatever it hands out as a [`SliverSource`] counts as verified.
#[derive(Debug)]
pub struct SliverSpool {
    file: PositionalFile,
    layout: Layout,
    complete: Mutex<[BTreeSet<SliverIndex>; 2]>,
}

/// Where slivers lie.
#[derive(Debug, Clone, Copy)]
struct Layout {
    n_shards: u16,
    framing: SliverFraming,
}

impl SliverSpool {
    /// A spool in an empty file, open for reading and writing, for slivers of a blob of `blob_length` bytes.
    ///
    /// # Errors
    /// [`ParameterError::DataTooLarge`] if there can be no such blob.
    pub fn new(
        file: File,
        config: &EncodingConfig,
        blob_length: u64,
    ) -> Result<Self, ParameterError> {
        Ok(Self {
            file: PositionalFile::new(file),
            layout: Layout::new(config, blob_length)?,
            complete: Mutex::default(),
        })
    }

    /// Length of the file with all slivers in it, in bytes.
    ///
    /// # Errors
    /// [`ParameterError::DataTooLarge`] if there can be no such blob.
    pub fn file_length(config: &EncodingConfig, blob_length: u64) -> Result<u64, ParameterError> {
        let layout = Layout::new(config, blob_length)?;
        let [primary, secondary] = [SliverType::Primary, SliverType::Secondary];
        Ok((layout.record(primary) + layout.record(secondary)) * u64::from(layout.n_shards))
    }

    /// Keeps a sliver. The caller has verified it against the metadata, or made it.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it has not the shape of the blob's slivers, and whatever writing gives.
    pub fn put<T: Axis>(&self, sliver: &SliverData<T>) -> io::Result<()> {
        let id = SliverId::new(T::TYPE, sliver.index);
        let symbols = &sliver.symbols;
        if symbols.symbol_size() != self.layout.framing.symbol_size()
            || symbols.data().len() != self.layout.framing.length(T::TYPE)
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a sliver of another blob",
            ));
        }
        self.write(id, 0, symbols.data())?;
        self.complete(id)
    }

    /// The BCS of a sliver, as storage nodes take it.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if the sliver is not there, and whatever reading gives.
    pub fn to_bcs(&self, sliver: SliverId) -> io::Result<Vec<u8>> {
        self.check_complete(sliver)?;
        let place = self.layout.place(sliver)?;
        let mut bytes = vec![0; self.layout.framing.bcs_length(sliver.sliver_type())];
        self.file.read_exact_at(place, &mut bytes)?;
        Ok(bytes)
    }

    fn completed(&self) -> MutexGuard<'_, [BTreeSet<SliverIndex>; 2]> {
        self.complete.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_complete(&self, sliver: SliverId) -> io::Result<()> {
        let [primary, secondary] = &*self.completed();
        let present = match sliver {
            SliverId::Primary(index) => primary.contains(&index),
            SliverId::Secondary(index) => secondary.contains(&index),
        };
        match present {
            true => Ok(()),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Layout {
    fn new(config: &EncodingConfig, blob_length: u64) -> Result<Self, ParameterError> {
        Ok(Self {
            n_shards: config.n_shards(),
            framing: SliverFraming::new(config, blob_length)?,
        })
    }

    fn record(&self, sliver_type: SliverType) -> u64 {
        self.framing.bcs_length(sliver_type) as u64
    }

    /// Where a sliver begins, in bytes.
    fn place(&self, sliver: SliverId) -> io::Result<u64> {
        let index = sliver.index().get();
        if index >= self.n_shards {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let before = match sliver.sliver_type() {
            SliverType::Primary => 0,
            SliverType::Secondary => self.record(SliverType::Primary) * u64::from(self.n_shards),
        };
        Ok(before + self.record(sliver.sliver_type()) * u64::from(index))
    }

    /// Where `count` bytes of a sliver's symbols from `offset` on lie.
    fn place_of_symbols(&self, sliver: SliverId, offset: usize, count: usize) -> io::Result<u64> {
        let length = self.framing.length(sliver.sliver_type());
        if offset.checked_add(count).is_none_or(|end| end > length) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let header = self.framing.header_length(sliver.sliver_type());
        Ok(self.place(sliver)? + (header + offset) as u64)
    }
}

impl SliverSink for SliverSpool {
    fn write(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()> {
        let place = self.layout.place_of_symbols(sliver, offset, data.len())?;
        self.file.write_all_at(place, data)
    }

    fn complete(&self, sliver: SliverId) -> io::Result<()> {
        let framing = &self.layout.framing;
        let start = self.layout.place(sliver)?;
        let length = framing.length(sliver.sliver_type());
        let end = self.layout.place_of_symbols(sliver, length, 0)?;
        self.file
            .write_all_at(start, &framing.header(sliver.sliver_type()))?;
        self.file
            .write_all_at(end, &framing.trailer(sliver.index()))?;
        let [primary, secondary] = &mut *self.completed();
        match sliver {
            SliverId::Primary(index) => primary.insert(index),
            SliverId::Secondary(index) => secondary.insert(index),
        };
        Ok(())
    }
}

impl SliverSource for SliverSpool {
    fn available(&self, sliver_type: SliverType) -> BTreeSet<SliverIndex> {
        let [primary, secondary] = &*self.completed();
        match sliver_type {
            SliverType::Primary => primary.clone(),
            SliverType::Secondary => secondary.clone(),
        }
    }

    fn read_at(&self, sliver: SliverId, offset: usize, buffer: &mut [u8]) -> io::Result<()> {
        self.check_complete(sliver)?;
        let place = self.layout.place_of_symbols(sliver, offset, buffer.len())?;
        self.file.read_exact_at(place, buffer)
    }

    fn is_verified(&self) -> bool {
        true
    }
}
