//! The client.

use std::{path::Path, sync::Arc, time::Duration};

use futures::StreamExt as _;
use walrus_core::BlobId;
use walrus_node_client::{BlobStatus, HealthInfo};
use walrus_sui::{
    contract::{Committees, ContractReader},
    transactions::ContractWriter,
    wallet::TransactionSigner,
};

use crate::{
    BlobContent, BlobToStore, ClientError, ClientOptions, DryRun, EpochsAhead, NodeFailure,
    Progress, ReadOptions, Scratch, StoreOptions, StoreReport,
    chain_witness::ChainWitness,
    committee_cache::{CommitteeCache, NetworkView},
    disk::Output,
    limits,
    nodes::{Connections, StorageNode},
    patience::within,
    read::{Destination, Reading, StatusPoll},
    store::{Known, Store},
};

/// Stores and reads blobs. Cheap to clone; clones share connections and the committee.
#[derive(Clone)]
pub struct WalrusClient {
    reader: ContractReader,
    writer: Option<ContractWriter>,
    committees: Arc<CommitteeCache>,
    scratch: Scratch,
    max_epochs_ahead: Option<u32>,
    blobs_at_once: usize,
}

impl WalrusClient {
    /// A client of the deployment that `reader` reads.
    ///
    /// # Errors
    /// [`ClientError::Chain`] if the committee cannot be read, [`ClientError::Committee`] if there is none.
    pub async fn new(reader: ContractReader, options: ClientOptions) -> Result<Self, ClientError> {
        let connections = Connections::new(options.node).with_tuning(options.tuning);
        let cache = CommitteeCache::new(reader.clone(), connections, options.committee_ttl);
        let client = Self {
            reader,
            writer: None,
            committees: Arc::new(cache),
            scratch: options.scratch,
            max_epochs_ahead: options.max_epochs_ahead,
            blobs_at_once: options.blobs_at_once,
        };
        client.view().await?;
        Ok(client)
    }

    /// The same client with a wallet that pays for stores and owns the blob objects.
    #[must_use]
    pub fn with_wallet(mut self, signer: impl Into<TransactionSigner>) -> Self {
        self.writer = Some(ContractWriter::new(self.reader.clone(), signer));
        self
    }

    /// The reader of the deployment.
    pub fn reader(&self) -> &ContractReader {
        &self.reader
    }

    /// Transactions of the wallet.
    ///
    /// # Errors
    /// [`ClientError::NoWallet`].
    pub fn writer(&self) -> Result<ContractWriter, ClientError> {
        self.writer.clone().ok_or(ClientError::NoWallet)
    }

    /// The committees, at most as old as [`ClientOptions::committee_ttl`].
    ///
    /// # Errors
    /// [`ClientError::Chain`], [`ClientError::Committee`].
    pub async fn committees(&self) -> Result<Arc<Committees>, ClientError> {
        Ok(Arc::clone(&self.view().await?.committees))
    }

    pub(crate) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    pub(crate) async fn view(&self) -> Result<Arc<NetworkView>, ClientError> {
        self.committees.get().await
    }

    pub(crate) async fn refresh(&self) -> Result<Arc<NetworkView>, ClientError> {
        self.committees.refresh().await
    }

    /// The number of epochs, checked against what the network sells.
    pub(crate) async fn epochs_ahead(&self, epochs: EpochsAhead) -> Result<u32, ClientError> {
        let max = self.reader.system_state().await?.future_accounting.length;
        match epochs {
            EpochsAhead::Max => Ok(self.max_epochs_ahead.unwrap_or(max).clamp(1, max.max(1))),
            EpochsAhead::Count(0) => Err(ClientError::NoEpochs),
            EpochsAhead::Count(requested) if requested > max => {
                Err(ClientError::TooManyEpochs { max, requested })
            }
            EpochsAhead::Count(requested) => Ok(requested),
        }
    }

