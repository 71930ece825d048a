//! What a node keeps on disk. Node spec 3.
//!
//! * [`tables`]: everything small, in one database with atomic batches across tables.
//! * [`segments`]: sliver bytes, in append-only files.
//! * [`shards`]: the shards a node keeps, joining both.

pub mod records;
pub mod segments;
pub mod shards;
pub mod tables;
mod verified;

use std::path::Path;

use walrus_core::{
    BlobId, BlobMetadata, EncodingConfig, ShardIndex, SliverType, UnverifiedBlobMetadataWithId,
    VerifiedBlobMetadataWithId,
};

use crate::limits::SCAN_BATCH;

use self::{
    segments::SegmentError,
    shards::Shards,
    tables::{Batch, Tables},
    verified::VerifiedMetadata,
};

/// Why the storage failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] fjall::Error),
    /// A segment file failed.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A record is not what was written.
    #[error("a record of table {table} cannot be decoded: {source}")]
    Record {
        /// The table.
        table: &'static str,
        /// What is wrong.
        source: bcs::Error,
    },
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

/// The storage of one node.
#[derive(Debug)]
pub struct Storage {
    /// Everything small.
    pub tables: Tables,
    /// The slivers.
    pub shards: Shards,
    verified: VerifiedMetadata,
}

impl Storage {
    /// Opens the directory, creating it if needed. After a crash the index of slivers is brought in line with the segment
    /// files.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, StorageError> {
        let tables = Tables::open(&path.join("db"), cache_bytes)?;
        let shards = Shards::open(path.join("shards"), &tables)?;
        if !tables.was_closed()? {
            shards.rebuild_index(&tables)?;
        }
        tables.mark_open()?;
        let verified = VerifiedMetadata::default();
        Ok(Self {
            tables,
            shards,
            verified,
        })
    }

    /// Makes everything durable and notes that the index of slivers is complete.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn close(&self) -> Result<(), StorageError> {
        self.tables.mark_closed()
    }

    /// The metadata of a blob. A damaged record counts as missing, so that it is fetched again.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn metadata(
        &self,
        blob_id: &BlobId,
        config: &EncodingConfig,
    ) -> Result<Option<VerifiedBlobMetadataWithId>, StorageError> {
        let Some(bytes) = self.tables.metadata.get(blob_id.0)? else {
            return Ok(None);
        };
        if let Some(metadata) = self.verified.get(blob_id, &bytes, config) {
            return Ok(Some(metadata));
        }
        let verified = BlobMetadata::from_bcs(&bytes, config)
            .map_err(|error| error.to_string())
            .and_then(|metadata| {
                UnverifiedBlobMetadataWithId::new(*blob_id, metadata)
                    .verify(config)
                    .map_err(|error| error.to_string())
            });
        match verified {
            Ok(metadata) => {
                self.verified.remember(&bytes, &metadata);
                Ok(Some(metadata))
            }
            Err(error) => {
                tracing::error!(%blob_id, error, "stored metadata is damaged");
                Ok(None)
            }
        }
    }

    /// Whether the metadata of a blob is stored.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn has_metadata(&self, blob_id: &BlobId) -> Result<bool, StorageError> {
        Ok(self.tables.metadata.contains_key(blob_id.0)?)
    }

    /// Stores metadata durably.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn put_metadata(&self, metadata: &VerifiedBlobMetadataWithId) -> Result<(), StorageError> {
        let mut batch = self.tables.batch();
        batch.insert_raw(
            &self.tables.metadata,
            &metadata.blob_id().0,
            metadata.metadata().to_bcs(),
        );
        batch.commit_durably()
    }

    /// The shards of `shards` that lack a sliver of the blob.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn missing_slivers(
        &self,
        blob_id: &BlobId,
        shards: impl IntoIterator<Item = ShardIndex>,
    ) -> Result<Vec<(ShardIndex, SliverType)>, StorageError> {
        let mut missing = Vec::new();
        for shard in shards {
            for sliver_type in [SliverType::Primary, SliverType::Secondary] {
                if !self
                    .shards
                    .contains(&self.tables, shard, blob_id, sliver_type)?
                {
                    missing.push((shard, sliver_type));
                }
            }
        }
        Ok(missing)
    }

    /// Removes metadata and slivers of a blob from all shards that are not locked.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn delete_data(&self, blob_id: &BlobId) -> Result<(), StorageError> {
        self.shards.delete_blob(&self.tables, blob_id)?;
        let mut batch: Batch<'_> = self.tables.batch();
        batch.remove(&self.tables.metadata, &blob_id.0);
        batch.remove(&self.tables.deletions, &blob_id.0);
        batch.commit()
    }

    /// Deletes the data of the invalid blobs in [`Tables::deletions`]. To be called when one is added and, for what a crash left
    /// there, at the start.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn delete_invalid(&self) -> Result<(), StorageError> {
        loop {
            let page = self
                .tables
                .page::<()>(&self.tables.deletions, None, SCAN_BATCH)?;
            if page.is_empty() {
                return Ok(());
            }
            for (id, ()) in page {
                self.delete_data(&BlobId(id))?;
            }
        }
    }
}
