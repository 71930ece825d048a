//! The whole blob, where its slivers cannot be had one by one: fewer of them decode it than recover each.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OnceCell;
use walrus_core::{
    BlobId, blob_source::BlobSource, decoder::ConsistencyCheck, encoder::FileSource,
};

use super::{Destination, Reading};
use crate::{
    BlobContent, ClientError, ReadOptions, Spool, content::OpenBlob, nodes::NodeCommittee,
    running::NOBODY,
};

/// A blob that is read as a whole at most once, when somebody needs it.
pub(crate) struct WholeBlob {
    committee: NodeCommittee,
    blob_id: BlobId,
    spool: Spool,
    check: ConsistencyCheck,
    content: OnceCell<Arc<OpenBlob>>,
}

impl WholeBlob {
    /// Not read yet.
    pub(crate) fn new(
        committee: NodeCommittee,
        blob_id: BlobId,
        spool: Spool,
        check: ConsistencyCheck,
    ) -> Self {
        Self {
            committee,
            blob_id,
            spool,
            check,
            content: OnceCell::new(),
        }
    }

    /// Whether it is there.
    pub(crate) fn is_read(&self) -> bool {
        self.content.initialized()
    }

    /// Reads it, unless that was done: into memory, or into a file without a name.
    ///
    /// # Errors
    /// As for [`read_blob`](super::read_blob).
    pub(crate) async fn read(&self) -> Result<Arc<OpenBlob>, ClientError> {
        let content = self.content.get_or_try_init(|| async {
            let reading = Reading {
                blob_id: &self.blob_id,
                options: &ReadOptions {
                    consistency_check: self.check,
                    max_blob_size: None,
                },
                spool: &self.spool,
                progress: NOBODY,
                raw: true,
            };
            let content = match reading.run(&self.committee, Destination::Spool).await? {
                BlobContent::Bytes(bytes) => OpenBlob::Bytes(bytes.into()),
                BlobContent::File(file) => {
                    let source = FileSource::new(file).map_err(|error| self.spool.failed(error));
                    OpenBlob::File(Box::new(source?))
                }
            };
            Ok::<_, ClientError>(Arc::new(content))
        });
        content.await.cloned()
    }

    /// `length` bytes of it.
    ///
    /// # Errors
    /// The same, and [`ClientError::Spool`].
    pub(crate) async fn bytes(&self, offset: u64, length: usize) -> Result<Bytes, ClientError> {
        let whole = self.read().await?;
        let read = move || {
            let mut bytes = vec![0; length];
            whole.with_source(|source: &dyn BlobSource| source.read_at(offset, &mut bytes))?;
            Ok::<_, std::io::Error>(Bytes::from(bytes))
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|error| ClientError::Interrupted(error.to_string()))?
            .map_err(|error| self.spool.failed(error).into())
    }
}