    /// Stores blobs. Client spec 1.3. The same content several times is stored once.
    ///
    /// # Errors
    /// [`ClientError`] for what concerns all blobs, and for anything that keeps a single blob from being stored; with several
    /// blobs each failure is in its outcome. With nodes of more than `f` shards down it is
    /// [`ClientError::NotEnoughConfirmations`], before anything is paid if the status is checked.
    pub async fn store(
        &self,
        blobs: Vec<BlobToStore>,
        options: &StoreOptions,
        progress: &dyn Progress,
    ) -> Result<StoreReport, ClientError> {
        let writer = self.writer()?;
        let at_once = self.blobs_at_once.max(1);
        let mut known = Known::default();
        let mut report: Option<StoreReport> = None;
        let mut blobs = blobs.into_iter();
        loop {
            let batch: Vec<BlobToStore> = blobs.by_ref().take(at_once).collect();
            if batch.is_empty() && report.is_some() {
                break;
            }
            let labels: Vec<String> = batch.iter().map(|blob| blob.label.clone()).collect();
            let stored = match Store::new(self, Some(writer.clone()), options, progress).await {
                // On the heap: the futures of callers would be too large for small stacks.
                Ok(store) => Box::pin(store.run(batch, &mut known)).await,
                Err(error) => Err(error),
            };
            match (&mut report, stored) {
                (None, stored) => report = Some(stored?),
                (Some(report), Ok(stored)) => report.append(stored),
                // What is stored by now has been paid for and must be told.
                (Some(report), Err(error)) => report.append_failed(labels, &error),
            }
        }
        report.ok_or_else(|| ClientError::Interrupted("nothing was stored".to_owned()))
    }

    /// What [`WalrusClient::store`] would do with these blobs, and what its wallet would pay. Nothing is paid, and no wallet is
    /// needed: then nothing is owned. Client spec 2.5.
    ///
    /// # Errors
    /// As for a store, before anything is paid.
    pub async fn dry_run(
        &self,
        blobs: Vec<BlobToStore>,
        options: &StoreOptions,
        progress: &dyn Progress,
    ) -> Result<Vec<DryRun>, ClientError> {
        let store = Store::new(self, self.writer.clone(), options, progress).await?;
        Box::pin(store.dry_run(blobs)).await
    }

