//! Memory sink: slivers are kept in memory.

use std::{
    io,
    num::NonZeroU16,
    sync::{Mutex, PoisonError},
};

use crate::{
    encoder::sink::SliverSink,
    index::{SliverIndex, SliverPairIndex},
    parameters::EncodingConfig,
    sliver::{SliverData, SliverId, SliverPair},
    sliver_type::SliverType,
};

/// All slivers of a blob, each behind a lock of its own.
pub(crate) struct MemorySink {
    symbol_size: NonZeroU16,
    primary: Vec<Mutex<Vec<u8>>>,
    secondary: Vec<Mutex<Vec<u8>>>,
}

impl MemorySink {
    pub(crate) fn new(config: &EncodingConfig, symbol_size: NonZeroU16) -> Self {
        let slivers = |sliver_type| {
            let symbols = usize::from(config.symbols_per_sliver(sliver_type));
            let length = symbols * usize::from(symbol_size.get());
            (0..config.n_shards())
                .map(|_| Mutex::new(vec![0; length]))
                .collect()
        };
        Self {
            symbol_size,
            primary: slivers(SliverType::Primary),
            secondary: slivers(SliverType::Secondary),
        }
    }

    /// The pairs in order.
    pub(crate) fn into_pairs(self) -> Vec<SliverPair> {
        // One for each shard, whose number is 16 bits wide.
        let n = u16::try_from(self.primary.len()).unwrap_or(u16::MAX);
        let pairs = self
            .primary
            .into_iter()
            .zip(self.secondary.into_iter().rev());
        let data =
            |sliver: Mutex<Vec<u8>>| sliver.into_inner().unwrap_or_else(PoisonError::into_inner);
        pairs
            .zip(0..n)
            .filter_map(|((row, column), pair)| {
                let secondary = SliverPairIndex(pair).to_sliver_index(SliverType::Secondary, n);
                let primary = SliverIndex(pair);
                Some(SliverPair {
                    primary: SliverData::new(data(row), self.symbol_size, primary)?,
                    secondary: SliverData::new(data(column), self.symbol_size, secondary)?,
                })
            })
            .collect()
    }
}

impl SliverSink for MemorySink {
    fn write(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()> {
        let slivers = match sliver.sliver_type() {
            SliverType::Primary => &self.primary,
            SliverType::Secondary => &self.secondary,
        };
        let Some(kept) = slivers.get(sliver.index().as_usize()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get_mut(offset..offset + data.len()) {
            Some(place) => place.copy_from_slice(data),
            None => return Err(io::ErrorKind::InvalidInput.into()),
        }
        Ok(())
    }

    fn takes_small_pieces(&self) -> bool {
        true
    }
}
