//! Verified slivers of a blob until they are decoded: in memory if they are few bytes, otherwise in a file.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use walrus_core::{Axis, SliverData, SliverIndex, VerifiedBlobMetadataWithId, spool::SliverSpool};

use crate::{ClientError, Spool, SpoolError};

/// Slivers of one type. Cheap to clone.
pub(super) enum Kept<T: Axis> {
    /// In memory.
    Memory(Arc<Mutex<BTreeMap<SliverIndex, SliverData<T>>>>),
    /// In a file without a name.
    File(Arc<SliverSpool>),
}

impl<T: Axis> Clone for Kept<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Memory(slivers) => Self::Memory(Arc::clone(slivers)),
            Self::File(slivers) => Self::File(Arc::clone(slivers)),
        }
    }
}

impl<T: Axis> Kept<T> {
    /// Room for `needed` slivers.
    ///
    /// # Errors
    /// [`ClientError::Spool`] if there is none.
    pub(super) fn new(
        metadata: &VerifiedBlobMetadataWithId,
        needed: usize,
        spool: &Spool,
    ) -> Result<Self, ClientError> {
        let bytes = needed as u64 * metadata.sliver_length(T::TYPE) as u64;
        if bytes <= spool.in_memory {
            return Ok(Self::Memory(Arc::default()));
        }
        // Each sliver has its place, most of which stay empty: no more is needed than what is kept.
        spool.require(bytes)?;
        let slivers = SliverSpool::new(
            spool.file()?,
            metadata.config(),
            metadata.unencoded_length(),
        )
        .map_err(|error| ClientError::Decode(error.into()))?;
        Ok(Self::File(Arc::new(slivers)))
    }

    /// Keeps a verified sliver.
    ///
    /// # Errors
    /// What the file says.
    pub(super) fn put(&self, sliver: SliverData<T>, spool: &Spool) -> Result<(), SpoolError> {
        match self {
            Self::Memory(slivers) => {
                let mut slivers = slivers.lock().unwrap_or_else(PoisonError::into_inner);
                slivers.insert(sliver.index, sliver);
                Ok(())
            }
            Self::File(slivers) => slivers.put(&sliver).map_err(|error| spool.failed(error)),
        }
    }
}
