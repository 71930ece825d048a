//! The client.

use std::{
    borrow::Borrow,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::StreamExt as _;
use walrus_core::{BlobId, quilt::QuiltPatchId};
use walrus_node_client::{Addresses, BlobStatus, HealthInfo, NodeClientOptions};
use walrus_sui::{
    Address,
    contract::{Committees, ContractReader},
    is_public_network,
    transactions::ContractWriter,
    wallet::{TransactionSigner, WalletError},
};

use crate::{
    BlobData, BlobObject, BlobToStore, ClientBuilder, ClientError, ClientOptions, ConnectError,
    EpochsAhead, NodeFailure, PatchBody, PatchToStore, Quilt, ReadBlob, ReadBudget, RemoteBlob,
    RemoteBody, Spool, StoreBlob, StoreBlobs, StoreQuilt,
    chain_witness::ChainWitness,
    committee_cache::{CommitteeCache, NetworkView},
    info::EpochTimes,
    limits, manifest,
    nodes::{Connections, NodeCommittee, StorageNode},
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
    /// What reads of parts share; without one, each has its own.
    read_budget: Option<ReadBudget>,
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
            read_budget: None,
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

    /// The same client, all of whose reads of parts of blobs and of patches of quilts share this budget.
    #[must_use]
    pub fn with_read_budget(mut self, budget: ReadBudget) -> Self {
        self.read_budget = Some(budget);
        self
    }

    /// The same client that has so many blobs of a store encoded at the same time; more are stored batch by batch.
    #[must_use]
    pub fn with_blobs_at_once(mut self, blobs: usize) -> Self {
        self.blobs_at_once = blobs.max(1);
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

    /// Asks for a blob to be stored: bytes, or the path of a regular file. Client spec 1.2. What is too large for one blob becomes several under a
    /// manifest, whose ID stands for all of it. Manifest spec 3.
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

    /// Asks for a blob; if it is a manifest, for the body that it stands for. Client spec 1.10, manifest spec 4.
    pub fn read(&self, blob_id: impl Borrow<BlobId>) -> ReadBlob<'_> {
        ReadBlob::new(self, *blob_id.borrow())
    }

    /// Asks for files to be stored together in one blob, each of which can be read without the others. Client spec 6.
    ///
    /// ```no_run
    /// # async fn example(client: walrus_sdk::Client) -> Result<(), walrus_sdk::ClientError> {
    /// use walrus_sdk::PatchToStore;
    ///
    /// let patches = [
    ///     PatchToStore::new("a.txt", b"text of a").tag("type", "text/plain"),
    ///     PatchToStore::new("b.txt", b"text of b"),
    /// ];
    /// let stored = client.store_quilt(patches).epochs(3).await?;
    /// for patch in stored.patches {
    ///     println!("{}: {}", patch.identifier, patch.id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn store_quilt(&self, patches: impl IntoIterator<Item = PatchToStore>) -> StoreQuilt<'_> {
        StoreQuilt::new(self, patches.into_iter().collect())
    }

    /// Opens a blob, to read parts of it; if it is a manifest, of the body that it stands for. Client spec 1.10.5, manifest spec 4.
    ///
    /// ```no_run
    /// # async fn example(client: walrus_sdk::Client, id: walrus_sdk::BlobId) -> Result<(), walrus_sdk::ClientError> {
    /// let blob = client.open(id).await?;
    /// let last = blob.length().saturating_sub(1_000)..blob.length();
    /// let end = blob.range(last)?.into_bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`Self::open_blob`]; [`ClientError::SliverUnavailable`] if it may be a manifest and cannot be read.
    pub async fn open(&self, blob_id: impl Borrow<BlobId>) -> Result<RemoteBody, ClientError> {
        let blob = self.open_blob(blob_id).await?;
        RemoteBody::of(blob, manifest::opener(self)).await
    }

    /// Reads the metadata of a blob, to read parts of it: of its own bytes, whatever they say.
    ///
    /// # Errors
    /// [`ClientError::BlobIdDoesNotExist`], [`ClientError::BlobIdBlocked`], [`ClientError::NoMetadataReceived`].
    pub async fn open_blob(&self, blob_id: impl Borrow<BlobId>) -> Result<RemoteBlob, ClientError> {
        let blob_id = *blob_id.borrow();
        self.with_view(|view| async move {
            let readers = self.readers(&view, &blob_id).await?;
            let client = Some(self.clone());
            let blob = RemoteBlob::open_of(client, readers, blob_id, &self.spool).await?;
            Ok(blob.with_budget(self.read_budget()))
        })
        .await
    }

    /// Reads the index of a quilt. Client spec 1.10.7.
    ///
    /// # Errors
    /// [`ClientError::BlobIdDoesNotExist`], [`ClientError::NoMetadataReceived`], [`ClientError::SliverUnavailable`];
    /// [`ClientError::Quilt`] if the blob is no quilt.
    pub async fn quilt(&self, quilt_id: impl Borrow<BlobId>) -> Result<Quilt, ClientError> {
        let quilt_id = *quilt_id.borrow();
        self.with_view(|view| async move {
            let readers = self.readers(&view, &quilt_id).await?;
            Quilt::open(readers, quilt_id, &self.spool, &self.read_budget()).await
        })
        .await
    }

    /// Begins to read a patch of a quilt by its ID: nothing but the slivers of the patch is fetched.
    ///
    /// # Errors
    /// As for [`Self::quilt`].
    pub async fn read_patch(
        &self,
        id: impl Borrow<QuiltPatchId>,
    ) -> Result<PatchBody, ClientError> {
        let id = *id.borrow();
        self.with_view(|view| async move {
            let readers = self.readers(&view, &id.quilt_id).await?;
            PatchBody::open(readers, id, &self.spool, &self.read_budget()).await
        })
        .await
    }

    /// The nodes to read a blob from. Client spec 1.10.1.
    pub(crate) async fn readers<'v>(
        &self,
        view: &'v NetworkView,
        blob_id: &BlobId,
    ) -> Result<&'v NodeCommittee, ClientError> {
        if !view.is_changing() {
            return Ok(&view.current);
        }
        // Who has the slivers depends on when the blob was certified.
        let poll = StatusPoll::run(&view.current, blob_id, limits::STATUS_TIMEOUT).await;
        let status = poll.decide(&ChainWitness(self.reader.clone())).await;
        let certified = status
            .ok()
            .and_then(|status| status.initial_certified_epoch());
        view.readers(certified)
    }

    /// Attempts something with the committees as they are known; once more with others if that may be why it failed. Client spec
    /// 1.8.
    pub(crate) async fn with_view<T, F>(
        &self,
        attempt: impl Fn(Arc<NetworkView>) -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut view = self.view().await?;
        let mut changes = 0;
        loop {
            let error = match attempt(Arc::clone(&view)).await {
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

    /// Blob objects that an address owns, those of content that is stored no more only if asked for. Client spec 2.8.
    ///
    /// # Errors
    /// [`ClientError::Chain`].
    pub async fn owned_blobs(
        &self,
        owner: Address,
        include_expired: bool,
    ) -> Result<Vec<BlobObject>, ClientError> {
        let current = self.reader.epoch().await?;
        let blobs = self.reader.owned_blobs(owner).await?;
        let blobs = blobs.iter().map(BlobObject::from);
        Ok(blobs
            .filter(|blob| include_expired || blob.storage.end_epoch > current)
            .collect())
    }

    /// The committees, at most as old as [`ClientOptions::committee_ttl`].
    ///
    /// # Errors
    /// [`ClientError::Chain`], [`ClientError::Committee`].
    pub async fn committees(&self) -> Result<Arc<Committees>, ClientError> {
        Ok(Arc::clone(&self.view().await?.committees))
    }

    /// Where slivers of large blobs are.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    fn read_budget(&self) -> ReadBudget {
        self.read_budget.clone().unwrap_or_default()
    }

    /// Blobs that are encoded at the same time.
    pub(crate) fn blobs_at_once(&self) -> usize {
        self.blobs_at_once.max(1)
    }

    pub(crate) fn connections(&self) -> &Connections {
        self.committees.connections()
    }

    pub(crate) async fn view(&self) -> Result<Arc<NetworkView>, ClientError> {
        self.committees.get().await
    }

    pub(crate) async fn refresh(&self) -> Result<Arc<NetworkView>, ClientError> {
        self.committees.refresh().await
    }

    /// The number of epochs, checked against what the network sells.
    pub(crate) async fn epochs_ahead(
        &self,
        epochs: EpochsAhead,
        view: &NetworkView,
    ) -> Result<u32, ClientError> {
        let (max, current) = (view.sales.max_epochs_ahead, view.current.epoch);
        let requested = match epochs {
            EpochsAhead::Max => {
                return Ok(self.max_epochs_ahead.unwrap_or(max).clamp(1, max.max(1)));
            }
            EpochsAhead::Count(requested) => requested,
            EpochsAhead::Until(end_epoch) => match end_epoch.checked_sub(current) {
                None | Some(0) => return Err(ClientError::EndEpochPassed { end_epoch, current }),
                Some(count) => count,
            },
            EpochsAhead::AtLeastUntil(time) => {
                let times = EpochTimes::of(&self.reader.staking_state().await?);
                let (end, now) = (
                    millis_since_1970(time),
                    millis_since_1970(SystemTime::now()),
                );
                let count = times.epochs_until(end, now);
                count.ok_or(ClientError::ExpiryPassed)?
            }
        };
        match requested {
            0 => Err(ClientError::NoEpochs),
            requested if requested > max => Err(ClientError::TooManyEpochs { max, requested }),
            requested => Ok(requested),
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

/// 0 before 1970.
fn millis_since_1970(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
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
        is_send(|client| client.store_quilt([]).start());
        is_send(|client| client.quilt(BlobId([0; 32])));
    }
}
