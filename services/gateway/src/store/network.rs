//! The Walrus network as a store. Reads share one budget, metadata and hot slivers are kept, and identical reads at the same time are
//! one.

use std::{io, ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use tokio::sync::Semaphore;
use tokio_util::io::ReaderStream;
use walrus_sdk::{
    Address, BlobContent, BlobId, BlobStatus, BodyProof, ChainError, Client, ClientError,
    ConsistencyCheck, Epoch, ManifestProblem, PartOpener, PatchBody, QuiltPatch, QuiltPatchId,
    QuiltProblem, ReadBudget, RemoteBody,
};
use walrus_service::server::Caller;

use super::{
    ByteStream, ObjectOfBlob, PatchStream, Store, StoreError, StoredBlob, StoredPatch,
    cache::{Certified, Indexes, Readers, Slivers},
    ends::Ends,
    shares::Shares,
};
use crate::{
    limits,
    spool::{self, SliverMemory},
};

/// Bytes of a file that are read at once.
const FILE_PART: usize = 128 << 10;

/// What a gateway keeps in memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheBounds {
    /// Slivers that reads have on their way.
    pub reads: usize,
    /// Slivers that may be asked for again.
    pub slivers: u64,
    /// Metadata, as much again of that of parts, and as much again of indexes of quilts.
    pub metadata: u64,
}

impl Default for CacheBounds {
    fn default() -> Self {
        Self {
            reads: limits::READ_BYTES,
            slivers: limits::SLIVER_CACHE_BYTES,
            metadata: limits::METADATA_CACHE_BYTES,
        }
    }
}

/// The blobs of a network. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Network {
    client: Client,
    budget: ReadBudget,
    shares: Arc<Shares>,
    slivers: Arc<Slivers>,
    readers: Arc<Readers>,
    /// Blobs that are known to be certified though nodes may not have heard of it yet.
    certified: Arc<Certified>,
    /// Of parts of manifests, whose status nobody asks for: whether they can be read decides.
    parts: Arc<Readers>,
    /// Making proofs takes the processor.
    proofs: Arc<Semaphore>,
    indexes: Arc<Indexes>,
    ends: Arc<Ends>,
    /// What reads of whole blobs have slivers in.
    whole: SliverMemory,
}

impl Network {
    /// The blobs that a client can read.
    pub fn new(client: Client, bounds: CacheBounds) -> Self {
        let spool = spool::of_one(client.spool());
        Self {
            client: client.with_spool(spool),
            whole: SliverMemory::new(),
            shares: Arc::new(Shares::new(bounds.reads / limits::ADDRESSES)),
            budget: ReadBudget::new(bounds.reads),
            slivers: Slivers::new(bounds.slivers),
            readers: Arc::new(Readers::new(bounds.metadata, limits::STATUS_BELIEVED)),
            certified: Arc::new(Certified::new(limits::STATUS_BELIEVED)),
            parts: Arc::new(Readers::new(bounds.metadata, limits::STATUS_BELIEVED)),
            proofs: Arc::new(Semaphore::new(limits::PROOFS_AT_ONCE)),
            indexes: Arc::new(Indexes::new(bounds.metadata)),
            ends: Arc::new(Ends::new()),
        }
    }

    /// The client for reads of quilts, within the same budget as all others.
    fn reads(&self) -> Client {
        self.client.clone().with_read_budget(self.budget.clone())
    }

    /// The reader of a blob that is certified.
    async fn opened(&self, blob_id: &BlobId) -> Result<RemoteBody, StoreError> {
        let reader = self.readers.get(blob_id, self.open_certified(blob_id));
        // Whoever opened it first had a budget of its own.
        Ok(reader.await?.with_budget(self.budget.clone()))
    }

