//! User objects: reservations, blobs and storage pools (contracts spec 7.1 to 7.3 and 7.8).

use crate::{Abort, Epoch, abort::ensure};

/// A reservation of capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The first epoch.
    pub start: Epoch,
    /// The epoch after the last one.
    pub end: Epoch,
    /// Encoded bytes.
    pub size: u64,
}

impl Storage {
    /// Keeps the epochs before `epoch`; returns the others.
    ///
    /// # Errors
    /// One of the parts would have no epochs (`storage_resource` 0).
    pub fn split_by_epoch(&mut self, epoch: Epoch) -> Result<Self, Abort> {
        ensure(
            self.start < epoch && epoch < self.end,
            "storage_resource",
            0,
        )?;
        let later = Self {
            start: epoch,
            ..self.clone()
        };
        self.end = epoch;
        Ok(later)
    }

    /// Keeps `size` bytes; returns the others.
    ///
    /// # Errors
    /// More than there are (`storage_resource` 2).
    pub fn split_by_size(&mut self, size: u64) -> Result<Self, Abort> {
        ensure(size <= self.size, "storage_resource", 2)?;
        let rest = Self {
            size: self.size - size,
            ..self.clone()
        };
        self.size = size;
        Ok(rest)
    }
}

/// A blob with its own reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Unencoded bytes.
    pub size: u64,
    /// When it was certified.
    pub certified: Option<Epoch>,
    /// Whether its owner may delete it.
    pub deletable: bool,
    /// The reservation.
    pub storage: Storage,
}

/// A reservation that blobs share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoragePool {
    /// The reservation.
    pub storage: Storage,
    /// Encoded bytes of the blobs.
    pub used: u64,
    /// Number of blobs.
    pub blobs: u64,
}
