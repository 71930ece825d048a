//! The client.

use std::{borrow::Borrow, sync::Arc, time::Duration};

use futures::StreamExt as _;
use walrus_core::BlobId;
use walrus_node_client::{Addresses, BlobStatus, HealthInfo, NodeClientOptions};
use walrus_sui::{
    contract::{Committees, ContractReader, Sales},
    is_public_network,
    transactions::ContractWriter,
    wallet::{TransactionSigner, WalletError},
};

use crate::{
    BlobData, BlobToStore, ClientBuilder, ClientError, ClientOptions, ConnectError, EpochsAhead,
    NodeFailure, ReadBlob, Spool, StoreBlob, StoreBlobs,
    chain_witness::ChainWitness,
    committee_cache::{CommitteeCache, NetworkView},
    limits,
    nodes::{Connections, StorageNode},
    patience::within,
    read::StatusPoll,
};

/// Stores and reads blobs. Cheap to clone; clones share connections and the committee.
#[derive(Clone)]
pub struct Client {
    reader: ContractReader,
    /// Who pays for stores and owns the blob objects; or why the wallet cannot, if there should be one.
    payer: Result<ContractWriter, Option<Arc<WalletError>>>,
    committees: Arc<CommitteeCache>,
    spool: Spool,
    max_epochs_ahead: Option<u32>,
    blobs_at_once: usize,
}

impl Client {
    /// A client to be told which network it is for, who signs, and more.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use walrus_sdk::{Client, Keypair};
    ///
    /// let client = Client::builder()
    ///     .network("testnet")
    ///     .signer(Keypair::parse("suiprivkey1…")?)
    ///     .connect()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client of the network that the command line would use, with its wallet: that of a configuration file in one of the usual
    /// places, a local network that is up, or the public network that the wallet is for. Client spec 5.1.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn from_default_config() -> Result<Self, ConnectError> {
        Self::builder().connect().await
    }

    /// A client of the deployment that `reader` reads, without a signer.
    pub fn new(reader: ContractReader, options: ClientOptions) -> Self {
        let addresses = Addresses::of_network(
            options.allow_private_addresses,
            is_public_network(&reader.objects().system),
            reader.chain().url(),
        );
        let node = NodeClientOptions {
            addresses,
            ..options.node
        };
        let connections = Connections::new(node).with_tuning(options.tuning);
        let cache = CommitteeCache::new(reader.clone(), connections, options.committee_ttl);
        Self {
            reader,
            payer: Err(None),
            committees: Arc::new(cache),
            spool: options.spool,
            max_epochs_ahead: options.max_epochs_ahead,
            blobs_at_once: options.blobs_at_once,
        }
    }

    /// The same client for a signer that pays for stores and owns the blob objects.
    #[must_use]
    pub fn with_signer(mut self, signer: impl Into<TransactionSigner>) -> Self {
        self.payer = Ok(ContractWriter::new(self.reader.clone(), signer));
        self
    }

    /// The same client without a signer, and why.
    pub(crate) fn without_signer(mut self, reason: WalletError) -> Self {
        self.payer = Err(Some(Arc::new(reason)));
        self
    }

    /// The same client with another place for slivers of large blobs.
    #[must_use]
    pub fn with_spool(mut self, spool: Spool) -> Self {
        self.spool = spool;
        self
    }

    /// The reader of the deployment.
    pub fn reader(&self) -> &ContractReader {
        &self.reader
    }

    /// Transactions of the signer.
    ///
    /// # Errors
    /// [`ClientError::NoSigner`].
    pub fn writer(&self) -> Result<ContractWriter, ClientError> {
        self.payer.clone().map_err(ClientError::NoSigner)
    }

    /// Asks for a blob to be stored: bytes, or the path of a regular file. Client spec 1.2.
    ///
    /// ```no_run
    /// # async fn example(client: walrus_sdk::Client) -> Result<(), walrus_sdk::ClientError> {
    /// let stored = client.store(b"hello").epochs(3).await?;
    /// println!("{}", stored.blob_id());
    /// # Ok(())
    /// # }
    /// ```
    pub fn store(&self, data: impl Into<BlobData>) -> StoreBlob<'_> {
        StoreBlob::new(self, data.into())
    }

    /// Asks for blobs to be stored together, which takes fewer transactions than one by one.
    pub fn store_many(&self, blobs: impl IntoIterator<Item = BlobToStore>) -> StoreBlobs<'_> {
        StoreBlobs::new(self, blobs.into_iter().collect())
    }

    /// Asks for a blob. Client spec 1.10.
    pub fn read(&self, blob_id: impl Borrow<BlobId>) -> ReadBlob<'_> {
        ReadBlob::new(self, *blob_id.borrow())
    }

    /// The committees, at most as old as [`ClientOptions::committee_ttl`].
    ///
    /// # Errors
    /// [`ClientError::Chain`], [`ClientError::Committee`].
    pub async fn committees(&self) -> Result<Arc<Committees>, ClientError> {
        Ok(Arc::clone(&self.view().await?.committees))
    }

    pub(crate) fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Blobs that are encoded at the same time.
    pub(crate) fn blobs_at_once(&self) -> usize {
        self.blobs_at_once.max(1)
    }

    pub(crate) async fn view(&self) -> Result<Arc<NetworkView>, ClientError> {
        self.committees.get().await
    }

    pub(crate) async fn refresh(&self) -> Result<Arc<NetworkView>, ClientError> {
        self.committees.refresh().await
    }

    /// The number of epochs, checked against what the network sells.
    pub(crate) fn epochs_ahead(
        &self,
        epochs: EpochsAhead,
        sales: &Sales,
    ) -> Result<u32, ClientError> {
        let max = sales.max_epochs_ahead;
        match epochs {
            EpochsAhead::Max => Ok(self.max_epochs_ahead.unwrap_or(max).clamp(1, max.max(1))),
            EpochsAhead::Count(0) => Err(ClientError::NoEpochs),
            EpochsAhead::Count(requested) if requested > max => {
                Err(ClientError::TooManyEpochs { max, requested })
            }
            EpochsAhead::Count(requested) => Ok(requested),
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
                    Err(problem) => Err(node.failure(problem)),
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

    fn is_send<T: Send>(_: impl Fn(&'static Client) -> T) {}

    #[test]
    fn stores_and_reads_may_move_between_threads() {
        is_send(|client| client.store(b"").start());
        is_send(|client| client.store_many([]).start());
        is_send(|client| client.read(BlobId([0; 32])).start());
    }
}