    async fn open_certified(&self, blob_id: &BlobId) -> Result<RemoteBody, StoreError> {
        let status = self.client.blob_status(blob_id, limits::STATUS_TIMEOUT);
        let (reader, status) = tokio::join!(self.client.open_blob(blob_id), status);
        let is_certified = match status {
            Ok(BlobStatus::Nonexistent) if self.certified.has(blob_id) => true,
            Ok(BlobStatus::Nonexistent) => return Err(self.absent(blob_id).await),
            Ok(BlobStatus::Invalid { .. }) => return Err(StoreError::Inconsistent(*blob_id)),
            Ok(status) => {
                self.require_certified(blob_id, &status).await?;
                true
            }
            // Then the metadata decides.
            Err(_) => false,
        };
        let reader = reader.map_err(|error| match failed(blob_id, error) {
            StoreError::NeverStored(blob_id) if is_certified => StoreError::Unavailable {
                blob_id,
                source: "the nodes do not have its metadata".into(),
            },
            error => error,
        })?;
        let cache = Arc::clone(&self.slivers);
        let reader = reader.with_budget(self.budget.clone()).with_cache(cache);
        let body = RemoteBody::of(reader, self.part_opener()).await;
        body.map_err(|error| failed(blob_id, error))
    }

    /// Opens parts of manifests. It knows none of the readers that have it.
    fn part_opener(&self) -> PartOpener {
        let (client, parts) = (self.client.clone(), Arc::clone(&self.parts));
        Arc::new(move |part| {
            let (client, parts) = (client.clone(), Arc::clone(&parts));
            Box::pin(async move {
                let open = async { client.open_blob(part).await.map(RemoteBody::raw) };
                let body = parts.get(&part, open).await?;
                Ok(body.blob().clone())
            })
        })
    }

    fn blob(&self, reader: RemoteBody) -> Arc<dyn StoredBlob> {
        Arc::new(BlobOfNetwork {
            client: self.client.clone(),
            reader,
            proofs: Arc::clone(&self.proofs),
            whole: self.whole.clone(),
        })
    }

    /// Why the nodes do not know a blob.
    async fn absent(&self, blob_id: &BlobId) -> StoreError {
        let epoch = self.client.committees().await;
        let epoch = epoch.ok().map(|committees| committees.current.epoch);
        let blob_id = *blob_id;
        match epoch.and_then(|epoch| self.ends.passed(&blob_id, epoch)) {
            Some(end_epoch) => StoreError::Expired { blob_id, end_epoch },
            None => StoreError::NeverStored(blob_id),
        }
    }

    async fn require_certified(
        &self,
        blob_id: &BlobId,
        status: &BlobStatus,
    ) -> Result<(), StoreError> {
        if let BlobStatus::Permanent { end_epoch, .. } = status {
            self.ends.see(blob_id, *end_epoch);
            let committees = self.client.committees().await;
            let committees = committees.map_err(|error| failed(blob_id, error))?;
            if *end_epoch <= committees.current.epoch {
                return Err(StoreError::Expired {
                    blob_id: *blob_id,
                    end_epoch: *end_epoch,
                });
            }
        }
        match status.initial_certified_epoch() {
            Some(_) => Ok(()),
            None if self.certified.has(blob_id) => Ok(()),
            None => Err(StoreError::Registered(*blob_id)),
        }
    }
}

