//! Storage: what a node keeps on disk. Node spec 3.
//!
//! Everything small is in the tables of one database, with atomic batches across tables; sliver bytes are in append-only segment
//! files ([`segments`]). [`Storage`] joins both behind verbs, and nobody else sees a table or a file.
//!
//! Both have a number of their format: the tables in the database, the segments in each record. What a newer program has
//! written is refused, and nothing of it is changed.

pub mod blob_info;
mod copy;
pub mod event_name;
mod queries;
pub mod records;
pub mod segments;
mod slivers;
mod tables;
mod update;
mod verified;

use std::path::Path;

use walrus_core::{
    BlobId, BlobMetadata, EncodingConfig, UnverifiedBlobMetadataWithId, VerifiedBlobMetadataWithId,
};
use walrus_core::{ShardIndex, bounded_bcs::BcsError, metadata::MetadataError};
use walrus_service::tables::{Bytes, TableError};

pub use self::{queries::Page, update::Update};
use self::{
    records::SyncReason,
    segments::SegmentError,
    slivers::SliverStore,
    tables::{BlobKey, Tables},
    verified::VerifiedMetadata,
};

/// Why the storage failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database failed, or a record in it is not what was written.
    #[error(transparent)]
    Tables(#[from] TableError),
    /// A segment file failed.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// There is no storage for the shard.
    #[error("shard {0} is not stored here")]
    NoShard(ShardIndex),
    /// A file operation failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The path.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Metadata that was stored is not what it was.
#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error(transparent)]
    Malformed(#[from] BcsError),
    #[error(transparent)]
    Invalid(#[from] MetadataError),
}

/// The storage of one node.
#[derive(Debug)]
pub struct Storage {
    tables: Tables,
    slivers: SliverStore,
    verified: VerifiedMetadata,
}

impl Storage {
    /// Opens the directory, creating it if needed. After a crash the index of slivers is brought in line with the segment
    /// files.
    ///
    /// # Errors
    /// [`StorageError`], also if a newer program has written the directory.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, StorageError> {
        let tables = Tables::open(&path.join("db"), cache_bytes)?;
        let slivers = SliverStore::open(path.join("shards"), tables.clone())?;
        if !tables.was_closed()? {
            slivers.rebuild_index()?;
        }
        tables.mark_open()?;
        Ok(Self {
            tables,
            slivers,
            verified: VerifiedMetadata::default(),
        })
    }

    /// Makes everything durable and notes that the index of slivers is complete.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn close(&self) -> Result<(), StorageError> {
        self.tables.mark_closed()
    }

    /// The metadata of a blob. A damaged record is forgotten and its blob queued for recovery, so that it is fetched again.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn metadata(
        &self,
        blob_id: &BlobId,
        config: &EncodingConfig,
    ) -> Result<Option<VerifiedBlobMetadataWithId>, StorageError> {
        let Some(bytes) = self.tables.metadata.get(&BlobKey(*blob_id))? else {
            return Ok(None);
        };
        if let Some(metadata) = self.verified.get(blob_id, &bytes, config) {
            return Ok(Some(metadata));
        }
        match verify(blob_id, &bytes, config) {
            Ok(metadata) => {
                self.verified.remember(&bytes, &metadata);
                Ok(Some(metadata))
            }
            Err(error) => {
                tracing::error!(%blob_id, %error, "stored metadata is damaged");
                let mut batch = self.tables.batch();
                batch.remove(&self.tables.metadata, &BlobKey(*blob_id));
                self.tables
                    .queue_lost(&mut batch, blob_id, SyncReason::Certified)?;
                batch.commit()?;
                Ok(None)
            }
        }
    }

    /// Whether the metadata of a blob is stored.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn has_metadata(&self, blob_id: &BlobId) -> Result<bool, StorageError> {
        Ok(self.tables.metadata.contains(&BlobKey(*blob_id))?)
    }

    /// Stores metadata durably.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn put_metadata(&self, metadata: &VerifiedBlobMetadataWithId) -> Result<(), StorageError> {
        let (key, bytes) = (BlobKey(*metadata.blob_id()), metadata.metadata().to_bcs());
        let mut batch = self.tables.batch();
        batch.insert(&self.tables.metadata, &key, &Bytes::from(bytes))?;
        Ok(batch.commit_durably()?)
    }

    /// Removes metadata and slivers of a blob from all shards that are not locked.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn delete_data(&self, blob_id: &BlobId) -> Result<(), StorageError> {
        self.slivers.delete_blob(blob_id)?;
        let mut batch = self.tables.batch();
        batch.remove(&self.tables.metadata, &BlobKey(*blob_id));
        batch.remove(&self.tables.deletions, &BlobKey(*blob_id));
        Ok(batch.commit()?)
    }
}

fn verify(
    blob_id: &BlobId,
    bytes: &[u8],
    config: &EncodingConfig,
) -> Result<VerifiedBlobMetadataWithId, Damage> {
    let metadata = BlobMetadata::from_bcs(bytes, config)?;
    Ok(UnverifiedBlobMetadataWithId::new(*blob_id, metadata).verify(config)?)
}
