//! Fetching: event blobs from the network, into files.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use walrus_core::BlobId;
use walrus_sdk::{ClientError, ConsistencyCheck};
use walrus_sui::event_blobs::{EventBlob, Header, MAX_EVENT_BLOB_BYTES};

use super::{CatchUp, Place, error::CatchUpError};
use crate::limits::{
    CATCH_UP_PATIENCE, MAX_EVENT_BLOB_CHAIN, NEWEST_EVENT_BLOB_LOOKS, NEWEST_EVENT_BLOB_PAUSE,
};

/// An event blob that was read.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) blob_id: BlobId,
    /// The file in which it is.
    pub(super) path: PathBuf,
    pub(super) header: Header,
    /// The index of its first element.
    pub(super) first_index: u64,
    pub(super) first_checkpoint: u64,
}

impl CatchUp {
    /// The event blobs back to the one in which the place is, the newest first; fewer if older ones are not to be had.
    pub(super) async fn fetch_back_to(
        &self,
        place: &Place,
        newest: BlobId,
    ) -> Result<Vec<Fetched>, CatchUpError> {
        let mut blobs = Vec::new();
        let mut next = Some(newest);
        while let Some(blob_id) = next {
            if blobs.len() >= MAX_EVENT_BLOB_CHAIN {
                return Err(CatchUpError::TooMany);
            }
            let fetched = match blobs.is_empty() {
                true => self.fetch_newest(blob_id).await,
                false => self.fetch(blob_id).await,
            };
            let blob = match fetched {
                Ok(blob) => blob,
                // Its storage has ended; what is left may be enough.
                Err(CatchUpError::Unreadable { source, .. })
                    if !blobs.is_empty()
                        && matches!(*source, ClientError::BlobIdDoesNotExist(_)) =>
                {
                    break;
                }
                Err(error) => return Err(error),
            };
            let is_enough = blob.first_index <= place.index;
            next = blob.header.previous();
            blobs.push(blob);
            if is_enough {
                break;
            }
        }
        Ok(blobs)
    }

    /// Reads the newest event blob, of which nodes may not know yet that it is certified.
    async fn fetch_newest(&self, blob_id: BlobId) -> Result<Fetched, CatchUpError> {
        let mut looks = 1;
        loop {
            let fetched = self.fetch(blob_id).await;
            let is_unknown = matches!(
                &fetched,
                Err(CatchUpError::Unreadable { source, .. })
                    if matches!(**source, ClientError::BlobIdDoesNotExist(_))
            );
            if !is_unknown || looks >= NEWEST_EVENT_BLOB_LOOKS {
                return fetched;
            }
            looks += 1;
            tokio::time::sleep(NEWEST_EVENT_BLOB_PAUSE).await;
        }
    }

    /// Reads one event blob into a file, unless it is there already.
    async fn fetch(&self, blob_id: BlobId) -> Result<Fetched, CatchUpError> {
        let path = self.directory.join(blob_id.to_string());
        let io = |source| CatchUpError::Io {
            directory: self.directory.clone(),
            source,
        };
        fs::create_dir_all(&self.directory).map_err(io)?;
        if !path.exists() {
            let reading = self
                .client
                .read(blob_id)
                .consistency_check(ConsistencyCheck::Strict)
                .max_size(MAX_EVENT_BLOB_BYTES)
                .to_file(&path);
            let read = tokio::time::timeout(CATCH_UP_PATIENCE, reading).await;
            let read = read.unwrap_or_else(|_| {
                let waited = format!("it was not read within {CATCH_UP_PATIENCE:?}");
                Err(ClientError::Interrupted(waited))
            });
            read.map_err(|source| CatchUpError::Unreadable {
                blob_id,
                source: Box::new(source),
            })?;
            self.metrics.event_blobs.fetched();
        }
        let malformed = |source| {
            // It may be the file that is damaged.
            let _ = fs::remove_file(&path);
            CatchUpError::Malformed { blob_id, source }
        };
        let mut blob = EventBlob::open(File::open(&path).map_err(io)?).map_err(malformed)?;
        let (header, first_checkpoint) = (*blob.header(), blob.first_checkpoint());
        let first = blob.next().transpose().map_err(malformed)?;
        Ok(Fetched {
            blob_id,
            path: path.clone(),
            header,
            first_checkpoint,
            first_index: first.map_or(0, |element| element.index),
        })
    }
}
