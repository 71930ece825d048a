//! Batches: stores that wait for a sub-wallet and are alike share its transactions. One registers them all, one certifies them all.
//!
//! Whoever gets a sub-wallet stores what waits by then, whoever asked for it; with a sub-wallet for everybody each stores alone.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;
use walrus_sdk::{
    BlobData, BlobObject, BlobToStore, Progress, ProgressEvent, Stored, StoredBlob,
    journal::UploadKey,
};

use super::{SubWallet, Wallets};
use crate::{
    limits,
    publisher::{
        UploadError, UploadOptions, UploadTask,
        uploader::{Unstored, Uploaded},
    },
};

/// A store that waits for a sub-wallet.
pub(super) struct Waiting {
    key: UploadKey,
    data: BlobData,
    bytes: u64,
    task: UploadTask,
    answer: oneshot::Sender<Result<Uploaded, Unstored>>,
}

/// Stores that wait, in the order in which they came.
#[derive(Default)]
pub(super) struct Queue(Mutex<VecDeque<Waiting>>);

impl Queue {
    fn push(&self, waiting: Waiting) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_back(waiting);
    }

    /// The store that waits longest, and those that are like it.
    fn take(&self) -> Vec<Waiting> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = queue.pop_front() else {
            return Vec::new();
        };
        let mut bytes = first.bytes;
        let mut batch = vec![first];
        let mut rest = VecDeque::with_capacity(queue.len());
        for waiting in queue.drain(..) {
            let sum = bytes.saturating_add(waiting.bytes);
            let fits = batch.len() < limits::BATCH_STORES && sum <= limits::BATCH_BYTES;
            let alike = batch
                .first()
                .is_some_and(|first| are_alike(&first.task, &waiting.task));
            if fits && alike {
                bytes = sum;
                batch.push(waiting);
            } else {
                rest.push_back(waiting);
            }
        }
        *queue = rest;
        batch
    }
}

/// Whether two stores can share transactions.
fn are_alike(one: &UploadTask, other: &UploadTask) -> bool {
    one.options == other.options && one.max_cost.is_some() == other.max_cost.is_some()
}

/// Tells several followers what concerns all of them.
struct All(Vec<Arc<dyn Progress>>);

impl Progress for All {
    fn on_event(&self, event: ProgressEvent) {
        // Whose blob it is nobody knows before it is encoded.
        if let ProgressEvent::Started(_) = event {
            for one in &self.0 {
                one.on_event(event.clone());
            }
        }
    }
}

impl Wallets {
    /// Stores with any sub-wallet, together with others that wait for one.
    pub(super) async fn store_with_any(
        &self,
        key: UploadKey,
        data: BlobData,
        task: UploadTask,
    ) -> Result<Uploaded, Unstored> {
        let (answer, mut answered) = oneshot::channel();
        let bytes = data.length().unwrap_or(u64::MAX);
        self.0.queue.push(Waiting {
            key,
            data,
            bytes,
            task,
            answer,
        });
        loop {
            tokio::select! {
                biased;
                answer = &mut answered => {
                    let dropped = |_| Unstored {
                        error: UploadError::Failed("the store was dropped".into()),
                        paid: true,
                    };
                    return answer.map_err(dropped)?;
                }
                taken = self.take() => {
                    let Some((wallet, _guard)) = taken else {
                        return Err(UploadError::Failed("there is no sub-wallet".into()).into());
                    };
                    self.store_batch(wallet, self.0.queue.take()).await;
                }
            }
        }
    }

    async fn store_batch(&self, wallet: &SubWallet, mut batch: Vec<Waiting>) {
        if batch.len() > 1 {
            self.store_together(wallet, batch).await;
        } else if let Some(Waiting {
            key,
            data,
            task,
            answer,
            ..
        }) = batch.pop()
        {
            // Who does not wait any more does not need it.
            let _ = answer.send(self.store_with(wallet, key, data, task).await);
        }
    }

