//! Verified slivers of a blob until they are decoded: in memory if they are few bytes, otherwise in a file.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use walrus_core::{Axis, SliverData, SliverIndex, VerifiedBlobMetadataWithId, spool::SliverSpool};

use crate::{ClientError, Scratch, ScratchError};

/// Slivers of one axis. Cheap to clone.
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
            Self::File(spool) => Self::File(Arc::clone(spool)),
        }
    }
}

impl<T: Axis> Kept<T> {
    /// Room for `needed` slivers.
    ///
    /// # Errors
    /// [`ClientError::Scratch`] if there is none.
    pub(super) fn new(
        metadata: &VerifiedBlobMetadataWithId,
        needed: usize,
        scratch: &Scratch,
    ) -> Result<Self, ClientError> {
        let bytes = needed as u64 * metadata.sliver_length(T::TYPE) as u64;
        if bytes <= scratch.in_memory {
            return Ok(Self::Memory(Arc::default()));
        }
        // Each sliver has its place, most of which stay empty: no more is needed than what is kept.
        scratch.require(bytes)?;
        let spool = SliverSpool::new(
            scratch.file()?,
            metadata.config(),
            metadata.unencoded_length(),
        )
        .map_err(|error| ClientError::Decode(error.into()))?;
        Ok(Self::File(Arc::new(spool)))
    }

    /// Keeps a verified sliver.
    ///
    /// # Errors
    /// What the file says.
    pub(super) fn put(&self, sliver: SliverData<T>, scratch: &Scratch) -> Result<(), ScratchError> {
        match self {
            Self::Memory(slivers) => {
                let mut slivers = slivers.lock().unwrap_or_else(PoisonError::into_inner);
                slivers.insert(sliver.index, sliver);
                Ok(())
            }
            Self::File(spool) => spool.put(&sliver).map_err(|error| scratch.failed(error)),
        }
    }
}