impl Store for Network {
    fn open(&self, blob_id: BlobId) -> BoxFuture<'_, Result<Arc<dyn StoredBlob>, StoreError>> {
        Box::pin(async move {
            let reader = self.opened(&blob_id).await?;
            Ok(self.blob(reader))
        })
    }

    fn open_raw(&self, blob_id: BlobId) -> BoxFuture<'_, Result<Arc<dyn StoredBlob>, StoreError>> {
        Box::pin(async move {
            let reader = self.opened(&blob_id).await?;
            Ok(self.blob(RemoteBody::raw(reader.blob().clone())))
        })
    }

    fn quilt(&self, quilt_id: BlobId) -> BoxFuture<'_, Result<Arc<[QuiltPatch]>, StoreError>> {
        Box::pin(async move {
            self.opened(&quilt_id).await?;
            let index = async {
                let quilt = self.reads().quilt(quilt_id).await;
                let quilt = quilt.map_err(|error| failed(&quilt_id, error))?;
                Ok::<Arc<[QuiltPatch]>, StoreError>(quilt.patches().into())
            };
            self.indexes.get(&quilt_id, index).await
        })
    }

    fn patch(&self, id: QuiltPatchId) -> BoxFuture<'_, Result<StoredPatch, StoreError>> {
        Box::pin(async move {
            let quilt_id = id.quilt_id;
            self.opened(&quilt_id).await?;
            let body = self.reads().read_patch(id).await;
            let body = body.map_err(|error| failed(&quilt_id, error))?;
            Ok(stored_patch(quilt_id, body))
        })
    }

    fn all_patches(&self, quilt_id: BlobId) -> BoxFuture<'_, Result<PatchStream, StoreError>> {
        Box::pin(async move {
            self.opened(&quilt_id).await?;
            let quilt = self.reads().quilt(quilt_id).await;
            let quilt = quilt.map_err(|error| failed(&quilt_id, error))?;
            let patches = quilt.patches().to_vec();
            let bodies = stream::iter(patches).then(move |patch| {
                let quilt = quilt.clone();
                async move {
                    let body = quilt.read(&patch).await;
                    let body = body.map_err(|error| failed(&quilt_id, error))?;
                    Ok(stored_patch(quilt_id, body))
                }
            });
            Ok(bodies.boxed())
        })
    }

    fn certified(&self, blob_id: BlobId, end_epoch: Epoch) {
        self.certified.note(blob_id);
        self.ends.see(&blob_id, end_epoch);
    }

    fn for_caller(&self, caller: Caller) -> Option<Arc<dyn Store>> {
        let budget = self.shares.of(caller, &self.budget);
        Some(Arc::new(Self {
            budget,
            ..self.clone()
        }))
    }

    fn bytes_in_memory(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("reads", self.budget.in_use() as u64),
            ("slivers", self.slivers.weight()),
            ("metadata", self.readers.weight()),
            ("parts", self.parts.weight()),
            ("indexes", self.indexes.weight()),
        ]
    }

    fn object(&self, object_id: Address) -> BoxFuture<'_, Result<ObjectOfBlob, StoreError>> {
        Box::pin(async move {
            let reader = self.client.reader();
            let failed = |error: ChainError| match error {
                ChainError::ObjectNotFound { .. } | ChainError::WrongType { .. } => {
                    StoreError::NoObject(object_id)
                }
                error => StoreError::Failed(error.into()),
            };
            let blob = reader.blob_inside(object_id).await.map_err(failed)?;
            self.ends.see(&blob.blob_id, blob.storage.end_epoch);
            let attributes = reader.blob_attributes(blob.id).await.map_err(failed)?;
            let attributes = attributes.unwrap_or_default().metadata.contents;
            Ok(ObjectOfBlob {
                blob_id: blob.blob_id,
                attributes: attributes
                    .into_iter()
                    .map(|entry| (entry.key, entry.value))
                    .collect(),
            })
        })
    }
}

/// A blob of the network.
struct BlobOfNetwork {
    client: Client,
    reader: RemoteBody,
    proofs: Arc<Semaphore>,
    whole: SliverMemory,
}

impl StoredBlob for BlobOfNetwork {
    fn blob_id(&self) -> BlobId {
        self.reader.id()
    }

    fn size(&self) -> u64 {
        self.reader.length()
    }

    fn read(&self, range: Range<u64>) -> ByteStream {
        let blob_id = self.blob_id();
        match self.reader.range(range) {
            Ok(body) => body
                .into_stream()
                .map_err(move |error| failed(&blob_id, error))
                .boxed(),
            Err(error) => stream::iter([Err(failed(&blob_id, error))]).boxed(),
        }
    }

