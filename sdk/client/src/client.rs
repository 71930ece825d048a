//! The client.

use std::{sync::Arc, time::Duration};

use walrus_core::BlobId;
use walrus_node_client::BlobStatus;
use walrus_sui::{
    contract::{Committees, ContractReader},
    transactions::ContractWriter,
    wallet::Keypair,
};

use crate::{
    BlobToStore, ClientError, ClientOptions, DryRun, EpochsAhead, Progress, ReadOptions,
    StoreOptions, StoreReport,
};

/// Stores and reads blobs. Cheap to clone; clones share connections and the committee.
#[derive(Clone)]
pub struct WalrusClient {
    reader: ContractReader,
    writer: Option<ContractWriter>,
}

impl WalrusClient {
    /// A client of the deployment that `reader` reads.
    ///
    /// # Errors
    /// [`ClientError::Chain`] if the committee cannot be read, [`ClientError::Committee`] if there is none.
    pub async fn new(
        reader: ContractReader,
        _options: ClientOptions,
    ) -> Result<Self, ClientError> {
        Ok(Self { reader, writer: None })
    }

    /// The same client with a wallet that pays for stores and owns the blob objects.
    #[must_use]
    pub fn with_wallet(mut self, key: Arc<Keypair>) -> Self {
        self.writer = Some(ContractWriter::new(self.reader.clone(), key));
        self
    }

    /// The reader of the deployment.
    pub fn reader(&self) -> &ContractReader {
        &self.reader
    }

    /// The committees, at most as old as [`ClientOptions::committee_ttl`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn committees(&self) -> Result<Arc<Committees>, ClientError> {
        Ok(Arc::new(self.reader.committees().await?))
    }

    /// Stores blobs. Client spec 1.3.
    ///
    /// # Errors
    /// [`ClientError`] for what concerns all blobs, and for anything that keeps a single blob from being stored; with several
    /// blobs each failure is in its outcome.
    pub async fn store(
        &self,
        _blobs: Vec<BlobToStore>,
        _options: &StoreOptions,
        _progress: &dyn Progress,
    ) -> Result<StoreReport, ClientError> {
        Err(ClientError::Interrupted("being written".to_owned()))
    }

    /// What storing blobs would take. Client spec 2.5.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn dry_run(
        &self,
        _blobs: Vec<BlobToStore>,
        _epochs: EpochsAhead,
    ) -> Result<Vec<DryRun>, ClientError> {
        Err(ClientError::Interrupted("being written".to_owned()))
    }

    /// Reads a blob. Client spec 1.10.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn read(
        &self,
        _blob_id: &BlobId,
        _options: &ReadOptions,
        _progress: &dyn Progress,
    ) -> Result<Vec<u8>, ClientError> {
        Err(ClientError::Interrupted("being written".to_owned()))
    }

    /// The status of a blob, believed if enough nodes agree or the chain has the event. Client spec 1.10.2.
    ///
    /// # Errors
    /// [`ClientError::NoValidStatusReceived`].
    pub async fn blob_status(
        &self,
        _blob_id: &BlobId,
        _timeout: Duration,
    ) -> Result<BlobStatus, ClientError> {
        Err(ClientError::Interrupted("being written".to_owned()))
    }
}
