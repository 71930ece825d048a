//! Block list of a gateway: a store without what is on it, and the worker that reads it anew. Client spec 1.11.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use prometheus::IntGauge;
use walrus_sdk::{Address, BlobId, Epoch, QuiltPatch, QuiltPatchId};
use walrus_service::{
    blocklist::{Blocklist, BlocklistError, read_blocklist},
    metrics::Registry,
    server::Caller,
    worker::{Failure, Status, Step, Worker},
};

use crate::store::{ObjectOfBlob, PatchStream, Store, StoreError, StoredBlob, StoredPatch};

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_secs(30);

/// A block list, and the file that it is in. Cheap to clone; clones share the list.
#[derive(Debug, Clone)]
pub struct BlocklistFile {
    path: PathBuf,
    list: Arc<Blocklist>,
}

impl BlocklistFile {
    /// Reads the list.
    ///
    /// # Errors
    /// [`BlocklistError`].
    pub fn open(path: &Path) -> Result<Self, BlocklistError> {
        Ok(Self {
            path: path.to_owned(),
            list: Arc::new(read_blocklist(path)?.into_iter().collect()),
        })
    }

    /// A store without what is on the list.
    pub(crate) fn without_blocked(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Unblocked {
            store,
            list: Arc::clone(&self.list),
        })
    }

    /// Whether a blob is on it.
    pub(crate) fn blocks(&self, blob_id: &BlobId) -> bool {
        self.list.check(blob_id).is_err()
    }

    /// The worker that reads it anew.
    pub(crate) fn refresh(&self, registry: &Registry) -> Refresh {
        let size = registry.gauge("walrus_blocklist_size", "Blobs on the block list");
        let this = Refresh {
            file: self.clone(),
            size,
        };
        this.show();
        this
    }
}

/// A store that says of what is on a list that it is blocked.
struct Unblocked {
    store: Arc<dyn Store>,
    list: Arc<Blocklist>,
}

impl Unblocked {
    fn unless_blocked<'a, T: Send + 'a>(
        &self,
        blob_id: BlobId,
        read: BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        match self.list.check(&blob_id) {
            Ok(()) => read,
            Err(_) => Box::pin(std::future::ready(Err(StoreError::OnBlocklist(blob_id)))),
        }
    }
}

impl Store for Unblocked {
    fn open(&self, blob_id: BlobId) -> BoxFuture<'_, Result<Arc<dyn StoredBlob>, StoreError>> {
        let open = async move {
            let blob = self.store.open(blob_id).await?;
            // Somebody's manifest must not be a way around the list.
            let blocked = |part: &BlobId| self.list.check(part).is_err();
            match blob.parts().into_iter().find(blocked) {
                Some(part) => Err(StoreError::OnBlocklist(part)),
                None => Ok(blob),
            }
        };
        self.unless_blocked(blob_id, Box::pin(open))
    }

    fn open_raw(&self, blob_id: BlobId) -> BoxFuture<'_, Result<Arc<dyn StoredBlob>, StoreError>> {
        self.unless_blocked(blob_id, self.store.open_raw(blob_id))
    }

    fn certified(&self, blob_id: BlobId, end_epoch: Epoch) {
        self.store.certified(blob_id, end_epoch);
    }

    fn quilt(&self, quilt_id: BlobId) -> BoxFuture<'_, Result<Arc<[QuiltPatch]>, StoreError>> {
        self.unless_blocked(quilt_id, self.store.quilt(quilt_id))
    }

    fn patch(&self, id: QuiltPatchId) -> BoxFuture<'_, Result<StoredPatch, StoreError>> {
        self.unless_blocked(id.quilt_id, self.store.patch(id))
    }

    fn all_patches(&self, quilt_id: BlobId) -> BoxFuture<'_, Result<PatchStream, StoreError>> {
        self.unless_blocked(quilt_id, self.store.all_patches(quilt_id))
    }

    fn for_caller(&self, caller: Caller) -> Option<Arc<dyn Store>> {
        let store = self.store.for_caller(caller)?;
        let list = Arc::clone(&self.list);
        Some(Arc::new(Self { store, list }))
    }

    fn bytes_in_memory(&self) -> Vec<(&'static str, u64)> {
        self.store.bytes_in_memory()
    }

    fn object(&self, object_id: Address) -> BoxFuture<'_, Result<ObjectOfBlob, StoreError>> {
        self.store.object(object_id)
    }
}

/// Reads the list twice a minute. What cannot be read is tried again, and the old list holds: a file that is away or empty for a moment
/// must not let anything through.
#[derive(Debug)]
pub(crate) struct Refresh {
    file: BlocklistFile,
    size: IntGauge,
}

impl Refresh {
    fn show(&self) {
        let size = self.file.list.len();
        self.size.set(i64::try_from(size).unwrap_or(i64::MAX));
    }
}

impl Worker for Refresh {
    fn name(&self) -> &'static str {
        "block-list"
    }

    /// Blobs on the list.
    fn status(&self) -> Status {
        Status {
            done: u64::try_from(self.file.list.len()).ok(),
            left: None,
            note: Some("blobs on the list".into()),
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        let path = self.file.path.clone();
        match tokio::task::spawn_blocking(move || read_blocklist(&path)).await? {
            Ok(blobs) if !blobs.is_empty() => {
                if self.file.list.replace(blobs) {
                    let blobs = self.file.list.len();
                    tracing::info!(blobs, "the block list has changed");
                }
            }
            Ok(_) => {}
            Err(BlocklistError::Unreadable { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Ok(Step::Retry(error.into())),
        }
        self.show();
        Ok(Step::WaitAtMost(INTERVAL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list_of(ids: &[BlobId]) -> String {
        ids.iter().map(|id| format!("- {id}\n")).collect()
    }

    #[tokio::test]
    async fn the_list_is_read_anew_and_never_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list");
        let missing = BlocklistFile::open(&path).unwrap_err().to_string();
        assert!(missing.contains("cannot read the block list"), "{missing}");
        let (one, two) = (BlobId([1; 32]), BlobId([2; 32]));
        std::fs::write(&path, list_of(&[one])).unwrap();
        let file = BlocklistFile::open(&path).unwrap();
        assert!(file.blocks(&one) && !file.blocks(&two));
        let registry = Registry::new();
        let mut refresh = file.refresh(&registry);
        std::fs::write(&path, list_of(&[one, two])).unwrap();
        assert!(matches!(refresh.work().await, Ok(Step::WaitAtMost(_))));
        assert!(file.blocks(&two) && registry.text().contains("walrus_blocklist_size 2"));
        for text in ["", "[]", "no list"] {
            std::fs::write(&path, text).unwrap();
            let step = refresh.work().await.unwrap();
            let is_list = text != "no list";
            assert_eq!(matches!(step, Step::WaitAtMost(_)), is_list, "{text}");
            assert!(file.blocks(&one) && file.blocks(&two), "{text}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(refresh.work().await, Ok(Step::WaitAtMost(_))));
        assert!(file.blocks(&one));
    }
}