    fn read_strictly(&self) -> BoxFuture<'_, Result<ByteStream, StoreError>> {
        Box::pin(async move {
            let blob_id = self.blob_id();
            if let Some(parts) = self.reader.strictly(&self.client) {
                return Ok(parts.map_err(move |error| failed(&blob_id, error)).boxed());
            }
            let memory = self.whole.take(self.size()).await;
            let read = self.client.read(blob_id).raw();
            let read = read.consistency_check(ConsistencyCheck::Strict).content();
            match read.await.map_err(|error| failed(&blob_id, error))? {
                BlobContent::Bytes(bytes) => {
                    // It counts until it is handed over.
                    let all = async move {
                        drop(memory);
                        Ok(Bytes::from(bytes))
                    };
                    Ok(stream::once(all).boxed())
                }
                BlobContent::File(file) => {
                    let file = tokio::fs::File::from_std(file);
                    let bytes = ReaderStream::with_capacity(file, FILE_PART);
                    let failed = |error: io::Error| StoreError::Failed(error.into());
                    Ok(bytes.map_err(failed).boxed())
                }
            }
        })
    }

    fn parts(&self) -> Vec<BlobId> {
        let parts = self.reader.manifest().map(|manifest| manifest.parts());
        let parts = parts.unwrap_or_default().iter();
        parts.map(|part| part.blob_id).collect()
    }

    fn digest(&self) -> Option<[u8; 32]> {
        self.reader.manifest().map(|manifest| *manifest.digest())
    }

    fn prove(&self, range: Range<u64>) -> Option<BoxFuture<'_, Result<BodyProof, StoreError>>> {
        Some(Box::pin(async move {
            // It is never closed.
            let _permit = self.proofs.acquire().await;
            let proof = self.reader.prove(range).await;
            proof.map_err(|error| failed(&self.blob_id(), error))
        }))
    }
}

/// What a failed read of a part means for its manifest: that the part is not there is not that the manifest is not.
fn failed_part(blob_id: BlobId, problem: ManifestProblem) -> StoreError {
    if let ManifestProblem::PartUnreadable { source, .. } = &problem {
        match **source {
            ClientError::BlobIdBlocked(part) => return StoreError::Blocked(part),
            ClientError::InvalidBlob(_)
            | ClientError::MarkedInvalid { .. }
            | ClientError::Manifest(_) => {}
            _ => {
                return StoreError::Unavailable {
                    blob_id,
                    source: problem.into(),
                };
            }
        }
    }
    StoreError::WrongManifest {
        blob_id,
        source: problem.into(),
    }
}

/// A patch whose head was read.
fn stored_patch(quilt_id: BlobId, body: PatchBody) -> StoredPatch {
    let head = body.head();
    let tags = head.tags.iter();
    StoredPatch {
        identifier: head.identifier.clone(),
        tags: tags
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        length: head.data_length,
        bytes: body
            .into_stream()
            .map_err(move |error| failed(&quilt_id, error))
            .boxed(),
    }
}

/// What a failed read means.
fn failed(blob_id: &BlobId, error: ClientError) -> StoreError {
    let blob_id = *blob_id;
    match error {
        ClientError::Manifest(problem) => failed_part(blob_id, problem),
        ClientError::BlobIdDoesNotExist(_) => StoreError::NeverStored(blob_id),
        ClientError::BlobIdBlocked(_) => StoreError::Blocked(blob_id),
        ClientError::InvalidBlob(_) | ClientError::MarkedInvalid { .. } => {
            StoreError::Inconsistent(blob_id)
        }
        ClientError::Quilt(
            problem @ (QuiltProblem::NoSuchIdentifier { .. }
            | QuiltProblem::NoSuchPatch { .. }
            | QuiltProblem::Unreadable { .. }),
        ) => StoreError::NoPatch(problem.into()),
        ClientError::NoMetadataReceived { .. }
        | ClientError::NotEnoughSlivers { .. }
        | ClientError::SliverUnavailable { .. }
        | ClientError::NoValidStatusReceived { .. }
        | ClientError::BehindCurrentEpoch(_)
        | ClientError::Chain(_) => StoreError::Unavailable {
            blob_id,
            source: error.into(),
        },
        error => StoreError::Failed(error.into()),
    }
}