    async fn store_together(&self, wallet: &SubWallet, batch: Vec<Waiting>) {
        let Some(first) = batch.first() else {
            return;
        };
        let options = first.task.options.clone();
        let costs = batch.iter().map(|waiting| waiting.task.max_cost);
        let max_cost = costs.sum::<Option<u64>>();
        let all = batch
            .iter()
            .map(|waiting| Arc::clone(&waiting.task.progress));
        let all = All(all.collect());
        let mut others = Vec::with_capacity(batch.len());
        let mut blobs = Vec::with_capacity(batch.len());
        for waiting in batch {
            let mut blob = BlobToStore::new("", waiting.data);
            blob.attributes = waiting.task.attributes;
            blob.upload_key = Some(waiting.key);
            blobs.push(blob);
            others.push((waiting.key, waiting.answer));
        }
        let how = self.how(&options, max_cost);
        let store = wallet.client.store_many(blobs).options(how);
        let report = store.journal(&self.0.journal).progress(&all).await;
        match report {
            Ok(report) => {
                for ((key, answer), outcome) in others.into_iter().zip(report.outcomes) {
                    let result = match StoredBlob::try_from(outcome) {
                        Ok(stored) => Ok(self.done(wallet, stored, &options).await),
                        Err(failure) => {
                            let error = UploadError::shared(&failure.error);
                            Err(self.unstored(&key, error).await)
                        }
                    };
                    let _ = answer.send(result);
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for (key, answer) in others {
                    let error = UploadError::shared(&error);
                    let _ = answer.send(Err(self.unstored(&key, error).await));
                }
            }
        }
    }

    /// What becomes of a body that is stored.
    pub(super) async fn done(
        &self,
        wallet: &SubWallet,
        stored: StoredBlob,
        options: &UploadOptions,
    ) -> Uploaded {
        let cost = stored.cost();
        let parts = stored.parts.iter().map(|part| &part.stored);
        let all = parts.chain([&stored.stored]);
        let mut objects: Vec<BlobObject> = all
            .filter_map(|stored| match stored {
                Stored::NewlyCreated { blob_object, .. } => Some(blob_object.clone()),
                Stored::AlreadyCertified { .. } => None,
            })
            .collect();
        if self.burns(options) && !objects.is_empty() {
            let ids: Vec<_> = objects.drain(..).map(|object| object.id).collect();
            // It is stored all the same, and paid.
            if let Err(error) = wallet.writer.burn_blobs(&ids).await {
                tracing::warn!(?ids, %error, "blob objects stay in their sub-wallet");
            }
        }
        Uploaded {
            result: stored.stored.into(),
            cost,
            objects,
        }
    }
}

#[cfg(test)]
mod tests {
    use walrus_sdk::NoProgress;

    use super::*;
    use crate::publisher::{AfterStore, TaskId};

    fn waiting(epochs: u32, bytes: u64, max_cost: Option<u64>) -> Waiting {
        Waiting {
            key: UploadKey::of([b"key"]),
            data: BlobData::default(),
            bytes,
            task: UploadTask {
                id: TaskId([0; 16]),
                options: UploadOptions {
                    epochs,
                    permanent: false,
                    force: false,
                    reuse_resources: false,
                    after: AfterStore::Default,
                },
                attributes: Vec::new(),
                max_cost,
                progress: Arc::new(NoProgress),
            },
            answer: oneshot::channel().0,
        }
    }

    #[test]
    fn what_is_alike_is_stored_together_within_bounds_and_nobody_is_passed_over() {
        let queue = Queue::default();
        let large = limits::BATCH_BYTES;
        for (epochs, bytes, cost) in [
            (1, 1, None),
            (2, 1, None),
            (1, 2, None),
            (1, large, None),
            (1, 3, Some(5)),
            (1, 4, None),
        ] {
            queue.push(waiting(epochs, bytes, cost));
        }
        let taken = || {
            let batch = queue.take();
            let bytes = batch.iter().map(|waiting| waiting.bytes);
            bytes.collect::<Vec<_>>()
        };
        assert_eq!(taken(), [1, 2, 4]);
        assert_eq!(taken(), [1]);
        assert_eq!(taken(), [large]);
        assert_eq!(taken(), [3]);
        assert!(taken().is_empty());
        for _ in 0..=limits::BATCH_STORES {
            queue.push(waiting(1, 1, None));
        }
        assert_eq!((taken().len(), taken().len()), (limits::BATCH_STORES, 1));
    }
}