    /// Reads a blob into memory. Client spec 1.10.
    ///
    /// # Errors
    /// As [`read_blob`](crate::read::read_blob); [`ClientError::Chain`] if the committee cannot be read.
    pub async fn read(
        &self,
        blob_id: &BlobId,
        options: &ReadOptions,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, ClientError> {
        let reading = self.reading(blob_id, options, progress);
        let content = self.read_to(reading, &Destination::Memory).await?;
        content
            .into_bytes()
            .map_err(|error| self.scratch.failed(error).into())
    }

    /// Reads a blob into memory if it is small, otherwise into a file without a name; either holds the whole blob, checked.
    ///
    /// # Errors
    /// As [`Self::read`]; [`ClientError::Scratch`] if there is no room for files.
    pub async fn read_content(
        &self,
        blob_id: &BlobId,
        options: &ReadOptions,
        progress: &dyn Progress,
    ) -> Result<BlobContent, ClientError> {
        let reading = self.reading(blob_id, options, progress);
        self.read_to(reading, &Destination::Scratch).await
    }

    /// Reads a blob into a regular file, which is there with all of the blob, checked, or not at all: until then a file that
    /// was there before stays.
    ///
    /// # Errors
    /// As [`Self::read_content`]; [`ClientError::Output`] if the file cannot be written, which is looked at first.
    pub async fn read_to_file(
        &self,
        blob_id: &BlobId,
        path: impl AsRef<Path>,
        options: &ReadOptions,
        progress: &dyn Progress,
    ) -> Result<(), ClientError> {
        let output = Destination::Output(Arc::new(Output::create(path.as_ref())?));
        let reading = self.reading(blob_id, options, progress);
        self.read_to(reading, &output).await.map(drop)
    }

    fn reading<'a>(
        &'a self,
        blob_id: &'a BlobId,
        options: &'a ReadOptions,
        progress: &'a dyn Progress,
    ) -> Reading<'a> {
        Reading {
            blob_id,
            options,
            scratch: &self.scratch,
            progress,
        }
    }

    async fn read_to(
        &self,
        reading: Reading<'_>,
        destination: &Destination,
    ) -> Result<BlobContent, ClientError> {
        let mut view = self.view().await?;
        let mut changes = 0;
        loop {
            let result = self.read_once(&view, reading, destination.clone()).await;
            let error = match result {
                Err(error) if error.may_be_epoch_change() => error,
                result => return result,
            };
            // The network may know a committee that we do not know yet; if not, the error stands.
            match self.refresh().await {
                Ok(fresh) if changes < limits::COMMITTEE_CHANGES && fresh.differs_from(&view) => {
                    view = fresh;
                }
                _ => return Err(error),
            }
            changes += 1;
            tokio::time::sleep(limits::COMMITTEE_CHANGE_PAUSE).await;
        }
    }

    async fn read_once(
        &self,
        view: &NetworkView,
        reading: Reading<'_>,
        destination: Destination,
    ) -> Result<BlobContent, ClientError> {
        let blob_id = reading.blob_id;
        let status = StatusPoll::run(&view.current, blob_id, limits::STATUS_TIMEOUT);
        if view.is_changing() {
            // Who has the slivers depends on when the blob was certified.
            let certified = self.check_readable(blob_id, status.await).await?;
            let readers = view.readers(certified)?;
            return reading.run(readers, destination).await;
        }
        let mut status = std::pin::pin!(status);
        let mut read = std::pin::pin!(reading.run(&view.current, destination));
        let poll = tokio::select! {
            result = &mut read => return result,
            poll = &mut status => poll,
        };
        self.check_readable(blob_id, poll).await?;
        read.await
    }

    /// Whether a read makes sense by what the nodes say about the blob; the epoch of its first certification.
    async fn check_readable(
        &self,
        blob_id: &BlobId,
        poll: StatusPoll,
    ) -> Result<Option<walrus_core::Epoch>, ClientError> {
        if poll.is_surely_nonexistent() {
            return Err(ClientError::BlobIdDoesNotExist(*blob_id));
        }
        match poll.decide(&ChainWitness(self.reader.clone())).await {
            Ok(BlobStatus::Invalid { .. }) => Err(ClientError::InvalidBlob(*blob_id)),
            Ok(status) => Ok(status.initial_certified_epoch()),
            // The slivers decide.
            Err(_) => Ok(None),
        }
    }

    /// The status of a blob, believed if enough nodes agree or the chain has the event. Client spec 1.10.2.
    ///
    /// # Errors
    /// [`ClientError::NoValidStatusReceived`].
    pub async fn blob_status(
        &self,
        blob_id: &BlobId,
        timeout: Duration,
    ) -> Result<BlobStatus, ClientError> {
        let view = self.view().await?;
        let witness = ChainWitness(self.reader.clone());
        StatusPoll::run(&view.current, blob_id, timeout)
            .await
            .decide(&witness)
            .await
    }

    /// The health of every node of the current committee, in its order. Client spec 2.7.
    ///
    /// # Errors
    /// [`ClientError::Chain`], [`ClientError::Committee`]; that a node does not answer is in its entry.
    pub async fn health(
        &self,
        detailed: bool,
    ) -> Result<Vec<(Arc<StorageNode>, Result<HealthInfo, NodeFailure>)>, ClientError> {
        let view = self.view().await?;
        let nodes: Vec<_> = view.current.nodes.to_vec();
        Ok(futures::stream::iter(nodes)
            .map(|node| async move {
                let health = match node.client() {
                    Ok(client) => within(limits::SMALL_REQUEST, client.health(detailed))
                        .await
                        .map_err(|error| node.failure(error)),
                    Err(reason) => Err(node.failure(reason)),
                };
                (node, health)
            })
            .buffered(limits::MAX_HEALTH_REQUESTS)
            .collect()
            .await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_may_move_between_threads() {
        fn compiles<T: Send>(
            _: impl Fn(&'static WalrusClient, &'static StoreOptions, &'static dyn Progress) -> T,
        ) {
        }
        compiles(|client, options, progress| client.store(Vec::new(), options, progress));
    }
}
