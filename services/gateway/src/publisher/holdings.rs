//! What a key may do with the objects that it stored, over whatever the publisher stores with. The wallets are one; tests have others.

use futures::future::BoxFuture;
use walrus_sdk::{Address, BlobId};

use super::UploadError;

/// Blob objects that the publisher's wallet keeps for others.
pub trait Holdings: Send + Sync {
    /// What it costs to store an object for `epochs` epochs more, in FROST.
    ///
    /// # Errors
    /// [`HoldingError`].
    fn extension_price(
        &self,
        object: Address,
        epochs: u32,
    ) -> BoxFuture<'_, Result<u64, HoldingError>>;

    /// Stores an object for `epochs` epochs more, and says from which on it no longer is.
    ///
    /// # Errors
    /// [`HoldingError`].
    fn extend(&self, object: Address, epochs: u32) -> BoxFuture<'_, Result<u32, HoldingError>>;

    /// Deletes an object.
    ///
    /// # Errors
    /// [`HoldingError`].
    fn delete(&self, object: Address) -> BoxFuture<'_, Result<(), HoldingError>>;

    /// Sets attributes of an object; one without a value is removed.
    ///
    /// # Errors
    /// [`HoldingError`].
    fn set_attributes(
        &self,
        object: Address,
        attributes: Vec<(String, Option<String>)>,
    ) -> BoxFuture<'_, Result<(), HoldingError>>;

    /// Who stores a blob, as the storage nodes know it.
    ///
    /// # Errors
    /// [`HoldingError`].
    fn holders(&self, blob_id: BlobId) -> BoxFuture<'_, Result<Holders, HoldingError>>;
}

/// Who stores a blob.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holders {
    /// The first epoch in which no permanent object keeps it, if one does now.
    pub permanent_until: Option<u32>,
    /// Objects that their owners may delete, of whoever.
    pub deletable: u32,
}

/// Why nothing was done with an object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HoldingError {
    /// It is gone, or somebody else's.
    #[error("there is no such object any more, or the publisher's wallet does not own it")]
    Gone,
    /// It cannot be done with this one.
    #[error("{0}")]
    Unsuitable(String),
    /// It cannot be paid, or the chain failed.
    #[error(transparent)]
    Failed(#[from] UploadError),
}
